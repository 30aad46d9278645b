//! Ending a walk from outside.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt as _;

/// What ends a walk when it is done.
///
/// Nobody locks it: the mutex makes it something that an outcome may be shared with.
pub(super) struct Cancel {
    until: Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>,
    is_due: bool,
}

impl Cancel {
    pub(super) fn new(until: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { until: Mutex::new(Box::pin(until)), is_due: false }
    }

    /// Whether it is done.
    pub(super) fn is_due(&mut self) -> bool {
        self.is_due || self.due().now_or_never().is_some()
    }

    /// Waits until it is done, and never again.
    pub(super) async fn due(&mut self) {
        if !self.is_due {
            self.until.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().await;
            self.is_due = true;
        }
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").field("is_due", &self.is_due).finish_non_exhaustive()
    }
}
