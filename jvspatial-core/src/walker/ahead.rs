//! The next chunk, loaded while this one is visited.

use std::sync::Arc;

use jvspatial_db::{Database, Document, Handle, Result};
use tokio::task::JoinSet;

use crate::cache::reads;

/// A chunk that is being loaded.
#[derive(Debug)]
pub(super) struct Ahead {
    pub(super) place: ChunkPlace,
    /// One task, which ends with this.
    task: JoinSet<Result<Vec<Option<Document>>>>,
}

/// Which nodes are those of a chunk that is not taken yet: the next ones, as long as nothing comes before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkPlace {
    /// How many they are.
    pub(super) visits: usize,
    /// The frontier's [revision](super::frontier::Frontier::revision).
    pub(super) revision: u64,
}

impl Ahead {
    /// Begins to load `handles`, the next ones.
    pub(super) fn load(database: &Arc<dyn Database>, handles: Vec<Handle>, revision: u64) -> Self {
        let place = ChunkPlace { visits: handles.len(), revision };
        let database = Arc::clone(database);
        let mut task = JoinSet::new();
        let load = async move { database.get_many(&handles).await };
        task.spawn(reads::inherit(reads::current(), load));
        Self { place, task }
    }

    /// What was loaded.
    pub(super) async fn finish(mut self) -> Option<Result<Vec<Option<Document>>>> {
        self.task.join_next().await?.ok()
    }

    /// What was loaded, if it already was.
    pub(super) fn try_finish(&mut self) -> Option<Vec<Option<Document>>> {
        self.task.try_join_next()?.ok()?.ok()
    }
}
