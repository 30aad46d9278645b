//! Messages between the processes that share a namespace in Redis.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use redis::{Msg, RedisResult};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::RedisCache;
use super::answers::Answers;
use super::batch::KEYS;
use super::hearing::Hearing;
use super::pulse::{State, Tick};
use super::shared::{News, Shared};
use crate::error::Result;

/// The time between two attempts to listen again.
const PAUSE: Duration = Duration::from_millis(100);

/// What a bus tells its listener.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A message, in the order in which Redis took them.
    Message {
        /// What was published.
        payload: Bytes,
        /// Whether this process published it.
        own: bool,
    },
    /// Messages may have been lost: forget everything that depends on them. It is told first of all when
    /// listening begins.
    Lost,
}

/// Messages between the processes that share the namespace of a [`RedisCache`].
///
/// Each message has a number, given in the step that publishes it. Where a number is missing, where the
/// connection was cut, where a heartbeat told of a message that did not come within the time to the next one,
/// and where a new era has begun, the listener is told [`Event::Lost`].
///
/// Dropping it ends the listening.
pub struct Bus {
    cache: RedisCache,
    status: Arc<Status>,
    listening: watch::Receiver<bool>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
pub(super) struct Status {
    listening: AtomicBool,
    lost: AtomicU64,
    heard: AtomicU64,
    pub(super) hearing: Hearing,
}

impl Status {
    pub(super) fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Acquire)
    }
}

impl Bus {
    /// Begins to listen. `listener` is called by the task of the bus, one event after the other, and holds up
    /// those behind it: it must be quick and must not block.
    ///
    /// It has to be called in a tokio runtime with time and IO. A Redis that cannot be reached is tried again
    /// until it can.
    pub fn open(cache: &RedisCache, listener: impl Fn(Event) + Send + Sync + 'static) -> Self {
        let status = Arc::new(Status::default());
        let (told, listening) = watch::channel(false);
        let ear = Ear {
            shared: Arc::clone(&cache.shared),
            ticks: cache.shared.pulse.ticks(),
            status: Arc::clone(&status),
            told,
            listener: Box::new(listener),
            heard: 0,
            due: 0,
            due_since: Instant::now(),
            era: 0,
        };
        let task = tokio::spawn(ear.listen()).abort_handle();
        Self { cache: cache.clone(), status, listening, task }
    }

    /// Waits until messages are heard; at most `patience`. Returns whether they are.
    pub async fn ready(&self, patience: Duration) -> bool {
        let mut listening = self.listening.clone();
        matches!(timeout(patience, listening.wait_for(|is| *is)).await, Ok(Ok(_)))
    }

    /// Sends a message to every listener of the namespace, this process's among them.
    ///
    /// It is sent to its end also when the future is dropped.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when Redis cannot be reached. The others then learn of
    /// it by [`Event::Lost`] within [`max_stale`](super::RedisOptions::max_stale).
    pub async fn publish(&self, payload: Bytes) -> Result<()> {
        self.tell(&[], &[], payload).await
    }

    /// Forgets what is older than the version beside each key, as
    /// [`forget_many`](crate::Cache::forget_many) of the cache, and sends a message, in one step and one
    /// round trip for up to 1,000 keys. No listener has the message before the values are forgotten.
    ///
    /// # Errors
    /// Those of [`publish`](Self::publish).
    pub async fn forget_and_publish(&self, keys: &[(&[u8], u64)], payload: Bytes) -> Result<()> {
        self.tell(keys, &[], payload).await
    }

    /// As [`forget_and_publish`](Self::forget_and_publish), and removes `removed` before the message too. Where
    /// there are both, they take two steps.
    ///
    /// # Errors
    /// Those of [`publish`](Self::publish).
    pub async fn tell(
        &self,
        forgotten: &[(&[u8], u64)],
        removed: &[&[u8]],
        payload: Bytes,
    ) -> Result<()> {
        let forgets = forgotten.chunks(KEYS).map(|chunk| News {
            forgotten: chunk.iter().map(|(key, version)| (key.to_vec(), *version)).collect(),
            ..News::default()
        });
        let removals = removed.chunks(KEYS).map(|chunk| News {
            removed: chunk.iter().map(|key| key.to_vec()).collect(),
            ..News::default()
        });
        let news = with_message(forgets.chain(removals).collect(), payload, None);
        self.cache.shared.tell(news).await.map(|_| ())
    }

    /// What is kept for as long as none of its parts is touched, by messages of this bus that say so. `scheme` names the way in
    /// which parts are numbered: where processes number otherwise, nothing that one has kept is read by the other.
    pub fn answers(&self, scheme: u8) -> Answers {
        Answers::new(self.cache.clone(), Arc::clone(&self.status), scheme)
    }

    /// How long ago the state of the namespace was asked for that is known now; `None` before the first time.
    pub fn lag(&self) -> Option<Duration> {
        self.cache.shared.pulse.age()
    }

    /// Whether messages are heard and the last heartbeat is recent enough to say that none is missing.
    ///
    /// What depends on messages must not be served while this is false: that is what bounds staleness by
    /// [`max_stale`](super::RedisOptions::max_stale).
    pub fn is_trustworthy(&self) -> bool {
        self.status.is_listening() && self.cache.shared.pulse.is_fresh()
    }

    /// How many messages were heard.
    pub fn heard(&self) -> u64 {
        self.status.heard.load(Ordering::Relaxed)
    }

    /// How often [`Event::Lost`] was told.
    pub fn lost(&self) -> u64 {
        self.status.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").field("cache", &self.cache).field("status", &self.status).finish()
    }
}

/// News with a message, which goes with the last of them, so that all that it is about is done when it comes.
pub(super) fn with_message(
    mut news: Vec<News>,
    payload: Bytes,
    touched: Option<(u8, Vec<u8>)>,
) -> Vec<News> {
    if news.is_empty() {
        news.push(News::default());
    }
    if let Some(last) = news.last_mut() {
        last.payload = Some(payload);
        last.touched = touched;
    }
    news
}

/// The listening end, in a task of its own.
struct Ear {
    shared: Arc<Shared>,
    ticks: watch::Receiver<Tick>,
    status: Arc<Status>,
    told: watch::Sender<bool>,
    listener: Box<dyn Fn(Event) + Send + Sync>,
    /// The highest number that was heard, or of which nothing is missing.
    heard: u64,
    /// The number that a beat told, and that has to be heard soon.
    due: u64,
    due_since: Instant,
    era: u64,
}

impl Ear {
    async fn listen(mut self) {
        loop {
            // An error is one of the connection; the heartbeat tells of it.
            let _ = self.listen_once().await;
            self.set_listening(false);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Listens until the connection ends or seems to hang.
    async fn listen_once(&mut self) -> RedisResult<()> {
        let client = self.shared.link.client();
        let opening = async {
            let mut pubsub = client.get_async_pubsub().await?;
            pubsub.subscribe(&self.shared.names.channel).await?;
            RedisResult::Ok(pubsub)
        };
        let Ok(opened) = timeout(self.shared.link.timeout(), opening).await else { return Ok(()) };
        let mut messages = opened?.into_on_message();
        // Asked after the subscription: what is published from here on is heard, and all that was before is
        // lost, since nobody listened.
        if super::keeper::beat(&self.shared).await.is_err() {
            return Ok(());
        }
        let tick = *self.ticks.borrow_and_update();
        self.enter(tick.state);
        self.set_listening(true);
        loop {
            tokio::select! {
                // A message that is here is heard before a beat complains that it is not.
                biased;
                message = messages.next() => match message {
                    Some(message) => self.hear(&message),
                    None => return Ok(()),
                },
                changed = self.ticks.changed() => {
                    if changed.is_err() || !self.follow() {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn hear(&mut self, message: &Msg) {
        // What others write to our channel is not numbered, and so nothing is missed by passing it over.
        let Some((head, payload)) = message.get_payload_bytes().split_first_chunk() else { return };
        let head = Head::read(head);
        if head.era > self.era {
            // Told before the message, whose change is to be read in the era it was made in.
            self.shared.pulse.told(State { era: head.era, seq: 0, msg: head.number });
            self.enter(State { era: head.era, seq: 0, msg: head.number });
        } else if head.number > self.heard + 1 {
            self.lose();
        }
        // One of an older era says nothing of the numbers of this one.
        if head.era == self.era {
            self.heard = self.heard.max(head.number);
        }
        self.status.heard.fetch_add(1, Ordering::Relaxed);
        let own = head.sender == self.shared.id;
        (self.listener)(Event::Message { payload: Bytes::copy_from_slice(payload), own });
        // After the listener, who has to know of a change before anything is kept as newer than it.
        self.status.hearing.heard(self.era, self.heard);
    }

    /// Begins anew with what `state` tells.
    fn enter(&mut self, state: State) {
        self.era = state.era;
        // The numbers may have begun anew with the era.
        self.heard = state.msg;
        self.expect(state.msg);
        self.lose();
        self.status.hearing.heard(self.era, self.heard);
    }

    fn expect(&mut self, number: u64) {
        self.due = number;
        self.due_since = Instant::now();
    }

    /// Compares what was heard with what a beat told. Returns false to listen on a new connection.
    fn follow(&mut self) -> bool {
        let tick = *self.ticks.borrow_and_update();
        if tick.state.era > self.era {
            self.enter(tick.state);
        } else if self.due_since.elapsed() >= self.shared.options.beat() / 2 {
            if self.heard < self.due {
                return false;
            }
            self.expect(tick.state.msg);
        }
        true
    }

    fn lose(&self) {
        self.status.lost.fetch_add(1, Ordering::Relaxed);
        (self.listener)(Event::Lost);
    }

    fn set_listening(&self, is: bool) {
        if !is {
            self.status.hearing.stop();
        }
        self.status.listening.store(is, Ordering::Release);
        self.told.send_replace(is);
    }
}

/// What stands before the payload of a message.
struct Head {
    sender: [u8; 16],
    number: u64,
    era: u64,
}

impl Head {
    fn read(bytes: &[u8; 32]) -> Self {
        let mut head = Self { sender: [0; 16], number: 0, era: 0 };
        head.sender.copy_from_slice(&bytes[..16]);
        let mut eight = [0; 8];
        eight.copy_from_slice(&bytes[16..24]);
        head.number = u64::from_be_bytes(eight);
        eight.copy_from_slice(&bytes[24..]);
        head.era = u64::from_be_bytes(eight);
        head
    }
}
