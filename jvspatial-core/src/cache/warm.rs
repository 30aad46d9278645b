//! Keeping what will be asked for, before it is, at a pace that the database can stand.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use futures_core::Stream;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use jvspatial_db::{Handle, Id};
use tokio::time::{Duration, Instant, sleep_until};

use super::graph_cache::GraphCache;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Graph;

/// How many documents are read by one request at most.
const CHUNK: usize = 100;

tokio::task_local! {
    /// Whether the call that is made to warm its answer ran a body.
    static LOADED: Cell<bool>;
}

/// The body of a cached query is about to run.
pub(super) fn note_load() {
    let _ = LOADED.try_with(|loaded| loaded.set(true));
}

/// How fast a graph is warmed; made by [`Graph::warm`] and [`Graph::warm_calls`].
#[derive(Debug)]
#[must_use = "call `run` to warm the graph"]
pub struct Warm<W> {
    graph: Graph,
    what: W,
    per_second: u32,
    at_once: usize,
}

/// What became of what was to be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WarmReport {
    /// Documents that were read, and calls that ran a body.
    pub loaded: u64,
    /// Documents and answers that were kept already, or that another call was loading.
    pub kept: u64,
    /// Ids without a document.
    pub missing: u64,
    /// Documents that could not be read, and calls that failed.
    pub failed: u64,
}

impl WarmReport {
    fn add(&mut self, other: Self) {
        self.loaded += other.loaded;
        self.kept += other.kept;
        self.missing += other.missing;
        self.failed += other.failed;
    }
}

impl Graph {
    /// Has the documents of `ids` kept. The ids are taken as they are needed, so there may be any number of them.
    ///
    /// ```
    /// # use jvspatial_core::{CacheOptions, Graph, Result};
    /// # use jvspatial_db::Id;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result {
    /// let options = CacheOptions::new().entity_bytes(64 << 20);
    /// let graph = Graph::builder().url("memory:").cache(options).open().await?;
    /// graph.root().await?;
    /// let report = graph.warm([Id::root()]).per_second(500).run().await?;
    /// assert_eq!(report.loaded + report.kept, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn warm<I>(&self, ids: I) -> Warm<WarmIds<I::IntoIter>>
    where
        I: IntoIterator,
        I::Item: AsRef<Id>,
    {
        Warm::new(self, WarmIds(ids.into_iter()))
    }

    /// Makes calls of cached queries for their answers to be kept: a stream of futures, for instance of
    /// `futures::stream::iter(countries).map(|country| cities.large(country))`. A future is polled first when its turn comes.
    pub fn warm_calls<S, T, E>(&self, calls: S) -> Warm<WarmCalls<S>>
    where
        S: Stream,
        S::Item: Future<Output = std::result::Result<T, E>>,
    {
        Warm::new(self, WarmCalls(calls))
    }
}

/// The ids of documents to be kept.
#[derive(Debug)]
pub struct WarmIds<I>(I);

/// The calls whose answers are to be kept.
#[derive(Debug)]
pub struct WarmCalls<S>(S);

impl<W> Warm<W> {
    fn new(graph: &Graph, what: W) -> Self {
        Self { graph: graph.clone(), what, per_second: 1_000, at_once: 4 }
    }

    /// How many documents are read, or calls begun, in a second at most. Default: 1,000.
    pub const fn per_second(mut self, count: u32) -> Self {
        self.per_second = count;
        self
    }

    /// How many requests or calls are under way at once at most. Default: 4.
    pub const fn at_once(mut self, count: usize) -> Self {
        self.at_once = count;
        self
    }

    fn check(&self) -> Result<()> {
        if self.per_second > 0 && self.at_once > 0 {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Invalid, "graph cannot be warmed at this pace")
            .with("per_second", self.per_second)
            .with("at_once", self.at_once)
            .with("expected", "at least 1"))
    }
}

impl<I> Warm<WarmIds<I>>
where
    I: Iterator,
    I::Item: AsRef<Id>,
{
    /// Reads what is not kept, by requests of up to 100 documents.
    ///
    /// # Errors
    /// `Invalid` when nothing is kept by id, for lack of [`entity_bytes`](crate::CacheOptions::entity_bytes) or in a
    /// transaction, or a bound is 0; `Closed` when the graph is closed before the end. What cannot be read is counted.
    ///
    /// # Cancellation
    /// What was read until then is kept.
    pub async fn run(self) -> Result<WarmReport> {
        self.check()?;
        let cache = self.graph.kept().filter(|kept| kept.entities().is_some());
        let Some(cache) = cache else {
            return Err(Error::new(ErrorKind::Invalid, "graph keeps no documents")
                .with("setting", "entity_bytes")
                .with("expected", "more than 0"));
        };
        // No more in one request than a tenth of a second has.
        let most = (self.per_second as usize).div_ceil(10).min(CHUNK);
        let mut ids = self.what.0;
        let mut pace = Pace::new(self.per_second, self.at_once);
        loop {
            let mut wanted = Vec::new();
            let mut is_over = false;
            while wanted.len() < most && !is_over {
                let Some(id) = ids.next() else {
                    is_over = true;
                    continue;
                };
                match cache.is_there(id.as_ref()) {
                    Some(true) => pace.report.kept += 1,
                    Some(false) => pace.report.missing += 1,
                    None => wanted.push(self.graph.database().handle(id.as_ref())),
                }
            }
            if !wanted.is_empty() {
                pace.turn(wanted.len()).await?;
                pace.running.push(load(self.graph.clone(), wanted));
            }
            if is_over {
                return pace.finish().await;
            }
            // Ids that are all kept already would never let others in between.
            tokio::task::yield_now().await;
        }
    }
}

impl<S, T, E> Warm<WarmCalls<S>>
where
    S: Stream,
    S::Item: Future<Output = std::result::Result<T, E>>,
{
    /// Makes the calls.
    ///
    /// # Errors
    /// `Invalid` when a bound is 0; `Closed` when the graph is closed before the end. A call that fails is counted.
    ///
    /// # Cancellation
    /// What was computed until then is kept.
    pub async fn run(self) -> Result<WarmReport> {
        self.check()?;
        let mut calls = pin!(self.what.0);
        let mut pace = Pace::new(self.per_second, self.at_once);
        while let Some(call) = pace.beside(calls.next()).await? {
            pace.turn(1).await?;
            pace.running.push(one(self.graph.clone(), call));
        }
        pace.finish().await
    }
}

async fn load(graph: Graph, wanted: Vec<Handle>) -> Result<WarmReport> {
    let mut report = WarmReport::default();
    match graph.database().get_many(&wanted).await {
        Ok(found) => {
            report.loaded = found.iter().flatten().count() as u64;
            report.missing = found.len() as u64 - report.loaded;
        }
        Err(error) if error.kind() == ErrorKind::Closed => return Err(error.into()),
        Err(_) => report.failed = wanted.len() as u64,
    }
    Ok(report)
}

async fn one<T, E>(
    graph: Graph,
    call: impl Future<Output = std::result::Result<T, E>>,
) -> Result<WarmReport> {
    let call = async {
        let answer = call.await;
        (answer.is_ok(), LOADED.with(Cell::get))
    };
    let mut report = WarmReport::default();
    match LOADED.scope(Cell::new(false), call).await {
        (true, true) => report.loaded = 1,
        (true, false) => report.kept = 1,
        (false, _) => {
            // Its error may be of any type.
            if let Err(error) = graph.database().get_many(&[]).await
                && error.kind() == ErrorKind::Closed
            {
                return Err(error.into());
            }
            report.failed = 1;
        }
    }
    Ok(report)
}

/// What is under way, and when more may begin.
struct Pace<F> {
    running: FuturesUnordered<F>,
    report: WarmReport,
    per_second: u32,
    at_once: usize,
    start: Instant,
    begun: u64,
}

impl<F: Future<Output = Result<WarmReport>>> Pace<F> {
    fn new(per_second: u32, at_once: usize) -> Self {
        let (running, report) = (FuturesUnordered::new(), WarmReport::default());
        Self { running, report, per_second, at_once, start: Instant::now(), begun: 0 }
    }

    /// Waits until so many more may begin.
    async fn turn(&mut self, count: usize) -> Result<()> {
        while self.running.len() >= self.at_once {
            let Some(done) = self.running.next().await else { break };
            self.report.add(done?);
        }
        let turn = Duration::from_secs_f64(self.begun as f64 / f64::from(self.per_second));
        self.begun += count as u64;
        self.beside(sleep_until(self.start + turn)).await
    }

    /// Goes on with what is under way while something is waited for.
    async fn beside<T>(&mut self, wait: impl Future<Output = T>) -> Result<T> {
        let mut wait = pin!(wait);
        poll_fn(|context| {
            while let Poll::Ready(Some(done)) = self.running.poll_next_unpin(context) {
                match done {
                    Ok(done) => self.report.add(done),
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            wait.as_mut().poll(context).map(Ok)
        })
        .await
    }

    /// Waits for the last.
    async fn finish(mut self) -> Result<WarmReport> {
        while let Some(done) = self.running.next().await {
            self.report.add(done?);
        }
        Ok(self.report)
    }
}

impl GraphCache {
    /// Whether it is kept that `id` has a document, or that it has none.
    fn is_there(&self, id: &Id) -> Option<bool> {
        self.entities()?.is_there(id)
    }
}
