//! Events that walks tell each other while they run.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::Walker;
use super::walk::Walk;
use crate::error::{Error, ErrorKind, Result};

/// A channel on which walks that run at the same time, and whoever else has a handle of it, tell each other events.
///
/// A walk takes part by [`WalkBuilder::events`](super::WalkBuilder::events), from its beginning to its end or a pause; its hooks
/// [emit](Walk::emit) and [take](Walk::next_event) events. Every listener is told what the *others* emit, in the order in
/// which each of them does. For each at most as many events wait as there is room for: then whoever emits waits too. A
/// listener that is gone is not waited for.
///
/// ```
/// use jvspatial_core::{Control, Events, Graph, Here, HookError, Result, Walk, Walker};
///
/// #[derive(Clone, Debug)]
/// struct Found(String);
///
/// /// Tells of every node that it meets.
/// struct Scout;
///
/// impl Walker for Scout {
///     type Report = ();
///     const NAME: &'static str = "Scout";
///
///     async fn visit(&mut self, here: &mut Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
///         walk.emit(Found(here.id().to_string())).await?;
///         Ok(Control::Continue)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let graph = Graph::open("memory:").await?;
/// let events = Events::new(16);
/// let mut listener = events.listen();
/// graph.walk(Scout).events(&events).run().await?;
/// drop(events);
/// let Some(Found(id)) = listener.next().await else { panic!("it was told") };
/// assert_eq!(id, "n.Root.root");
/// assert!(listener.next().await.is_none(), "nobody is left to tell anything");
/// # Ok(())
/// # }
/// ```
pub struct Events<E> {
    shared: Arc<Shared<E>>,
}

struct Shared<E> {
    room: usize,
    state: Mutex<State<E>>,
}

struct State<E> {
    /// How many could emit: handles, and walks that take part.
    handles: usize,
    listeners: Vec<Told<E>>,
    last: u64,
}

/// Who is told.
struct Told<E> {
    number: u64,
    /// Whether it is a walk, which has a handle itself.
    is_walk: bool,
    sender: mpsc::Sender<E>,
}

impl<E> Shared<E> {
    fn state(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(self: &Arc<Self>, is_walk: bool) -> Listener<E> {
        let (sender, events) = mpsc::channel(self.room);
        let mut state = self.state();
        state.last += 1;
        let number = state.last;
        // Whoever is alone will hear nothing.
        if state.handles > usize::from(is_walk) {
            state.listeners.push(Told { number, is_walk, sender });
        }
        Listener { shared: Arc::clone(self), number, events }
    }

    /// Who is told of what `own` emits.
    fn others(&self, own: Option<u64>) -> Vec<mpsc::Sender<E>> {
        let state = self.state();
        let others = state.listeners.iter().filter(|told| Some(told.number) != own);
        others.map(|told| told.sender.clone()).collect()
    }
}

impl<E: Clone> Shared<E> {
    async fn emit(&self, event: E, own: Option<u64>) -> usize {
        let mut told = 0;
        for listener in self.others(own) {
            told += usize::from(listener.send(event.clone()).await.is_ok());
        }
        told
    }

    fn try_emit(&self, event: &E, own: Option<u64>) -> Emitted {
        let mut emitted = Emitted::default();
        for listener in self.others(own) {
            match listener.try_send(event.clone()) {
                Ok(()) => emitted.told += 1,
                Err(TrySendError::Full(_)) => emitted.full += 1,
                Err(TrySendError::Closed(_)) => {}
            }
        }
        emitted
    }
}

/// What became of an event that nobody waited with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Emitted {
    /// How many listeners have it.
    pub told: usize,
    /// How many had no room for it, and do not hear of it.
    pub full: usize,
}

impl<E: Clone + Send + 'static> Events<E> {
    /// A channel on which at most `room` events, and at least one, wait for each listener.
    pub fn new(room: usize) -> Self {
        let state = State { handles: 1, listeners: Vec::new(), last: 0 };
        let room = room.clamp(1, tokio::sync::Semaphore::MAX_PERMITS);
        Self { shared: Arc::new(Shared { room, state: Mutex::new(state) }) }
    }

    /// Listens to all that is emitted from now on.
    pub fn listen(&self) -> Listener<E> {
        self.shared.listen(false)
    }

    /// How many listen, walks among them: what is told before a walk has begun, it does not hear.
    pub fn listeners(&self) -> usize {
        self.shared.state().listeners.len()
    }

    /// Tells every listener, and says how many there were. It waits while one has no room.
    ///
    /// # Cancellation
    /// Some have been told.
    pub async fn emit(&self, event: E) -> usize {
        self.shared.emit(event, None).await
    }

    /// Tells every listener that has room, and waits for none.
    pub fn try_emit(&self, event: &E) -> Emitted {
        self.shared.try_emit(event, None)
    }
}

impl<E> Clone for Events<E> {
    fn clone(&self) -> Self {
        self.shared.state().handles += 1;
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<E> Drop for Events<E> {
    /// Whoever could only hear from this one hears the end.
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.handles -= 1;
        match state.handles {
            0 => state.listeners.clear(),
            // It is the handle of a walk if one listens, and that is not told what it emits itself.
            1 => state.listeners.retain(|told| !told.is_walk),
            _ => {}
        }
    }
}

impl<E> fmt::Debug for Events<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        f.debug_struct("Events")
            .field("room", &self.shared.room)
            .field("listeners", &state.listeners.len())
            .finish_non_exhaustive()
    }
}

/// Hears what is emitted on a channel; [`Events::listen`] makes it. Dropping it lets those go on that wait for it.
pub struct Listener<E> {
    shared: Arc<Shared<E>>,
    number: u64,
    events: mpsc::Receiver<E>,
}

impl<E> Listener<E> {
    /// The next event; `None` when all that was told is taken and there is nobody who could tell more.
    ///
    /// # Cancellation
    /// No event is lost.
    pub async fn next(&mut self) -> Option<E> {
        self.events.recv().await
    }

    /// The next event, if one waits.
    pub fn try_next(&mut self) -> Option<E> {
        self.events.try_recv().ok()
    }
}

impl<E> Drop for Listener<E> {
    fn drop(&mut self) {
        // First, since whoever waits for room must not be kept by the lock.
        self.events.close();
        self.shared.state().listeners.retain(|told| told.number != self.number);
    }
}

impl<E> fmt::Debug for Listener<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("waiting", &self.events.len()).finish_non_exhaustive()
    }
}

/// The channels that a walk takes part in.
#[derive(Clone, Debug, Default)]
pub(super) struct Channels(Vec<Arc<dyn Channel>>);

/// A channel, whatever its events.
trait Channel: fmt::Debug + Send + Sync {
    /// Begins to listen.
    fn join(&self);
    /// Hears no more.
    fn leave(&self);
    fn as_any(&self) -> &dyn Any;
}

/// The part of a walk in a channel.
struct Part<E> {
    events: Events<E>,
    /// While the walk runs.
    listening: Mutex<Option<Arc<Ear<E>>>>,
}

/// Where the events of a walk arrive.
struct Ear<E> {
    number: u64,
    listener: tokio::sync::Mutex<Listener<E>>,
}

impl<E> Part<E> {
    fn ear(&self) -> Option<Arc<Ear<E>>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, ear: Option<Arc<Ear<E>>>) {
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *listening, ear);
        drop(listening);
        drop(before);
    }
}

impl<E: Clone + Send + 'static> Channel for Part<E> {
    fn join(&self) {
        let listener = self.events.shared.listen(true);
        let number = listener.number;
        self.set(Some(Arc::new(Ear { number, listener: tokio::sync::Mutex::new(listener) })));
    }

    fn leave(&self) {
        self.set(None);
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl<E> fmt::Debug for Part<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.events.fmt(f)
    }
}

impl Channels {
    /// Adds a channel, in place of one with the same events.
    pub(super) fn add<E: Clone + Send + 'static>(&mut self, events: &Events<E>) {
        self.0.retain(|channel| !channel.as_any().is::<Part<E>>());
        self.0.push(Arc::new(Part { events: events.clone(), listening: Mutex::default() }));
    }

    /// Begins to listen.
    pub(super) fn join(&self) {
        self.0.iter().for_each(|channel| channel.join());
    }

    /// Hears no more, so that nobody waits for a walk that does not run.
    pub(super) fn leave(&self) {
        self.0.iter().for_each(|channel| channel.leave());
    }

    fn part<E: Clone + Send + 'static>(&self) -> Result<&Part<E>> {
        self.0.iter().find_map(|channel| channel.as_any().downcast_ref()).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, "the walk takes part in no channel of such events")
                .with("events", std::any::type_name::<E>())
        })
    }
}

impl<W: Walker> Walk<W> {
    /// Tells an event to every other walk, and whoever else listens, on the [channel](super::WalkBuilder::events) of such events;
    /// says how many were told.
    ///
    /// It waits while one of them has no room. Two walks that wait for each other so would wait for ever: one of them should take
    /// events first, or [`try_emit`](Self::try_emit); `hook_timeout` and `deadline` end such a wait too. An event is told
    /// at once, and not when the writes of the hook are made; in a [parallel](super::WalkBuilder::parallel) walk a visit that is made
    /// twice tells it twice.
    ///
    /// # Errors
    /// `Invalid` when the walk takes part in no channel of such events.
    ///
    /// # Cancellation
    /// Some have been told.
    pub fn emit<E: Clone + Send + 'static>(
        &self,
        event: E,
    ) -> impl Future<Output = Result<usize>> + Send + use<W, E> {
        // It does not keep the walk: what the walk has gathered may not be looked at from another thread.
        let settings = Arc::clone(&self.settings);
        async move {
            let part = settings.channels.part::<E>()?;
            let own = part.ear().map(|ear| ear.number);
            Ok(part.events.shared.emit(event, own).await)
        }
    }

    /// As [`emit`](Self::emit), but waits for nobody: who has no room is not told.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn try_emit<E: Clone + Send + 'static>(&self, event: &E) -> Result<Emitted> {
        let part = self.settings.channels.part::<E>()?;
        Ok(part.events.shared.try_emit(event, part.ear().map(|ear| ear.number)))
    }

    /// The next event that another walk, or whoever else has a handle, has told; `None` when there is nobody else who could.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    ///
    /// # Cancellation
    /// No event is lost.
    pub fn next_event<E: Clone + Send + 'static>(
        &self,
    ) -> impl Future<Output = Result<Option<E>>> + Send + use<W, E> {
        let settings = Arc::clone(&self.settings);
        async move {
            let Some(ear) = settings.channels.part::<E>()?.ear() else { return Ok(None) };
            let mut listener = ear.listener.lock().await;
            Ok(listener.next().await)
        }
    }

    /// The next event, if one waits.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn try_next_event<E: Clone + Send + 'static>(&self) -> Result<Option<E>> {
        let Some(ear) = self.settings.channels.part::<E>()?.ear() else { return Ok(None) };
        // Another worker that waits takes the next one.
        Ok(ear.listener.try_lock().ok().and_then(|mut listener| listener.try_next()))
    }
}
