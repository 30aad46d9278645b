//! How a walk is asked for.

use std::time::Duration;

use jvspatial_db::limits::MAX_BATCH_OPERATIONS;
use jvspatial_db::{Collection, Id};

use super::Walker;
use super::frontier::{Frontier, Order, Pending};
use super::limits::Limits;
use super::outcome::{Outcome, Stats};
use super::run::{Chunk, Engine, Run};
use super::saves::Saves;
use super::trail::Trail;
use super::visited::{Uniqueness, Visited};
use super::walk::Walk;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Graph;

/// The largest chunk: a chunk is in memory whole.
const MAX_CHUNK: usize = 1_000_000;

/// A walk about to begin.
///
/// Every bound that can be set allows exactly what it says: `max_steps(3)` visits three nodes, and
/// `max_depth(0)` the starts alone.
#[derive(Debug)]
#[must_use = "a walk does nothing until it is run"]
pub struct WalkBuilder<W: Walker> {
    graph: Graph,
    walker: W,
    starts: Option<Vec<Id>>,
    order: Order,
    uniqueness: Uniqueness,
    chunk_size: usize,
    batch_size: usize,
    limits: Limits,
    trail: usize,
}

impl Graph {
    /// A walk of `walker` over this graph, from the root unless told otherwise; it begins when it is
    /// [run](WalkBuilder::run).
    pub fn walk<W: Walker>(&self, walker: W) -> WalkBuilder<W> {
        WalkBuilder::new(self.clone(), walker)
    }
}

impl<W: Walker> WalkBuilder<W> {
    fn new(graph: Graph, walker: W) -> Self {
        Self {
            graph,
            walker,
            starts: None,
            order: Order::default(),
            uniqueness: Uniqueness::default(),
            chunk_size: 1_000,
            batch_size: 500,
            limits: Limits::default(),
            trail: 0,
        }
    }

    /// Adds a start. Default: the root node, created if the graph has none yet.
    pub fn from(self, start: impl AsRef<Id>) -> Self {
        self.from_many([start])
    }

    /// Adds starts, in order. With none at all the walk ends at once.
    pub fn from_many(mut self, starts: impl IntoIterator<Item = impl AsRef<Id>>) -> Self {
        let starts = starts.into_iter().map(|start| start.as_ref().clone());
        self.starts.get_or_insert_default().extend(starts);
        self
    }

    /// Visits the nodes nearest to a start first. This is the default.
    pub fn breadth_first(mut self) -> Self {
        self.order = Order::BreadthFirst;
        self
    }

    /// Visits everything that a node leads to before the node that comes after it.
    ///
    /// What comes next depends on the hooks of the node before, so nodes are loaded one by one: two
    /// queries for each. Prefer the default where the order does not matter.
    pub fn depth_first(mut self) -> Self {
        self.order = Order::DepthFirst;
        self
    }

    /// How often a node may be visited. Default: [`Uniqueness::NodeOnce`].
    pub fn uniqueness(mut self, uniqueness: Uniqueness) -> Self {
        self.uniqueness = uniqueness;
        self
    }

    /// How many nodes are loaded by one query, from 1 to 1,000,000. Default: 1,000. It makes no difference
    /// to the order of the visits, and depth first it is always 1.
    pub fn chunk_size(mut self, nodes: usize) -> Self {
        self.chunk_size = nodes;
        self
    }

    /// How many saves are written together, from 1 to 100,000. Default: 500. A batch that has become full is
    /// written at the end of the chunk.
    pub fn batch_size(mut self, saves: usize) -> Self {
        self.batch_size = saves;
        self
    }

    /// Ends the walk when another node would be visited after `steps` of them. Default: no limit.
    pub fn max_steps(mut self, steps: u64) -> Self {
        self.limits.steps = Some(steps);
        self
    }

    /// Keeps nodes at `depth` from going further; the rest of the walk goes on. Default: no limit.
    pub fn max_depth(mut self, depth: u32) -> Self {
        self.limits.depth = Some(depth);
        self
    }

    /// Ends the walk before the first visit that would begin after `time` at work. A hook under way is not
    /// interrupted, and a pause does not count. Default: no limit.
    pub fn max_time(mut self, time: Duration) -> Self {
        self.limits.time = Some(time);
        self
    }

    /// Ends the walk when more than `nodes` would wait to be visited; those of the chunk under way do not
    /// wait any more. Default: 8,000,000, which take a third of a gigabyte.
    pub fn max_frontier(mut self, nodes: usize) -> Self {
        self.limits.frontier = nodes;
        self
    }

    /// Keeps the last `steps` visits with the edges that led to them. Default: none, which saves looking
    /// up the edges.
    pub fn trail(mut self, steps: usize) -> Self {
        self.trail = steps;
        self
    }

    /// Walks until no node is left, a hook or a limit ends the walk, or a hook pauses it.
    ///
    /// Nodes are visited in chunks, each loaded by one query. A node that was deleted in the meantime is
    /// counted as missing. When the walk really ends, also by a limit, the `on_exit` hooks run once and the
    /// last saves are written; when it pauses, the saves are written and the hooks wait.
    ///
    /// # Errors
    /// That of a hook, with its place ([`Error::place`](crate::Error::place)); `Conflict` when a saved
    /// document was changed by someone else; `NotFound` when no start exists; `Invalid` when a start is
    /// not a node or a size is out of its range; otherwise what the database says. After an error no
    /// further hook runs, not even `on_exit`, and saves not written yet are dropped: the error counts
    /// both under `saves written` and `saves dropped`.
    ///
    /// # Cancellation
    /// Dropping the future stops the walk. Saves not written yet are lost, a batch being written is
    /// applied or not, and nothing is half applied on backends with atomic batches.
    pub async fn run(self) -> Result<Outcome<W>> {
        self.begin().await?.run().await
    }

    async fn begin(self) -> Result<Run<W>> {
        check_size("chunk size", self.chunk_size, MAX_CHUNK)?;
        check_size("batch size", self.batch_size, MAX_BATCH_OPERATIONS)?;
        let starts = match self.starts {
            Some(starts) => starts,
            None => vec![self.graph.root().await?.id().clone()],
        };
        if let Some(start) = starts.iter().find(|id| id.collection() != Collection::Node) {
            return Err(Error::new(ErrorKind::Invalid, "a walk starts at nodes").with("id", start));
        }
        let database = self.graph.database();
        let capabilities = database.capabilities();
        let ordinals = capabilities.ordinals && self.uniqueness == Uniqueness::NodeOnce;
        let saves = Saves::new(capabilities.encoding, self.batch_size);
        // Pinned before the first ordinal is seen, so that none that is noted can change its meaning.
        let pin = ordinals.then(|| database.pin_ordinals());
        let visited = Visited::new(self.uniqueness, ordinals);
        let mut frontier = Frontier::new(self.order, self.limits.frontier, visited);
        let start = starts.first().cloned();
        frontier.extend(starts.into_iter().map(Pending::start));
        let engine = Engine {
            frontier,
            chunk: Chunk::default(),
            chunk_size: match self.order {
                Order::BreadthFirst => self.chunk_size,
                Order::DepthFirst => 1,
            },
            limits: self.limits,
            start,
            stats: Stats::default(),
            writing: None,
            _pin: pin,
            database: database.clone(),
        };
        let walk = Walk::new(self.graph, saves, Trail::new(self.trail), self.limits.depth);
        Ok(Run::new(self.walker, walk, engine))
    }
}

fn check_size(what: &'static str, size: usize, max: usize) -> Result<()> {
    if (1..=max).contains(&size) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, "size of a walk is out of its range")
        .with(what, size)
        .with("smallest", 1)
        .with("largest", max))
}
