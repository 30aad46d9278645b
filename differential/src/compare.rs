//! Putting one question to all databases.

use bson::Document;
use futures_util::future::{join, join_all};

use crate::generate::document::stored;
use crate::kinds::{Answer, Kind};
use crate::oracle::{Oracle, Reply};
use crate::ours::Ours;

/// Our databases beside the oracle, all holding the same documents.
pub(crate) struct Table<'a> {
    pub(crate) ours: Ours,
    pub(crate) oracle: &'a dyn Oracle,
}

/// What everybody said to one question.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) ours: Vec<(&'static str, Answer)>,
    pub(crate) theirs: Answer,
}

/// What makes two differences the same one: who answered, refused or broke, and who differs.
pub(crate) type Sort = Vec<(u8, bool)>;

impl Answers {
    /// `None` when all agree.
    pub(crate) fn difference(&self) -> Option<Sort> {
        let sort: Sort = self
            .ours
            .iter()
            .map(|(_, answer)| (answer.standing(), answer.agrees_with(&self.theirs)))
            .chain([(self.theirs.standing(), true)])
            .collect();
        sort.iter().any(|(_, agrees)| !agrees).then_some(sort)
    }
}

impl Table<'_> {
    /// Makes these the fields of all documents, everywhere.
    pub(crate) async fn load(&mut self, contexts: &[Document]) -> Reply<()> {
        let documents: Vec<Document> =
            contexts.iter().enumerate().map(|(number, context)| stored(number, context)).collect();
        let (ours, theirs) = join(self.ours.load(contexts), self.oracle.load(&documents)).await;
        ours.and(theirs)
    }

    /// Puts a question to all at once.
    pub(crate) async fn ask(&self, kind: &dyn Kind, question: &Document) -> Reply<Answers> {
        let ours = self
            .ours
            .databases()
            .map(|(name, database)| async move { (name, kind.ours(database, question).await) });
        let (ours, theirs) = join(join_all(ours), kind.theirs(self.oracle, question)).await;
        Ok(Answers { ours, theirs: theirs? })
    }
}
