//! What hooks can change besides saving.

use jvspatial_db::{Ends, Handle, Id};

use super::Walker;
use super::walk::{Parting, Walk};
use crate::entity::{Connects, Edge, Entity, Node, Standalone, Stored};
use crate::graph::{check_ends, ends};
use crate::query::out;

/// Everything here joins the walk's batch. What creates, joins and removes is written at the end of the chunk at the
/// latest, before anything is followed.
impl<W: Walker> Walk<W> {
    /// Adds the creation of a node or an object, and returns it as it will be stored.
    ///
    /// When it cannot be stored, the hook fails with `Invalid` or `Limit`; when a unique key turns out to be taken, what
    /// [`on_conflict`](super::WalkBuilder::on_conflict) says happens.
    pub fn create<T: Standalone>(&mut self, value: T) -> Stored<T> {
        let id = self.new_id::<T>();
        if let Err(error) = self.writes.create(id.clone(), &value, None, false) {
            self.fail(error);
        }
        Stored::created(id, value, None)
    }

    /// Adds an edge from `source` to `target`. When they turn out to be joined by one of its type already, that
    /// one stays as it is, unless the type is declared `parallel`.
    ///
    /// Either may be a node that this walk is about to [create](Self::create). When one does not exist, the walk ends with
    /// `NotFound`, or as [`on_conflict`](super::WalkBuilder::on_conflict) says.
    pub fn connect<A: Node, B: Node, E: Connects<A, B>>(
        &mut self,
        source: &Stored<A>,
        target: &Stored<B>,
        edge: E,
    ) {
        self.link(ends::<E>(source.id(), target.id()), edge);
    }

    /// Adds an edge between nodes of which only the ids are known, otherwise as [`connect`](Self::connect). When the
    /// edge type does not lead from such a node to such a node, the hook fails with `Invalid`.
    pub fn connect_ids<E: Edge>(
        &mut self,
        source: impl AsRef<Id>,
        target: impl AsRef<Id>,
        edge: E,
    ) {
        let ends = ends::<E>(source.as_ref(), target.as_ref());
        match check_ends::<E>(&ends) {
            Ok(()) => self.link(ends, edge),
            Err(error) => self.fail(error),
        }
    }

    fn new_id<T: Entity>(&mut self) -> Id {
        Id::generated(T::COLLECTION, T::entity_name(), self.new_key())
    }

    fn link<E: Edge>(&mut self, ends: Ends, edge: E) {
        let id = self.new_id::<E>();
        if let Err(error) = self.writes.create(id, &edge, Some(ends), !E::PARALLEL) {
            self.fail(error);
        }
    }

    /// Adds the removal of the edges of type `E` that lead from `source` to `target` then; undirected ones lead
    /// either way. All of a chunk's are looked up by one query for each edge type.
    pub fn disconnect<E: Edge>(&mut self, source: impl AsRef<Id>, target: impl AsRef<Id>) {
        let ends = ends::<E>(source.as_ref(), target.as_ref());
        match out::<E>().into_database() {
            Ok(mut expansion) => {
                expansion.with_edges = true;
                expansion.may_dangle = true;
                let place = self.writes.next_place();
                self.partings.push(Parting { expansion, entity: E::entity_name(), ends, place });
            }
            Err(error) => self.fail(error),
        }
    }

    /// Adds the removal of a document whatever its version. The edges of a node go with it. A node that waits to be
    /// visited is not visited any more, and counted as missing.
    pub fn delete(&mut self, id: impl AsRef<Id>) {
        self.writes.delete(id.as_ref().clone(), None, None);
    }

    /// Adds the removal of a document if nobody else changes it before, otherwise as [`delete`](Self::delete).
    pub fn delete_unchanged<T: Entity>(&mut self, stored: &Stored<T>) {
        let by = self.again();
        self.writes.delete(stored.id().clone(), Some(stored.version()), by);
    }

    /// Takes up the removal of the edges that hooks asked to remove; of none when a limit forbids a query.
    pub(super) async fn part(&mut self) -> crate::Result<()> {
        let partings = std::mem::take(&mut self.partings);
        let mut removed: Vec<Vec<Id>> = vec![Vec::new(); partings.len()];
        let mut asked: Vec<usize> = Vec::new();
        for (place, parting) in partings.iter().enumerate() {
            if asked.iter().any(|&earlier| partings[earlier].expansion == parting.expansion) {
                continue;
            }
            asked.push(place);
            let made = self.engine.stats.queries;
            if let Some(limit) = self.engine.limits.forbid_queries(made, 1) {
                self.limit.get_or_insert(limit);
                return Ok(());
            }
            let same: Vec<usize> = (place..partings.len())
                .filter(|&other| partings[other].expansion == parting.expansion)
                .collect();
            let from: Vec<Handle> = same
                .iter()
                .map(|&other| Handle::new(partings[other].ends.source.clone()))
                .collect();
            self.engine.stats.queries += 1;
            let database = self.engine.database.clone();
            for adjacent in database.neighbors(&from, &parting.expansion).await? {
                if let Some(&other) = same.get(adjacent.origin as usize)
                    && partings[other].ends.target == *adjacent.node.id()
                {
                    removed[other].extend(adjacent.edge.map(Handle::into_id));
                }
            }
        }
        // The last first, so that the places of those before stay what they are.
        for (Parting { entity, ends, place, .. }, mut ids) in partings.iter().zip(removed).rev() {
            ids.extend(self.writes.connections(*place, *entity, ends));
            self.writes.delete_at(*place, ids);
        }
        Ok(())
    }
}
