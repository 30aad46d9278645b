//! A batch on its way.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use jvspatial_db::{Database, Result, WriteBatch, WriteReport};

type Write = Pin<Box<dyn Future<Output = Result<WriteReport>> + Send>>;

/// A batch on its way, so that the walk goes on meanwhile.
///
/// Nobody locks it: the mutex makes it something that a walk may be shared with.
pub(super) struct Writing(Mutex<Write>);

impl Writing {
    /// Hands the batch over.
    pub(super) async fn begin(database: &Arc<dyn Database>, batch: WriteBatch) -> Self {
        let database = Arc::clone(database);
        let mut write: Write = Box::pin(async move { database.write(batch).await });
        // A future does nothing before it is polled.
        let done = poll_fn(|context| Poll::Ready(write.as_mut().poll(context))).await;
        Self(Mutex::new(match done {
            Poll::Ready(report) => Box::pin(std::future::ready(report)),
            Poll::Pending => write,
        }))
    }

    /// Waits for what became of it.
    pub(super) async fn finish(self) -> Result<WriteReport> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).await
    }
}

impl fmt::Debug for Writing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writing")
    }
}
