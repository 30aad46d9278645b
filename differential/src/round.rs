//! A round: some documents, and many questions about them.

use bson::Document;
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::compare::Table;
use crate::generate::world::world;
use crate::kinds::Kind;
use crate::known;
use crate::oracle::Reply;
use crate::random::Random;
use crate::world::{Scene, World};

/// How many questions a round has at most.
pub(crate) const QUESTIONS: usize = 250;

/// How many questions are on their way to the server at a time.
const AT_ONCE: usize = 16;

/// A kind and its share of the questions.
pub(crate) type Shares = [(Box<dyn Kind>, usize)];

/// What a round came to.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) world: World,
    pub(crate) asked: usize,
    /// The questions that were answered differently, with the places of their kinds.
    pub(crate) differing: Vec<(usize, Document)>,
    /// Those whose difference is meant to be, by its reason.
    pub(crate) known: Vec<&'static str>,
}

/// Makes the documents and at most `most` questions of a seed, and asks them.
pub(crate) async fn run(table: &Table<'_>, kinds: &Shares, seed: u64, most: usize) -> Reply<Round> {
    let mut random = Random::new(seed);
    // One round in three changes nothing, so that it may have unique indexes.
    let only_reads = random.one_in(3) && kinds.iter().any(|(kind, _)| kind.writes() == 0);
    let world = world(&mut random, only_reads);
    let scene = table.load(&world).await?;
    let questions = questions(&mut random, kinds, &scene, only_reads, most);
    let asked = questions.len();
    // What reads comes first; then what writes, each to documents of its own.
    let (writing, reading): (Vec<_>, Vec<_>) =
        questions.into_iter().partition(|(kind, _)| kinds[*kind].0.writes() > 0);
    let (mut differing, mut meant) = (Vec::new(), Vec::new());
    for questions in [reading, writing] {
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
    Ok(Round { world, asked, differing, known: meant })
}

fn questions(
    random: &mut Random,
    kinds: &Shares,
    scene: &Scene,
    only_reads: bool,
    most: usize,
) -> Vec<(usize, Document)> {
    let shares: Vec<usize> = kinds.iter().map(|(_, share)| *share).collect();
    let mut written = 0;
    let mut questions = Vec::new();
    while questions.len() < most.min(QUESTIONS) {
        let kind = random.weighted(&shares);
        let (asked, _) = &kinds[kind];
        let width = asked.writes();
        let number = if width > 0 { written } else { questions.len() };
        if width > 0 {
            if only_reads || written + width > scene.documents.len() {
                // Every document has its question; what is left is for the kinds that read, if any.
                if kinds.iter().all(|(kind, _)| kind.writes() > 0) {
                    break;
                }
                continue;
            }
            written += width;
        }
        questions.push((kind, asked.question(random, scene, number)));
    }
    questions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::document::{context, stored};
    use crate::kinds;

    #[test]
    fn the_same_seed_asks_the_same_questions() {
        let asked = |seed| {
            let mut random = Random::new(seed);
            let world = world(&mut random, false);
            let documents = vec![stored(0, &context(&mut random))];
            let scene = Scene { documents, indexes: Vec::new() };
            let questions = questions(&mut random, &kinds::all(), &scene, false, 50);
            (format!("{world:?}"), format!("{questions:?}"))
        };
        assert_eq!(asked(1), asked(1));
        assert_ne!(asked(1), asked(2));
    }
}
