//! Which edges touch a node: sorted sets, in the order in which edges are listed.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::document::Ends;
use crate::expansion::Begin;
use crate::id::Id;

/// The edges at each node.
#[derive(Clone, Debug, Default)]
pub(super) struct Adjacency(BTreeMap<Id, BTreeSet<Listed>>);

/// An edge, ordered as [`Id::cmp_creation`] orders.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed(Id);

impl Ord for Listed {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp_creation(&other.0)
    }
}

impl PartialOrd for Listed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Adjacency {
    pub(super) fn add(&mut self, edge: &Id, ends: &Ends) {
        for end in [&ends.source, &ends.target] {
            self.0.entry(end.clone()).or_default().insert(Listed(edge.clone()));
        }
    }

    pub(super) fn remove(&mut self, edge: &Id, ends: &Ends) {
        let edge = Listed(edge.clone());
        for end in [&ends.source, &ends.target] {
            let Some(edges) = self.0.get_mut(end) else { continue };
            edges.remove(&edge);
            if edges.is_empty() {
                self.0.remove(end);
            }
        }
    }

    /// The edges that have one end or both at `node`.
    pub(super) fn at(&self, node: &Id, begin: Begin<'_>) -> impl Iterator<Item = &Id> {
        let behind = match begin {
            Begin::First => Some(Bound::Unbounded),
            Begin::Behind(last) => Some(Bound::Excluded(Listed(last.clone()))),
            Begin::Nowhere => None,
        };
        let edges =
            behind.and_then(|behind| Some(self.0.get(node)?.range((behind, Bound::Unbounded))));
        edges.into_iter().flatten().map(|Listed(edge)| edge)
    }
}
