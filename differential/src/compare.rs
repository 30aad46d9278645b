//! Putting one question to all databases.

use bson::Document;
use futures_util::future::{join, join_all};

use crate::kinds::{Answer, Kind};
use crate::oracle::{Oracle, Reply};
use crate::ours::Ours;
use crate::world::{Scene, World};

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
    /// Makes all databases hold what the steps of a world lead to.
    pub(crate) async fn load(&self, world: &World) -> Reply<Scene> {
        let scene = self.ours.load(world).await?;
        self.oracle.load(&scene.documents).await?;
        Ok(scene)
    }

    /// Puts a question to all at once.
    pub(crate) async fn ask(&self, kind: &dyn Kind, question: &Document) -> Reply<Answers> {
        let ours = self
            .ours
            .databases()
            .into_iter()
            .map(|(name, database)| async move { (name, kind.ours(database, question).await) });
        let (ours, theirs) = join(join_all(ours), kind.theirs(self.oracle, question)).await;
        Ok(Answers { ours, theirs: theirs? })
    }
}
