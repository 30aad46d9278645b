//! The nodes that wait to be visited.

use std::collections::VecDeque;

use jvspatial_db::{Handle, Id, OrdinalSet};

use super::limits::Limit;
use super::visited::Visited;

/// In which order the nodes that a walk meets are visited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// Those met first come first.
    #[default]
    BreadthFirst,
    /// Those met last come first, and of those met together the first.
    DepthFirst,
}

/// A node that waits, by its handle alone: it is loaded when its turn comes, so nobody visits an old copy.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) handle: Handle,
    pub(super) depth: u32,
    /// How it was met, kept only for a trail; boxed because most walks have none.
    pub(super) origin: Option<Box<Origin>>,
}

impl Pending {
    /// A node to start at.
    pub(super) const fn start(id: Id) -> Self {
        Self { handle: Handle::new(id), depth: 0, origin: None }
    }
}

/// The visit and the edge that led to a node.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) step: u64,
    pub(super) edge: Id,
}

/// The nodes that wait, in order, together with those that need not wait again.
///
/// Breadth first, a node is noted as met when it begins to wait: it would not come any earlier by another
/// edge, and no node waits twice. Depth first, a later edge may bring it forward, so it is noted when its
/// turn comes and waits once for each edge until then.
#[derive(Debug)]
pub(super) struct Frontier {
    order: Order,
    limit: usize,
    visited: Visited,
    /// The next node is at the front breadth first, at the back depth first.
    waiting: VecDeque<Pending>,
    peak: usize,
    overflowed: bool,
}

impl Frontier {
    pub(super) const fn new(order: Order, limit: usize, visited: Visited) -> Self {
        Self { order, limit, visited, waiting: VecDeque::new(), peak: 0, overflowed: false }
    }

    /// The most nodes that have waited at once.
    pub(super) const fn peak(&self) -> usize {
        self.peak
    }

    /// The limit, once there was no room for a node. From then on the frontier is not to be trusted.
    pub(super) fn overflow(&self) -> Option<Limit> {
        self.overflowed.then_some(Limit::Frontier(self.limit))
    }

    /// Nodes that would be left out by [`extend`](Self::extend).
    pub(super) fn known(&self) -> &OrdinalSet {
        self.visited.known()
    }

    /// Adds the nodes that were met together, in order, leaving out those that need no visit.
    pub(super) fn extend(&mut self, nodes: impl Iterator<Item = Pending>) {
        let before = self.waiting.len();
        for node in nodes {
            let wanted = match self.order {
                Order::BreadthFirst => self.visited.insert(&node.handle),
                Order::DepthFirst => !self.visited.contains(&node.handle),
            };
            if wanted {
                if self.waiting.len() >= self.limit {
                    self.overflowed = true;
                    break;
                }
                self.waiting.push_back(node);
            }
        }
        if self.order == Order::DepthFirst {
            // Nodes are taken from the back, so the first of these must come last.
            self.waiting.make_contiguous()[before..].reverse();
        }
        self.peak = self.peak.max(self.waiting.len());
    }

    /// Takes the next node.
    pub(super) fn take(&mut self) -> Option<Pending> {
        match self.order {
            Order::BreadthFirst => self.waiting.pop_front(),
            Order::DepthFirst => loop {
                let next = self.waiting.pop_back()?;
                if self.visited.insert(&next.handle) {
                    return Some(next);
                }
            },
        }
    }

    /// Puts a node back that was taken and not visited; the last one put back comes first.
    ///
    /// Only breadth first are several taken at once, so only then is there one to put back.
    pub(super) fn put_back(&mut self, node: Pending) {
        self.waiting.push_front(node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_node_takes_forty_bytes() {
        assert_eq!(size_of::<Pending>(), 40);
    }
}
