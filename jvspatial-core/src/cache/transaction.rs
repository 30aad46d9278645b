//! A transaction, whose writes count once it commits.

use std::sync::Arc;

use async_trait::async_trait;
use jvspatial_db::{Result, Transaction};
use parking_lot::Mutex;

use super::database::{CachedDatabase, is_unknown};
use super::touched::Touched;

/// What was written in a transaction; nothing when there was something that was not noted.
#[derive(Debug)]
pub(super) struct Staged(Mutex<Option<Touched>>);

impl Default for Staged {
    fn default() -> Self {
        Self(Mutex::new(Some(Touched::default())))
    }
}

impl Staged {
    pub(super) fn add(&self, more: Option<Touched>) {
        let mut staged = self.0.lock();
        match (&mut *staged, more) {
            (Some(touched), Some(more)) => touched.merge(more),
            _ => *staged = None,
        }
    }
}

#[async_trait]
impl Transaction for CachedDatabase<dyn Transaction> {
    async fn commit(&self) -> Result<()> {
        let touched = self.staged.as_ref().and_then(|staged| staged.0.lock().clone());
        let transaction = Arc::clone(&self.database);
        let commit = async move { transaction.commit().await };
        let is_unknown = |answer: &Result<()>| answer.as_ref().is_err_and(is_unknown);
        self.coherence.change(touched, commit, is_unknown).await
    }

    fn is_outrun(&self) -> bool {
        self.database.is_outrun()
    }
}
