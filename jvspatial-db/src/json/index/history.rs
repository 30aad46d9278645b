//! What documents were before, for as long as a snapshot can ask.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;

use super::table::State;

/// The number of no entry.
pub(in crate::json) const NO_HISTORY: u64 = 0;

/// Past states, oldest first. Entries are numbered from 1 and never renumbered, so a record may go on
/// pointing at an entry that has been dropped: it is then simply not found.
#[derive(Debug, Default)]
pub(in crate::json) struct History {
    entries: VecDeque<Past>,
    /// How many entries have been dropped from the front.
    dropped: u64,
    snapshots: Arc<Mutex<Snapshots>>,
    /// Whether any snapshot was alive when the batch being applied began.
    read: bool,
    /// Whether the states that it replaces are kept.
    keeping: bool,
}

#[derive(Debug)]
struct Past {
    state: State,
    /// The commit that replaced it.
    superseded: u64,
}

/// How many snapshots there are at each commit.
type Snapshots = BTreeMap<u64, usize>;

impl History {
    /// Prepares for the states of one batch: drops what no snapshot needs. With `keep` the states that the
    /// batch replaces are kept even without a snapshot.
    pub(in crate::json) fn begin(&mut self, keep: bool) {
        let oldest = self.oldest();
        self.read = oldest.is_some();
        self.keeping = keep || self.read;
        let needed = |past: &Past| oldest.is_some_and(|oldest| past.superseded > oldest);
        while self.entries.front().is_some_and(|past| !needed(past)) {
            self.entries.pop_front();
            self.dropped += 1;
        }
    }

    /// Whether the states are kept that the batch being applied replaces.
    pub(in crate::json) const fn is_keeping(&self) -> bool {
        self.keeping
    }

    /// Whether no snapshot is alive.
    pub(in crate::json) const fn is_idle(&self) -> bool {
        !self.read
    }

    /// The commit of the oldest snapshot that is alive.
    pub(in crate::json) fn oldest(&self) -> Option<u64> {
        self.snapshots.lock().keys().next().copied()
    }

    /// Keeps `state`, replaced by the commit `superseded`, if a snapshot may ask for it; returns its number.
    /// What did not exist and never had need not be kept: what is not found did not exist.
    pub(in crate::json) fn keep(&mut self, state: State, superseded: u64) -> u64 {
        let is_first = !state.exists() && state.older == NO_HISTORY;
        if !self.keeping || is_first {
            return NO_HISTORY;
        }
        self.entries.push_back(Past { state, superseded });
        self.dropped + self.entries.len() as u64
    }

    pub(in crate::json) fn get(&self, number: u64) -> Option<&State> {
        let position = number.checked_sub(self.dropped + 1)?;
        self.entries.get(usize::try_from(position).ok()?).map(|past| &past.state)
    }

    /// A snapshot at the commit `sequence`. The caller holds the index for reading, so no batch can begin
    /// between the look at the sequence and the entry here.
    pub(in crate::json) fn snapshot(&self, sequence: u64) -> Snapshot {
        *self.snapshots.lock().entry(sequence).or_default() += 1;
        Snapshot { sequence, snapshots: Arc::clone(&self.snapshots) }
    }
}

/// A point in time that stays readable while this lives.
#[derive(Debug)]
pub(in crate::json) struct Snapshot {
    sequence: u64,
    snapshots: Arc<Mutex<Snapshots>>,
}

impl Snapshot {
    pub(in crate::json) const fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl Clone for Snapshot {
    fn clone(&self) -> Self {
        *self.snapshots.lock().entry(self.sequence).or_default() += 1;
        Self { sequence: self.sequence, snapshots: Arc::clone(&self.snapshots) }
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        let mut snapshots = self.snapshots.lock();
        if let Some(count) = snapshots.get_mut(&self.sequence) {
            *count -= 1;
            if *count == 0 {
                snapshots.remove(&self.sequence);
            }
        }
    }
}
