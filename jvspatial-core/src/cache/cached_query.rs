//! Calls of functions whose answers are kept: what `#[cached_query]` makes of a function.

use std::borrow::Cow;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jvspatial_cache::How;
use serde::Serialize;

pub use super::codec::Codec;
#[cfg(feature = "redis")]
use super::far_answers::{self, FarAnswer};
use super::graph_cache::GraphCache;
use super::kept::Kept;
use super::queries::{Counts, Key};
use super::reads::{self, Reads};
use super::share::share;
use super::stable_hash;
use crate::graph::Graph;

/// What is said of a cached query in every call of it.
#[derive(Clone, Copy, Debug)]
pub struct QueryOptions {
    /// The path of the function.
    pub name: &'static str,
    /// The type that it is a method of.
    pub owner: &'static str,
    /// For how long an answer is kept at the longest.
    pub ttl: Option<Duration>,
    /// For how long after that it is handed out while it is computed again.
    pub stale_while_revalidate: Duration,
    /// With how much of `ttl` left a call has it computed again.
    pub refresh_ahead: Duration,
    /// Where answers are kept.
    pub tier: Tier,
}

/// Where the answers of a cached query are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// In the memory of each process.
    Memory,
    /// In Redis as well, where the graph shares what it keeps.
    All,
}

/// What is said of a cached query at each call.
#[derive(Debug)]
pub struct Call<T, K> {
    /// What distinguishes its answer from others; nothing when none is looked for or kept.
    pub key: Option<Key>,
    /// What marks the answer.
    pub tags: Vec<Cow<'static, str>>,
    /// How much an answer weighs; nothing for one that is not to be kept.
    pub weigh: K,
    /// How it is written for other processes, where it is kept for them.
    pub codec: Option<Codec<T>>,
}

/// Where a body runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In the call.
    Here,
    /// By itself, after the call.
    Detached,
}

/// The body of a cached query for one call.
pub enum Body<F, T, E> {
    /// One that may borrow from the call.
    Here(F),
    /// One that runs by itself.
    Detached(Pin<Box<dyn Future<Output = Result<T, E>> + Send>>),
}

/// Answers a call by what is kept, or by `body`, which is asked for a [detached](Way::Detached) one when an old answer is
/// handed out meanwhile; one that has none is not run then.
///
/// # Errors
/// The body's own.
pub async fn call<T, E, F, K>(
    graph: &Graph,
    options: QueryOptions,
    call: Call<T, K>,
    body: impl FnOnce(Way) -> Body<F, T, E>,
) -> Result<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>>,
    K: Fn(&T) -> Option<usize> + Send + Sync + 'static,
{
    let Some((cache, key)) = graph.kept().zip(call.key) else {
        // In a box here and below, so that a call takes little room in its caller.
        return Box::pin(run(body(Way::Here))).await;
    };
    cache.follow();
    // For who records this call: what it hands out was true at this time or later.
    reads::note(cache.coherence(), |_| {});
    let queries = cache.queries();
    let counts = queries.counts(&options);
    let kept = queries.get(&options, key);
    let mut freshness = kept.as_ref().map(|kept| kept.look(&options));
    if let Some(kept) = &kept
        && freshness != Some(Freshness::Gone)
        && !cache.confirms(kept).await
    {
        freshness = Some(Freshness::Gone);
    }
    let load = Load { options, key, tags: call.tags, weigh: call.weigh, codec: call.codec };
    match (freshness, kept.and_then(|kept| kept.value())) {
        (Some(Freshness::Fresh), Some(value)) => {
            counts.hits.add();
            return Ok(value);
        }
        (Some(Freshness::Aging), Some(value)) => {
            counts.hits.add();
            if let Some(refreshing) = queries.refresh(key)
                && let Body::Detached(body) = body(Way::Detached)
            {
                let cache = Arc::clone(cache);
                tokio::spawn(async move {
                    // Its error is for the next who has to wait for the answer.
                    if let Ok(Some((_, kept))) = load.again(&cache, &counts, body).await {
                        cache.keep(&options, key, &kept, &counts);
                    }
                    drop(refreshing);
                });
            }
            return Ok(value);
        }
        (Some(_), _) => count(&counts.stale),
        (None, _) => count(&counts.misses),
    }
    let mut own = Box::pin(load.answer(cache, &counts, run(body(Way::Here))));
    // What was kept meanwhile would have to be confirmed once more, and just was not.
    let lookup = |key: &Key| {
        let kept = queries.get(&options, *key).filter(|_| !cache.is_strict())?;
        (kept.look(&options) == Freshness::Fresh).then_some(kept)
    };
    let keep = |key: &Key, kept: &Kept| cache.keep(&options, *key, kept, &counts);
    // Who asked after a change must not be told what was read before it.
    let accept = |kept: &Kept| kept.value().filter(|_| kept.look(&options) != Freshness::Gone);
    let confirm = |kept: Kept, how| {
        let counts = &counts;
        async move {
            let is_confirmed = cache.confirms(&kept).await;
            if is_confirmed {
                match how {
                    How::Joined => count(&counts.coalesced),
                    _ => counts.hits.add(),
                }
            }
            is_confirmed
        }
    };
    share(&queries.flights, &key, lookup, own.as_mut(), keep, accept, confirm).await
}

/// A call whose answer with the key `key` is computed now, whatever is kept of it.
pub async fn anew<F: Future>(key: Option<Key>, call: F) -> F::Output {
    #[cfg(feature = "redis")]
    return far_answers::anew(key, call).await;
    #[cfg(not(feature = "redis"))]
    {
        let _ = key;
        call.await
    }
}

/// Whether an answer is such that it is not to be kept.
pub fn holds<T>(unless: impl FnOnce(&T) -> bool, answer: &T) -> bool {
    unless(answer)
}

/// The answer of a body that cannot fail.
pub fn sure<T>(answer: Result<T, Infallible>) -> T {
    match answer {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}

async fn run<F, T, E>(body: Body<F, T, E>) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    match body {
        Body::Here(body) => body.await,
        Body::Detached(body) => body.await,
    }
}

/// The key of the answer for `arguments`; nothing for those that say of themselves that they have no value.
pub fn key<A: Serialize + ?Sized>(options: &QueryOptions, arguments: &A) -> Option<Key> {
    stable_hash::hash(options.name, &(options.owner, arguments))
        .inspect_err(|error| {
            tracing::warn!(query = options.name, %error, "answer is not kept for its arguments");
        })
        .ok()
}

/// Whether an answer may be handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    Fresh,
    /// It may, and is to be computed again.
    Aging,
    Gone,
}

impl Kept {
    /// Whether this may be handed out now. Its reads are noted as reads of the caller.
    pub(super) fn look(&self, options: &QueryOptions) -> Freshness {
        // First, so that a change after the look is a change for who records it.
        reads::note_all(self.reads());
        if !self.is_true() {
            return Freshness::Gone;
        }
        let Some(ttl) = options.ttl else { return Freshness::Fresh };
        let age = self.age();
        if age < ttl.saturating_sub(options.refresh_ahead) {
            Freshness::Fresh
        } else if age < ttl.saturating_add(options.stale_while_revalidate) {
            // Without anything ahead or after, the answer is good to its end.
            Freshness::Aging
        } else {
            Freshness::Gone
        }
    }
}

/// A body that is run for its answer to be kept.
pub(super) struct Load<K, T> {
    pub(super) options: QueryOptions,
    #[cfg_attr(not(feature = "redis"), expect(dead_code, reason = "for other processes"))]
    key: Key,
    tags: Vec<Cow<'static, str>>,
    pub(super) weigh: K,
    #[cfg_attr(not(feature = "redis"), expect(dead_code, reason = "for other processes"))]
    codec: Option<Codec<T>>,
}

impl<T, K> Load<K, T>
where
    T: Clone + Send + Sync + 'static,
    K: Fn(&T) -> Option<usize>,
{
    /// The answer that processes share, or that of `body`.
    async fn answer<E>(
        &self,
        cache: &Arc<GraphCache>,
        counts: &Counts,
        body: impl Future<Output = Result<T, E>>,
    ) -> Result<(T, Kept), E> {
        #[cfg(feature = "redis")]
        if let Some(far) = FarAnswer::of(cache, self.key, self.codec) {
            return Box::pin(far.answer(self, counts, body)).await;
        }
        self.run(cache, counts, body).await
    }

    /// A newer answer than one that is handed out meanwhile; nothing when another process is to bring it.
    async fn again<E>(
        &self,
        cache: &Arc<GraphCache>,
        counts: &Counts,
        body: impl Future<Output = Result<T, E>>,
    ) -> Result<Option<(T, Kept)>, E> {
        #[cfg(feature = "redis")]
        if let Some(far) = FarAnswer::of(cache, self.key, self.codec) {
            return Box::pin(far.refreshed(self, counts, body)).await;
        }
        self.run(cache, counts, body).await.map(Some)
    }

    /// The answer of `body`.
    pub(super) async fn run<E>(
        &self,
        cache: &GraphCache,
        counts: &Counts,
        body: impl Future<Output = Result<T, E>>,
    ) -> Result<(T, Kept), E> {
        count(&counts.loads);
        super::warm::note_load();
        let reads = Reads::default();
        let recorded = reads.record(async {
            reads::note(cache.coherence(), |noted| {
                noted.tags(self.tags.iter().map(AsRef::as_ref));
                noted.query(&self.options);
            });
            body.await
        });
        let value = recorded.await.inspect_err(|_| count(&counts.failed))?;
        let reads = reads.take();
        reads::note_all(&reads);
        let kept = Kept::new(value.clone(), (self.weigh)(&value), reads);
        Ok((value, kept))
    }
}

impl GraphCache {
    /// Whether an answer that was found here may be handed out: where that is asked for, the others say so.
    async fn confirms(&self, kept: &Kept) -> bool {
        !self.is_strict() || Box::pin(kept.is_confirmed()).await
    }

    /// Keeps an answer, unless it is not to be kept or something changed that was read for it.
    fn keep(&self, of: &QueryOptions, key: Key, kept: &Kept, counts: &Counts) {
        if !kept.is_to_be_kept() {
            return;
        }
        if kept.is_true() {
            self.queries().keep(of, key, kept.clone());
        } else {
            count(&counts.outdated);
        }
    }
}

fn count(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
