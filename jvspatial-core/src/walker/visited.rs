//! Which nodes a walk has met.

use std::collections::HashSet;

use foldhash::fast::RandomState;
use jvspatial_db::{Handle, Id, OrdinalSet};

/// How often a walk may visit the same node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Uniqueness {
    /// Once, however many edges lead to it.
    #[default]
    NodeOnce,
    /// As often as an edge leads to it. A cycle is then walked until a limit ends it.
    Unlimited,
}

/// The nodes met so far: one bit for each on backends with dense ordinals, otherwise a set of ids.
///
/// A start given by id alone has no ordinal, so it is kept as an id until it is met again with one;
/// a walk has few starts, and with none left every further check is one bit.
#[derive(Debug)]
pub(super) struct Visited {
    uniqueness: Uniqueness,
    uses_ordinals: bool,
    ordinals: OrdinalSet,
    ids: HashSet<Id, RandomState>,
}

impl Visited {
    /// Nothing met yet. `uses_ordinals` may be set only while the backend's ordinals are pinned.
    pub(super) fn new(uniqueness: Uniqueness, uses_ordinals: bool) -> Self {
        Self { uniqueness, uses_ordinals, ordinals: OrdinalSet::new(), ids: HashSet::default() }
    }

    /// Notes the node, and says whether it may be visited.
    pub(super) fn insert(&mut self, node: &Handle) -> bool {
        if self.uniqueness == Uniqueness::Unlimited {
            return true;
        }
        let Some(ordinal) = self.ordinal(node) else {
            return !self.ids.contains(node.id()) && self.ids.insert(node.id().clone());
        };
        self.ordinals.insert(ordinal) && (self.ids.is_empty() || !self.ids.remove(node.id()))
    }

    /// Whether the node may not be visited any more.
    pub(super) fn contains(&self, node: &Handle) -> bool {
        if self.uniqueness == Uniqueness::Unlimited {
            return false;
        }
        self.ordinal(node).is_some_and(|ordinal| self.ordinals.contains(ordinal))
            || (!self.ids.is_empty() && self.ids.contains(node.id()))
    }

    /// Nodes that need not be met again, for a backend that can leave them out.
    pub(super) fn known(&self) -> &OrdinalSet {
        &self.ordinals
    }

    fn ordinal(&self, node: &Handle) -> Option<u32> {
        node.ordinal().filter(|_| self.uses_ordinals)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use jvspatial_db::{Collection, EntityName};

    use super::*;

    fn id(key: u8) -> Id {
        let entity = EntityName::new("Visited").unwrap();
        Id::generated(Collection::Node, entity, [key; 12])
    }

    #[test]
    fn a_node_is_met_once_by_ordinal_or_by_id() {
        for ordinals in [true, false] {
            let mut visited = Visited::new(Uniqueness::NodeOnce, ordinals);
            let far = Handle::with_ordinal(id(1), 1_000);
            assert!(!visited.contains(&far));
            assert!(visited.insert(&far));
            assert!(visited.contains(&far));
            assert!(!visited.insert(&far));
            assert!(visited.insert(&Handle::with_ordinal(id(2), 999)));
        }
    }

    #[test]
    fn a_start_without_an_ordinal_is_known_again_with_one() {
        let mut visited = Visited::new(Uniqueness::NodeOnce, true);
        assert!(visited.insert(&Handle::new(id(1))));
        assert!(visited.contains(&Handle::with_ordinal(id(1), 7)));
        assert!(!visited.insert(&Handle::with_ordinal(id(1), 7)));
        assert!(visited.ids.is_empty(), "the bit has taken over");
        assert!(!visited.insert(&Handle::with_ordinal(id(1), 7)));
    }

    #[test]
    fn unlimited_never_refuses() {
        let mut visited = Visited::new(Uniqueness::Unlimited, true);
        let node = Handle::with_ordinal(id(1), 0);
        assert!(visited.insert(&node) && visited.insert(&node) && !visited.contains(&node));
    }
}
