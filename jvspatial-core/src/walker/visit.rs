//! One visit of a walk.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use jvspatial_db::{Collection, Document, ErrorKind};
use tokio::time::{Instant, timeout_at};

use super::Walker;
use super::cancel::Cancel;
use super::control::Control;
use super::frontier::Pending;
use super::here::Here;
use super::hook::{HookError, panicked};
use super::limits::Limit;
use super::outcome::Ended;
use super::policy::WriteMode;
use super::run::{Next, Run};
use super::seat::Seat;
use super::trail::StepOutcome;
use super::walk::Walk;
use crate::error::{Error, Result};

/// What ended the hooks of a visit before they were done.
pub(super) enum Cut {
    Deadline,
    Cancelled,
    /// They asked for the queue of a walk that they are apart from.
    Queue,
}

/// For how long the hooks of a visit may go on.
pub(super) struct Bounds<'a> {
    patience: Option<Duration>,
    deadline: Option<Instant>,
    cancel: Option<&'a mut Cancel>,
    queue: Option<&'a AtomicBool>,
}

impl<'a> Bounds<'a> {
    pub(super) fn of<W: Walker>(walk: &Walk<W>) -> Self {
        let patience = walk.settings.hook_timeout;
        let deadline = walk.engine.limits.deadline;
        Self { patience, deadline, cancel: None, queue: None }
    }

    pub(super) fn cancelled(self, cancel: Option<&'a mut Cancel>) -> Self {
        Self { cancel, ..self }
    }

    /// Until `queue` is set.
    pub(super) fn asked(self, queue: &'a AtomicBool) -> Self {
        Self { queue: Some(queue), ..self }
    }
}

impl<W: Walker> Run<W> {
    /// Visits what was loaded for `pending`.
    pub(super) async fn visit(
        &mut self,
        pending: Pending,
        document: Option<Document>,
    ) -> Result<Next> {
        let Self { walk, company, .. } = self;
        let Some(document) = walk.admit(&pending, document) else { return Ok(Next::Visit) };
        if let Some(limit) = walk.forbids_visit(&document) {
            return Ok(Next::End(Ended::Limit(limit)));
        }
        if company.is_cancelled() {
            return Ok(Next::End(Ended::Cancelled));
        }
        let mut here = walk.arrive(pending, document);
        let answer = match self.attend(&mut here).await {
            Ok(answer) => answer,
            Err(Cut::Deadline) => return Ok(Next::End(Ended::Limit(Limit::Deadline))),
            Err(Cut::Cancelled | Cut::Queue) => return Ok(Next::End(Ended::Cancelled)),
        };
        let walk = &mut self.walk;
        let control = match walk.judge_hook(answer) {
            Ok(control) => control,
            Err(error) => {
                walk.trail.conclude(StepOutcome::Failed);
                return Err(walk.placed(error));
            }
        };
        walk.trail.conclude(walk.concluded(control));
        if control == Control::Continue && here.is_edge() {
            walk.pass();
        }
        self.conclude(control).await
    }

    /// Does what follows every visit, and tells what comes next.
    async fn conclude(&mut self, control: Control) -> Result<Next> {
        if self.walk.settings.write_mode == WriteMode::Immediate {
            self.walk.write_all().await?;
        }
        self.observe(|observer, progress| observer.visit(progress))?;
        if self.company.sink.is_some() && !self.flush_reports().await {
            return Ok(Next::End(Ended::Cancelled));
        }
        if control == Control::Disengage {
            return Ok(Next::End(Ended::Disengaged));
        }
        if let Some(limit) = self.walk.limit.or_else(|| self.walk.writes.refused()) {
            return Ok(Next::End(Ended::Limit(limit)));
        }
        let pauses = self.company.pause_at.is_some_and(|step| self.walk.step() >= step);
        Ok(if pauses || control == Control::Pause { Next::Pause } else { Next::Visit })
    }
}

type Answer = std::result::Result<Control, HookError>;

impl<W: Walker> Run<W> {
    /// Runs the hooks of one visit, for as long as the walk may last.
    async fn attend(&mut self, here: &mut Here) -> std::result::Result<Answer, Cut> {
        let Self { seat, walk, company } = self;
        let bounds = Bounds::of(walk).cancelled(company.cancel.as_mut());
        match seat {
            Seat::Alone(walker) => bounded(pin!(walker.visit(here, walk)), bounds).await,
            Seat::Crew(crew) => bounded(crew.visit(here, walk), bounds).await,
        }
    }
}

/// Runs hooks to their end, or to the first of the bounds; a panic is an error.
///
/// They come pinned, as each future that took them over would move all that they keep.
pub(super) async fn bounded(
    hooks: impl Future<Output = Answer> + Unpin,
    bounds: Bounds<'_>,
) -> std::result::Result<Answer, Cut> {
    let Bounds { patience, deadline, cancel, queue } = bounds;
    let hooks = AssertUnwindSafe(hooks).catch_unwind();
    let caught = |answer: std::thread::Result<Answer>| {
        answer.unwrap_or_else(|panic| Err(panicked(&*panic).into()))
    };
    if patience.is_none() && deadline.is_none() && cancel.is_none() && queue.is_none() {
        return Ok(caught(hooks.await));
    }
    let until = [patience.map(|patience| Instant::now() + patience), deadline];
    let hooks = unless_asked(queue, hooks);
    let hooks = pin!(within(until.into_iter().flatten().min(), hooks));
    let ended = match cancel {
        None => hooks.await,
        Some(cancel) => match select(hooks, pin!(cancel.due())).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), _)) => return Err(Cut::Cancelled),
        },
    };
    match ended {
        Some(Some(answer)) => Ok(caught(answer)),
        Some(None) => Err(Cut::Queue),
        None if deadline.is_some_and(|deadline| Instant::now() >= deadline) => Err(Cut::Deadline),
        None => Ok(Err(overdue(patience.unwrap_or_default()).into())),
    }
}

/// The answer of `hooks`, unless they set `queue` and wait.
async fn unless_asked<T>(queue: Option<&AtomicBool>, hooks: impl Future<Output = T>) -> Option<T> {
    let Some(queue) = queue else { return Some(hooks.await) };
    let mut hooks = pin!(hooks);
    poll_fn(|context| match hooks.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending if queue.load(Ordering::Relaxed) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// The answer of `hooks`, if it comes before `end`.
async fn within<T>(end: Option<Instant>, hooks: impl Future<Output = T>) -> Option<T> {
    match end {
        Some(end) => timeout_at(end, hooks).await.ok(),
        None => Some(hooks.await),
    }
}

fn overdue(patience: Duration) -> Error {
    Error::new(ErrorKind::Application, "hooks of a visit did not end in time")
        .with("limit", format_args!("{patience:?}"))
}

impl<W: Walker> Walk<W> {
    /// The document to be visited as the walk sees it; none when it does not exist, or is to be removed.
    pub(super) fn admit(
        &mut self,
        pending: &Pending,
        document: Option<Document>,
    ) -> Option<Document> {
        let document = document.and_then(|mut document| {
            let stays = self.writes.overlay(&mut document);
            stays.then_some(document)
        });
        if document.is_none() {
            self.engine.note_missing(pending);
        }
        document
    }

    /// The limit that forbids the visit of `document`; if there is none, what it costs is counted.
    pub(super) fn forbids_visit(&mut self, document: &Document) -> Option<Limit> {
        let (step, clock) = (self.step(), &self.clock);
        if let Some(limit) = self.engine.limits.forbid_visit(step, || clock.elapsed()) {
            return Some(limit);
        }
        let bytes = self.engine.stats.bytes + document.body.as_bytes().len() as u64;
        if let Some(most) = self.engine.limits.bytes
            && bytes > most
        {
            return Some(Limit::Bytes(most));
        }
        let limit = self.engine.count_visit(&document.id);
        if limit.is_none() {
            self.count(document);
        }
        limit
    }

    /// Counts what the visit of `document` costs.
    pub(super) fn count(&mut self, document: &Document) {
        self.engine.stats.bytes += document.body.as_bytes().len() as u64;
        self.engine.stats.edges += u64::from(document.collection() == Collection::Edge);
    }
}
