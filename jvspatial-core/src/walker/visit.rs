//! One visit of a walk.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use jvspatial_db::{Collection, Document, ErrorKind};
use tokio::time::{Instant, timeout_at};

use super::Walker;
use super::control::Control;
use super::frontier::Pending;
use super::hook::{HookError, panicked};
use super::limits::Limit;
use super::outcome::Ended;
use super::policy::WriteMode;
use super::run::{Company, Next, Run};
use super::trail::StepOutcome;
use super::walk::Walk;
use crate::error::{Error, Result};

/// What ended the hooks of a visit before they were done.
enum Cut {
    Deadline,
    Cancelled,
}

impl<W: Walker> Run<W> {
    /// Visits what was loaded for `pending`.
    pub(super) async fn visit(
        &mut self,
        pending: Pending,
        document: Option<Document>,
    ) -> Result<Next> {
        let Self { walker, walk, company } = self;
        let Some(document) = walk.admit(&pending, document) else { return Ok(Next::Visit) };
        if let Some(limit) = walk.forbids_visit(&document) {
            return Ok(Next::End(Ended::Limit(limit)));
        }
        if company.is_cancelled() {
            return Ok(Next::End(Ended::Cancelled));
        }
        let mut here = walk.arrive(pending, document);
        let answer = match attend(walk, walker, &mut here, company).await {
            Ok(answer) => answer,
            Err(Cut::Deadline) => return Ok(Next::End(Ended::Limit(Limit::Deadline))),
            Err(Cut::Cancelled) => return Ok(Next::End(Ended::Cancelled)),
        };
        let control = match walk.judge_hook(answer) {
            Ok(control) => control,
            Err(error) => {
                walk.trail.conclude(StepOutcome::Failed);
                return Err(walk.placed(error));
            }
        };
        walk.trail.conclude(control.into());
        if control == Control::Continue && here.is_edge() {
            walk.pass();
        }
        self.conclude(control).await
    }

    /// Does what follows every visit, and tells what comes next.
    async fn conclude(&mut self, control: Control) -> Result<Next> {
        let Self { walk, company, .. } = self;
        if walk.settings.write_mode == WriteMode::Immediate {
            walk.write_all().await?;
        }
        if company.observer.is_some() {
            self.observe(|observer, progress| observer.visit(progress));
        }
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

/// Runs the hooks of one visit, for as long as the walk may last.
async fn attend<W: Walker>(
    walk: &mut Walk<W>,
    walker: &mut W,
    here: &mut super::here::Here,
    company: &mut Company<W::Report>,
) -> std::result::Result<std::result::Result<Control, HookError>, Cut> {
    let patience = walk.settings.hook_timeout;
    let deadline = walk.engine.limits.deadline;
    let hooks = AssertUnwindSafe(walker.visit(here, walk)).catch_unwind();
    let ended = if patience.is_none() && deadline.is_none() && company.cancel.is_none() {
        hooks.await
    } else {
        let until = [patience.map(|patience| Instant::now() + patience), deadline];
        let hooks = pin!(within(until.into_iter().flatten().min(), hooks));
        let ended = match &mut company.cancel {
            None => hooks.await,
            Some(cancel) => match select(hooks, pin!(cancel.due())).await {
                Either::Left((ended, _)) => ended,
                Either::Right(((), _)) => return Err(Cut::Cancelled),
            },
        };
        match ended {
            Some(ended) => ended,
            None if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                return Err(Cut::Deadline);
            }
            None => return Ok(Err(overdue(patience.unwrap_or_default()).into())),
        }
    };
    Ok(ended.unwrap_or_else(|panic| Err(panicked(&*panic).into())))
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
        self.engine.stats.bytes = bytes;
        if document.collection() == Collection::Edge {
            self.engine.stats.edges += 1;
        }
        self.engine.count_visit(&document.id)
    }
}
