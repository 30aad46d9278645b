//! What a search finds, one after the other.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::error::Result;

/// What one [`Find`](crate::Find) finds, one after the other.
///
/// Dropping it ends the search.
#[must_use = "streams do nothing unless polled"]
pub struct FindStream<I> {
    /// `None` once it ended.
    items: Option<Items<I>>,
}

type Items<I> = Pin<Box<dyn Stream<Item = Result<I>> + Send>>;

impl<I> FindStream<I> {
    pub(super) fn new(items: impl Stream<Item = Result<I>> + Send + 'static) -> Self {
        Self { items: Some(Box::pin(items)) }
    }

    /// The next one, or `None` at the end.
    ///
    /// # Errors
    /// The error of the filter or the order; `Invalid` when the fields of a document do not fit.
    ///
    /// # Cancellation
    /// Safe: nothing is lost when the future is dropped.
    pub async fn try_next(&mut self) -> Result<Option<I>> {
        std::future::poll_fn(|context| self.poll_item(context)).await.transpose()
    }

    fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<I>>> {
        let Some(items) = &mut self.items else {
            return Poll::Ready(None);
        };
        let next = items.as_mut().poll_next(context);
        if matches!(next, Poll::Ready(None | Some(Err(_)))) {
            self.items = None;
        }
        next
    }
}

impl<I> Stream for FindStream<I> {
    type Item = Result<I>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(context)
    }
}

impl<I> fmt::Debug for FindStream<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FindStream")
    }
}
