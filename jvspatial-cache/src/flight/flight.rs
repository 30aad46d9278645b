//! One load under way, and those who wait for it.

use std::future::poll_fn;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::sync::Mutex;

/// How a flight ended.
#[derive(Debug)]
pub(super) enum Landing<V, E> {
    Loaded(V),
    Failed(Arc<E>),
    Panicked,
    /// Its caller was dropped: whoever still waits loads in its place.
    Dropped,
}

impl<V: Clone, E> Clone for Landing<V, E> {
    fn clone(&self) -> Self {
        match self {
            Self::Loaded(value) => Self::Loaded(value.clone()),
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            Self::Panicked => Self::Panicked,
            Self::Dropped => Self::Dropped,
        }
    }
}

/// A load under way.
#[derive(Debug)]
pub(super) struct Flight<V, E> {
    state: Mutex<State<V, E>>,
}

#[derive(Debug)]
struct State<V, E> {
    landing: Option<Landing<V, E>>,
    /// One place for each who ever waited; one that was dropped leaves `None`.
    waiting: Vec<Option<Waker>>,
}

impl<V: Clone, E> Flight<V, E> {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State { landing: None, waiting: Vec::new() }) }
    }

    /// Ends the flight and wakes everybody. Only the first end counts.
    pub(super) fn land(&self, landing: Landing<V, E>) {
        let waiting = {
            let mut state = self.state.lock();
            if state.landing.is_some() {
                return;
            }
            state.landing = Some(landing);
            mem::take(&mut state.waiting)
        };
        // Outside the lock, which each of the woken takes next.
        waiting.into_iter().flatten().for_each(Waker::wake);
    }

    /// Waits for the end.
    pub(super) async fn landed(&self) -> Landing<V, E> {
        let mut seat = Seat { flight: self, place: None };
        poll_fn(|context| seat.poll(context)).await
    }
}

/// The place of one who waits.
struct Seat<'a, V, E> {
    flight: &'a Flight<V, E>,
    place: Option<usize>,
}

impl<V: Clone, E> Seat<'_, V, E> {
    fn poll(&mut self, context: &Context<'_>) -> Poll<Landing<V, E>> {
        let mut state = self.flight.state.lock();
        if let Some(landing) = &state.landing {
            return Poll::Ready(landing.clone());
        }
        let waker = Some(context.waker().clone());
        match self.place {
            Some(place) => state.waiting[place] = waker,
            None => {
                self.place = Some(state.waiting.len());
                state.waiting.push(waker);
            }
        }
        Poll::Pending
    }
}

impl<V, E> Drop for Seat<'_, V, E> {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let mut state = self.flight.state.lock();
        // Empty when the flight has landed.
        if let Some(waiting) = state.waiting.get_mut(place) {
            *waiting = None;
        }
    }
}
