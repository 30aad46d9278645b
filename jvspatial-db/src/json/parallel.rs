//! Reading the segments of a store, several at a time, into one index.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};

use parking_lot::Mutex;

use super::disk::{Disk, DiskFile, OpenMode};
use super::index::{Chunk, Filling};
use super::loader::Loader;
use super::manifest::{End, unavailable};
use super::options::JsonDbOptions;
use super::segment::{SegmentName, Segments};
use super::segment_reader::{Commits, Read, Reader};
use crate::error::{Error, ErrorKind, Result};

/// How many chunks of one segment may wait for the segment before: about as many as a segment of the
/// usual size has, and about 40 MiB.
const WAITING: usize = 48;

/// How many lines a chunk has, unless its last batch goes beyond.
pub(super) const CHUNK_LINES: usize = 8192;

/// More threads than this would wait for the one that fills the tables.
const MOST_THREADS: usize = 4;

/// The segments to read, in the order of the journal, the active one last. Their slots are their positions.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub disk: &'a dyn Disk,
    pub store: &'a str,
    pub options: &'a JsonDbOptions,
    pub segments: &'a [Planned],
    /// A chunk is taken when it has so many lines, or at the end of the batch that goes beyond.
    pub chunk_lines: usize,
}

/// A segment to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planned {
    pub name: SegmentName,
    pub commits: Commits,
    /// How it must end; none for the active segment, which is the last and will be written.
    pub end: Option<End>,
    /// The most bytes that it can have: no more are read, however long the file is.
    pub most: u64,
}

/// What was read.
pub(super) struct Journal {
    pub filling: Filling,
    pub segments: Segments,
    /// The last segment.
    pub active: Arc<dyn DiskFile>,
    pub read: Read,
}

/// A segment that was read.
struct Loaded {
    file: Arc<dyn DiskFile>,
    read: Read,
}

enum Message {
    Chunk(Chunk),
    End(Result<Loaded>),
}

/// What has been taken so far.
#[derive(Default)]
struct Taken {
    filling: Filling,
    segments: Segments,
    last: Option<Loaded>,
}

impl Taken {
    /// Takes the end of the next segment, before anything of the one after it is taken.
    fn end(&mut self, planned: &Planned, loaded: Loaded) -> Result<()> {
        if let Some(end) = &planned.end {
            loaded.read.expect_end(planned.name, end)?;
        }
        let slot = self.segments.add(planned.name, Arc::clone(&loaded.file));
        let End { bytes, sequence, .. } = loaded.read.end;
        self.filling.end(slot, bytes, sequence);
        self.last = Some(loaded);
        Ok(())
    }
}

impl Plan<'_> {
    /// Reads all segments.
    ///
    /// With more than one thread, later segments are read while earlier ones are being taken; what comes
    /// out is the same, and so is the error if there is one: that of the first segment that has any.
    ///
    /// # Errors
    /// What is wrong with a file, and `Limit` when a collection is full.
    pub(super) fn read(&self, threads: NonZeroUsize) -> Result<Journal> {
        let mut taken = Taken::default();
        if threads.get() == 1 || !self.read_apart(threads, &mut taken)? {
            for (slot, planned) in (0..).zip(self.segments) {
                let loaded = self.load(slot, planned, |mut chunk| {
                    taken.filling.take(slot, &mut chunk)?;
                    Ok(chunk)
                })?;
                taken.end(planned, loaded)?;
            }
        }
        let Taken { filling, segments, last } = taken;
        let Loaded { file, read } = last.ok_or_else(|| Error::corrupt("journal has no segment"))?;
        Ok(Journal { filling, segments, active: file, read })
    }

    /// Reads on threads of their own; `false` when there was none to be had.
    fn read_apart(&self, threads: NonZeroUsize, taken: &mut Taken) -> Result<bool> {
        let empty = Mutex::new(Vec::new());
        // What waits is bounded by the threads, each of which works on one segment.
        let (started, segments) = mpsc::channel();
        let queue = Mutex::new(((0..).zip(self.segments), started));
        let work = || {
            loop {
                let (slot, planned, sender) = {
                    let (next, started) = &mut *queue.lock();
                    let Some((slot, planned)) = next.next() else { return };
                    let (sender, receiver) = mpsc::sync_channel(WAITING);
                    if started.send(receiver).is_err() {
                        return;
                    }
                    (slot, planned, sender)
                };
                let hand_over = |chunk| hand_over(&sender, &empty, chunk);
                let end = self.load(slot, planned, hand_over);
                // Nobody listens any more once a segment before this one was refused.
                let _ = sender.send(Message::End(end));
            }
        };
        std::thread::scope(|scope| {
            let threads = threads.get().min(MOST_THREADS).min(self.segments.len());
            let name = || std::thread::Builder::new().name("jvspatial-reader".to_owned());
            let started = (0..threads).filter(|_| name().spawn_scoped(scope, work).is_ok()).count();
            if started == 0 {
                return Ok(false);
            }
            // Moved in here, so that its end lets the threads end.
            let segments: Receiver<Receiver<Message>> = segments;
            for (slot, planned) in (0..).zip(self.segments) {
                let cut_off =
                    |_| Error::new(ErrorKind::Unavailable, "reading the journal was cut off");
                let messages = segments.recv().map_err(cut_off)?;
                loop {
                    match messages.recv().map_err(cut_off)? {
                        Message::Chunk(mut chunk) => {
                            taken.filling.take(slot, &mut chunk)?;
                            empty.lock().push(chunk);
                        }
                        Message::End(end) => {
                            taken.end(planned, end?)?;
                            break;
                        }
                    }
                }
            }
            Ok(true)
        })
    }

    fn load(
        &self,
        slot: u32,
        planned: &Planned,
        hand_over: impl FnMut(Chunk) -> Result<Chunk>,
    ) -> Result<Loaded> {
        let Planned { name, commits, end, most } = *planned;
        let path = name.path();
        let file = match end {
            Some(_) => self.disk.open(&path),
            None => self.disk.open_append(&path, OpenMode::Existing),
        };
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Error::corrupt("segment is missing").with("file", &path).with_source(error)
            }
            _ => unavailable(error),
        })?;
        let size = file.size().map_err(unavailable)?;
        if size > most {
            return Err(Error::corrupt("segment is longer than it was when it was written")
                .with("file", &path)
                .with("offset", most)
                .with("expected", "the end of the file")
                .with("found", format_args!("{} bytes more", size - most)));
        }
        let reader = Reader::begin(&*file, name, self.store, commits, self.options)?;
        let mut loader = Loader::new(&*file, slot, commits, self.chunk_lines, hand_over);
        let read = reader.read_all(&mut loader)?;
        loader.finish()?;
        Ok(Loaded { file, read })
    }
}

fn hand_over(
    sender: &SyncSender<Message>,
    empty: &Mutex<Vec<Chunk>>,
    chunk: Chunk,
) -> Result<Chunk> {
    sender
        .send(Message::Chunk(chunk))
        .map_err(|_| Error::new(ErrorKind::Unavailable, "reading the journal was given up"))?;
    Ok(empty.lock().pop().unwrap_or_default())
}

#[cfg(test)]
mod tests;
