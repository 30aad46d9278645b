//! The loop of a walk.

use std::sync::Arc;

use jvspatial_db::{Database, Document, ErrorKind, Handle, Id, OrdinalPin};

use super::Walker;
use super::control::Control;
use super::frontier::{Frontier, Origin, Pending};
use super::limits::{Limit, Limits};
use super::outcome::{Ended, Outcome, Stats};
use super::saves::Writing;
use super::walk::Walk;
use super::wishes::Wishes;
use crate::error::{Error, Result};

/// After so many visits at the latest other tasks of the runtime get a turn.
const VISITS_PER_TURN: usize = 128;

/// A walk under way: the walker, what its hooks see, and what moves it.
#[derive(Debug)]
pub(super) struct Run<W: Walker> {
    walker: W,
    walk: Walk<W>,
    engine: Engine,
}

/// What moves a walk, whatever its walker.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) database: Arc<dyn Database>,
    pub(super) frontier: Frontier,
    pub(super) chunk: Chunk,
    pub(super) chunk_size: usize,
    pub(super) limits: Limits,
    /// The first start, for the error when none of them exists.
    pub(super) start: Option<Id>,
    pub(super) stats: Stats,
    /// The saves that are being written while the walk goes on.
    pub(super) writing: Option<Writing>,
    /// Keeps the ordinals that the frontier remembers; released with the outcome of a paused walk.
    pub(super) _pin: Option<OrdinalPin>,
}

/// The nodes taken from the frontier together; a database reads their handles as they stand here.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    handles: Vec<Handle>,
    /// Depth and origin of each.
    places: Vec<(u32, Option<Box<Origin>>)>,
}

impl<W: Walker> Run<W> {
    pub(super) const fn new(walker: W, walk: Walk<W>, engine: Engine) -> Self {
        Self { walker, walk, engine }
    }

    /// Walks until the walk ends or pauses.
    pub(super) async fn run(mut self) -> Result<Outcome<W>> {
        self.walk.clock.start();
        let result = self.walk().await;
        self.walk.clock.stop();
        match result {
            Ok(ended) => Ok(self.into_outcome(ended)),
            Err(error) => {
                // What became of the last batch belongs into the account; the first error stays.
                let _ = self.walk.saves.settle(&mut self.engine.writing).await;
                Err(self.walk.saves.account(self.walk.failed(error.into(), None)))
            }
        }
    }

    /// The loop: load a chunk, run the hooks of each node, then do for all of them what they asked for.
    async fn walk(&mut self) -> Result<Ended> {
        let Self { walker, walk, engine } = self;
        let ended = 'chunks: loop {
            if let Some(limit) = engine.frontier.overflow() {
                break Ended::Limit(limit);
            }
            if !engine.take_chunk(walk.step()) {
                break match engine.limits.depth {
                    Some(depth) if walk.depth_reached() => Ended::Limit(Limit::Depth(depth)),
                    _ => Ended::Finished,
                };
            }
            let documents = engine.load().await?;
            let mut paused = false;
            let visits = documents.len();
            let mut nodes = engine.chunk.drain();
            for document in documents {
                let Some(node) = nodes.next() else { break };
                let Some(document) = document else {
                    engine.stats.missing += 1;
                    continue;
                };
                let limits = &engine.limits;
                if let Some(limit) = limits.forbid_visit(walk.step(), || walk.elapsed()) {
                    break 'chunks Ended::Limit(limit);
                }
                let mut here = walk.arrive(node, document);
                let answer = walker.visit(&mut here, walk).await;
                match answer.and_then(|control| walk.check(control)) {
                    Ok(Control::Continue | Control::Skip) => {}
                    Ok(Control::Disengage) => break 'chunks Ended::Disengaged,
                    Ok(Control::Pause) => {
                        paused = true;
                        break;
                    }
                    Err(error) => return Err(walk.failed(error, Some(here.id()))),
                }
            }
            // Only a pause leaves some: they wait again, before everything that the visited ones lead to.
            for node in nodes.rev() {
                engine.frontier.put_back(node);
            }
            engine.expand(&mut walk.wishes).await?;
            if paused {
                walk.saves.write_all(&engine.database, &mut engine.writing).await?;
                return Ok(Ended::Paused);
            }
            walk.saves.write_full(&engine.database, &mut engine.writing).await?;
            give_way(visits).await;
        };
        engine.check_start(ended, walk.step())?;
        let exit = walker.exit(walk).await;
        exit.and_then(|()| walk.check(Control::Continue))
            .map_err(|error| walk.failed(error, None))?;
        walk.saves.write_all(&engine.database, &mut engine.writing).await?;
        Ok(ended)
    }

    fn into_outcome(self, ended: Ended) -> Outcome<W> {
        let Self { walker, mut walk, engine } = self;
        let stats = Stats {
            visited: walk.step(),
            saved: walk.saves.written(),
            batches: walk.saves.batches(),
            peak_frontier: engine.frontier.peak(),
            elapsed: walk.elapsed(),
            ..engine.stats
        };
        Outcome {
            walker,
            reports: std::mem::take(&mut walk.reports),
            ended,
            stats,
            trail: walk.trail.take(),
            rest: (ended == Ended::Paused).then(|| Box::new((walk, engine))),
        }
    }
}

/// Lets other tasks run: after a large chunk at once, after a small one when it is their turn.
async fn give_way(visits: usize) {
    if visits >= VISITS_PER_TURN {
        tokio::task::yield_now().await;
    } else {
        tokio::task::consume_budget().await;
    }
}

impl Engine {
    /// Takes the next chunk from the frontier, after `visited` visits; `false` when no node waits.
    ///
    /// No more are taken than may be visited and one, which shows whether the limit kept a node out.
    fn take_chunk(&mut self, visited: u64) -> bool {
        let allowed = self.limits.steps.map_or(usize::MAX, |steps| {
            usize::try_from(steps.saturating_sub(visited).saturating_add(1)).unwrap_or(usize::MAX)
        });
        self.chunk.clear();
        for _ in 0..self.chunk_size.min(allowed) {
            let Some(node) = self.frontier.take() else {
                break;
            };
            self.chunk.push(node);
        }
        !self.chunk.handles.is_empty()
    }

    /// Loads the chunk: one query, however many nodes.
    async fn load(&mut self) -> Result<Vec<Option<Document>>> {
        self.stats.chunks += 1;
        self.stats.queries += 1;
        Ok(self.database.get_many(&self.chunk.handles).await?)
    }

    /// Puts what the chunk's hooks wished for into the frontier: one query for each distinct expansion.
    async fn expand(&mut self, wishes: &mut Wishes) -> Result {
        let nodes =
            wishes.ask(&*self.database, self.frontier.known(), &mut self.stats.queries).await?;
        self.frontier.extend(nodes);
        wishes.clear();
        Ok(())
    }

    /// A walk that found none of its starts is an error, not an empty answer.
    fn check_start(&self, ended: Ended, visited: u64) -> Result {
        match &self.start {
            Some(start) if ended == Ended::Finished && visited == 0 && self.stats.missing > 0 => {
                Err(Error::new(ErrorKind::NotFound, "start node does not exist").with("id", start))
            }
            _ => Ok(()),
        }
    }
}

impl Chunk {
    fn clear(&mut self) {
        self.handles.clear();
        self.places.clear();
    }

    fn push(&mut self, node: Pending) {
        let Pending { handle, depth, origin } = node;
        self.handles.push(handle);
        self.places.push((depth, origin));
    }

    /// The nodes in order, leaving the buffers for the next chunk.
    fn drain(&mut self) -> impl DoubleEndedIterator<Item = Pending> {
        let places = self.places.drain(..);
        self.handles.drain(..).zip(places).map(|(handle, (depth, origin))| Pending {
            handle,
            depth,
            origin,
        })
    }
}
