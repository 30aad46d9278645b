//! The next chunk, loaded while this one is visited.

use std::sync::Arc;

use jvspatial_db::{Database, Document, Handle, Result};
use tokio::task::JoinSet;

use crate::cache::reads;

/// A chunk that is being loaded.
#[derive(Debug)]
pub(super) struct Ahead {
    handles: Arc<[Handle]>,
    /// One task, which ends with this.
    task: JoinSet<Result<Vec<Option<Document>>>>,
}

impl Ahead {
    /// Begins to load `handles`.
    pub(super) fn load(database: &Arc<dyn Database>, handles: Arc<[Handle]>) -> Self {
        let (database, wanted) = (Arc::clone(database), Arc::clone(&handles));
        let mut task = JoinSet::new();
        let load = async move { database.get_many(&wanted).await };
        task.spawn(reads::inherit(reads::current(), load));
        Self { handles, task }
    }

    /// What was loaded, if it is the chunk of `handles`.
    pub(super) async fn finish(
        mut self,
        handles: &[Handle],
    ) -> Option<Result<Vec<Option<Document>>>> {
        let same = self.handles.len() == handles.len()
            && self.handles.iter().zip(handles).all(|(ahead, handle)| ahead.id() == handle.id());
        if !same {
            return None;
        }
        self.task.join_next().await?.ok()
    }
}
