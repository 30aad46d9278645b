//! The course of a walk, from its first chunk to its end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use std::pin::pin;

use futures_util::future::{Either, select};
use futures_util::{FutureExt as _, TryFutureExt as _};
use jvspatial_db::{Document, ErrorKind};

use super::Walker;
use super::cancel::Cancel;
use super::checkpoint::{At, Saver};
use super::control::Control;
use super::early::Early;
use super::hook::{HookError, panicked};
use super::leaves::{Leaves, Left};
use super::limits::Limit;
use super::observer::{Observer, Progress};
use super::outcome::{Ended, Outcome, Stats};
use super::parallel::Spread;
use super::policy::WriteMode;
use super::seat::Seat;
use super::stream::Sink;
use super::visit::{Bounds, Cut, bounded};
use super::walk::Walk;
use crate::error::{Error, Place, Result};

/// After so many visits at the latest other tasks of the runtime get a turn.
const VISITS_PER_TURN: usize = 128;

/// A walk under way: the walker, what its hooks see, and who has a say in it.
pub(super) struct Run<W: Walker> {
    pub(super) seat: Seat<W>,
    pub(super) walk: Walk<W>,
    pub(super) company: Company<W>,
}

/// Who follows a walk, and may end it.
pub(super) struct Company<W: Walker> {
    /// The workers, when there are several.
    pub(super) spread: Option<Spread<W>>,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) cancel: Option<Cancel>,
    /// Where reports go instead of being gathered.
    pub(super) sink: Option<Sink<W::Report>>,
    /// After how many visits the walk pauses by itself.
    pub(super) pause_at: Option<u64>,
    /// What writes checkpoints, in a walk that has some.
    pub(super) saver: Option<Box<Saver<W>>>,
    /// Where it goes on from one, until it has.
    pub(super) resumed: Option<At>,
}

/// What comes after a visit.
pub(super) enum Next {
    Visit,
    Pause,
    End(Ended),
}

impl<W: Walker> Run<W> {
    /// Walks until the walk ends or pauses.
    pub(super) async fn run(mut self) -> Outcome<W> {
        self.walk.clock.start();
        self.walk.settings.channels.join();
        let begun = self.observe(|observer, progress| observer.started(progress));
        let went = match begun {
            Ok(()) => self.go().await,
            Err(error) => Err(error),
        };
        let ended = went.unwrap_or_else(|error| self.fail(error));
        let mut ended = self.end(ended).await;
        self.walk.clock.stop();
        self.walk.settings.channels.leave();
        if let Err(error) = self.observe_end(ended) {
            let pauses = ended == Ended::Paused;
            ended = self.fail(error);
            if pauses {
                ended = self.end(ended).await;
            }
        }
        self.into_outcome(ended)
    }

    /// What is done at an end, unless it is a pause.
    async fn end(&mut self, ended: Ended) -> Ended {
        match ended {
            Ended::Paused => ended,
            ended if self.is_checkpointed() => Box::pin(self.finish_checkpointed(ended)).await,
            ended => self.finish(ended).await,
        }
    }

    fn observe_end(&self, ended: Ended) -> Result<()> {
        if let Ended::Limit(limit) = ended {
            self.observe(|observer, progress| observer.limit(limit, progress))?;
        }
        self.observe(|observer, progress| observer.finished(ended, progress))
    }

    /// Goes chunk by chunk, and lets nobody work on when the walk has ended.
    async fn go(&mut self) -> Result<Ended> {
        let mut early = None;
        let ended = self.go_on(&mut early).await;
        if let Some(early) = early {
            early.dismiss().await;
        }
        ended
    }

    /// The loop: load a chunk, run the hooks of each node, then do for all of them what they asked for.
    async fn go_on(&mut self, early: &mut Option<Early<W>>) -> Result<Ended> {
        match self.company.resumed.take() {
            Some(At::End(ended)) => return Ok(ended),
            Some(At::Chunk(first)) => {
                if let Some(ended) = Box::pin(self.follow_up(first)).await? {
                    return Ok(ended);
                }
            }
            // A walk that was stopped in the midst of leaving leaves the others before it goes anywhere.
            None if self.walk.engine.leaves.as_ref().is_some_and(Leaves::are_ready) => {
                if let Some(ended) = Box::pin(self.leave()).await? {
                    return Ok(ended);
                }
            }
            None => {}
        }
        loop {
            if let Some(ended) = self.forbids_chunk() {
                if ended == Ended::Cancelled {
                    self.checkpoint_now().await?;
                }
                return Ok(ended);
            }
            if !self.walk.engine.take_chunk(self.walk.step()) {
                // What waited last may have needed no visit any more, and then somebody else is done with it.
                if self.walk.engine.leaves.is_some()
                    && let Some(ended) = Box::pin(self.leave()).await?
                {
                    return Ok(ended);
                }
                // A conflict among the last writes may bring a node back.
                self.walk.write_all().await?;
                if self.is_checkpointed() && !self.walk.writes.is_settled() {
                    self.checkpoint_now().await?;
                }
                if let Some(limit) = self.limit() {
                    return Ok(Ended::Limit(limit));
                }
                if self.walk.engine.frontier.len() > 0 {
                    continue;
                }
                return Ok(match self.walk.engine.limits.depth {
                    Some(depth) if self.walk.depth_reached() => Ended::Limit(Limit::Depth(depth)),
                    _ => Ended::Finished,
                });
            }
            let (documents, begun) = self.load(early.take()).await?;
            self.walk.writes.begin_chunk();
            let (visits, first) = (documents.len(), self.walk.step() + 1);
            if self.walk.writes.looks_ahead {
                self.walk.engine.load_ahead(first - 1 + visits as u64);
            }
            let next = if self.company.is_spread() && visits > 1 {
                self.visit_spread(documents, begun, early).await?
            } else {
                self.visit_chunk(documents).await?
            };
            if let Next::End(ended) = next {
                return Ok(ended);
            }
            if matches!(next, Next::Visit) && early.is_none() {
                *early = self.begin_early(self.walk.step());
            }
            // Only a pause, or a hook that took hold of the queue, leaves some of the chunk.
            self.walk.engine.put_chunk_back();
            if let Some(ended) = self.close_chunk(first).await? {
                return Ok(ended);
            }
            self.observe(|observer, progress| observer.chunk(progress))?;
            if matches!(next, Next::Pause) {
                self.walk.write_all().await?;
                self.checkpoint_now().await?;
                return Ok(Ended::Paused);
            }
            give_way(visits).await;
        }
    }

    /// What keeps another chunk from being loaded.
    fn forbids_chunk(&mut self) -> Option<Ended> {
        let Walk { engine, limit, writes, .. } = &self.walk;
        if self.company.is_cancelled() {
            return Some(Ended::Cancelled);
        }
        limit
            .or_else(|| writes.refused())
            .or_else(|| engine.frontier.overflow())
            .or_else(|| engine.limits.forbid_waiting())
            .or_else(|| {
                let waits = engine.frontier.len() > 0;
                engine.limits.forbid_queries(engine.stats.queries, 1).filter(|_| waits)
            })
            .map(Ended::Limit)
    }

    pub(super) async fn visit_chunk(&mut self, documents: Vec<Option<Document>>) -> Result<Next> {
        for document in documents {
            let Some(pending) = self.walk.engine.chunk.pop() else { break };
            match self.visit(pending, document).await? {
                Next::Visit => {}
                next => return Ok(next),
            }
        }
        Ok(Next::Visit)
    }

    /// Does what the hooks of a chunk asked for, beginning with the visit `first`.
    async fn close_chunk(&mut self, first: u64) -> Result<Option<Ended>> {
        self.walk.write_chunk().await?;
        self.checkpoint_chunk(first).await?;
        self.follow_up(first).await
    }

    /// Looks up what the hooks of a chunk asked for, and leaves what is done.
    async fn follow_up(&mut self, first: u64) -> Result<Option<Ended>> {
        let Self { walk, .. } = self;
        if let Some(limit) = walk.engine.expand(&mut walk.wishes).await? {
            return Ok(Some(Ended::Limit(limit)));
        }
        let last = walk.step();
        if let Some(leaves) = &mut walk.engine.leaves {
            leaves.conclude(first..=last);
            if let Some(ended) = self.leave().await? {
                return Ok(Some(ended));
            }
        }
        Ok(self.walk.limit.map(Ended::Limit))
    }

    /// Runs the hooks that leave what the walk is done with, and tells what ended the walk meanwhile.
    async fn leave(&mut self) -> Result<Option<Ended>> {
        loop {
            if self.is_checkpointed() && self.is_checkpoint_due() {
                // What is left may be much, and nothing waits for the end of a chunk.
                self.checkpoint_now().await?;
            }
            let most = self.walk.engine.chunk_size;
            let Some(leaves) = &mut self.walk.engine.leaves else { return Ok(None) };
            let left = leaves.take_ready(most);
            if left.is_empty() {
                self.walk.write_chunk().await?;
                return Ok(None);
            }
            let engine = &mut self.walk.engine;
            if let Some(limit) = engine.limits.forbid_queries(engine.stats.queries, 1) {
                return Ok(Some(Ended::Limit(limit)));
            }
            engine.stats.queries += 1;
            let handles: Vec<_> = left.iter().map(|left| left.handle.clone()).collect();
            let documents = engine.database.get_many(&handles).await?;
            for (left, document) in left.into_iter().zip(documents) {
                if let Some(ended) = self.leave_one(left, document).await? {
                    return Ok(Some(ended));
                }
            }
        }
    }

    async fn leave_one(&mut self, left: Left, document: Option<Document>) -> Result<Option<Ended>> {
        let Self { seat, walk, company } = self;
        if let Some(mut document) = document
            && walk.writes.overlay(&mut document)
        {
            let mut here = super::here::Here::new(document, left.handle.ordinal());
            let last = walk.leave(left);
            let bounds = Bounds::of(walk).cancelled(company.cancel.as_mut());
            let leaving = seat.walker().leave(&mut here, walk).map_ok(|()| Control::Continue);
            let answer = match bounded(pin!(leaving), bounds).await {
                Ok(answer) => answer,
                Err(Cut::Deadline) => return Ok(Some(Ended::Limit(Limit::Deadline))),
                Err(Cut::Cancelled | Cut::Queue) => return Ok(Some(Ended::Cancelled)),
            };
            if let Err(error) = walk.judge_hook(answer) {
                return Err(walk.placed(error));
            }
            walk.come_back(last);
            if walk.settings.write_mode == WriteMode::Immediate {
                walk.write_all().await?;
            }
        }
        Ok(None)
    }

    /// Notes the error that ends the walk.
    pub(super) fn fail(&mut self, error: Error) -> Ended {
        let depth = self.walk.depth();
        let error = error.at(|| Place { walker: W::NAME, hook: None, at: None, depth });
        match &self.walk.error {
            None => self.walk.error = Some(error),
            Some(_) => self.walk.errors.push(error),
        }
        Ended::Failed
    }

    /// The real end: what is left is written, the `on_exit` hooks run, and what they asked for is written too.
    async fn finish(&mut self, mut ended: Ended) -> Ended {
        let limit = self.limit();
        self.walk.end();
        if let Err(error) = self.check_start(ended) {
            ended = self.fail(error);
        }
        if ended == Ended::Failed {
            // What became of the last batch belongs into the account; the first error stays.
            let _ = self.walk.settle_writes().await;
            self.walk.writes.drop_waiting();
        } else if let Err(error) = self.walk.write_all().await {
            ended = self.fail(error);
            self.walk.writes.drop_waiting();
        }
        if let Err(error) = self.exit(ended).await {
            ended = self.fail(error);
        }
        if let Err(error) = self.walk.write_all().await {
            ended = self.fail(error);
        }
        ended = self.or_limit(ended, limit);
        let is_atomic = self.walk.engine.transaction.is_some();
        if let Err(error) = self.walk.engine.end_transaction(ended).await {
            ended = self.fail(error);
        }
        if is_atomic && ended == Ended::Failed {
            self.walk.writes.counts.roll_back();
        }
        self.flush_reports().await;
        self.account();
        ended
    }

    /// Runs the hooks for the end.
    pub(super) async fn exit(&mut self, ended: Ended) -> Result<()> {
        let Self { seat, walk, .. } = self;
        let exit = AssertUnwindSafe(seat.walker().exit(ended, walk)).catch_unwind().await;
        let answer = exit.unwrap_or_else(|panic| Err(panicked(&*panic).into()));
        let judged = walk.judge_hook(answer.map(|()| Control::Continue));
        judged.map(drop).map_err(|error| walk.placed(error))
    }

    /// How a walk ended that would have ended so, and was at the limit `before` when its end began.
    pub(super) fn or_limit(&self, ended: Ended, before: Option<Limit>) -> Ended {
        match (ended, before, self.limit()) {
            (Ended::Finished | Ended::Disengaged, None, Some(limit)) => Ended::Limit(limit),
            _ => ended,
        }
    }

    /// Adds to the error that ended the walk what became of its writes.
    pub(super) fn account(&mut self) {
        self.walk.error = self.walk.error.take().map(|error| self.walk.writes.account(error));
    }

    /// The limit that kept a hook from something.
    pub(super) fn limit(&self) -> Option<Limit> {
        self.walk.limit.or_else(|| self.walk.writes.refused())
    }

    /// A walk that found none of its starts is an error, not an empty answer.
    pub(super) fn check_start(&self, ended: Ended) -> Result<()> {
        let Walk { engine, .. } = &self.walk;
        match &engine.start {
            Some(start)
                if ended == Ended::Finished
                    && self.walk.step() == 0
                    && engine.stats.missing > 0 =>
            {
                Err(Error::new(ErrorKind::NotFound, "start node does not exist").with("id", start))
            }
            _ => Ok(()),
        }
    }

    /// Hands the reports on, where they are not gathered; `false` when nobody takes them any more.
    pub(super) async fn flush_reports(&mut self) -> bool {
        let Some(sink) = &mut self.company.sink else { return true };
        for report in self.walk.reports.drain(..) {
            self.walk.reported += 1;
            if !sink.send(report).await {
                return false;
            }
        }
        true
    }

    /// Tells the observer, whose panic is an error.
    pub(super) fn observe(&self, tell: impl FnOnce(&dyn Observer, &Progress)) -> Result<()> {
        let Some(observer) = &self.company.observer else { return Ok(()) };
        let waiting = self.walk.engine.frontier.len();
        let progress = Progress { walker: W::NAME, stats: self.stats(), waiting };
        self.walk.guarded("observer", || tell(&**observer, &progress))
    }

    pub(super) fn stats(&self) -> Stats {
        let Walk { engine, writes, .. } = &self.walk;
        Stats {
            visited: self.walk.step(),
            written: writes.counts.written,
            unchanged: writes.counts.unchanged,
            batches: writes.counts.batches,
            peak_frontier: engine.frontier.peak(),
            elapsed: self.walk.elapsed(),
            ..engine.stats
        }
    }

    fn into_outcome(self, ended: Ended) -> Outcome<W> {
        let stats = self.stats();
        let Self { seat, mut walk, company } = self;
        walk.reported += walk.reports.len() as u64;
        Outcome {
            walker: seat.into_walker(),
            reports: std::mem::take(&mut walk.reports),
            ended,
            error: walk.error.take(),
            errors: std::mem::take(&mut walk.errors),
            conflicts: std::mem::take(&mut walk.conflicts),
            stats,
            trail: walk.trail.take(),
            rest: (ended == Ended::Paused).then(|| Box::new((walk, company))),
        }
    }
}

impl<W: Walker> Walk<W> {
    /// What a call of the application comes to that is no hook; a panic in it is an error at what is being visited.
    pub(super) fn guarded<T>(&self, name: &'static str, call: impl FnOnce() -> T) -> Result<T> {
        catch_unwind(AssertUnwindSafe(call))
            .map_err(|panic| self.placed(HookError::of(name, panicked(&*panic))))
    }

    /// The answer of the hooks of one visit, with what went wrong in a call that could not say so.
    pub(super) fn judge_hook(
        &mut self,
        answer: std::result::Result<Control, HookError>,
    ) -> std::result::Result<Control, HookError> {
        match (answer, self.take_failure()) {
            (Ok(control), None) => Ok(control),
            (Err(error), _) => self.settle(error),
            (Ok(_), Some(error)) => self.settle(error.into()),
        }
    }
}

impl<W: Walker> Company<W> {
    /// The place for the walker, by who is to work with it.
    pub(super) fn seat(&self, walker: W) -> Seat<W> {
        match &self.spread {
            Some(spread) => spread.seat(walker),
            None => Seat::Alone(walker),
        }
    }

    /// Whether there are workers to visit a chunk.
    pub(super) const fn is_spread(&self) -> bool {
        self.spread.is_some() && self.pause_at.is_none()
    }

    /// What `awaited` comes to, unless the walk is cancelled before.
    pub(super) async fn unless_cancelled<T>(
        &mut self,
        awaited: impl Future<Output = T>,
    ) -> Option<T> {
        let Some(cancel) = &mut self.cancel else { return Some(awaited.await) };
        match select(pin!(awaited), pin!(cancel.due())).await {
            Either::Left((awaited, _)) => Some(awaited),
            Either::Right(((), _)) => None,
        }
    }

    pub(super) fn is_cancelled(&mut self) -> bool {
        self.cancel.as_mut().is_some_and(Cancel::is_due)
            || self.sink.as_ref().is_some_and(Sink::is_closed)
    }
}

/// Lets other tasks run: after a large chunk at once, after a small one when it is their turn.
async fn give_way(visits: usize) {
    if visits >= VISITS_PER_TURN {
        tokio::task::yield_now().await;
    } else {
        tokio::task::consume_budget().await;
    }
}
