//! Workers that visit the blocks of a chunk.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Walker;
use super::block::Done;
use crate::cache::reads;
use crate::error::{Error, ErrorKind, Result};

/// A block on its way.
pub(super) type Course<W> = Pin<Box<dyn Future<Output = Done<W>> + Send>>;

/// Workers, each a task with some blocks under way.
pub(super) struct Team<W: Walker> {
    workers: JoinSet<()>,
    /// How many blocks are under way at once, at most.
    at_once: usize,
    done: mpsc::UnboundedReceiver<Done<W>>,
    /// Those that were done before their turn.
    early: BTreeMap<usize, Done<W>>,
}

impl<W: Walker> Team<W> {
    /// Has `workers` tasks visit `blocks`, each with at most `each` of them under way at once. They begin in order.
    pub(super) fn start(workers: usize, each: usize, blocks: VecDeque<Course<W>>) -> Self {
        let (tell, done) = mpsc::unbounded_channel();
        let (workers_needed, at_once) = (workers.min(blocks.len()), workers * each);
        let blocks = Arc::new(Mutex::new(blocks));
        let mut workers = JoinSet::new();
        for _ in 0..workers_needed {
            let (blocks, tell) = (Arc::clone(&blocks), tell.clone());
            workers.spawn(reads::inherit(reads::current(), work(each, blocks, tell)));
        }
        Self { workers, at_once, done, early: BTreeMap::new() }
    }

    /// How many blocks are under way at once, at most.
    pub(super) const fn at_once(&self) -> usize {
        self.at_once
    }

    /// The block `place`, when it is done.
    pub(super) async fn next(&mut self, place: usize) -> Result<Done<W>> {
        loop {
            if let Some(done) = self.early.remove(&place) {
                return Ok(done);
            }
            let Some(done) = self.done.recv().await else {
                return Err(Error::new(
                    ErrorKind::Application,
                    "a worker of the walk was stopped by its runtime",
                ));
            };
            self.early.insert(done.place, done);
        }
    }

    /// Stops the workers, wherever they are.
    pub(super) async fn dismiss(mut self) {
        self.workers.shutdown().await;
    }
}

async fn work<W: Walker>(
    each: usize,
    blocks: Arc<Mutex<VecDeque<Course<W>>>>,
    tell: mpsc::UnboundedSender<Done<W>>,
) {
    let next = || blocks.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let mut under_way: FuturesUnordered<_> = std::iter::from_fn(next).take(each).collect();
    while let Some(done) = under_way.next().await {
        if tell.send(done).is_err() {
            return;
        }
        under_way.extend(next());
        // Visits that never wait are not to keep other tasks from their turn, such as the one that loads the next chunk.
        if each > 1 {
            tokio::task::consume_budget().await;
        } else {
            tokio::task::yield_now().await;
        }
    }
}
