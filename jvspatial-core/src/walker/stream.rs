//! The reports of a walk as they come.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::mpsc;

use super::Walker;
use super::outcome::Outcome;
use crate::error::{Error, Result};

/// Where a walk hands its reports on.
#[derive(Debug)]
pub(super) struct Sink<R>(mpsc::Sender<R>);

impl<R> Sink<R> {
    /// Hands a report on when there is room for it; `false` when nobody takes it any more.
    pub(super) async fn send(&self, report: R) -> bool {
        self.0.send(report).await.is_ok()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

type Course<W> = Pin<Box<dyn Future<Output = Result<Outcome<W>>> + Send>>;

/// The reports of a walk, in order, as the walk makes them.
///
/// The walk goes on while the stream is polled, and waits while as many reports as the stream has room for are not
/// taken. The stream ends with the walk; a walk that failed ends with its error. Dropping the stream ends the
/// walk as dropping the future of [`run`](super::WalkBuilder::run) does.
#[must_use = "a walk does nothing until its stream is polled"]
pub struct Reports<W: Walker> {
    course: Option<Course<W>>,
    reports: mpsc::Receiver<W::Report>,
    outcome: Option<Outcome<W>>,
    /// The error that comes after the last report.
    error: Option<Error>,
}

impl<W: Walker> Reports<W> {
    /// A stream with room for `room` reports that are not taken, from the walk that `begin` makes of a sink.
    pub(super) fn new<F>(room: usize, begin: impl FnOnce(Sink<W::Report>) -> F) -> Self
    where
        F: Future<Output = Result<Outcome<W>>> + Send + 'static,
    {
        let (sender, reports) = mpsc::channel(room.max(1));
        Self { course: Some(Box::pin(begin(Sink(sender)))), reports, outcome: None, error: None }
    }

    /// The next report; `None` when the walk is over.
    ///
    /// # Errors
    /// The one that ended the walk, after the reports made before it.
    ///
    /// # Cancellation
    /// No report is lost.
    pub async fn try_next(&mut self) -> Result<Option<W::Report>> {
        std::future::poll_fn(|context| self.poll_report(context)).await.transpose()
    }

    /// The outcome of a walk that is over, without the reports; `None` before the stream has ended, or when it was taken.
    ///
    /// A walk that was paused can be [resumed](Outcome::resume) from it, and then goes on gathering its reports.
    pub fn take_outcome(&mut self) -> Option<Outcome<W>> {
        self.outcome.take()
    }

    fn poll_report(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<W::Report>>> {
        // Reports first: a walk that waits for room finds it then. And again after the walk has moved.
        loop {
            match self.reports.poll_recv(context) {
                Poll::Ready(Some(report)) => return Poll::Ready(Some(Ok(report))),
                Poll::Ready(None) if self.course.is_none() => {
                    return Poll::Ready(self.error.take().map(Err));
                }
                Poll::Ready(None) | Poll::Pending => {}
            }
            // A report may be kept back so that other tasks have their turn; only its absence is the end.
            let Some(course) = &mut self.course else { return Poll::Pending };
            let Poll::Ready(ended) = course.as_mut().poll(context) else {
                return match self.reports.poll_recv(context) {
                    Poll::Ready(Some(report)) => Poll::Ready(Some(Ok(report))),
                    Poll::Ready(None) | Poll::Pending => Poll::Pending,
                };
            };
            self.course = None;
            match ended {
                Ok(mut outcome) => {
                    self.error = outcome.error.take();
                    self.outcome = Some(outcome.gathering());
                }
                Err(error) => self.error = Some(error),
            }
        }
    }
}

impl<W: Walker> Stream for Reports<W> {
    type Item = Result<W::Report>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_report(context)
    }
}

impl<W: Walker> Unpin for Reports<W> {}

impl<W: Walker> fmt::Debug for Reports<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reports")
            .field("walker", &W::NAME)
            .field("is_over", &self.course.is_none())
            .finish_non_exhaustive()
    }
}
