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
struct Open {
    handle: Handle,
    depth: u32,
    parent: Option<u64>,
    way: Option<Arc<Way>>,
    /// How many visits that it asked for are not left.
    below: u64,
    /// Whether nothing more can come to be below.
    is_done: bool,
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

    /// What is to be left when nothing more comes to be below the visits of `steps` but what waits by now.
    ///
    /// It is in the order in which it would be if each of those visits were a chunk of its own.
    pub(super) fn conclude(&mut self, steps: RangeInclusive<u64>) -> Vec<Left> {
        let mut left = Vec::new();
        self.take_ready(&mut left);
        for step in steps {
            if let Some(open) = self.open.get_mut(&step) {
                open.is_done = true;
                if open.below == 0 {
                    self.ready.insert(step);
                    self.take_ready(&mut left);
                }
            }
        }
        left
    }

    /// Takes out what can be left, and what can be once that has been.
    fn take_ready(&mut self, left: &mut Vec<Left>) {
        while let Some(step) = self.ready.pop_first() {
            if let Some(Open { handle, depth, parent, way, .. }) = self.open.remove(&step) {
                left.push(Left { step, handle, depth, way });
                self.release(parent);
            }
        }
    }
}
