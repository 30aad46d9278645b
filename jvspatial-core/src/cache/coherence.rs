//! What keeps answers that were kept from outliving what they were made of.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;

use super::epochs::Epochs;
use super::finish::to_the_end;
use super::touched::Touched;

/// After a write of which nobody knows what became, it may still happen for this long.
const AFTERMATH: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// Who else is to know of a change before its writer is told that it happened.
#[async_trait]
pub(super) trait Peers: std::fmt::Debug + Send + Sync + 'static {
    async fn tell(&self, touched: &Touched);
}

/// The epochs of one database in this process, and who else follows them.
#[derive(Debug)]
pub(crate) struct Coherence {
    epochs: Epochs,
    peers: OnceLock<Arc<dyn Peers>>,
    /// Whether anything was ever kept, or read to be kept. Until then writes need not say what they touch.
    is_used: AtomicBool,
}

impl Coherence {
    pub(super) fn new() -> Self {
        Self { epochs: Epochs::new(), peers: OnceLock::new(), is_used: AtomicBool::new(false) }
    }

    pub(crate) const fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// Something is to be kept from now on: called before the first read of it.
    pub(super) fn use_now(&self) {
        if !self.is_used() {
            self.is_used.store(true, Ordering::SeqCst);
        }
    }

    pub(super) fn is_used(&self) -> bool {
        self.is_used.load(Ordering::SeqCst)
    }

    /// Tells `peers` of every change from now on. Only the first call counts.
    pub(super) fn tell(&self, peers: Arc<dyn Peers>) {
        let _ = self.peers.set(peers);
    }

    /// Something changed that no write of this process has told.
    pub(crate) async fn changed(&self, touched: &Touched) {
        self.epochs.advance(touched.slots());
        if let Some(peers) = self.peers.get() {
            peers.tell(touched).await;
        }
    }

    /// Makes a change of `touched` by `write`, so that from its answer on nothing is trusted that was read before it.
    /// Without `touched`, anything may have been changed. It goes on when nobody waits for it; `is_unknown` judges whether it may
    /// yet happen after its answer.
    pub(super) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        touched: Option<Touched>,
        write: impl Future<Output = T> + Send + 'static,
        is_unknown: impl FnOnce(&T) -> bool + Send + 'static,
    ) -> T {
        let coherence = Arc::clone(self);
        to_the_end(async move {
            let Some(touched) = touched else {
                let answer = write.await;
                if coherence.is_used() {
                    coherence.epochs.advance_all();
                }
                return answer;
            };
            let under_way = UnderWay::begin(&coherence, touched);
            let answer = write.await;
            let unknown = is_unknown(&answer);
            let touched = under_way.end();
            if let Some(peers) = coherence.peers.get() {
                peers.tell(&touched).await;
            }
            if unknown {
                coherence.await_aftermath(touched);
            }
            answer
        })
        .await
    }

    fn await_aftermath(self: &Arc<Self>, touched: Touched) {
        let coherence = Arc::clone(self);
        tokio::spawn(async move {
            for pause in AFTERMATH {
                tokio::time::sleep(pause).await;
                coherence.changed(&touched).await;
            }
        });
    }
}

/// A change that has begun, and ends with this if not before.
struct UnderWay<'a> {
    coherence: &'a Coherence,
    touched: Option<Touched>,
}

impl<'a> UnderWay<'a> {
    fn begin(coherence: &'a Coherence, touched: Touched) -> Self {
        coherence.epochs.begin(touched.slots());
        Self { coherence, touched: Some(touched) }
    }

    fn end(mut self) -> Touched {
        let touched = self.touched.take().unwrap_or_default();
        self.coherence.epochs.end(touched.slots());
        touched
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(touched) = self.touched.take() {
            self.coherence.epochs.end(touched.slots());
        }
    }
}
