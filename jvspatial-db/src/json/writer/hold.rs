//! Standing still for a transaction that cannot catch up otherwise.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Instant;

use tokio::sync::oneshot;

use super::Writer;
use crate::error::{Error, ErrorKind};
use crate::json::queue::Request;

impl Writer {
    /// Writes nothing for as long as somebody holds what is sent to `reply`; returns the batch that is to be
    /// next.
    pub(super) fn stand_still(
        &mut self,
        reply: oneshot::Sender<mpsc::Sender<Request>>,
    ) -> Option<Request> {
        let (hold, held) = mpsc::channel();
        reply.send(hold).ok()?;
        // Those who wait are to be served before their own deadlines.
        let end = Instant::now() + self.shared.deadline / 2;
        loop {
            let until = self.due.map_or(end, |due| due.min(end));
            match held.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(request) => return Some(request),
                Err(RecvTimeoutError::Timeout) if Instant::now() < end => {
                    // Nothing new, but what was written already is not to wait for its sync.
                    let _ = self.sync();
                }
                Err(_) => return None,
            }
        }
    }
}

/// The error of a batch that was to follow the commit `expected`.
pub(super) fn got_ahead(expected: u64, found: u64) -> Error {
    Error::new(ErrorKind::Conflict, "others wrote before the batch")
        .with("expected commit", expected)
        .with("found commit", found)
}
