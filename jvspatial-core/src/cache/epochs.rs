//! When each part of a graph was last changed, as far as this process knows.

use std::sync::OnceLock;

use super::slot::{SLOTS, Slot};
use super::sync::{AtomicU64, Ordering};

/// The bits of a slot that hold the time of its last change; those above count the writes under way.
const TIME_BITS: u32 = 44;
const ONE_WRITE: u64 = 1 << TIME_BITS;
const TIME: u64 = ONE_WRITE - 1;

/// A clock that ticks with every change, and for each [`Slot`] what it showed at the last one.
///
/// What was read since a time is good as long as no slot of what was read has changed after that time. Both sides keep to an
/// order: who loads takes the time before the first read; who writes begins before the database is asked, and ends after
/// it has answered. So a load that has seen the state before a write took its time before the write's end.
#[derive(Debug)]
pub(crate) struct Epochs {
    clock: AtomicU64,
    /// Absent until something is kept: before that nobody wants to know what changes.
    slots: OnceLock<Box<[AtomicU64]>>,
    /// When everything was last forgotten at once.
    all: AtomicU64,
}

impl Epochs {
    pub(crate) fn new() -> Self {
        Self { clock: AtomicU64::new(0), slots: OnceLock::new(), all: AtomicU64::new(0) }
    }

    /// Something is to be kept from now on: called before the first read of it.
    pub(super) fn use_now(&self) {
        self.slots();
    }

    /// Whether anything was ever kept, or read to be kept.
    pub(super) fn is_used(&self) -> bool {
        self.slots.get().is_some()
    }

    /// The time now, for a load that is about to begin.
    pub(crate) fn now(&self) -> Time {
        Time(self.clock.load(Ordering::SeqCst))
    }

    /// Whether nothing in `slots` has changed after `since`, and no write of it is under way.
    pub(crate) fn is_unchanged(&self, since: Time, slots: &[Slot]) -> bool {
        self.all.load(Ordering::SeqCst) <= since.0
            && slots.iter().all(|slot| self.of(*slot).load(Ordering::SeqCst) <= since.0)
    }

    /// A write of what is in `slots` begins: nobody can trust what was read of it until it has ended, which it has when
    /// what comes is dropped.
    pub(crate) fn begin<'a>(&'a self, slots: &'a [Slot]) -> Busy<'a> {
        for slot in slots {
            self.of(*slot).fetch_add(ONE_WRITE, Ordering::SeqCst);
        }
        Busy { epochs: self, slots }
    }

    /// What a slot shows before a write of it, for [`Busy::end`].
    pub(super) fn shown(&self, slot: Slot) -> Shown {
        Shown(self.of(slot).load(Ordering::SeqCst))
    }

    /// What is in `slots` was changed by somebody else, who has ended already.
    pub(crate) fn advance(&self, slots: &[Slot]) {
        drop(self.begin(slots));
    }

    /// Anything may have changed.
    pub(crate) fn advance_all(&self) {
        let time = self.tick();
        self.all.fetch_max(time, Ordering::SeqCst);
    }

    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn slots(&self) -> &[AtomicU64] {
        let fresh = || std::iter::repeat_with(AtomicU64::default).take(SLOTS).collect();
        self.slots.get_or_init(fresh)
    }

    fn of(&self, slot: Slot) -> &AtomicU64 {
        // The number of a slot is always below the number of slots.
        self.slots().get(slot.index()).unwrap_or(&self.all)
    }
}

/// A write under way, which has ended when this is dropped, whatever came of it.
#[must_use = "the write ends with it"]
pub(crate) struct Busy<'a> {
    epochs: &'a Epochs,
    slots: &'a [Slot],
}

impl Busy<'_> {
    /// Ends the write and tells when, and of which of the slots in `before`, sorted by them, it was the only write since they
    /// were shown there.
    pub(super) fn end(mut self, before: &[(Slot, Shown)]) -> (Time, Vec<Slot>) {
        let mut alone = Vec::new();
        let time = self.settle(|slot, found| {
            let place = before.binary_search_by_key(&slot, |(slot, _)| *slot);
            let shown = place.ok().and_then(|place| before.get(place));
            if shown
                .is_some_and(|(_, Shown(shown))| *shown < ONE_WRITE && found == shown + ONE_WRITE)
            {
                alone.push(slot);
            }
        });
        self.slots = &[];
        (Time(time), alone)
    }

    /// Counts the write down, and tells of each slot what it showed in that moment.
    fn settle(&self, mut found_at_end: impl FnMut(Slot, u64)) -> u64 {
        let time = self.epochs.tick();
        for number in self.slots {
            let slot = self.epochs.of(*number);
            let mut found = slot.load(Ordering::SeqCst);
            loop {
                let writes = (found & !TIME).saturating_sub(ONE_WRITE);
                let ended = writes | (found & TIME).max(time);
                let swapped =
                    slot.compare_exchange_weak(found, ended, Ordering::SeqCst, Ordering::SeqCst);
                match swapped {
                    Ok(_) => break,
                    Err(now) => found = now,
                }
            }
            found_at_end(*number, found);
        }
        time
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        if !self.slots.is_empty() {
            self.settle(|_, _| {});
        }
    }
}

/// What a slot showed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown(u64);

/// A time on the clock of [`Epochs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(u64);
