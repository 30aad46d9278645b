//! What keeps answers that were kept from outliving what they were made of.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
#[cfg(feature = "redis")]
use jvspatial_cache::Answers;

use super::epochs::{Epochs, Time};
use super::finish::to_the_end;
use super::slot::Slot;
use super::touched::Touched;
use super::written::{Known, Written};

/// After a write of which nobody knows what became, it may still happen for this long.
const AFTERMATH: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// The other processes that read and write the same database.
#[async_trait]
pub(super) trait Peers: std::fmt::Debug + Send + Sync + 'static {
    /// Has them know of a change, and of what was `written` of it for certain. It returns when none of them can take what was
    /// kept before it from where all keep.
    async fn tell(&self, touched: &Touched, written: &[Written]);

    /// Has them know that anything may have changed.
    async fn tell_of_all(&self) {}

    /// Whether all that they changed some time ago is known here.
    fn is_heard(&self) -> bool;

    /// For each of `slots`, whether they say now that nobody has changed it unheard. Without a way to ask, none.
    async fn confirm(&self, slots: &[Slot]) -> Vec<bool> {
        vec![false; slots.len()]
    }

    /// Where answers are kept for all of them, as long as this process may read there.
    #[cfg(feature = "redis")]
    fn answers(&self) -> Option<&Answers> {
        None
    }

    /// Lets them know that this process changes nothing more.
    async fn leave(&self) {}
}

/// The epochs of one database in this process, and who else follows them.
#[derive(Debug)]
pub(crate) struct Coherence {
    epochs: Epochs,
    peers: OnceLock<Arc<dyn Peers>>,
}

impl Coherence {
    pub(super) fn new() -> Self {
        Self { epochs: Epochs::new(), peers: OnceLock::new() }
    }

    pub(crate) const fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// Whether nothing in `slots` has changed after `since`, as far as can be known now.
    pub(super) fn is_unchanged(&self, since: Time, slots: &[Slot]) -> bool {
        self.epochs.is_unchanged(since, slots) && self.is_heard()
    }

    /// For each part whether it has not changed after the time beside it, neither as far as is known here nor by what the others
    /// say when they are asked now.
    pub(super) async fn confirm(&self, parts: &[(Time, Slot)]) -> Vec<bool> {
        let Some(peers) = self.peers.get() else { return vec![true; parts.len()] };
        let slots: Vec<Slot> = parts.iter().map(|(_, slot)| *slot).collect();
        let confirmed = peers.confirm(&slots).await;
        // What was heard meanwhile is not told once more, and so is looked at last.
        let holds = |((since, slot), confirmed): (&(Time, Slot), bool)| {
            confirmed && self.is_unchanged(*since, &[*slot])
        };
        parts.iter().zip(confirmed).map(holds).collect()
    }

    /// Where answers are kept for other processes too, while what they change is heard.
    #[cfg(feature = "redis")]
    pub(super) fn answers(&self) -> Option<&Answers> {
        self.peers.get().filter(|peers| peers.is_heard())?.answers()
    }

    /// Tells `peers` of every change from now on, and trusts nothing that they may have changed unheard. Only the
    /// first call counts; returns whether this is it.
    pub(super) fn join(&self, peers: impl FnOnce() -> Arc<dyn Peers>) -> bool {
        self.epochs.use_now();
        let mut is_first = false;
        self.peers.get_or_init(|| {
            is_first = true;
            peers()
        });
        is_first
    }

    /// Whether all that others changed some time ago is known here.
    pub(super) fn is_heard(&self) -> bool {
        self.peers.get().is_none_or(|peers| peers.is_heard())
    }

    pub(super) fn has_peers(&self) -> bool {
        self.peers.get().is_some()
    }

    /// Something changed that no write of this process has told.
    pub(crate) async fn changed(&self, touched: &Touched) {
        let _busy = self.epochs.begin(touched.slots());
        if let Some(peers) = self.peers.get() {
            peers.tell(touched, &[]).await;
        }
    }

    /// This process changes nothing more.
    pub(super) async fn close(&self) {
        // Not even what was read is to be handed out.
        self.epochs.advance_all();
        if let Some(peers) = self.peers.get() {
            peers.leave().await;
        }
    }

    /// Another process told that it changed something.
    pub(super) fn heard(&self, slots: &[Slot]) {
        self.epochs.advance(slots);
    }

    /// Makes a change of `touched` by `write`, so that from its answer on nothing is trusted that was read before it.
    /// Without `touched`, anything may have been changed. It goes on when nobody waits for it; `judge` says what is known by
    /// its answer.
    pub(super) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        touched: Option<Touched>,
        write: impl Future<Output = T> + Send + 'static,
        judge: impl FnOnce(&T) -> Known + Send + 'static,
    ) -> T {
        self.change_and_keep(touched, write, judge, Vec::new(), |_, _, _| {}).await
    }

    /// As [`change`](Self::change), and has `keep` know when the write ended and of which of the slots `watched` it was the only
    /// write from its beginning to that moment.
    pub(super) async fn change_and_keep<T: Send + 'static>(
        self: &Arc<Self>,
        touched: Option<Touched>,
        write: impl Future<Output = T> + Send + 'static,
        judge: impl FnOnce(&T) -> Known + Send + 'static,
        mut watched: Vec<Slot>,
        keep: impl FnOnce(&T, Time, &[Slot]) + Send + 'static,
    ) -> T {
        watched.sort_unstable();
        let coherence = Arc::clone(self);
        to_the_end(async move {
            let Some(touched) = touched else {
                let answer = write.await;
                if coherence.epochs.is_used() {
                    // They joined while it was under way.
                    if let Some(peers) = coherence.peers.get() {
                        peers.tell_of_all().await;
                    }
                    coherence.epochs.advance_all();
                }
                return answer;
            };
            let shown = |slot| (slot, coherence.epochs.shown(slot));
            let before: Vec<_> = watched.into_iter().map(shown).collect();
            let busy = coherence.epochs.begin(touched.slots());
            let answer = write.await;
            let known = judge(&answer);
            // Before the end here, or a load could bring what the others still keep, and look newer than the write.
            if let Some(peers) = coherence.peers.get() {
                peers.tell(&touched, &known.written).await;
            }
            let (time, alone) = busy.end(&before);
            keep(&answer, time, &alone);
            if known.may_yet_happen {
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
