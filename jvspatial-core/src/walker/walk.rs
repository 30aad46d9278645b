//! What a hook sees of the walk it is part of.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use jvspatial_db::{Collection, Document, Handle, Id};

use super::Walker;
use super::clock::Clock;
use super::control::Control;
use super::engine::Engine;
use super::events::Channels;
use super::frontier::{Origin, Pending};
use super::here::Here;
use super::hook::HookError;
use super::leaves::Left;
use super::limits::Limit;
use super::policy::{OnConflict, OnError, WriteMode};
use super::trail::{Step, StepOutcome, Trail};
use super::visited::Way;
use super::wishes::{From, Wishes};
use super::writes::Writes;
use crate::entity::{Entity, Stored};
use crate::error::{Error, ErrorKind, Place};
use crate::graph::Graph;
use crate::query::Expansion;

/// A walk, as its hooks see it: where they are, and what they can ask for.
///
/// What a hook asks for is gathered and done for a whole chunk of nodes at once, so nothing here awaits but
/// the calls of [`graph`](Self::graph) and [`queue`](Self::queue).
pub struct Walk<W: Walker> {
    pub(super) graph: Graph,
    pub(super) settings: Arc<Settings>,
    pub(super) engine: Box<Engine>,
    pub(super) reports: Vec<W::Report>,
    /// How many reports were handed on before those in `reports`.
    pub(super) reported: u64,
    pub(super) trail: Trail,
    pub(super) writes: Writes,
    pub(super) partings: Vec<Parting>,
    pub(super) wishes: Wishes,
    pub(super) clock: Clock,
    /// The errors of hooks that did not end the walk.
    pub(super) errors: Vec<Error>,
    /// Why writes were not made that did not end the walk.
    pub(super) conflicts: Vec<Error>,
    /// How many of both there were before the checkpoint from which the walk has gone on.
    pub(super) earlier_errors: usize,
    pub(super) earlier_conflicts: usize,
    /// The error that ended the walk.
    pub(super) error: Option<Error>,
    /// A limit that a hook came upon.
    pub(super) limit: Option<Limit>,
    /// What is being visited.
    pub(super) here: Option<Handle>,
    origin: Option<Box<Origin>>,
    way: Option<Arc<Way>>,
    depth: u32,
    step: u64,
    phase: Phase,
    depth_reached: bool,
    failure: Option<Error>,
    /// Whether a hook of the visit under way was told of the limit that ends the walk.
    pub(super) is_at_limit: bool,
    /// Whether a hook of the visit under way has failed.
    pub(super) has_failed: bool,
    /// Whether these are visits apart from the walk.
    pub(super) is_aside: bool,
    /// The keys of what such visits create: those of later blocks are greater, whenever they are taken.
    pub(super) keys: Option<Keys>,
    /// Whether there were none left when a key was needed.
    pub(super) wants_keys: bool,
    /// Whether the hooks of this walk are known to create something.
    pub(super) creates: bool,
    /// Set by a hook of such visits that asks for the queue.
    pub(super) asks_for_queue: Arc<AtomicBool>,
}

/// How a walk was asked to go.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) on_error: OnError,
    pub(super) on_conflict: OnConflict,
    pub(super) write_mode: WriteMode,
    pub(super) max_depth: Option<u32>,
    pub(super) max_reports: Option<u64>,
    pub(super) max_errors: usize,
    pub(super) hook_timeout: Option<Duration>,
    /// How many walks are around this one.
    pub(super) nesting: u32,
    pub(super) channels: Channels,
}

/// Keys that were set aside for what the hooks of some visits create.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    keys: Arc<[[u8; 12]]>,
    taken: usize,
}

impl Keys {
    pub(super) fn new(keys: impl Iterator<Item = [u8; 12]>) -> Self {
        Self { keys: keys.collect(), taken: 0 }
    }

    fn next(&mut self) -> Option<[u8; 12]> {
        let key = self.keys.get(self.taken).copied()?;
        self.taken += 1;
        Some(key)
    }
}

/// Edges of one type between two nodes that are to be removed.
#[derive(Debug)]
pub(super) struct Parting {
    pub(super) expansion: jvspatial_db::Expansion,
    pub(super) entity: jvspatial_db::EntityName,
    pub(super) ends: jvspatial_db::Ends,
    /// Where among the writes it was asked for.
    pub(super) place: usize,
}

/// Which hooks are running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Visit,
    Leave,
    Exit,
}

impl<W: Walker> Walk<W> {
    pub(super) fn new(
        graph: Graph,
        settings: Arc<Settings>,
        engine: Box<Engine>,
        writes: Writes,
        trail: Trail,
    ) -> Self {
        Self {
            graph,
            settings,
            engine,
            reports: Vec::new(),
            reported: 0,
            trail,
            writes,
            partings: Vec::new(),
            wishes: Wishes::default(),
            clock: Clock::default(),
            errors: Vec::new(),
            conflicts: Vec::new(),
            earlier_errors: 0,
            earlier_conflicts: 0,
            error: None,
            limit: None,
            here: None,
            origin: None,
            way: None,
            depth: 0,
            step: 0,
            phase: Phase::Visit,
            depth_reached: false,
            failure: None,
            is_at_limit: false,
            has_failed: false,
            is_aside: false,
            keys: None,
            wants_keys: false,
            creates: false,
            asks_for_queue: Arc::default(),
        }
    }

    /// What hooks see of visits apart from the walk, after `step` steps of it.
    pub(super) fn aside(&self, step: u64) -> Self {
        let engine = Box::new(self.engine.aside());
        let writes = Writes::new(self.writes.options);
        let settings = Arc::clone(&self.settings);
        let walk = Self::new(self.graph.clone(), settings, engine, writes, Trail::new(0));
        Self { step, clock: self.clock.clone(), is_aside: true, ..walk }
    }

    /// Makes room for what so many visits mostly ask for: a report and a wish each.
    pub(super) fn expect(&mut self, visits: usize) {
        self.reports.reserve(visits);
        self.wishes.reserve(visits);
    }

    /// A key for a new document.
    pub(super) fn new_key(&mut self) -> [u8; 12] {
        if let Some(key) = self.keys.as_mut().and_then(Keys::next) {
            return key;
        }
        self.wants_keys = true;
        self.graph.reserve_keys(1).next().unwrap_or_default()
    }

    /// Whether what the hooks of later visits did is within the limits.
    pub(super) fn has_room_for(&self, later: &Self) -> bool {
        let reports = self.reported + (self.reports.len() + later.reports.len()) as u64;
        later.limit.is_none()
            && !later.wants_keys
            && later.partings.is_empty()
            && self.settings.max_reports.is_none_or(|most| reports <= most)
            && self.earlier_errors + self.errors.len() + later.errors.len()
                <= self.settings.max_errors
            && self.writes.has_room_for(&later.writes)
    }

    /// Takes over what the hooks of later visits did.
    pub(super) fn absorb(&mut self, later: Self) -> Result<(), Error> {
        self.reports.extend(later.reports);
        self.errors.extend(later.errors);
        self.depth_reached |= later.depth_reached;
        self.engine.stats.bytes += later.engine.stats.bytes;
        self.engine.stats.edges += later.engine.stats.edges;
        self.wishes.absorb(later.wishes);
        self.writes.absorb(later.writes)
    }

    /// Notes a visit that was made apart from the walk.
    pub(super) fn pass_by(&mut self, pending: Pending) {
        let Pending { handle, depth, origin, .. } = pending;
        self.depth = depth;
        self.step += 1;
        if self.engine.keep.origins || self.trail.is_kept() {
            self.note_arrival(&handle, origin.as_deref());
        }
        self.here = Some(handle);
        self.origin = origin;
    }

    /// How many edges away from its start the node was met; 0 at a start. An edge has the depth of the node
    /// behind it.
    ///
    /// In an `on_exit` hook: of the last visit.
    pub const fn depth(&self) -> u32 {
        self.depth
    }

    /// The number of this visit, counted from 1.
    ///
    /// In an `on_leave` hook: of the visit that is left. In an `on_exit` hook: how many visits there were.
    pub const fn step(&self) -> u64 {
        self.step
    }

    /// How long the walk has been at work, pauses left out.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The graph, to read what the walk itself does not bring along.
    ///
    /// It sees the writes of the walk only when their batch is written, and each call is a query of its
    /// own: prefer [`follow`](Self::follow) and [`save`](Self::save). In a walk that writes
    /// [atomically](WriteMode::Atomic) it is that transaction's.
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The visits so far, this one included; empty unless the walk was asked for a trail.
    pub const fn trail(&self) -> &Trail {
        &self.trail
    }

    /// The nodes on the way from the start to this one, both included.
    ///
    /// Kept only under [`Uniqueness::PathOnce`](super::Uniqueness::PathOnce), otherwise it is empty; the
    /// [trail](Self::trail) tells it too.
    pub fn path(&self) -> Vec<Id> {
        self.way.as_ref().map_or_else(Vec::new, Way::ids)
    }

    /// The error that ended the walk, for `on_exit` hooks.
    pub const fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// The errors so far of hooks that did not end the walk.
    pub fn errors(&self) -> &[Error] {
        &self.errors
    }

    /// Adds `value` to the walk's reports. One more than `max_reports` allows is dropped, and the walk ends after the
    /// node's hooks.
    pub fn report(&mut self, value: W::Report) {
        if let Some(most) = self.settings.max_reports
            && self.reported + self.reports.len() as u64 >= most
        {
            self.limit.get_or_insert(Limit::Reports(most));
            return;
        }
        self.reports.push(value);
    }

    /// Asks to visit the nodes that `expansion` leads to from the node being visited.
    ///
    /// The database is asked when all hooks of the chunk have run, once for each distinct expansion. The
    /// nodes then wait in the order of the visits that asked, then of the calls, then of the edges'
    /// creation. At the depth that `max_depth` allows, and in `on_leave` and `on_exit` hooks, nothing is asked. When the
    /// filter of the expansion cannot be, or what is visited is an edge, the hook fails.
    pub fn follow<E, N>(&mut self, expansion: Expansion<E, N>) {
        self.expand(expansion, false, None);
    }

    /// Asks to visit the edges that `expansion` leads along, and behind each the node it leads to.
    ///
    /// An edge is visited like a node, its hooks decide: after [`Control::Continue`] the node behind it is to be
    /// visited too, after [`Control::Skip`] it is left out. Otherwise as [`follow`](Self::follow).
    pub fn follow_edges<E, N>(&mut self, expansion: Expansion<E, N>) {
        self.expand(expansion, true, None);
    }

    /// As [`follow_edges`](Self::follow_edges), giving each edge the place `rank` in a walk [by
    /// rank](super::WalkBuilder::by_rank). The node behind it has its depth for a rank unless the hooks of the edge
    /// [visit it](Self::visit_ranked) with another and answer [`Control::Skip`].
    pub fn follow_edges_ranked<E, N>(&mut self, rank: f64, expansion: Expansion<E, N>) {
        self.expand(expansion, true, Some(rank));
    }

    /// As [`follow`](Self::follow), giving each node the place `rank` in a walk [by
    /// rank](super::WalkBuilder::by_rank); the order of other walks does not change.
    pub fn follow_ranked<E, N>(&mut self, rank: f64, expansion: Expansion<E, N>) {
        self.expand(expansion, false, Some(rank));
    }

    fn expand<E, N>(&mut self, expansion: Expansion<E, N>, edges: bool, rank: Option<f64>) {
        let Some(node) = self.here.clone().filter(|_| self.phase == Phase::Visit) else {
            return;
        };
        if node.id().collection() == Collection::Edge {
            let error = Error::new(
                ErrorKind::Invalid,
                "edges are followed from a node; to go on behind an edge, visit its target",
            );
            let error = error.with("id", node.id());
            return self.fail(error);
        }
        if self.is_deep() {
            return;
        }
        match expansion.into_database() {
            Ok(mut expansion) => {
                expansion.with_edges = edges || self.engine.keep.with_edges();
                // The chunk that they come to be in is read, and shows which are missing.
                expansion.may_dangle = true;
                let from = From { step: self.step, depth: self.depth, way: self.way.clone() };
                self.wishes.follow(expansion, edges, node, from, rank);
            }
            Err(error) => self.fail(error),
        }
    }

    /// Asks to visit a node or an edge itself, in the place and with the depth that it would have if it were
    /// [followed](Self::follow) to.
    ///
    /// What became of it shows in the outcome's [`Stats`](super::Stats); [`queue`](Self::queue) tells at once.
    pub fn visit(&mut self, id: impl AsRef<Id>) {
        self.name(id.as_ref(), false, None);
    }

    /// As [`visit`](Self::visit), even if it was visited before.
    pub fn revisit(&mut self, id: impl AsRef<Id>) {
        self.name(id.as_ref(), true, None);
    }

    /// As [`visit`](Self::visit), with the place `rank` in a walk [by rank](super::WalkBuilder::by_rank).
    pub fn visit_ranked(&mut self, rank: f64, id: impl AsRef<Id>) {
        self.name(id.as_ref(), false, Some(rank));
    }

    fn name(&mut self, id: &Id, again: bool, rank: Option<f64>) {
        if self.phase != Phase::Visit {
            return;
        }
        if id.collection() == Collection::Object {
            let error = Error::new(ErrorKind::Invalid, "a walk visits nodes and edges");
            return self.fail(error.with("id", id));
        }
        // An edge leads from the node it was followed from, so what is behind it is no deeper.
        let from_edge =
            self.here.as_ref().filter(|here| here.id().collection() == Collection::Edge);
        let edge = from_edge.filter(|_| id.collection() == Collection::Node).cloned();
        if edge.is_none() && self.is_deep() {
            return;
        }
        let from = self.standpoint();
        self.wishes.visit(self.engine.database.handle(id), edge, again, from, rank);
    }

    /// Whether the visit under way may lead no further; the walk is then one cut at its depth.
    pub(super) fn is_deep(&mut self) -> bool {
        let is_deep = self.settings.max_depth.is_some_and(|max| self.depth >= max);
        self.depth_reached |= is_deep;
        is_deep
    }

    /// Whether the hooks of a visit are running.
    pub(super) fn is_visiting(&self) -> bool {
        self.phase == Phase::Visit
    }

    /// Whether nothing is visited or left any more.
    pub(super) fn has_ended(&self) -> bool {
        self.phase == Phase::Exit
    }

    pub(super) fn standpoint(&self) -> From {
        From { step: self.step, depth: self.depth, way: self.way.clone() }
    }

    /// Keeps the first error of a call that cannot say so itself.
    pub(super) fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
    }

    /// Takes up how far the walk has come.
    pub(super) const fn restore(&mut self, step: u64, depth: u32, depth_reached: bool) {
        (self.step, self.depth, self.depth_reached) = (step, depth, depth_reached);
    }

    /// The visit under way, to be made again for a conflict.
    pub(super) fn again(&self) -> Option<Box<Pending>> {
        match (self.settings.on_conflict, self.phase) {
            (OnConflict::Revisit(_), Phase::Visit) => {
                let handle = self.here.clone()?;
                let (depth, origin) = (self.depth, self.origin.clone());
                Some(Box::new(Pending { handle, depth, again: true, origin }))
            }
            _ => None,
        }
    }

    /// Begins the visit of what was just loaded.
    pub(super) fn arrive(&mut self, pending: Pending, document: Document) -> Here {
        let here = Here::new(document, pending.handle.ordinal());
        self.phase = Phase::Visit;
        self.has_failed = false;
        self.is_at_limit = false;
        self.pass_by(pending);
        here
    }

    #[cold]
    fn note_arrival(&mut self, handle: &Handle, origin: Option<&Origin>) {
        let parent = origin.map(|origin| origin.step);
        if self.trail.is_kept() {
            self.trail.record(Step {
                sequence: self.step,
                entity: handle.id().clone(),
                parent,
                edge: origin.and_then(|origin| origin.edge.clone()),
                depth: self.depth,
                at: self.clock.elapsed(),
                outcome: StepOutcome::UnderWay,
            });
        }
        if self.engine.keep.ways {
            let before = origin.and_then(|origin| origin.way.clone());
            self.way = match handle.id().collection() {
                Collection::Edge => before,
                _ => Some(Way::to(handle.id().clone(), before)),
            };
        }
        if let Some(leaves) = &mut self.engine.leaves {
            let (handle, way) = (handle.clone(), self.way.clone());
            leaves.enter(Left { step: self.step, handle, depth: self.depth, way }, parent);
        }
    }

    /// Ends the visit of an edge: what is behind it is to be visited.
    pub(super) fn pass(&mut self) {
        let ahead = self.origin.as_mut().and_then(|origin| origin.ahead.take());
        if let (Some(ahead), Some(edge)) = (ahead, self.here.clone()) {
            let from = self.standpoint();
            self.wishes.visit(ahead, Some(edge), false, from, None);
        }
    }

    /// Prepares for the hooks that leave a visit, and returns where it was before.
    pub(super) fn leave(&mut self, Left { step, handle, depth, way, .. }: Left) -> (u64, u32) {
        let last = (self.step, self.depth);
        (self.step, self.depth, self.phase) = (step, depth, Phase::Leave);
        (self.here, self.way) = (Some(handle), way);
        last
    }

    /// Goes on where it was before [`leave`](Self::leave).
    pub(super) const fn come_back(&mut self, (step, depth): (u64, u32)) {
        (self.step, self.depth) = (step, depth);
    }

    /// Prepares for the hooks at the end.
    pub(super) fn end(&mut self) {
        self.phase = Phase::Exit;
        self.here = None;
        self.failure = None;
    }

    /// What the answer of the hook `name` comes to, by the walk's [policy](OnError): the control to obey, or
    /// the error that ends the walk. Generated code calls it after each hook.
    ///
    /// # Errors
    /// The hook's error, or that of a call in it which could not say so itself.
    pub fn answered(
        &mut self,
        name: &'static str,
        answer: Result<Control, Error>,
    ) -> Result<Control, HookError> {
        let failure = self.failure.take();
        let error = match (answer, failure) {
            (Ok(control), None) => return Ok(control),
            (Err(error), _) | (Ok(_), Some(error)) => error,
        };
        self.settle(HookError::of(name, error))
    }

    /// As [`answered`](Self::answered) for an error of no hook.
    pub(super) fn settle(&mut self, error: HookError) -> Result<Control, HookError> {
        if self.is_at_limit && error.kind() == ErrorKind::Limit {
            return Ok(Control::Skip);
        }
        let answer = match self.settings.on_error {
            OnError::Fail => return Err(error),
            OnError::Collect => Control::Continue,
            OnError::Skip => Control::Skip,
        };
        let error = self.placed(error);
        self.has_failed = true;
        if self.earlier_errors + self.errors.len() < self.settings.max_errors {
            self.errors.push(error);
        } else {
            self.limit.get_or_insert(Limit::Errors(self.settings.max_errors));
        }
        Ok(answer)
    }

    /// The error of a call outside of any hook's answer.
    pub(super) const fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// Brings `here` up to what the walk has written of it, so that the next hook sees it. Generated code calls it
    /// between hooks that see the document in different forms.
    pub fn refresh(&self, here: &mut Here) {
        self.writes.overlay(here.document_mut());
    }

    /// What came of the visit whose hooks answered `control`.
    pub(super) fn concluded(&self, control: Control) -> StepOutcome {
        if self.has_failed { StepOutcome::Failed } else { control.into() }
    }

    /// Whether something was kept from going further by its depth.
    pub(super) const fn depth_reached(&self) -> bool {
        self.depth_reached
    }

    /// The error with its place in the walk, unless it has one already.
    pub(super) fn placed(&self, error: HookError) -> Error {
        let at = self.here.as_ref().map(|here| here.id().clone());
        error.into_error(|hook| Place { walker: W::NAME, hook, at, depth: self.depth })
    }

    /// Adds the save of `entity` to the walk's batch, under the version check, and gives it the version
    /// that it will have then.
    ///
    /// The batch is written when it is full and at the end. Until then the walk itself reads what it
    /// saved, and several saves of one document become one. What happens when the stored version turns out to be
    /// another, [`on_conflict`](super::WalkBuilder::on_conflict) says. When the fields cannot be stored, the hook fails
    /// with `Invalid` or `Limit`, and `entity` keeps its version.
    pub fn save<T: Entity>(&mut self, entity: &mut Stored<T>) {
        let by = self.again();
        if let Err(error) = self.writes.save(entity, by) {
            self.fail(error);
        }
    }
}

impl<W: Walker> fmt::Debug for Walk<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk")
            .field("walker", &W::NAME)
            .field("step", &self.step)
            .field("depth", &self.depth)
            .field("reports", &self.reports.len())
            .finish_non_exhaustive()
    }
}
