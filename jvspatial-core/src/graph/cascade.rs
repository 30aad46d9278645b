//! Deleting a node with everything that only it leads to.

use foldhash::{HashMap, HashSet, HashSetExt};
use jvspatial_db::limits::MAX_BATCH_OPERATIONS;
use jvspatial_db::{Direction, Expansion, Handle, Id, Outcome, WriteReport};

use super::Graph;
use super::detaches;
use crate::entity::AnyEdge;
use crate::error::{Error, ErrorKind, Result};
use crate::query::{EdgeSelect, out};

/// How many nodes are expanded in one call.
const CHUNK: usize = 1_000;

/// The deletion of a node together with the nodes that only it leads to; made by
/// [`Graph::delete_cascade`].
#[derive(Debug)]
#[must_use = "a cascade does nothing until it is run or previewed"]
pub struct Cascade {
    graph: Graph,
    start: Id,
    expansion: Result<Expansion>,
    max_nodes: usize,
}

/// What a [`Cascade`] deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CascadeReport {
    /// How many nodes, the first included.
    pub nodes: u64,
    /// How many edges went with them.
    pub edges: u64,
}

impl Graph {
    /// Deletes a node and the nodes that would be left behind by it.
    ///
    /// Of the nodes reachable from the start along out edges, those stay that an edge from outside
    /// reaches, and those that can be reached from one that stays. All others are deleted with the
    /// start, and so is a ring that only the start led to. An edge from outside is one of any type
    /// whose source is not among the reachable nodes; edges to the start itself do not keep it.
    ///
    /// [`Cascade::along`] narrows the edges that are followed.
    pub fn delete_cascade(&self, start: impl AsRef<Id>) -> Cascade {
        Cascade {
            graph: self.clone(),
            start: start.as_ref().clone(),
            expansion: out::<AnyEdge>().into_database(),
            max_nodes: MAX_BATCH_OPERATIONS,
        }
    }
}

impl Cascade {
    /// Follows only the edges, and reaches only the nodes, of `expansion`: a node that it does not
    /// reach is never deleted. Default: all edges from source to target.
    pub fn along<E: EdgeSelect, N>(mut self, expansion: crate::query::Expansion<E, N>) -> Self {
        self.expansion = expansion.into_database();
        self
    }

    /// How many nodes may be reachable from the start; beyond, the cascade fails and deletes
    /// nothing. Default: 100,000, which is also the most.
    pub const fn max_nodes(mut self, count: usize) -> Self {
        self.max_nodes = count;
        self
    }

    /// The ids of the nodes that [`run`](Self::run) would delete now, the start first, otherwise by
    /// their distance from it.
    ///
    /// # Errors
    /// `NotFound` when the start does not exist, `Invalid` when it is not a node, `Limit` when more
    /// than [`max_nodes`](Self::max_nodes) are reachable, and the error of the expansion's filter.
    pub async fn preview(self) -> Result<Vec<Id>> {
        Ok(self.plan().await?.1)
    }

    /// Deletes them with their edges in one batch, which is all or nothing if the backend can.
    ///
    /// An edge made to one of the nodes after they were chosen does not save it. Nodes that others
    /// delete meanwhile do not count.
    ///
    /// # Errors
    /// As [`preview`](Self::preview), and what the backend reports for the batch.
    ///
    /// # Cancellation
    /// The nodes may have been deleted; all or none of them if the backend can.
    pub async fn run(self) -> Result<CascadeReport> {
        let (graph, mut doomed) = self.plan().await?;
        loop {
            let mut batch = graph.atomic_batch();
            for id in &doomed {
                batch.delete(id.clone(), None, detaches(id))?;
            }
            let atomic = batch.is_atomic();
            let report = graph.0.database.write(batch).await?;
            check(&doomed, &report)?;
            let before = doomed.len();
            let mut outcomes = report.outcomes.iter();
            doomed.retain(|_| !matches!(outcomes.next(), Some(Outcome::Missing(_))));
            // A batch that is all or nothing is tried again without the nodes that are gone already.
            if !atomic || doomed.len() == before || doomed.is_empty() {
                return Ok(CascadeReport {
                    nodes: report.written() as u64,
                    edges: report.detached,
                });
            }
        }
    }

    /// Chooses the nodes: all that are reachable, less those held from outside and what they reach.
    async fn plan(self) -> Result<(Graph, Vec<Id>)> {
        let expansion = self.expansion?;
        if !detaches(&self.start) {
            return Err(
                Error::new(ErrorKind::Invalid, "only nodes cascade").with("id", &self.start)
            );
        }
        let start = Handle::new(self.start);
        let found = self.graph.0.database.get_many(std::slice::from_ref(&start));
        if found.await?.iter().all(Option::is_none) {
            return Err(
                Error::new(ErrorKind::NotFound, "document does not exist").with("id", start.id())
            );
        }
        let max_nodes = self.max_nodes.min(MAX_BATCH_OPERATIONS);
        let reached = Reached::explore(&self.graph, start, &expansion, max_nodes).await?;
        let held = reached.held(&self.graph, expansion.direction).await?;
        let doomed = reached
            .nodes
            .iter()
            .enumerate()
            .filter(|(place, _)| !held.contains(place))
            .map(|(_, node)| node.id().clone())
            .collect();
        Ok((self.graph, doomed))
    }
}

/// Fails for an outcome that is neither written nor explained by a missing node.
fn check(ids: &[Id], report: &WriteReport) -> Result<()> {
    for (place, outcome) in report.failures() {
        match (outcome, ids.get(place)) {
            (Outcome::Missing(_) | Outcome::Skipped, _) | (_, None) => {}
            (outcome, Some(id)) => {
                outcome.clone().into_result(id)?;
            }
        }
    }
    Ok(())
}

/// The nodes reachable from a start, which is the first, and which leads to which.
struct Reached {
    nodes: Vec<Handle>,
    places: HashMap<Id, usize>,
    leads_to: Vec<Vec<usize>>,
}

impl Reached {
    async fn explore(
        graph: &Graph,
        start: Handle,
        expansion: &Expansion,
        max_nodes: usize,
    ) -> Result<Self> {
        let mut reached = Self {
            places: HashMap::from_iter([(start.id().clone(), 0)]),
            nodes: vec![start],
            leads_to: Vec::new(),
        };
        while reached.leads_to.len() < reached.nodes.len() {
            let from = reached.leads_to.len();
            let to = reached.nodes.len().min(from + CHUNK);
            let chunk = reached.nodes.get(from..to).unwrap_or_default();
            let adjacent = graph.0.database.neighbors(chunk, expansion).await?;
            reached.leads_to.resize(to, Vec::new());
            for next in adjacent {
                let place = match reached.places.get(next.node.id()) {
                    Some(&place) => place,
                    None => {
                        let place = reached.nodes.len();
                        if place >= max_nodes {
                            return Err(Error::new(
                                ErrorKind::Limit,
                                "too many nodes are reachable for a cascade",
                            )
                            .with("start", reached.nodes.first().map_or(next.node.id(), Handle::id))
                            .with("limit", max_nodes));
                        }
                        reached.places.insert(next.node.id().clone(), place);
                        reached.nodes.push(next.node);
                        place
                    }
                };
                if let Some(list) = reached.leads_to.get_mut(from + next.origin as usize) {
                    list.push(place);
                }
            }
        }
        Ok(reached)
    }

    /// The places of the nodes that stay.
    async fn held(&self, graph: &Graph, direction: Direction) -> Result<HashSet<usize>> {
        let back = Expansion::new(match direction {
            Direction::Out => Direction::In,
            Direction::In => Direction::Out,
            Direction::Both => Direction::Both,
        });
        let mut held = HashSet::new();
        for (number, chunk) in self.nodes.chunks(CHUNK).enumerate() {
            for holder in graph.0.database.neighbors(chunk, &back).await? {
                let place = number * CHUNK + holder.origin as usize;
                if place != 0 && !self.places.contains_key(holder.node.id()) {
                    held.insert(place);
                }
            }
        }
        let mut open: Vec<usize> = held.iter().copied().collect();
        while let Some(place) = open.pop() {
            for &next in self.leads_to.get(place).into_iter().flatten() {
                if next != 0 && held.insert(next) {
                    open.push(next);
                }
            }
        }
        Ok(held)
    }
}
