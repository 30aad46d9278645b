//! A transaction, whose writes count once it commits.

use std::sync::Arc;

use async_trait::async_trait;
use jvspatial_db::{Result, Transaction};
use parking_lot::Mutex;

use super::database::CachedDatabase;
use super::touched::Touched;
use super::written::{Known, Written};

/// What was written in a transaction.
#[derive(Debug)]
pub(super) struct Staged {
    /// Nothing when there was something that was not noted.
    touched: Mutex<Option<Touched>>,
    /// What its writes were told that they had written.
    written: Mutex<Vec<Written>>,
}

impl Default for Staged {
    fn default() -> Self {
        Self { touched: Mutex::new(Some(Touched::default())), written: Mutex::default() }
    }
}

impl Staged {
    pub(super) fn add(&self, more: Option<Touched>) {
        let mut staged = self.touched.lock();
        match (&mut *staged, more) {
            (Some(touched), Some(more)) => touched.merge(more),
            _ => *staged = None,
        }
    }

    pub(super) fn add_written(&self, more: Vec<Written>) {
        self.written.lock().extend(more);
    }
}

#[async_trait]
impl Transaction for CachedDatabase<dyn Transaction> {
    async fn commit(&self) -> Result<()> {
        let staged = self.staged.as_ref();
        let touched = staged.and_then(|staged| staged.touched.lock().clone());
        let written = staged.map(|staged| staged.written.lock().clone()).unwrap_or_default();
        let transaction = Arc::clone(&self.database);
        let commit = async move { transaction.commit().await };
        self.coherence.change(touched, commit, |answer| Known::of_commit(written, answer)).await
    }

    fn is_outrun(&self) -> bool {
        self.database.is_outrun()
    }
}
