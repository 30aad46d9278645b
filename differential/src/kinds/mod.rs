//! The kinds of questions that are asked of all databases alike.

mod batch;
mod distinct;
mod find;
mod get;
mod page;
mod project;
mod sort;
mod update;

use async_trait::async_trait;
use bson::{Bson, Document};
use jvspatial_db::Database;

use crate::oracle::{Oracle, Reply, first_batch};
use crate::ours::is_refusal;
use crate::random::Random;
use crate::shrink;
use crate::world::Scene;

/// What a database says to a question.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The answer itself.
    Given(Bson),
    /// The question is one that is not answered; the text says why and is not compared.
    Refused(String),
    /// Something else went wrong, which never agrees with anything.
    Broken(String),
}

impl Answer {
    /// Whether two answers are the same: to the type of each number, its sign and its trailing zeros.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Given(left), Self::Given(right)) => shrink::is_same(left, right),
            (Self::Refused(_), Self::Refused(_)) => true,
            _ => false,
        }
    }

    /// How an answer differs, so that a shrunk difference is still the same one.
    pub(crate) fn standing(&self) -> u8 {
        match self {
            Self::Given(_) => 0,
            Self::Refused(_) => 1,
            Self::Broken(_) => 2,
        }
    }
}

impl From<jvspatial_db::Result<Bson>> for Answer {
    fn from(answer: jvspatial_db::Result<Bson>) -> Self {
        match answer {
            Ok(answer) => Self::Given(answer),
            Err(error) if is_refusal(error.kind()) => Self::Refused(error.to_string()),
            Err(error) => Self::Broken(error.to_string()),
        }
    }
}

/// A kind of question: how one is made, and how it is put to one of our databases and to a server.
///
/// A question is a document, so that all kinds are printed and shrunk alike.
#[async_trait]
pub(crate) trait Kind: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// How many documents it may change: those from the number on that it is made for. No other question of
    /// its round is about them.
    fn writes(&self) -> usize {
        0
    }

    /// A random question about a scene.
    fn question(&self, random: &mut Random, scene: &Scene, number: usize) -> Document;

    /// What one of our databases says.
    async fn ours(&self, database: &dyn Database, question: &Document) -> Answer;

    /// What the server says.
    ///
    /// # Errors
    /// When it says nothing at all.
    async fn theirs(&self, server: &dyn Oracle, question: &Document) -> Reply<Answer>;

    /// The only document that a question is about, and the same question about the first document.
    fn alone(&self, _question: &Document) -> Option<(usize, Document)> {
        None
    }

    /// Questions that are a little simpler. One that is no question of this kind any more must be refused by
    /// both sides.
    fn simpler(&self, question: &Document) -> Vec<Document> {
        shrink::documents(question)
    }
}

/// Every kind, and how many of a hundred questions are of it.
pub(crate) fn all() -> Vec<(Box<dyn Kind>, usize)> {
    vec![
        (Box::new(find::Find), 40),
        (Box::new(get::Get), 2),
        (Box::new(sort::Sorted), 16),
        (Box::new(page::Paged), 8),
        (Box::new(distinct::Distinct), 6),
        (Box::new(project::Project), 8),
        (Box::new(update::One), 11),
        (Box::new(update::Many), 5),
        (Box::new(batch::Batch), 4),
    ]
}

/// The part of a question that is a document; a question without it is none.
fn part<'a>(question: &'a Document, name: &str) -> Result<&'a Document, Answer> {
    question.get_document(name).map_err(|_| Answer::Refused(format!("the question has no {name}")))
}

/// The ids of the documents in the reply to `find`, as they come.
fn ids(reply: &Document) -> Reply<Vec<Bson>> {
    let found = first_batch(reply)?.iter();
    Ok(found.filter_map(|found| found.as_document()?.get("_id")).cloned().collect())
}

/// At times, the place of an index that is to be used if it can be.
fn hint(random: &mut Random, question: &mut Document) {
    if random.one_in(4) {
        question.insert("hint", random.below(5) as i32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_agree_when_they_are_the_same_to_the_type() {
        let given = |value: Bson| Answer::Given(value);
        assert!(given(Bson::Double(f64::NAN)).agrees_with(&given(Bson::Double(f64::NAN))));
        assert!(!given(1.into()).agrees_with(&given(Bson::Int64(1))));
        assert!(!given(Bson::Double(0.0)).agrees_with(&given(Bson::Double(-0.0))));
        let refused = |why: &str| Answer::Refused(why.to_owned());
        assert!(refused("one").agrees_with(&refused("other")));
        assert!(!refused("one").agrees_with(&given(1.into())));
        let broken = || Answer::Broken("disk".to_owned());
        assert!(!broken().agrees_with(&broken()));
    }

    #[test]
    fn every_kind_has_its_own_name_and_a_share() {
        let kinds = all();
        let mut names: Vec<_> = kinds.iter().map(|(kind, _)| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), kinds.len());
        assert_eq!(kinds.iter().map(|(_, share)| share).sum::<usize>(), 100);
    }
}
