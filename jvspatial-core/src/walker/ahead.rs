//! The next chunk, loaded while this one is visited.

use std::sync::Arc;

use jvspatial_db::{Database, Document, Handle, Result};
use tokio::task::JoinSet;

use crate::cache::reads;

/// A chunk that is being loaded.
#[derive(Debug)]
pub(super) struct Ahead {
    pub(super) handles: Arc<[Handle]>,
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
        if !are_same(&self.handles, handles.iter()) {
            return None;
        }
        self.task.join_next().await?.ok()
    }

    /// What was loaded, if it already was and is the chunk of `handles`.
    pub(super) fn try_finish<'a>(
        &mut self,
        handles: impl Iterator<Item = &'a Handle>,
    ) -> Option<Vec<Option<Document>>> {
        if !are_same(&self.handles, handles) {
            return None;
        }
        self.task.try_join_next()?.ok()?.ok()
    }
}

/// Whether both are one chunk.
pub(super) fn are_same<'a>(
    ahead: &[Handle],
    mut handles: impl Iterator<Item = &'a Handle>,
) -> bool {
    let is_next = |ahead: &Handle| handles.next().is_some_and(|handle| ahead.id() == handle.id());
    ahead.iter().all(is_next) && handles.next().is_none()
}
