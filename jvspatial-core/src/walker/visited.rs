//! What a walk has met.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::RandomState;
use jvspatial_db::{Collection, Handle, Id, OrdinalSet};

use super::checkpoint::Past;

/// How often a walk may visit the same node, or the same edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Uniqueness {
    /// Once, however many edges lead to it.
    #[default]
    NodeOnce,
    /// As often as an edge leads to it that was not followed yet: every edge is followed once.
    EdgeOnce,
    /// Not twice on one way from a start: every way without a cycle is walked.
    PathOnce,
    /// As often as an edge leads to it. A cycle is then walked until a limit ends it.
    Unlimited,
}

/// The nodes on the way from a start to a node, that node first.
#[derive(Debug)]
pub(super) struct Way {
    id: Id,
    before: Option<Arc<Self>>,
}

impl Way {
    /// The way to `id`, which continues `before`.
    pub(super) fn to(id: Id, before: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self { id, before })
    }

    fn contains(self: &Arc<Self>, id: &Id) -> bool {
        let mut step = Some(self);
        while let Some(way) = step {
            if way.id == *id {
                return true;
            }
            step = way.before.as_ref();
        }
        false
    }

    /// The node that it leads to.
    pub(super) const fn id(&self) -> &Id {
        &self.id
    }

    /// The way that it continues.
    pub(super) const fn before(&self) -> Option<&Arc<Self>> {
        self.before.as_ref()
    }

    /// The ids from the start on.
    pub(super) fn ids(self: &Arc<Self>) -> Vec<Id> {
        let mut ids = Vec::new();
        let mut step = Some(self);
        while let Some(way) = step {
            ids.push(way.id.clone());
            step = way.before.as_ref();
        }
        ids.reverse();
        ids
    }
}

impl Drop for Way {
    /// Step by step: a way may be longer than the stack is deep.
    fn drop(&mut self) {
        let mut before = self.before.take();
        while let Some(mut way) = before.and_then(Arc::into_inner) {
            before = way.before.take();
        }
    }
}

/// Which nodes and edges need no further visit.
#[derive(Debug)]
pub(super) struct Visited {
    uniqueness: Uniqueness,
    nodes: Met,
    edges: Met,
    /// What has happened since the last checkpoint, in a walk that has some: ordinals alone do not outlast it.
    log: Option<Vec<Past>>,
}

impl Visited {
    /// Nothing met yet. `uses_ordinals` may be set only while the backend's ordinals are pinned.
    pub(super) fn new(uniqueness: Uniqueness, uses_ordinals: bool) -> Self {
        let (nodes, edges) = (Met::new(uses_ordinals), Met::new(uses_ordinals));
        Self { uniqueness, nodes, edges, log: None }
    }

    /// From now on keeps what happens, until it is [taken](Self::take_log).
    pub(super) fn keep_log(&mut self) {
        self.log = Some(Vec::new());
    }

    /// What has happened since it was taken last.
    pub(super) fn take_log(&mut self) -> Vec<Past> {
        self.log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Keeps what has happened to `id`, where anybody wants to know.
    pub(super) fn note(&mut self, id: &Id, past: impl FnOnce(Id) -> Past) {
        if let Some(log) = &mut self.log {
            log.push(past(id.clone()));
        }
    }

    /// Has met the node or edge, or has not, as it was before.
    pub(super) fn restore(&mut self, item: &Handle, is_met: bool) {
        if is_met {
            self.met(item).insert(item);
        } else {
            self.met(item).remove(item);
        }
    }

    /// Notes that the node or edge waits or is visited, and says whether it may be.
    pub(super) fn insert(&mut self, item: &Handle) -> bool {
        match self.uniqueness {
            Uniqueness::NodeOnce => self.meet(item),
            _ => true,
        }
    }

    /// Whether the node or edge may not be visited any more.
    pub(super) fn contains(&self, item: &Handle) -> bool {
        match (self.uniqueness, item.id().collection()) {
            (Uniqueness::NodeOnce, Collection::Edge) => self.edges.contains(item),
            (Uniqueness::NodeOnce, _) => self.nodes.contains(item),
            _ => false,
        }
    }

    /// Whether the way to a node by `edge`, which goes on from `way`, is one that the walk may take.
    pub(super) fn admits(
        &mut self,
        item: &Handle,
        edge: Option<&Handle>,
        way: Option<&Arc<Way>>,
    ) -> bool {
        match self.uniqueness {
            Uniqueness::EdgeOnce if item.id().collection() == Collection::Edge => self.meet(item),
            Uniqueness::EdgeOnce => edge.is_none_or(|edge| self.meet(edge)),
            Uniqueness::PathOnce => way.is_none_or(|way| !way.contains(item.id())),
            Uniqueness::NodeOnce | Uniqueness::Unlimited => true,
        }
    }

    /// Lets the node or edge be met again.
    pub(super) fn remove(&mut self, item: &Handle) {
        self.met(item).remove(item);
        self.note(item.id(), Past::Forgotten);
    }

    /// Nodes that need not be met again, for a backend that can leave them out.
    pub(super) const fn known(&self) -> &OrdinalSet {
        &self.nodes.ordinals
    }

    fn meet(&mut self, item: &Handle) -> bool {
        let is_new = self.met(item).insert(item);
        if is_new {
            self.note(item.id(), Past::Met);
        }
        is_new
    }

    fn met(&mut self, item: &Handle) -> &mut Met {
        if item.id().collection() == Collection::Edge { &mut self.edges } else { &mut self.nodes }
    }
}

/// Documents of one collection: one bit for each on backends with dense ordinals, otherwise a set of ids.
///
/// A node that a hook has only asked to create has no ordinal yet, so what is named by its id is kept as an id until it
/// is met again with one; such are few, and with none left every further check is one bit.
#[derive(Debug)]
struct Met {
    uses_ordinals: bool,
    ordinals: OrdinalSet,
    ids: HashSet<Id, RandomState>,
}

impl Met {
    fn new(uses_ordinals: bool) -> Self {
        Self { uses_ordinals, ordinals: OrdinalSet::new(), ids: HashSet::default() }
    }

    fn insert(&mut self, item: &Handle) -> bool {
        let Some(ordinal) = self.ordinal(item) else {
            return !self.ids.contains(item.id()) && self.ids.insert(item.id().clone());
        };
        self.ordinals.insert(ordinal) && (self.ids.is_empty() || !self.ids.remove(item.id()))
    }

    fn contains(&self, item: &Handle) -> bool {
        self.ordinal(item).is_some_and(|ordinal| self.ordinals.contains(ordinal))
            || (!self.ids.is_empty() && self.ids.contains(item.id()))
    }

    fn remove(&mut self, item: &Handle) {
        if let Some(ordinal) = self.ordinal(item) {
            self.ordinals.remove(ordinal);
        }
        self.ids.remove(item.id());
    }

    fn ordinal(&self, item: &Handle) -> Option<u32> {
        item.ordinal().filter(|_| self.uses_ordinals)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use jvspatial_db::EntityName;

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
            visited.remove(&far);
            assert!(!visited.contains(&far) && visited.insert(&far));
        }
    }

    #[test]
    fn a_start_without_an_ordinal_is_known_again_with_one() {
        let mut visited = Visited::new(Uniqueness::NodeOnce, true);
        assert!(visited.insert(&Handle::new(id(1))));
        assert!(visited.contains(&Handle::with_ordinal(id(1), 7)));
        assert!(!visited.insert(&Handle::with_ordinal(id(1), 7)));
        assert!(visited.nodes.ids.is_empty(), "the bit has taken over");
        assert!(!visited.insert(&Handle::with_ordinal(id(1), 7)));
    }

    #[test]
    fn unlimited_never_refuses() {
        let mut visited = Visited::new(Uniqueness::Unlimited, true);
        let node = Handle::with_ordinal(id(1), 0);
        assert!(visited.insert(&node) && visited.insert(&node) && !visited.contains(&node));
    }

    #[test]
    fn a_way_of_a_million_steps_is_searched_and_dropped() {
        let mut way = None;
        for _ in 0..1_000_000 {
            way = Some(Way::to(id(1), way));
        }
        assert!(!way.as_ref().unwrap().contains(&id(2)));
        drop(way);
    }
}
