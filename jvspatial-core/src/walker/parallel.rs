//! A chunk visited by several workers at once, with the same result as one visit after the other.
//!
//! A chunk is cut into blocks, each visited in order by one worker and with effects of its own, and the blocks are
//! merged in their order. What a worker cannot know of the others, such as that a block before has changed one of
//! its nodes, is found there: such a block is visited again on the walk itself, and what its first visits
//! asked for is forgotten.

use std::collections::VecDeque;
use std::fmt;

use jvspatial_db::Document;

use super::Walker;
use super::block::{Block, Done, Stop};
use super::control::Control;
use super::early::Early;
use super::frontier::Pending;
use super::outcome::Ended;
use super::parallel_walker::{Fork, ParallelWalker};
use super::policy::WriteMode;
use super::run::{Next, Run};
use super::seat::{self, Crew, Seat};
use super::team::Team;
use super::walk::{Keys, Walk};
use crate::error::Result;

/// How many visits a block has, unless hooks are to overlap while they wait.
const BLOCK: usize = 64;

/// How many keys a block has for what its hooks create, in a walk that creates anything.
const KEYS: usize = 256;

/// How a walk is spread over workers.
pub(super) struct Spread<W: Walker> {
    pub(super) workers: usize,
    /// How many visits may be under way at once.
    pub(super) concurrency: usize,
    /// Makes a crew of the walker.
    crew: fn(W) -> Box<dyn Crew<W>>,
}

impl<W: ParallelWalker> Spread<W> {
    /// Over workers that share the walker.
    pub(super) fn shared(workers: usize) -> Self {
        Self { workers, concurrency: workers, crew: seat::shared }
    }
}

impl<W: Fork> Spread<W> {
    /// Over workers that have forks of the walker.
    pub(super) fn forked(workers: usize) -> Self {
        Self { workers, concurrency: workers, crew: seat::forked }
    }
}

impl<W: Walker> Spread<W> {
    /// The place for the walker.
    pub(super) fn seat(&self, walker: W) -> Seat<W> {
        Seat::Crew((self.crew)(walker))
    }

    /// How many blocks a worker has under way at once.
    const fn each(&self) -> usize {
        self.concurrency.div_ceil(self.workers)
    }

    fn block_size(&self, visits: usize, mode: WriteMode) -> usize {
        // What a visit writes at once does not become one with what the next one writes.
        if self.each() > 1 || mode == WriteMode::Immediate {
            return 1;
        }
        // A chunk too small for full blocks is still to keep every worker busy.
        BLOCK.min(visits.div_ceil(self.workers * 2)).max(1)
    }
}

/// A block, as the walk knows it while it is away.
#[derive(Debug)]
struct Plan {
    /// How many places of the chunk it covers, those of missing nodes included.
    places: usize,
    /// How many steps the walk has made before it, if all goes as planned.
    steps_before: u64,
    visits: u64,
    /// The keys of what its hooks create, if it is known that they do.
    keys: Option<Keys>,
}

/// A chunk that was handed out.
pub(super) struct Begun<W: Walker> {
    team: Team<W>,
    plans: Vec<Plan>,
    mark: u64,
}

impl<W: Walker> Begun<W> {
    /// What of the walk's writes the hooks could see.
    pub(super) const fn mark(&self) -> u64 {
        self.mark
    }

    /// Stops the workers, wherever they are.
    pub(super) async fn dismiss(self) {
        self.team.dismiss().await;
    }
}

impl<W: Walker> Run<W> {
    /// Visits a chunk by several workers, who may have begun. The first who have no more to do in it begin with the next
    /// one, `early`, if they can.
    pub(super) async fn visit_spread(
        &mut self,
        mut documents: Vec<Option<Document>>,
        begun: Option<Begun<W>>,
        early: &mut Option<Early<W>>,
    ) -> Result<Next> {
        let begun = match begun {
            Some(begun) => Some(begun),
            None => {
                let waiting = self.walk.engine.chunk.iter();
                self.hand_out(&mut documents, waiting, self.walk.step())?
            }
        };
        let Some(Begun { mut team, plans, mark }) = begun else {
            return self.visit_chunk(documents).await;
        };
        self.walk.wants_keys = false;
        let mut documents = documents.into_iter();
        let mut result = Ok(Next::Visit);
        let steps_after = plans.last().map_or(0, |plan| plan.steps_before + plan.visits);
        let mut plans = plans.into_iter().enumerate();
        while let Some((place, plan)) = plans.next() {
            if early.is_none() && plans.len() < team.at_once() {
                *early = self.begin_early(steps_after);
            }
            let documents: Vec<_> = documents.by_ref().take(plan.places).collect();
            result = self.take_in(place, plan, documents, &mut team, mark).await;
            if !matches!(result, Ok(Next::Visit)) || self.walk.engine.chunk.is_empty() {
                break;
            }
        }
        // Nobody else has the walker when the chunk is closed.
        team.dismiss().await;
        result
    }

    /// Waits for a block and merges it, or visits it again.
    async fn take_in(
        &mut self,
        place: usize,
        plan: Plan,
        documents: Vec<Option<Document>>,
        team: &mut Team<W>,
        mark: u64,
    ) -> Result<Next> {
        if plan.visits == 0 {
            return self.visit_chunk(documents).await;
        }
        let done = match self.company.unless_cancelled(team.next(place)).await {
            Some(done) => done?,
            None => return Ok(Next::End(Ended::Cancelled)),
        };
        if self.accepts(&plan, &documents, &done, mark) {
            self.merge(documents, done).await
        } else {
            self.walk.engine.stats.repeated += plan.visits;
            self.walk.creates |= done.walk.wants_keys;
            self.walk.keys = plan.keys;
            let next = self.visit_chunk(documents).await;
            self.walk.keys = None;
            next
        }
    }

    /// Cuts a chunk, whose nodes wait as `waiting`, into blocks and has them visited after `steps_before` others; none when
    /// the walk is not spread. Documents that the walk has removed since they were loaded are taken out.
    pub(super) fn hand_out(
        &self,
        documents: &mut [Option<Document>],
        mut waiting: impl Iterator<Item = Pending>,
        mut steps_before: u64,
    ) -> Result<Option<Begun<W>>> {
        let (Some(spread), Seat::Crew(crew)) = (&self.company.spread, &self.seat) else {
            return Ok(None);
        };
        let size = spread.block_size(documents.len(), self.walk.settings.write_mode);
        let (mut courses, mut plans) = (VecDeque::new(), Vec::new());
        for documents in documents.chunks_mut(size) {
            let mut visits = Vec::with_capacity(size);
            // In this order, as the one that ends first must be asked first.
            for (place, pending) in documents.iter_mut().zip(waiting.by_ref()) {
                let Some(mut document) = place.clone() else { continue };
                if self.walk.writes.overlay(&mut document) {
                    visits.push((pending, document));
                } else {
                    *place = None;
                }
            }
            let count = visits.len() as u64;
            let creates = self.walk.creates && count > 0;
            let keys = creates.then(|| Keys::new(self.walk.graph.reserve_keys(KEYS)));
            if count > 0 {
                let mut walk = self.walk.aside(steps_before);
                walk.keys.clone_from(&keys);
                let block = Block { place: plans.len(), visits, walk };
                courses.push_back(self.walk.guarded("fork", || crew.conduct(block))?);
            }
            plans.push(Plan { places: documents.len(), steps_before, visits: count, keys });
            steps_before += count;
        }
        let team = Team::start(spread.workers, spread.each(), courses);
        Ok(Some(Begun { team, plans, mark: self.walk.writes.mark() }))
    }

    /// Whether the visits of a block went as they would have gone one after the other.
    fn accepts(
        &self,
        plan: &Plan,
        documents: &[Option<Document>],
        done: &Done<W>,
        mark: u64,
    ) -> bool {
        let Walk { engine, writes, clock, .. } = &self.walk;
        // A key taken meanwhile is greater than those that were set aside.
        let is_in_place = plan.steps_before == self.walk.step() && !self.walk.wants_keys;
        let is_decided = !matches!(done.stop, Some(Stop::Undecided));
        let limits = &engine.limits;
        let last = plan.steps_before + plan.visits;
        let is_within_limits = engine.allows_visits(documents.iter().flatten())
            && limits.steps.is_none_or(|steps| last <= steps)
            && limits
                .bytes
                .is_none_or(|bytes| engine.stats.bytes + done.walk.engine.stats.bytes <= bytes)
            && limits.forbid_visit(plan.steps_before, || clock.elapsed()).is_none()
            && self.walk.has_room_for(&done.walk);
        let is_fresh =
            documents.iter().flatten().all(|document| !writes.is_newer(&document.id, mark))
                && writes.can_absorb(&done.walk.writes, mark);
        is_in_place && is_decided && is_within_limits && is_fresh
    }

    /// Takes up what a block did, as if its visits had been made here.
    async fn merge(&mut self, documents: Vec<Option<Document>>, done: Done<W>) -> Result<Next> {
        let Done { walk: block, fork, steps, stop, .. } = done;
        let mut steps = steps.into_iter().peekable();
        for document in documents {
            if document.is_some() && steps.peek().is_none() {
                break;
            }
            let Some(pending) = self.walk.engine.chunk.pop() else { break };
            match document {
                None => self.walk.engine.note_missing(&pending),
                Some(document) => {
                    self.walk.engine.count_visit(&document.id);
                    self.walk.pass_by(pending);
                    self.walk.trail.conclude(steps.next().unwrap_or_default());
                    self.observe(|observer, progress| observer.visit(progress))?;
                }
            }
        }
        self.walk.absorb(block)?;
        if let Seat::Crew(crew) = &mut self.seat {
            self.walk.guarded("merge", || crew.merge(fork))?;
        }
        if let Some(Stop::Failed(error)) = stop {
            return Err(error);
        }
        if self.walk.settings.write_mode == WriteMode::Immediate {
            self.walk.write_all().await?;
        }
        if self.company.sink.is_some() && !self.flush_reports().await {
            return Ok(Next::End(Ended::Cancelled));
        }
        match stop {
            Some(Stop::Control(Control::Disengage)) => Ok(Next::End(Ended::Disengaged)),
            Some(Stop::Control(Control::Pause)) => Ok(Next::Pause),
            Some(_) | None => Ok(Next::Visit),
        }
    }
}

impl<W: Walker> fmt::Debug for Spread<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spread")
            .field("workers", &self.workers)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
