//! How a transaction catches up with writers that are faster.

use std::sync::mpsc;

use super::Store;
use crate::error::Result;
use crate::json::queue::Request;

/// How often a call tries beside the writing of others.
const BESIDE: u32 = 3;

/// How often it tries at all: once the writer stands still, once more should that not have been for long enough.
const MOST: u32 = BESIDE + 2;

/// The tries of one call: at first others may write meanwhile, and then the writer waits for it.
#[derive(Debug, Default)]
pub(super) struct Pace {
    tries: u32,
    /// While it is there, nobody writes.
    hold: Option<mpsc::Sender<Request>>,
}

impl Pace {
    /// Prepares for the next try; `false` when there have been enough.
    pub(super) async fn next(&mut self, store: &Store) -> bool {
        self.hold = None;
        self.tries += 1;
        if self.tries > BESIDE {
            self.hold = hold(store).await;
        }
        self.tries <= MOST
    }

    /// Hands a batch over, before all that wait if the writer stands still.
    ///
    /// # Errors
    /// `Closed` or `Poisoned` when the store takes no more.
    pub(super) fn submit(&mut self, store: &Store, request: Request) -> Result<()> {
        let left = match self.hold.take() {
            Some(hold) => hold.send(request).err().map(|refused| refused.0),
            None => Some(request),
        };
        // The writer may have waited for long enough.
        left.map_or(Ok(()), |request| store.shared.queue.submit(request))
    }
}

/// Has the writer stand still; `None` when it does not, which costs a try.
async fn hold(store: &Store) -> Option<mpsc::Sender<Request>> {
    let held = store.shared.queue.hold().ok()?;
    tokio::time::timeout(store.shared.deadline, held).await.ok()?.ok()
}
