//! Answers of cached queries as they lie in Redis, for all processes.

use std::any::type_name;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jvspatial_cache::{Answer, Answers, Cache as _, Lease, Place, Sought};
use tokio::runtime::Handle;

use super::cached_query::{Freshness, Load, QueryOptions, Tier};
use super::codec::Codec;
use super::graph_cache::GraphCache;
use super::kept::Kept;
use super::queries::{Counts, Key};
use super::reads::Read;
use super::redis::numbers;
use super::slot::Slot;
use super::stable_hash;

/// For how long one process computes an answer that others want too, before they do so as well: when it has died, and when its body
/// takes longer.
const LEASE: Duration = Duration::from_secs(2);
/// Between two looks for the answer of another process, which grow apart.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(50));
/// An answer with more parts is kept by the types of what was read.
const PARTS: usize = 1_000;

tokio::task_local! {
    /// The answer that the task wants computed now, whatever is kept.
    static ANEW: Key;
}

/// Runs a call whose answer with the key `key` is not to come from Redis.
pub(super) async fn anew<F: Future>(key: Option<Key>, call: F) -> F::Output {
    match key {
        Some(key) => ANEW.scope(key, call).await,
        None => call.await,
    }
}

/// The answer of one call among those that processes share.
pub(super) struct FarAnswer<T> {
    cache: Arc<GraphCache>,
    codec: Codec<T>,
    key: Key,
    name: Vec<u8>,
}

/// What is there of an answer.
enum Found<T> {
    Answer(T, Kept),
    /// None, and perhaps the right to compute it for all.
    Missing(Option<Lease>),
    /// None: another process computes it.
    Busy([u8; 16]),
}

impl<T: Clone + Send + Sync + 'static> FarAnswer<T> {
    /// `None` where processes share no answers.
    pub(super) fn of(cache: &Arc<GraphCache>, key: Key, codec: Option<Codec<T>>) -> Option<Self> {
        let codec = codec?;
        cache.coherence().answers()?;
        Some(Self { cache: Arc::clone(cache), codec, key, name: name::<T>(key)? })
    }

    /// The answer that is kept for all, or that of `body`, which is then kept for all. While another process computes it, it is
    /// waited for.
    pub(super) async fn answer<E, K>(
        &self,
        load: &Load<K, T>,
        counts: &Counts,
        body: impl Future<Output = Result<T, E>>,
    ) -> Result<(T, Kept), E>
    where
        K: Fn(&T) -> Option<usize>,
    {
        let is_wanted = ANEW.try_with(|anew| *anew != self.key).unwrap_or(true);
        let lease = match is_wanted {
            true => match self.find_or_lease(load).await {
                Ok((value, kept)) => {
                    counts.hits.add();
                    counts.far_hits.fetch_add(1, Ordering::Relaxed);
                    return Ok((value, kept));
                }
                Err(lease) => lease,
            },
            false => None,
        };
        self.compute(load, counts, body, lease).await
    }

    /// A newer answer than the one that is handed out meanwhile: that of another process or that of `body`; none while
    /// another process computes it.
    pub(super) async fn refreshed<E, K>(
        &self,
        load: &Load<K, T>,
        counts: &Counts,
        body: impl Future<Output = Result<T, E>>,
    ) -> Result<Option<(T, Kept)>, E>
    where
        K: Fn(&T) -> Option<usize>,
    {
        if let Found::Answer(value, kept) = self.find(load, None).await
            && kept.look(&load.options) == Freshness::Fresh
        {
            return Ok(Some((value, kept)));
        }
        let lease = match self.answers() {
            Some(answers) => answers.cache().lease(&self.name, LEASE).await,
            None => return Ok(None),
        };
        match lease {
            Ok(None) => Ok(None),
            // Without Redis each process computes for itself.
            lease => self.compute(load, counts, body, lease.ok().flatten()).await.map(Some),
        }
    }

    async fn compute<E, K>(
        &self,
        load: &Load<K, T>,
        counts: &Counts,
        body: impl Future<Output = Result<T, E>>,
        lease: Option<Lease>,
    ) -> Result<(T, Kept), E>
    where
        K: Fn(&T) -> Option<usize>,
    {
        // Before the first read, so that whatever was told until here is seen by the body.
        let place = self.answers().and_then(Answers::place);
        let (value, kept) = load.run(&self.cache, counts, body).await?;
        if let Some(place) = place {
            self.keep(&place, load, &value, &kept, lease).await;
        }
        Ok((value, kept))
    }

    /// The answer, or else the lease of it if nobody else has computed it and none is under way.
    async fn find_or_lease<K>(&self, load: &Load<K, T>) -> Result<(T, Kept), Option<Lease>>
    where
        K: Fn(&T) -> Option<usize>,
    {
        let began = Instant::now();
        let (mut holder, mut pause) = (None, PAUSES.0);
        loop {
            match self.find(load, Some(LEASE)).await {
                Found::Answer(value, kept) => return Ok((value, kept)),
                Found::Missing(lease) => return Err(lease),
                Found::Busy(token) => {
                    // Who was waited for has brought nothing that can be kept: the next may not either.
                    let is_another = holder.is_some_and(|holder| holder != token);
                    if is_another || began.elapsed() >= LEASE {
                        return Err(None);
                    }
                    holder = Some(token);
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn find<K>(&self, load: &Load<K, T>, lease: Option<Duration>) -> Found<T>
    where
        K: Fn(&T) -> Option<usize>,
    {
        let Some(answers) = self.answers() else { return Found::Missing(None) };
        if self.cache.queries().is_being_removed(self.key) {
            return Found::Missing(None);
        }
        // Before Redis is asked: what changes from here on may be known here and not there.
        let since = self.cache.coherence().epochs().now();
        match answers.seek(&self.name, lease).await {
            Ok(Sought::Found(answer)) => {
                let kept = self.opened(load, answer, since);
                kept.map_or(Found::Missing(None), |(value, kept)| Found::Answer(value, kept))
            }
            Ok(Sought::Leased(lease)) => Found::Missing(Some(lease)),
            Ok(Sought::Busy(token)) => Found::Busy(token),
            // Redis is away.
            Ok(Sought::Missing) | Err(_) => Found::Missing(None),
        }
    }

    /// An answer as it would be kept had it been computed here, if it may be handed out.
    fn opened<K>(
        &self,
        load: &Load<K, T>,
        answer: Answer,
        since: super::epochs::Time,
    ) -> Option<(T, Kept)>
    where
        K: Fn(&T) -> Option<usize>,
    {
        let value = self.codec.read(&answer.value)?;
        let slots = answer.parts.into_iter().map(Slot::numbered).collect::<Option<Vec<_>>>()?;
        let reads = vec![Read::of(self.cache.coherence(), since, slots)];
        let loaded = Instant::now().checked_sub(answer.age)?;
        let kept = Kept::since(loaded, value.clone(), (load.weigh)(&value), reads);
        let bound = self.cache.queries().time_to_live();
        let is_over = bound.is_some_and(|bound| bound <= answer.age);
        (!is_over && kept.look(&load.options) != Freshness::Gone).then_some((value, kept))
    }

    /// Keeps an answer for all, unless it is not to be kept or something changed that was read for it.
    async fn keep<K>(
        &self,
        place: &Place,
        load: &Load<K, T>,
        value: &T,
        kept: &Kept,
        lease: Option<Lease>,
    ) {
        let Some(answers) = self.answers() else { return };
        if !kept.is_to_be_kept() || !kept.is_true() {
            return;
        }
        // Of other graphs nothing is known here that holds for all processes.
        let [read] = kept.reads() else { return };
        if !Arc::ptr_eq(&read.coherence, self.cache.coherence()) {
            return;
        }
        let Some(slots) = read.at_most(PARTS) else { return };
        let Some(bytes) = self.codec.write(value, load.options.name) else { return };
        let answer = Answer { value: bytes, parts: numbers(slots), age: kept.age() };
        let ttl =
            load.options.ttl.map(|ttl| ttl.saturating_add(load.options.stale_while_revalidate));
        let time = [ttl, self.cache.queries().time_to_live()].into_iter().flatten().min();
        // What is not kept is computed again.
        let _ = answers.keep(place, &self.name, &answer, time, lease).await;
    }

    fn answers(&self) -> Option<&Answers> {
        self.cache.coherence().answers()
    }
}

/// The name of the answer `key` in Redis. One of another type has another.
fn name<T>(key: Key) -> Option<Vec<u8>> {
    let key = stable_hash::hash(type_name::<T>(), &key).ok()?;
    Some(format!("answer:{key:032x}").into_bytes())
}

impl GraphCache {
    /// Removes an answer from where processes share it. It is not found there by this process any more.
    pub(super) fn forget_far<T>(&self, key: Key, options: &QueryOptions) {
        if options.tier != Tier::All {
            return;
        }
        // Without a runtime nobody can be told.
        let (Ok(runtime), Some(answers)) = (Handle::try_current(), self.coherence().answers())
        else {
            return;
        };
        let Some(name) = name::<T>(key) else { return };
        let (redis, removing) = (answers.cache().clone(), self.queries().removing(key));
        runtime.spawn(async move {
            // What cannot be removed makes a gap, after which nobody trusts what was kept before.
            let _ = redis.remove(&name).await;
            drop(removing);
        });
    }
}
