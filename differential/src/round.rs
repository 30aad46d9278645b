//! A round: some documents, and many questions about them.

use bson::Document;
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::compare::Table;
use crate::generate::document::{context, stored};
use crate::kinds::Kind;
use crate::known;
use crate::oracle::Reply;
use crate::random::Random;

/// How many documents a round has.
const DOCUMENTS: usize = 30;

/// How many questions a round has at most.
pub(crate) const QUESTIONS: usize = 250;

/// How many questions are on their way to the server at a time.
const AT_ONCE: usize = 16;

/// A kind and its share of the questions.
pub(crate) type Shares = [(Box<dyn Kind>, usize)];

/// What a round came to.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) contexts: Vec<Document>,
    pub(crate) asked: usize,
    /// The questions that were answered differently, with the places of their kinds.
    pub(crate) differing: Vec<(usize, Document)>,
    /// Those whose difference is meant to be, by its reason.
    pub(crate) known: Vec<&'static str>,
}

/// Makes the documents and at most `most` questions of a seed, and asks them.
pub(crate) async fn run(
    table: &mut Table<'_>,
    kinds: &Shares,
    seed: u64,
    most: usize,
) -> Reply<Round> {
    let mut random = Random::new(seed);
    let contexts: Vec<Document> = (0..DOCUMENTS).map(|_| context(&mut random)).collect();
    let questions = questions(&mut random, kinds, &contexts, most);
    table.load(&contexts).await?;
    let asked = questions.len();
    // What reads comes first; then what writes, each to a document of its own.
    let (writing, reading): (Vec<_>, Vec<_>) =
        questions.into_iter().partition(|(kind, _)| kinds[*kind].0.writes());
    let (mut differing, mut meant) = (Vec::new(), Vec::new());
    for questions in [reading, writing] {
        let table = &*table;
        let mut answers = stream::iter(questions)
            .map(|(kind, question)| async move {
                let answers = table.ask(&*kinds[kind].0, &question).await?;
                Reply::Ok(
                    answers
                        .difference()
                        .map(|_| known::reason(&question, &answers).ok_or((kind, question))),
                )
            })
            .buffered(AT_ONCE);
        while let Some(answered) = answers.next().await {
            match answered? {
                Some(Ok(reason)) => meant.push(reason),
                Some(Err(found)) => differing.push(found),
                None => {}
            }
        }
    }
    Ok(Round { contexts, asked, differing, known: meant })
}

fn questions(
    random: &mut Random,
    kinds: &Shares,
    contexts: &[Document],
    most: usize,
) -> Vec<(usize, Document)> {
    let documents: Vec<Document> =
        contexts.iter().enumerate().map(|(number, context)| stored(number, context)).collect();
    let shares: Vec<usize> = kinds.iter().map(|(_, share)| *share).collect();
    let mut written = 0;
    let mut questions = Vec::new();
    while questions.len() < most.min(QUESTIONS) {
        let kind = random.weighted(&shares);
        let (asked, _) = &kinds[kind];
        let number = if asked.writes() { written } else { questions.len() };
        if asked.writes() {
            if written == documents.len() {
                // Every document has its question; what is left is for the kinds that read, if any.
                if kinds.iter().all(|(kind, _)| kind.writes()) {
                    break;
                }
                continue;
            }
            written += 1;
        }
        questions.push((kind, asked.question(random, &documents, number)));
    }
    questions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;

    #[test]
    fn the_same_seed_asks_the_same_questions() {
        let asked = |seed| {
            let mut random = Random::new(seed);
            let contexts: Vec<_> = (0..5).map(|_| context(&mut random)).collect();
            let questions = questions(&mut random, &kinds::all(), &contexts, 50);
            (format!("{contexts:?}"), format!("{questions:?}"))
        };
        assert_eq!(asked(1), asked(1));
        assert_ne!(asked(1), asked(2));
    }
}
