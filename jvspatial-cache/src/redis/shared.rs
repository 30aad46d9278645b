//! What a cache in Redis, its tasks and its bus share.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use bytes::Bytes;

use super::batch::batches;
use super::keeper::millis;
use super::link::Link;
use super::options::RedisOptions;
use super::pulse::{Pulse, State};
use super::scripts;
use crate::error::{Error, Result};
use crate::mark::Point;
use crate::statistics::{Event, Recorder};

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: RedisOptions,
    pub(super) names: Names,
    pub(super) link: Link,
    pub(super) pulse: Pulse,
    pub(super) recorder: Recorder,
    /// Tells this process from others.
    pub(super) id: [u8; 16],
}

/// The names of everything that a namespace has in Redis.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) prefix: String,
    pub(super) state: String,
    pub(super) live: String,
    pub(super) channel: String,
    pub(super) epochs: String,
}

impl Names {
    fn new(options: &RedisOptions) -> Self {
        let prefix = format!("{}:{}:", options.key_prefix, options.namespace);
        Self {
            state: format!("{prefix}state"),
            live: format!("{prefix}live"),
            channel: format!("{prefix}bus"),
            epochs: format!("{prefix}epochs"),
            prefix,
        }
    }

    /// Where the value of `key` is in `era`, as the scripts have it too.
    pub(super) fn value(&self, era: u64, key: &[u8]) -> Vec<u8> {
        let mut name = format!("{}v{era}:", self.prefix).into_bytes();
        name.extend_from_slice(key);
        name
    }

    pub(super) fn lease(&self, key: &[u8]) -> Vec<u8> {
        let mut name = format!("{}l:", self.prefix).into_bytes();
        name.extend_from_slice(key);
        name
    }
}

/// What a process changed and tells the others.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) forgotten: Vec<(Vec<u8>, u64)>,
    pub(super) removed: Vec<Vec<u8>>,
    /// A message to every subscriber.
    pub(super) payload: Option<Bytes>,
    /// The parts that the message is about: by which scheme they are numbered, and their numbers as the scripts have them.
    pub(super) touched: Option<(u8, Vec<u8>)>,
}

impl Shared {
    pub(super) fn new(options: RedisOptions) -> Result<Self> {
        options.check()?;
        Ok(Self {
            names: Names::new(&options),
            link: Link::new(options.url.clone(), options.timeout)?,
            pulse: Pulse::new(options.trust()),
            recorder: Recorder::default(),
            id: random(),
            options,
        })
    }

    /// Tells news, also when the caller is dropped. What cannot be told is a gap. Returns the state after the last of them.
    pub(super) async fn tell(self: &Arc<Self>, news: Vec<News>) -> Result<State> {
        let shared = Arc::clone(self);
        self.surely(async move {
            let mut state = State::default();
            for news in news {
                state = shared.told(&news).await?;
            }
            Ok(state)
        })
        .await
    }

    /// Keeps sealed values without asking, also when the caller is dropped. One that cannot be kept is a gap,
    /// because what it was to replace is still there.
    pub(super) async fn set(
        self: &Arc<Self>,
        values: Vec<(Vec<u8>, Vec<u8>)>,
        stays: u64,
    ) -> Result<()> {
        let shared = Arc::clone(self);
        self.surely(async move {
            for values in batches(&values, |(_, value)| value.len()) {
                shared.put(values, stays).await?;
            }
            Ok(())
        })
        .await
    }

    /// Begins a new era, also when the caller is dropped.
    pub(super) async fn clear(self: &Arc<Self>) -> Result<()> {
        let shared = Arc::clone(self);
        self.surely(async move { shared.cleared().await }).await
    }

    /// Runs `work` to its end in a task of its own: a caller that gives up has committed its change all the
    /// same.
    async fn surely<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        match tokio::spawn(work).await {
            Ok(done) => done,
            // The runtime is going down.
            Err(_) => Err(self.link.away("the task that told it was aborted")),
        }
    }

    async fn cleared(&self) -> Result<()> {
        let telling = Telling::new(self);
        let answer = self.link.call(|mut connection| async move {
            let mut script = scripts::CLEAR.prepare_invoke();
            script.key(&self.names.state).arg(self.pulse.era());
            script.invoke_async::<State>(&mut connection).await
        });
        self.pulse.told(answer.await?);
        telling.done();
        Ok(())
    }

    async fn put(&self, values: &[(Vec<u8>, Vec<u8>)], stays: u64) -> Result<()> {
        let telling = Telling::new(self);
        let keys = || values.iter().map(|(key, _)| &key[..]);
        let Some(point) = self.trusted() else { return Err(self.untrusted(keys())) };
        let mut pipeline = redis::Pipeline::with_capacity(values.len());
        for (key, value) in values {
            let command = pipeline.cmd("SET");
            command.arg(self.names.value(point.era, key)).arg(&value[..]);
            command.arg("PX").arg(stays).ignore();
        }
        let answer = self
            .link
            .call(|mut connection| async move { pipeline.exec_async(&mut connection).await });
        answer.await.inspect_err(|_| {
            keys().for_each(|key| self.recorder.count(key, Event::Unavailable));
        })?;
        telling.done();
        Ok(())
    }

    async fn told(&self, news: &News) -> Result<State> {
        let telling = Telling::new(self);
        let answer = self.link.call(|mut connection| async move {
            let mut script = scripts::TELL.prepare_invoke();
            script.key(&self.names.state).key(&self.names.epochs);
            script.arg(&self.names.prefix).arg(millis(self.options.longest_load * 2));
            script.arg(&self.id[..]);
            let channel = news.payload.as_ref().map_or("", |_| self.names.channel.as_str());
            script.arg(channel).arg(news.payload.as_deref().unwrap_or_default());
            let (scheme, touched) =
                news.touched.as_ref().map_or((0, &[][..]), |(by, parts)| (*by, parts));
            script.arg(scheme).arg(touched);
            script.arg(news.forgotten.len());
            for (key, version) in &news.forgotten {
                script.arg(&key[..]).arg(&version.to_be_bytes()[..]);
            }
            for key in &news.removed {
                script.arg(&key[..]);
            }
            script.invoke_async::<State>(&mut connection).await
        });
        match answer.await {
            Ok(state) => {
                self.pulse.told(state);
                telling.done();
                Ok(state)
            }
            Err(error) => {
                let keys = news.forgotten.iter().map(|(key, _)| key).chain(&news.removed);
                keys.for_each(|key| self.recorder.count(key, Event::Unavailable));
                Err(error)
            }
        }
    }

    /// The point to read and keep values at, if Redis is there and what is known of it can be believed.
    pub(super) fn trusted(&self) -> Option<Point> {
        self.pulse.trusted().filter(|_| !self.link.is_open())
    }

    /// The error of a call for `keys` that Redis was not asked for.
    pub(super) fn untrusted<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) -> Error {
        keys.for_each(|key| self.recorder.count(key, Event::Unavailable));
        self.link.away("its values cannot be trusted until it was heard again")
    }
}

/// A change on its way to Redis. Unless it is [`done`](Self::done), it is a gap.
struct Telling<'a> {
    shared: &'a Shared,
    done: bool,
}

impl<'a> Telling<'a> {
    const fn new(shared: &'a Shared) -> Self {
        Self { shared, done: false }
    }

    fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.shared.pulse.gap();
            self.shared.link.wanted.notify_one();
        }
    }
}

/// Bytes that no other process has, from the keys that the system gives each hash map.
pub(super) fn random() -> [u8; 16] {
    let mut id = [0; 16];
    for half in id.chunks_mut(8) {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        half.copy_from_slice(&hasher.finish().to_ne_bytes());
    }
    id
}
