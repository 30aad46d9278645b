//! What a hook sees of the walk it is part of.

use std::fmt;
use std::time::Duration;

use jvspatial_db::{Document, Handle, Id};

use super::Walker;
use super::clock::Clock;
use super::control::Control;
use super::frontier::Pending;
use super::here::Here;
use super::hook::HookError;
use super::saves::Saves;
use super::trail::{Step, Trail};
use super::wishes::Wishes;
use crate::entity::{Entity, Stored};
use crate::error::{Error, Place};
use crate::graph::Graph;
use crate::query::Expansion;

/// A walk, as its hooks see it: where they are, and what they can ask for.
///
/// What a hook asks for is gathered and done for a whole chunk of nodes at once, so nothing here awaits but
/// the calls of [`graph`](Self::graph).
pub struct Walk<W: Walker> {
    graph: Graph,
    pub(super) reports: Vec<W::Report>,
    pub(super) trail: Trail,
    pub(super) saves: Saves,
    pub(super) wishes: Wishes,
    pub(super) clock: Clock,
    /// The node being visited.
    node: Option<Handle>,
    depth: u32,
    step: u64,
    max_depth: Option<u32>,
    depth_reached: bool,
    failure: Option<Error>,
}

impl<W: Walker> Walk<W> {
    pub(super) fn new(graph: Graph, saves: Saves, trail: Trail, max_depth: Option<u32>) -> Self {
        Self {
            graph,
            reports: Vec::new(),
            trail,
            saves,
            wishes: Wishes::default(),
            clock: Clock::default(),
            node: None,
            depth: 0,
            step: 0,
            max_depth,
            depth_reached: false,
            failure: None,
        }
    }

    /// How many edges away from its start the node was met; 0 at a start.
    ///
    /// In an `on_exit` hook: of the last node visited.
    pub const fn depth(&self) -> u32 {
        self.depth
    }

    /// The number of this visit, counted from 1.
    ///
    /// In an `on_exit` hook: how many visits there were.
    pub const fn step(&self) -> u64 {
        self.step
    }

    /// How long the walk has been at work, pauses left out.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The graph, to read what the walk itself does not bring along.
    ///
    /// It sees the saves of the walk only when their batch is written, and each call is a query of its
    /// own: prefer [`follow`](Self::follow) and [`save`](Self::save).
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The visits so far, this one included; empty unless the walk was asked for a trail.
    pub const fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Adds `value` to the walk's reports.
    pub fn report(&mut self, value: W::Report) {
        self.reports.push(value);
    }

    /// Asks to visit the nodes that `expansion` leads to from the node being visited.
    ///
    /// The database is asked when all hooks of the chunk have run, once for each distinct expansion. The
    /// nodes then wait in the order of the visits that asked, then of the calls, then of the edges'
    /// creation. At the depth that `max_depth` allows, and in an `on_exit` hook, nothing is asked. When the
    /// filter of the expansion cannot be, the walk ends with its error after the node's hooks.
    pub fn follow<E, N>(&mut self, expansion: Expansion<E, N>) {
        let Some(node) = &self.node else {
            return;
        };
        if self.max_depth.is_some_and(|max| self.depth >= max) {
            self.depth_reached = true;
            return;
        }
        match expansion.into_database() {
            Ok(mut expansion) => {
                expansion.with_edges = self.trail.is_kept();
                // The chunk that they come to be in is read, and shows which are missing.
                expansion.may_dangle = true;
                self.wishes.add(expansion, node, self.step, self.depth);
            }
            Err(error) => self.fail(error),
        }
    }

    /// Adds the save of `entity` to the walk's batch, under the version check, and gives it the version
    /// that it will have then.
    ///
    /// The batch is written when it is full and at the end. Until then the walk itself reads what it
    /// saved, and several saves of one document become one. When the stored version turns out to be
    /// another, the walk ends with a `Conflict`; when the fields cannot be stored, it ends with
    /// `Invalid` or `Limit` after the node's hooks, and `entity` keeps its version.
    pub fn save<T: Entity>(&mut self, entity: &mut Stored<T>) {
        if let Err(error) = self.saves.add(entity) {
            self.fail(error);
        }
    }

    /// Keeps the first error of a call that cannot say so itself.
    fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
    }

    /// Begins the visit of a node just loaded.
    pub(super) fn arrive(&mut self, node: Pending, mut document: Document) -> Here {
        let Pending { handle, depth, origin } = node;
        self.saves.overlay(&mut document);
        self.depth = depth;
        self.step += 1;
        if self.trail.is_kept() {
            let origin = origin.map(|origin| *origin);
            self.trail.record(Step {
                sequence: self.step,
                node: document.id.clone(),
                parent: origin.as_ref().map(|origin| origin.step),
                edge: origin.map(|origin| origin.edge),
                depth,
                at: self.clock.elapsed(),
            });
        }
        let here = Here::new(document, handle.ordinal());
        self.node = Some(handle);
        here
    }

    /// The answer of a node's hooks, unless a call that could not say so itself went wrong under them.
    pub(super) fn check(&mut self, control: Control) -> Result<Control, HookError> {
        self.failure.take().map_or(Ok(control), |error| Err(error.into()))
    }

    /// Whether a node was kept from going further by its depth.
    pub(super) const fn depth_reached(&self) -> bool {
        self.depth_reached
    }

    /// The error with its place in the walk, unless it has one already.
    pub(super) fn failed(&self, error: HookError, at: Option<&Id>) -> Error {
        error.into_error(|hook| Place { walker: W::NAME, hook, at: at.cloned(), depth: self.depth })
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
