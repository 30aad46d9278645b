//! Where reads are made: among what is stored, or in a transaction.

use std::sync::{Arc, Weak};

use super::client::Client;
use super::live::{Live, ended};
use crate::error::Result;

/// Whoever reads. A transaction does not live for its readers.
#[derive(Clone)]
pub(super) struct Reader {
    client: Arc<Client>,
    inside: Option<Weak<Live>>,
}

impl Reader {
    /// One that reads in a transaction.
    pub(super) fn inside(client: &Arc<Client>, live: &Arc<Live>) -> Self {
        Self { client: Arc::clone(client), inside: Some(Arc::downgrade(live)) }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The transaction, if the reader is in one.
    ///
    /// # Errors
    /// `Closed` when it is gone.
    pub(super) fn live(&self) -> Result<Option<Arc<Live>>> {
        self.inside.as_ref().map(|live| live.upgrade().ok_or_else(ended)).transpose()
    }

    pub(super) const fn is_inside(&self) -> bool {
        self.inside.is_some()
    }

    /// How long the server may work on a command, as commands say it.
    pub(super) fn max_time(&self) -> i64 {
        self.client.max_time()
    }

    /// Refuses what asks nothing of the server after the end of the database or the transaction.
    ///
    /// # Errors
    /// `Closed`.
    pub(super) async fn check_open(&self) -> Result<()> {
        self.client.check_open().await?;
        self.live()?.map_or(Ok(()), |live| live.check_open())
    }
}

impl From<&Arc<Client>> for Reader {
    fn from(client: &Arc<Client>) -> Self {
        Self { client: Arc::clone(client), inside: None }
    }
}
