//! The stream that a watch returns.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::{ChangeEvent, ResumeToken};
use crate::error::Result;

/// The changes of a [`Database::watch`](crate::Database::watch), as they are committed.
///
/// It reads ahead by little, however slow its reader is. Dropping it frees what it holds.
pub struct ChangeStream {
    steps: Pin<Box<dyn Stream<Item = Result<Progress>> + Send>>,
    token: ResumeToken,
    is_over: bool,
}

/// A step of a backend along its changes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress {
    /// To a change, or to where history goes on.
    Event(ChangeEvent),
    /// Past changes that nobody asked for, to this place.
    Passed(ResumeToken),
}

impl ChangeStream {
    /// A stream of `steps` that begin at `token`.
    pub fn new(
        token: ResumeToken,
        steps: impl Stream<Item = Result<Progress>> + Send + 'static,
    ) -> Self {
        Self { steps: Box::pin(steps), token, is_over: false }
    }

    /// Where to go on to be told what has not been returned yet.
    ///
    /// It is the place behind the last event, or one further on when nothing that was asked for happened in
    /// between. Keeping it now and then keeps it from becoming too old where changes are rare.
    pub const fn token(&self) -> &ResumeToken {
        &self.token
    }

    /// The next event, as soon as there is one; `None` after an error.
    ///
    /// # Errors
    /// `Closed` when the database was closed; `Poisoned` when it takes no more writes; `Corrupt` when a stored
    /// change is not what was written; `Unavailable` when the changes cannot be read. The stream is at its end
    /// then, and another watch may go on at [`token`](Self::token).
    ///
    /// # Cancellation
    /// Safe: no event is lost when the future is dropped.
    pub async fn try_next(&mut self) -> Result<Option<ChangeEvent>> {
        std::future::poll_fn(|context| self.poll(context)).await.transpose()
    }

    /// The next step, also one past nothing that was asked for; `None` after an error.
    ///
    /// A backend behind a network makes such a step at least every other second, which shows that nothing
    /// committed before was missed.
    ///
    /// # Errors
    /// Those of [`try_next`](Self::try_next).
    ///
    /// # Cancellation
    /// Safe: no event is lost when the future is dropped.
    pub async fn try_step(&mut self) -> Result<Option<Progress>> {
        if self.is_over {
            return Ok(None);
        }
        let step = std::future::poll_fn(|context| self.steps.as_mut().poll_next(context)).await;
        match &step {
            Some(Ok(Progress::Event(event))) => self.token = event.token().clone(),
            Some(Ok(Progress::Passed(token))) => self.token = token.clone(),
            Some(Err(_)) | None => self.is_over = true,
        }
        step.transpose()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<ChangeEvent>>> {
        while !self.is_over {
            match std::task::ready!(self.steps.as_mut().poll_next(context)) {
                Some(Ok(Progress::Event(event))) => {
                    self.token = event.token().clone();
                    return Poll::Ready(Some(Ok(event)));
                }
                Some(Ok(Progress::Passed(token))) => self.token = token,
                Some(Err(error)) => {
                    self.is_over = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => self.is_over = true,
            }
        }
        Poll::Ready(None)
    }
}

impl Stream for ChangeStream {
    type Item = Result<ChangeEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

impl fmt::Debug for ChangeStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeStream").field("token", &self.token).finish_non_exhaustive()
    }
}
