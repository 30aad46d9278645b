//! What a write changes.

use jvspatial_db::{Action, Collection, Id, Operation, WriteBatch};

use super::cached_query::QueryOptions;
use super::slot::Slot;

/// The slots that a write touches, and its documents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Touched {
    slots: Vec<Slot>,
    ids: Vec<Id>,
}

impl Touched {
    /// What `batch` touches, if all of it is written.
    pub(crate) fn by(batch: &WriteBatch) -> Self {
        let mut touched = Self::default();
        touched.add(batch.operations());
        // A slot counts its writes, and a batch may touch one as often as it has operations.
        touched.slots.sort_unstable();
        touched.slots.dedup();
        touched
    }

    fn add(&mut self, operations: &[Operation]) {
        self.ids.reserve(operations.len());
        let mut last = None;
        for operation in operations {
            self.note(&operation.id, &mut last);
            let link = match &operation.action {
                Action::Update { .. } => continue,
                Action::Insert { link, .. } | Action::Put { link, .. } => link.as_deref(),
                Action::Delete { detach, .. } => {
                    if *detach && operation.id.collection() == Collection::Node {
                        self.slots.push(Slot::edges_gone());
                    }
                    None
                }
                _ => None,
            };
            self.slots.push(Slot::existence(&operation.id));
            if let Some(link) = link {
                self.slots.push(Slot::edges_of(&link.ends.source));
                self.slots.push(Slot::edges_of(&link.ends.target));
            }
        }
    }

    /// A change by another process, of which no more is known.
    pub(super) fn by_change(id: &Id, is_new_or_gone: bool) -> Self {
        let mut touched = Self::default();
        touched.note(id, &mut None);
        if is_new_or_gone {
            touched.slots.push(Slot::existence(id));
            if id.collection() == Collection::Edge {
                touched.slots.push(Slot::edges_made_elsewhere());
            }
        }
        touched
    }

    /// What an application has marked with `tags`.
    pub(crate) fn by_tags<'a>(tags: impl IntoIterator<Item = &'a str>) -> Self {
        let mut touched = Self::default();
        touched.slots.extend(tags.into_iter().map(Slot::tag));
        touched
    }

    /// All answers of a query.
    pub(crate) fn by_query(query: &QueryOptions) -> Self {
        Self { slots: vec![Slot::query(query.name, query.owner)], ids: Vec::new() }
    }

    /// The documents of another write are touched as well.
    pub(super) fn merge(&mut self, other: Self) {
        self.slots.extend(other.slots);
        self.slots.sort_unstable();
        self.slots.dedup();
        self.ids.extend(other.ids);
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The documents.
    #[cfg(feature = "redis")]
    pub(super) fn ids(&self) -> &[Id] {
        &self.ids
    }

    fn note<'a>(&mut self, id: &'a Id, last: &mut Option<(Collection, &'a str)>) {
        let kind = (id.collection(), id.entity());
        if *last != Some(kind) {
            *last = Some(kind);
            self.slots.push(Slot::kind(kind.0, kind.1));
            self.slots.push(Slot::collection(kind.0));
        }
        self.slots.push(Slot::document(id));
        self.ids.push(id.clone());
    }
}
