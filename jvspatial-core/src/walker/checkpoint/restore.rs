//! A walk made anew from a checkpoint.

use std::sync::Arc;

use jvspatial_db::{Database, Expansion, Handle, Id};

use super::head::{At, Head, Progress};
use super::load::Loaded;
use super::part::{Open, Part, Past, Trod, Waiting, Wish};
use super::saver::Saver;
use super::ways::Ways;
use crate::error::{Error, ErrorKind, Result};
use crate::walker::builder::MAX_CHUNK;
use crate::walker::clock::Clock;
use crate::walker::frontier::{Origin, Pending};
use crate::walker::leaves;
use crate::walker::outcome::Stats;
use crate::walker::run::Run;
use crate::walker::trail::Step;
use crate::walker::wishes::From;
use crate::walker::{Walk, Walker};

/// What was read of the parts so far.
struct Restoring<'a, W: Walker> {
    walk: &'a mut Walk<W>,
    database: Arc<dyn Database>,
    ways: Ways,
    expansions: Vec<(Expansion, bool)>,
}

/// Has `run`, which has nowhere to start, go on from what was loaded.
pub(super) fn restore<W: Walker>(
    run: &mut Run<W>,
    saver: &mut Saver<W>,
    loaded: Loaded,
) -> Result<()> {
    let Loaded { head, stored, mut parts } = loaded;
    let Head { token, progress, at, course, .. } = head;
    check_place(at, progress.step)?;
    saver.token = token;
    saver.stored = Some(stored);
    saver.course.start.clone_from(&course.start);
    let past_parts = parts.len().min(stored.past_parts as usize);
    saver.tail = parts.iter_mut().skip(past_parts).flat_map(|part| part.past.clone()).collect();
    let walk = &mut run.walk;
    walk.engine.start = course.start;
    walk.take_up(&progress);
    let database = Arc::clone(&walk.engine.database);
    let (ways, expansions) = (Ways::default(), Vec::new());
    let mut restoring = Restoring { walk, database, ways, expansions };
    // All of a list before anything that names an entry of it.
    for way in parts.iter_mut().flat_map(|part| std::mem::take(&mut part.ways)) {
        restoring.ways.push(way)?;
    }
    for part in &parts {
        for followed in &part.expansions {
            restoring.expansions.push((followed.to_expansion()?, followed.visits_edges));
        }
    }
    parts.into_iter().try_for_each(|part| restoring.take_up(part))?;
    // The log begins with what comes now.
    drop(run.walk.engine.frontier.visited().take_log());
    run.company.resumed = Some(at);
    Ok(())
}

/// Refuses to go on after a chunk that cannot have ended with the visit `last`.
fn check_place(at: At, last: u64) -> Result<()> {
    let At::Chunk(first) = at else { return Ok(()) };
    if (last.saturating_sub(MAX_CHUNK as u64)..=last.saturating_add(1)).contains(&first) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Corrupt, "checkpoint goes on after a chunk that there cannot be")
        .with("first visit", first)
        .with("last visit", last))
}

impl<W: Walker> Restoring<'_, W> {
    fn take_up(&mut self, part: Part) -> Result<()> {
        let Part { past, waiting, wishes, open, trail, .. } = part;
        past.into_iter().for_each(|past| self.happened(past));
        waiting.into_iter().try_for_each(|waiting| self.wait(waiting))?;
        wishes.into_iter().try_for_each(|wish| self.wish(wish))?;
        open.into_iter().try_for_each(|open| self.open(open))?;
        if self.walk.trail.is_kept() {
            trail.into_iter().for_each(|trod| self.walk.trail.record(trod.into()));
        }
        Ok(())
    }

    fn handle(&self, id: &Id) -> Handle {
        self.database.handle(id)
    }

    fn happened(&mut self, past: Past) {
        let handle = self.handle(past.id());
        let engine = &mut self.walk.engine;
        match past {
            Past::Met(_) => engine.frontier.visited().restore(&handle, true),
            Past::Forgotten(_) => engine.frontier.visited().restore(&handle, false),
            Past::Visited(id) => *engine.visits.entry(id).or_default() += 1,
            Past::Retried(id) => *engine.retries.entry(id).or_default() += 1,
        }
    }

    fn wait(&mut self, Waiting { id, depth, again, rank, origin }: Waiting) -> Result<()> {
        let handle = self.handle(&id);
        let origin = match origin {
            None => None,
            Some(origin) => Some(Box::new(Origin {
                step: origin.step,
                edge: origin.edge,
                ahead: origin.ahead.map(|ahead| self.handle(&ahead)),
                way: self.ways.get(origin.way)?,
            })),
        };
        self.walk.engine.frontier.restore(Pending { handle, depth, again, origin }, rank);
        Ok(())
    }

    fn wish(&mut self, wish: Wish) -> Result<()> {
        let Wish { id, expansion, edge, again, rank, step, depth, way } = wish;
        let from = From { step, depth, way: self.ways.get(way)? };
        let handle = self.handle(&id);
        let Some(place) = expansion else {
            let edge = edge.map(|edge| self.handle(&edge));
            self.walk.wishes.visit(handle, edge, again, from, rank);
            return Ok(());
        };
        let expansion = usize::try_from(place).ok().and_then(|place| self.expansions.get(place));
        let Some((expansion, visits_edges)) = expansion else {
            return Err(Error::new(
                ErrorKind::Corrupt,
                "checkpoint names an expansion that it does not have",
            )
            .with("expansion", place));
        };
        self.walk.wishes.follow(expansion.clone(), *visits_edges, handle, from, rank);
        Ok(())
    }

    fn open(&mut self, open: Open) -> Result<()> {
        let Open { step, id, depth, parent, way, below, is_done } = open;
        let (handle, way) = (self.handle(&id), self.ways.get(way)?);
        if let Some(leaves) = &mut self.walk.engine.leaves {
            leaves.restore(step, leaves::Open { handle, depth, parent, way, below, is_done });
        }
        Ok(())
    }
}

impl<W: Walker> Walk<W> {
    /// Takes up how far the walk had come.
    fn take_up(&mut self, progress: &Progress) {
        let Progress { step, depth, depth_reached, reported, asked, lost, .. } = *progress;
        let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        self.restore(step, depth, depth_reached);
        self.reported = reported;
        self.earlier_errors = count(progress.errors);
        self.earlier_conflicts = count(progress.conflicts);
        self.trail.restore_forgotten(progress.forgotten_steps);
        let stats @ Stats { written, unchanged, batches, peak_frontier, elapsed, .. } =
            progress.stats;
        self.clock = Clock::after(elapsed);
        self.engine.frontier.restore_peak(peak_frontier);
        self.engine.stats = stats;
        self.writes.restore_asked(asked);
        let counts = &mut self.writes.counts;
        (counts.written, counts.unchanged, counts.batches) = (written, unchanged, batches);
        counts.lost = lost;
    }
}

impl std::convert::From<Trod> for Step {
    fn from(trod: Trod) -> Self {
        let Trod { sequence, entity, edge, parent, depth, at, outcome } = trod;
        Self { sequence, entity, edge, parent, depth, at, outcome }
    }
}
