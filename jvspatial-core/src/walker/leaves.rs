//! When the walk has left a node: it and all that was visited because of it are done.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use foldhash::fast::RandomState;
use jvspatial_db::Handle;

use super::visited::Way;

/// The visits that are not left yet, as a tree of who asked for whom.
///
/// It holds the visited nodes that lead to one that still waits, so depth first no more than one way.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    open: HashMap<u64, Open, RandomState>,
    /// Those to be left next, by their step.
    ready: BTreeSet<u64>,
}

/// A visit that is not left yet.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) handle: Handle,
    pub(super) depth: u32,
    pub(super) parent: Option<u64>,
    pub(super) way: Option<Arc<Way>>,
    /// How many visits that it asked for are not left.
    pub(super) below: u64,
    /// Whether nothing more can come to be below.
    pub(super) is_done: bool,
}

/// A visit that is to be left.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) step: u64,
    pub(super) handle: Handle,
    pub(super) depth: u32,
    /// The way to it, where ways are kept.
    pub(super) way: Option<Arc<Way>>,
}

impl Leaves {
    /// Something is visited because of the visit `parent`.
    pub(super) fn enter(&mut self, visit: Left, parent: Option<u64>) {
        let Left { step, handle, depth, way } = visit;
        self.open.insert(step, Open { handle, depth, parent, way, below: 0, is_done: false });
    }

    /// The visits that are not left, by their steps, which [`restore`](Self::restore) takes.
    pub(super) fn open(&self) -> impl Iterator<Item = (u64, &Open)> {
        self.open.iter().map(|(step, open)| (*step, open))
    }

    /// Takes up a visit that was not left.
    pub(super) fn restore(&mut self, step: u64, open: Open) {
        if open.is_done && open.below == 0 {
            self.ready.insert(step);
        }
        self.open.insert(step, open);
    }

    /// Something waits to be visited because of the visit `parent`.
    pub(super) fn wait(&mut self, parent: Option<u64>) {
        if let Some(open) = parent.and_then(|parent| self.open.get_mut(&parent)) {
            open.below += 1;
        }
    }

    /// Something that waited because of the visit `parent` was left, or will not be visited.
    pub(super) fn release(&mut self, parent: Option<u64>) {
        let Some(parent) = parent else { return };
        if let Some(open) = self.open.get_mut(&parent) {
            open.below = open.below.saturating_sub(1);
            if open.below == 0 && open.is_done {
                self.ready.insert(parent);
            }
        }
    }

    /// Nothing more comes to be below the visits of `steps` but what waits by now.
    pub(super) fn conclude(&mut self, steps: RangeInclusive<u64>) {
        for step in steps {
            if let Some(open) = self.open.get_mut(&step) {
                open.is_done = true;
                if open.below == 0 {
                    self.ready.insert(step);
                }
            }
        }
    }

    /// Whether any visit is to be left next.
    pub(super) fn are_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Takes out up to `most` visits that are to be left next.
    ///
    /// They are in the order in which they would be if each visit were a chunk of its own: whoever asked for a visit came
    /// before it, and so is left, when it can be, before any that came later.
    pub(super) fn take_ready(&mut self, most: usize) -> Vec<Left> {
        let mut left = Vec::new();
        while left.len() < most
            && let Some(step) = self.ready.pop_first()
        {
            if let Some(Open { handle, depth, parent, way, .. }) = self.open.remove(&step) {
                left.push(Left { step, handle, depth, way });
                self.release(parent);
            }
        }
        left
    }
}
