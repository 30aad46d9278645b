//! How a walk is asked for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jvspatial_db::limits::MAX_BATCH_OPERATIONS;
use jvspatial_db::{Collection, Database, Id, Transaction};
use tokio::time::Instant;

use super::Walker;
use super::apart::apart;
use super::cancel::Cancel;
use super::checkpoint::Plan;
use super::engine::{Chunk, Engine};
use super::events::{Channels, Events};
use super::frontier::{Frontier, Met, Order, Pending};
use super::leaves::Leaves;
use super::limits::Limits;
use super::observer::Observer;
use super::outcome::{Outcome, Stats};
use super::parallel::Spread;
use super::parallel_walker::{Fork, ParallelWalker};
use super::policy::{OnConflict, OnError, OnFull, WriteMode};
use super::recorder::Recorder;
use super::run::{Company, Run};
use super::stepper::Stepper;
use super::stream::{Reports, Sink};
use super::trail::Trail;
use super::visited::{Uniqueness, Visited};
use super::walk::{Settings, Walk};
use super::wishes::Keep;
use super::writes::{Options, Writes};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Graph;

/// The largest chunk: a chunk is in memory whole.
pub(super) const MAX_CHUNK: usize = 1_000_000;
/// How many reports a stream has room for.
const REPORT_ROOM: usize = 1_024;
const MAX_WORKERS: usize = 1_024;
const MAX_CONCURRENCY: usize = 100_000;

/// A walk about to begin.
///
/// Every bound that can be set allows exactly what it says: `max_steps(3)` makes three visits, and
/// `max_depth(0)` visits the starts alone.
#[derive(Debug)]
#[must_use = "a walk does nothing until it is run"]
pub struct WalkBuilder<W: Walker> {
    pub(super) graph: Graph,
    walker: W,
    pub(super) starts: Option<Vec<Id>>,
    pub(super) order: Order,
    pub(super) uniqueness: Uniqueness,
    pub(super) chunk_size: usize,
    pub(super) batch_size: usize,
    pub(super) batch_age: Option<Duration>,
    pub(super) max_writes: Option<u64>,
    pub(super) limits: Limits,
    pub(super) on_full: OnFull,
    pub(super) trail: usize,
    pub(super) settings: Settings,
    report_room: usize,
    observer: Option<Arc<dyn Observer>>,
    cancel: Option<Cancel>,
    spread: Option<Spread<W>>,
    /// What a dry run goes through.
    pub(super) recorder: Option<Arc<Recorder>>,
    pub(super) checkpoint: Option<Plan<W>>,
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
        let limits = Limits::default();
        Self {
            graph,
            walker,
            starts: None,
            order: Order::default(),
            uniqueness: Uniqueness::default(),
            chunk_size: 1_000,
            batch_size: 1_000,
            batch_age: None,
            max_writes: None,
            limits,
            on_full: OnFull::default(),
            trail: 0,
            settings: Settings {
                on_error: OnError::default(),
                on_conflict: OnConflict::default(),
                write_mode: WriteMode::default(),
                max_depth: None,
                max_reports: None,
                max_errors: Limits::DEFAULT_ERRORS,
                hook_timeout: None,
                nesting: 0,
                channels: Channels::default(),
            },
            report_room: REPORT_ROOM,
            observer: None,
            cancel: None,
            spread: None,
            recorder: None,
            checkpoint: None,
        }
    }

    /// Adds a start, a node or an edge. Default: the root node, created if the graph has none yet.
    pub fn from(self, start: impl AsRef<Id>) -> Self {
        self.from_many([start])
    }

    /// Adds starts, in order. With none at all the walk ends at once.
    pub fn from_many(mut self, starts: impl IntoIterator<Item = impl AsRef<Id>>) -> Self {
        let starts = starts.into_iter().map(|start| start.as_ref().clone());
        self.starts.get_or_insert_default().extend(starts);
        self
    }

    /// Visits what is nearest to a start first. This is the default.
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

    /// Visits what has the smallest rank first, and of those with the same what was met first: the ranks that hooks give by
    /// [`visit_ranked`](Walk::visit_ranked) and [`follow_ranked`](Walk::follow_ranked), such as a distance; otherwise the
    /// depth. What is met by several edges comes with its smallest.
    ///
    /// Loads one by one as [`depth_first`](Self::depth_first) does.
    pub fn by_rank(mut self) -> Self {
        self.order = Order::ByRank;
        self
    }

    /// How often the same may be visited. Default: [`Uniqueness::NodeOnce`].
    pub fn uniqueness(mut self, uniqueness: Uniqueness) -> Self {
        self.uniqueness = uniqueness;
        self
    }

    /// How many nodes are loaded by one query, from 1 to 1,000,000. Default: 1,000. It makes no difference
    /// to the order of the visits, and depth first and by rank it is always 1.
    pub fn chunk_size(mut self, nodes: usize) -> Self {
        self.chunk_size = nodes;
        self
    }

    /// When the writes of hooks reach the database. Default: [`WriteMode::Batched`].
    pub fn write_mode(mut self, mode: WriteMode) -> Self {
        self.settings.write_mode = mode;
        self
    }

    /// How many writes go together, from 1 to 100,000. Default: 1,000, as many as a chunk saves. A batch that has become full is
    /// written at the end of the chunk.
    pub fn batch_size(mut self, writes: usize) -> Self {
        self.batch_size = writes;
        self
    }

    /// Writes a batch that is not full at the end of the chunk in which its oldest write has waited for `age`.
    /// Default: it waits until it is full, or the walk ends.
    pub fn batch_age(mut self, age: Duration) -> Self {
        self.batch_age = Some(age);
        self
    }

    /// What a write does whose document has changed meanwhile. Default: [`OnConflict::Fail`].
    pub fn on_conflict(mut self, policy: OnConflict) -> Self {
        self.settings.on_conflict = policy;
        self
    }

    /// What the failure of a hook does. Default: [`OnError::Fail`].
    pub fn on_error(mut self, policy: OnError) -> Self {
        self.settings.on_error = policy;
        self
    }

    /// Has the hooks of a visit, or those that leave it, fail when they have not ended after `time`. They are dropped where they wait; one that
    /// computes and never waits cannot be stopped. Default: they may take as long as they like.
    pub fn hook_timeout(mut self, time: Duration) -> Self {
        self.settings.hook_timeout = Some(time);
        self
    }

    /// Ends the walk when another visit would be made after `steps` of them. Default: no limit.
    pub fn max_steps(mut self, steps: u64) -> Self {
        self.limits.steps = Some(steps);
        self
    }

    /// Ends the walk when something would be visited after `visits` visits of it. Default: no limit. It takes a
    /// place in memory for everything visited.
    pub fn max_visits(mut self, visits: u32) -> Self {
        self.limits.visits = Some(visits);
        self
    }

    /// Keeps nodes at `depth` from going further; the rest of the walk goes on. Default: no limit.
    pub fn max_depth(mut self, depth: u32) -> Self {
        self.limits.depth = Some(depth);
        self.settings.max_depth = Some(depth);
        self
    }

    /// Ends the walk before the first visit that would begin after `time` at work. A hook under way is not
    /// interrupted, and a pause does not count. Default: no limit.
    pub fn max_time(mut self, time: Duration) -> Self {
        self.limits.time = Some(time);
        self
    }

    /// Ends the walk at a point in time, pauses or not. A hook that waits for something then is dropped there.
    /// Default: none.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.limits.deadline = Some(deadline);
        self
    }

    /// Ends the walk when `cancelled` is done, such as a token, the end of a channel, or Ctrl-C. A hook that waits for
    /// something then is dropped there; what hooks have asked to write is written. Default: never.
    pub fn until(mut self, cancelled: impl Future<Output = ()> + Send + 'static) -> Self {
        self.cancel = Some(Cancel::new(cancelled));
        self
    }

    /// Bounds how much waits to be visited; what is in the chunk under way does not wait any more. Default: 8,000,000,
    /// which take a third of a gigabyte. [`on_full`](Self::on_full) says what happens there.
    pub fn max_frontier(mut self, nodes: usize) -> Self {
        self.limits.frontier = nodes;
        self
    }

    /// What becomes of a node for which the frontier has no room. Default: [`OnFull::End`].
    pub fn on_full(mut self, policy: OnFull) -> Self {
        self.on_full = policy;
        self
    }

    /// Ends the walk after the hook that would make more reports than `reports`. Default: no limit.
    pub fn max_reports(mut self, reports: u64) -> Self {
        self.settings.max_reports = Some(reports);
        self
    }

    /// Ends the walk when it would read the database more than `queries` times. The reads that hooks make by themselves
    /// do not count. Default: no limit.
    pub fn max_queries(mut self, queries: u64) -> Self {
        self.limits.queries = Some(queries);
        self
    }

    /// Ends the walk before the visit that would bring the fields of all that was visited over `bytes`, as they are stored.
    /// Default: no limit.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.limits.bytes = Some(bytes);
        self
    }

    /// Ends the walk after the hook that would ask for more writes than `writes`. Default: no limit.
    pub fn max_writes(mut self, writes: u64) -> Self {
        self.max_writes = Some(writes);
        self
    }

    /// How many errors of hooks and conflicts are kept, each; one more ends the walk. Default: 1,000.
    pub fn max_errors(mut self, errors: usize) -> Self {
        self.settings.max_errors = errors;
        self
    }

    /// Keeps the last `steps` visits with the edges that led to them. Default: none, which saves looking
    /// up the edges.
    pub fn trail(mut self, steps: usize) -> Self {
        self.trail = steps;
        self
    }

    /// Tells `observer` how the walk goes.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Takes part in a channel of events: what other walks tell there, hooks can [take](Walk::next_event), and
    /// [emit](Walk::emit) what those are told. One channel for each type of events. Default: none.
    pub fn events<E: Clone + Send + 'static>(mut self, events: &Events<E>) -> Self {
        self.settings.channels.add(events);
        self
    }

    /// How many reports a [stream](Self::stream) holds that are not taken, before the walk waits. Default: 1,024.
    pub fn report_room(mut self, reports: usize) -> Self {
        self.report_room = reports;
        self
    }

    /// Has `workers` tasks run the hooks of a chunk, from 1 to 1,024; they share the walker, so its hooks take `&self`.
    ///
    /// Visits, reports and writes are those of the same walk without, in the same order. To that end a worker's effects
    /// count only once those before it are known: visits whose nodes turn out to be changed by a visit before them, that
    /// hold the [queue](Walk::queue), or at which the walk comes to a limit, are made a second time, one after the other.
    /// When the walk ends, hooks of what would have come next may have run, whose effects do not count.
    /// So a hook should do what it does through the walk, and bear repetition of anything else.
    /// [`Walk::trail`] is empty in hooks that run in parallel. Depth first and by rank there is nothing to share out.
    pub fn parallel(mut self, workers: usize) -> Self
    where
        W: ParallelWalker,
    {
        self.spread = Some(Spread::shared(workers));
        self
    }

    /// As [`parallel`](Self::parallel), for a walker whose hooks change it: each worker has a [fork](Fork) of it.
    pub fn parallel_forked(mut self, workers: usize) -> Self
    where
        W: Fork,
    {
        self.spread = Some(Spread::forked(workers));
        self
    }

    /// How many visits a parallel walk may have under way at once, from 1 to 100,000, so that hooks that wait for
    /// something overlap. Default: as many as there are workers. No effect on a walk that is not
    /// [parallel](Self::parallel).
    pub fn concurrency(mut self, visits: usize) -> Self {
        if let Some(spread) = &mut self.spread {
            spread.concurrency = visits;
        }
        self
    }

    /// Walks until nothing is left, a hook or a limit ends the walk, or a hook pauses it.
    ///
    /// Nodes are visited in chunks, each loaded by one query. A node that was deleted in the meantime is
    /// counted as missing. When the walk really ends, also by a limit or an error, the `on_exit` hooks run once and the
    /// last writes are made; when it pauses, the writes are made and the hooks wait.
    ///
    /// # Errors
    /// That of a hook, with its place ([`Error::place`]); `Conflict` when a saved
    /// document was changed by someone else; `NotFound` when no start exists; `Invalid` when a start is
    /// an object or a size is out of its range; otherwise what the database says. After an error no
    /// further hook runs but those of `on_exit`, and writes not made yet are dropped: the error counts
    /// both under `writes made` and `writes dropped`. [`outcome`](Self::outcome) has the rest.
    ///
    /// # Cancellation
    /// Dropping the future stops the walk. Writes not made yet are lost, a batch being written is
    /// applied or not, and nothing is half applied on backends with atomic batches. A [parallel](Self::parallel)
    /// walk is a task of its own, as its workers are: it stops where it waits next.
    pub async fn run(self) -> Result<Outcome<W>> {
        self.outcome().await?.into_result()
    }

    /// As [`run`](Self::run), and hands back what the walk gathered also when an error ended it.
    ///
    /// # Errors
    /// Those found before the walk began: `Invalid`, `Unsupported`, or what the database says.
    ///
    /// # Cancellation
    /// As [`run`](Self::run).
    pub async fn outcome(self) -> Result<Outcome<W>> {
        if self.spread.is_some() {
            // Beside its workers on the threads of the runtime, where it takes turns with them, instead of on one more.
            return apart(self).await;
        }
        self.make().await
    }

    /// Walks in the task of the caller.
    pub(super) async fn make(self) -> Result<Outcome<W>> {
        // In boxes, since a walk is large and would be twice in the future of its caller.
        let run = Box::pin(self.begin(None)).await?;
        Ok(Box::pin(run.run()).await)
    }

    /// The reports as the walk makes them, instead of all at its end.
    pub fn stream(self) -> Reports<W> {
        let room = self.report_room;
        Reports::new(room, |sink| async move { Ok(self.begin(Some(sink)).await?.run().await) })
    }

    /// The walk visit by visit, for tests and debuggers.
    pub fn stepper(self) -> Stepper<W> {
        Stepper::new(self)
    }

    /// The walk, paused before its first visit.
    pub(super) async fn begin(mut self, sink: Option<Sink<W::Report>>) -> Result<Run<W>> {
        check_size("chunk size", self.chunk_size, MAX_CHUNK)?;
        check_size("batch size", self.batch_size, MAX_BATCH_OPERATIONS)?;
        if let Some(Spread { workers, concurrency, .. }) = &self.spread {
            check_size("workers", *workers, MAX_WORKERS)?;
            check_size("concurrency", *concurrency, MAX_CONCURRENCY)?;
        }
        let plan = self.checkpoint.take();
        if let Some(plan) = &plan {
            plan.check(&self)?;
        }
        let course = plan.as_ref().map(|plan| Box::new(self.course(plan.every())));
        let mode = self.settings.write_mode;
        let is_apart = mode == WriteMode::Atomic || self.recorder.is_some();
        let (graph, transaction) = graph_to_walk(self.graph, mode, self.recorder).await?;
        let starts = match &self.starts {
            Some(starts) => starts.clone(),
            None if plan.as_ref().is_some_and(Plan::is_resumed) => Vec::new(),
            None => vec![graph.root().await?.id().clone()],
        };
        if let Some(start) = starts.iter().find(|id| id.collection() == Collection::Object) {
            return Err(
                Error::new(ErrorKind::Invalid, "a walk visits nodes and edges").with("id", start)
            );
        }
        let database = Arc::clone(graph.database());
        let capabilities = database.capabilities();
        let (encoding, has_ordinals) = (capabilities.encoding, capabilities.ordinals);
        let by_node = self.uniqueness == Uniqueness::NodeOnce;
        let uses_ordinals =
            has_ordinals && matches!(self.uniqueness, Uniqueness::NodeOnce | Uniqueness::EdgeOnce);
        // Pinned before the first ordinal is seen, so that none that is noted can change its meaning.
        let pin = uses_ordinals.then(|| database.pin_ordinals());
        let mut visited = Visited::new(self.uniqueness, uses_ordinals);
        if plan.is_some() {
            visited.keep_log();
        }
        let mut frontier = Frontier::new(self.order, self.limits.frontier, self.on_full, visited);
        let start = starts.first().cloned();
        let met = starts.iter().map(|id| Met::from(Pending::start(database.handle(id))));
        let _ = frontier.extend(met, |_| {});
        let ways = self.uniqueness == Uniqueness::PathOnce;
        let trail = self.trail > 0;
        let engine = Engine {
            database,
            transaction,
            frontier,
            chunk: Chunk::default(),
            ahead: None,
            chunk_size: match self.order {
                Order::BreadthFirst => self.chunk_size,
                Order::DepthFirst | Order::ByRank => 1,
            },
            // Where each is visited once, nobody need count.
            limits: Limits {
                visits: self.limits.visits.filter(|visits| !by_node || *visits == 0),
                page: page_size(self.limits.page, self.chunk_size),
                ..self.limits
            },
            keep: Keep {
                origins: trail || W::LEAVES || ways,
                trail,
                edges: self.uniqueness == Uniqueness::EdgeOnce,
                ways,
            },
            start,
            stats: Stats::default(),
            leaves: W::LEAVES.then(Leaves::default),
            visits: HashMap::default(),
            retries: HashMap::default(),
            _pin: pin,
        };
        let mut writes = Writes::new(Options {
            encoding,
            batch_size: self.batch_size,
            max_age: self.batch_age,
            max_writes: self.max_writes,
            immediate: self.settings.write_mode == WriteMode::Immediate,
            held: plan.is_some(),
        });
        // Where reading is work for this thread alone, nothing is gained by it, and a transaction takes one call at
        // a time.
        writes.looks_ahead = !is_apart && (self.spread.is_some() || !has_ordinals);
        let walk = Walk::new(
            graph,
            Arc::new(self.settings),
            Box::new(engine),
            writes,
            Trail::new(self.trail),
        );
        let Self { observer, cancel, spread, .. } = self;
        let company =
            Company { spread, observer, cancel, sink, pause_at: None, saver: None, resumed: None };
        let mut run = Run { seat: company.seat(self.walker), walk, company };
        if let (Some(plan), Some(course)) = (plan, course) {
            Box::pin(plan.join(&mut run, course)).await?;
        }
        Ok(run)
    }
}

/// The graph that the hooks see, and the transaction that it is in.
async fn graph_to_walk(
    graph: Graph,
    mode: WriteMode,
    recorder: Option<Arc<Recorder>>,
) -> Result<(Graph, Option<Arc<dyn Transaction>>)> {
    if let Some(recorder) = recorder {
        let graph = graph.on(Arc::clone(&recorder) as _);
        return Ok((graph, (mode == WriteMode::Atomic).then_some(recorder as _)));
    }
    if mode != WriteMode::Atomic {
        return Ok((graph, None));
    }
    let transaction = graph.database().begin().await?;
    let database: Arc<dyn Database> = Arc::clone(&transaction) as _;
    Ok((graph.on(database), Some(transaction)))
}

/// What is asked for at a time, for chunks of a size; another page than the default is kept.
const fn page_size(page: usize, chunk_size: usize) -> usize {
    let each = chunk_size.saturating_mul(Limits::PAGE_OF_EACH);
    if page == Limits::PAGE && each > page { each } else { page }
}

pub(super) fn check_size(what: &'static str, size: usize, max: usize) -> Result<()> {
    if (1..=max).contains(&size) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, "size of a walk is out of its range")
        .with(what, size)
        .with("smallest", 1)
        .with("largest", max))
}
