//! The change feed: read from the journal, by whoever watches, as far as the writer says that it can be seen.

mod batch;
mod place;
mod watcher;

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::stream;
use parking_lot::Mutex;
use tokio::sync::watch::{Receiver, Sender};

use self::place::Place;
use self::watcher::Watcher;
use super::disk::DiskFile;
use super::manifest::End;
use super::segment::SegmentName;
use super::writer::Shared;
use crate::error::Result;
use crate::watch::{ChangeStream, Origin, WatchOptions};

/// How much of the journal is held open for watchers that lag, beside the segment that each of them reads. Compaction
/// may have removed it from the directory, so this is what they cost on the disk.
const HELD_BYTES: u64 = 64 * 1024 * 1024;
const HELD_SEGMENTS: usize = 128;

/// What the writer tells watchers.
#[derive(Debug)]
pub(super) struct Feed {
    /// The store's own name.
    store: String,
    newest: Sender<Newest>,
    held: Mutex<Held>,
}

/// What is kept for watchers.
#[derive(Debug, Default)]
struct Held {
    watchers: usize,
    /// Sealed segments in order, as they were written, that watchers may still want.
    segments: VecDeque<HeldSegment>,
}

#[derive(Debug)]
struct HeldSegment {
    number: u32,
    bytes: u64,
    file: Arc<dyn DiskFile>,
}

/// How far the journal can be seen.
#[derive(Clone, Copy, Debug)]
struct Newest {
    segment: u32,
    /// The end of the last commit that readers see.
    end: End,
    state: State,
}

/// Whether more will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Poisoned,
    Closed,
}

impl Feed {
    /// The feed of a store that was just opened.
    pub(super) fn new(store: String, segment: u32, end: End) -> Self {
        let newest = Sender::new(Newest { segment, end, state: State::Open });
        Self { store, newest, held: Mutex::default() }
    }

    /// Shows the journal as far as `end`.
    pub(super) fn publish(&self, segment: u32, end: End) {
        self.newest.send_if_modified(|newest| {
            let is_news = newest.end != end;
            (newest.segment, newest.end) = (segment, end);
            is_news
        });
    }

    /// Holds open a segment that is sealed, for watchers that have not come there yet.
    pub(super) fn hold(&self, number: u32, file: &Arc<dyn DiskFile>, bytes: u64) {
        let mut held = self.held.lock();
        if held.watchers == 0 {
            return;
        }
        let segments = &mut held.segments;
        segments.push_back(HeldSegment { number, bytes, file: Arc::clone(file) });
        let mut total: u64 = segments.iter().map(|segment| segment.bytes).sum();
        while segments.len() > 1 && (segments.len() > HELD_SEGMENTS || total > HELD_BYTES) {
            total -= segments.pop_front().map_or(0, |segment| segment.bytes);
        }
    }

    /// Ends every watch, since nothing more will come.
    pub(super) fn poison(&self) {
        self.end_with(State::Poisoned);
    }

    /// Ends every watch, with the database.
    pub(super) fn close(&self) {
        self.end_with(State::Closed);
    }

    fn end_with(&self, state: State) {
        self.newest.send_modify(|newest| newest.state = state);
    }

    /// A segment as it was written, if it is still open anywhere.
    fn find(&self, shared: &Shared, number: u32) -> Option<Arc<dyn DiskFile>> {
        let held = |held: &Held| {
            let segment = held.segments.iter().find(|segment| segment.number == number)?;
            Some(Arc::clone(&segment.file))
        };
        let held = held(&self.held.lock());
        held.or_else(|| shared.index.read().segments.find(SegmentName::new(number)))
    }
}

/// A watcher's ear. The last one to go lets go of what is held for all.
struct Ear {
    shared: Arc<Shared>,
    newest: Receiver<Newest>,
}

impl Ear {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.feed.held.lock().watchers += 1;
        Self { shared: Arc::clone(shared), newest: shared.feed.newest.subscribe() }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let mut held = self.shared.feed.held.lock();
        held.watchers -= 1;
        if held.watchers == 0 {
            held.segments.clear();
        }
    }
}

/// Begins a watch.
///
/// # Errors
/// `Invalid` for a token of another store or watch, `Unavailable`, `Closed`.
pub(super) fn watch(shared: &Arc<Shared>, options: WatchOptions) -> Result<ChangeStream> {
    let origin = Origin::new(&format!("json:{}", shared.feed.store), &options);
    let after = options.after.as_ref();
    let after = after.map(|token| Place::parse(origin.place(token)?)).transpose()?;
    let watcher = Watcher::new(Ear::new(shared), options, origin, after)?;
    let token = watcher.token()?;
    let steps = stream::try_unfold(watcher, |watcher| async move {
        let (step, watcher) = watcher.step().await?;
        Ok(Some((step, watcher)))
    });
    Ok(ChangeStream::new(token, steps))
}

#[cfg(test)]
mod tests;
