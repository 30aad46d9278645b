//! The nodes next to many nodes.

use foldhash::{HashMap, HashMapExt};
use jvspatial_db::{Adjacent, Document, Handle, Id};

use super::Graph;
use super::detached;
use crate::error::Result;
use crate::query::{EdgeSelect, Expansion, Hop, NodeSelect, both, incoming, out};

impl Graph {
    /// Follows the edges `E` that leave a node, and undirected ones that touch it, to a search among
    /// the nodes behind them: `graph.out::<Flight>(&atl).to::<Airport>().filter(..).all()`.
    ///
    /// Hops can be chained: `graph.out::<Flight>(&atl).out::<Flight>().to::<Airport>()`.
    #[doc(alias = "nodes")]
    pub fn out<E: EdgeSelect>(&self, from: impl AsRef<Id>) -> Hop<E> {
        self.hop(from, out())
    }

    /// Follows the edges `E` that reach a node, and undirected ones that touch it.
    #[doc(alias = "nodes")]
    pub fn incoming<E: EdgeSelect>(&self, from: impl AsRef<Id>) -> Hop<E> {
        self.hop(from, incoming())
    }

    /// Follows the edges `E` that touch a node, either way.
    #[doc(alias = "nodes")]
    pub fn both<E: EdgeSelect>(&self, from: impl AsRef<Id>) -> Hop<E> {
        self.hop(from, both())
    }

    fn hop<E: EdgeSelect>(&self, from: impl AsRef<Id>, expansion: Expansion<E>) -> Hop<E> {
        let start = vec![from.as_ref().clone()];
        Hop::new(self.clone(), Box::pin(std::future::ready(Ok(start))), expansion)
    }

    /// The nodes that `expansion` reaches from each node of `from`, in the order in which the edges
    /// were made.
    ///
    /// However many nodes there are, the database is asked twice: once for the edges, once for the
    /// distinct nodes behind them. Nodes come as [`Stored<N>`](crate::Stored) after `.to::<N>()` and as
    /// [`AnyNode`](crate::AnyNode) otherwise. The answer has one list for each start node, empty for one
    /// that does not exist; parallel edges yield their node once each. A node that is deleted between
    /// the two steps is left out.
    ///
    /// # Errors
    /// The error of the expansion's filter; `Invalid` when the fields of a node do not fit its type.
    pub async fn neighbors<E, N: NodeSelect>(
        &self,
        from: &[impl AsRef<Id>],
        expansion: Expansion<E, N>,
    ) -> Result<Vec<Vec<N::Loaded>>> {
        let adjacent = self.adjacent(from, expansion).await?;
        let mut places = HashMap::with_capacity(adjacent.len());
        let mut distinct: Vec<Handle> = Vec::new();
        let nodes: Vec<(u32, usize)> = adjacent
            .into_iter()
            .map(|Adjacent { origin, node, .. }| {
                let place = *places.entry(node.id().clone()).or_insert_with(|| {
                    distinct.push(node);
                    distinct.len() - 1
                });
                (origin, place)
            })
            .collect();
        let mut documents: Vec<Option<Document>> = Vec::new();
        if !distinct.is_empty() {
            let found = self.0.database.get_many(&distinct).await?;
            documents.extend(found.into_iter().map(|document| document.map(detached)));
        }
        let loaded = nodes.into_iter().filter_map(|(origin, place)| {
            let document = documents.get(place)?.clone()?;
            let handle = distinct.get(place)?.clone();
            Some(N::load(handle, document).map(|node| (origin, node)))
        });
        grouped(from.len(), loaded)
    }

    /// The ids of the nodes that [`neighbors`](Self::neighbors) gives, without reading the nodes.
    ///
    /// # Errors
    /// The error of the expansion's filter.
    pub async fn neighbor_ids<E, N>(
        &self,
        from: &[impl AsRef<Id>],
        expansion: Expansion<E, N>,
    ) -> Result<Vec<Vec<Id>>> {
        let adjacent = self.adjacent(from, expansion).await?;
        let ids =
            adjacent.into_iter().map(|adjacent| Ok((adjacent.origin, adjacent.node.id().clone())));
        grouped(from.len(), ids)
    }

    async fn adjacent<E, N>(
        &self,
        from: &[impl AsRef<Id>],
        expansion: Expansion<E, N>,
    ) -> Result<Vec<Adjacent>> {
        let expansion = expansion.into_database()?;
        let from: Vec<Handle> = from.iter().map(|id| Handle::new(id.as_ref().clone())).collect();
        Ok(self.0.database.neighbors(&from, &expansion).await?)
    }
}

/// One list for each of `count` start nodes.
fn grouped<T>(count: usize, found: impl Iterator<Item = Result<(u32, T)>>) -> Result<Vec<Vec<T>>> {
    let mut lists: Vec<Vec<T>> = (0..count).map(|_| Vec::new()).collect();
    for item in found {
        let (origin, item) = item?;
        if let Some(list) = lists.get_mut(origin as usize) {
            list.push(item);
        }
    }
    Ok(lists)
}
