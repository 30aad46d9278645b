//! Reading the segments of a store, on several threads, into one index.

mod chain;
mod piece;
mod shape;

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use parking_lot::Mutex;

use self::chain::Chain;
use self::piece::{Part, Piece, PieceReader};
use super::disk::{Disk, DiskFile, OpenMode};
use super::index::{Chunk, Filling};
use super::loader::Loader;
use super::manifest::{End, unavailable};
use super::options::JsonDbOptions;
use super::room;
use super::segment::{SegmentName, Segments};
use super::segment_reader::{Commits, Read, Reader};
use super::view::Prefix;
use crate::error::{Error, ErrorKind, Result};

/// How many lines a chunk has, unless its last batch goes beyond.
pub(super) const CHUNK_LINES: usize = 8192;

/// How many bytes of a segment one thread reads at a time: what becomes of them stays in its cache until it
/// is taken.
pub(super) const PIECE_BYTES: u64 = 512 * 1024;

/// How many pieces may have been begun before they are taken.
const AHEAD: usize = 8;

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
    /// So many bytes are read at a time by one of several threads.
    pub piece_bytes: u64,
}

/// A segment to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planned {
    pub name: SegmentName,
    pub commits: Commits,
    /// How it must end; none when that is not known, as of the last segment after an unclean stop.
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

/// What has been taken so far.
#[derive(Default)]
struct Taken {
    filling: Filling,
    segments: Segments,
    last: Option<(Arc<dyn DiskFile>, Read)>,
}

impl Taken {
    /// Takes the end of the next segment, before anything of the one after it is taken.
    fn end(&mut self, planned: &Planned, file: &Arc<dyn DiskFile>, read: Read) -> Result<()> {
        if let Some(end) = &planned.end {
            read.expect_end(planned.name, end)?;
        }
        let slot = self.segments.add(planned.name, Arc::clone(file));
        self.filling.end(slot, read.end.bytes, read.end.sequence);
        self.last = Some((Arc::clone(file), read));
        Ok(())
    }
}

/// A segment whose file is open.
struct Opened<'a> {
    planned: &'a Planned,
    file: Arc<dyn DiskFile>,
    /// Its length, without the room for further commits.
    size: u64,
}

impl Plan<'_> {
    /// Reads all segments.
    ///
    /// With more than one thread, several pieces are read at a time and taken in their order; what comes
    /// out is the same, and so is the error if there is one: that of the first segment that has any.
    ///
    /// # Errors
    /// What is wrong with a file, and `Limit` when a collection is full.
    pub(super) fn read(&self, threads: NonZeroUsize) -> Result<Journal> {
        let mut opened = Vec::with_capacity(self.segments.len());
        let mut failure = None;
        for planned in self.segments {
            match self.open(planned, opened.len() + 1 == self.segments.len()) {
                Ok(segment) => opened.push(segment),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        let sizes = opened.iter().map(|segment| segment.size);
        let bytes = sizes.fold(0, u64::saturating_add);
        let mut taken = Taken { filling: Filling::of(bytes), ..Taken::default() };
        let whole = opened.partition_point(|segment| segment.planned.end.is_some());
        let (whole, _) = opened.split_at(whole);
        let apart = threads.get() > 1
            && !self.options.ignores_checksums()
            && !self.options.ignores_commit_lines()
            && self.read_apart(threads, whole, &mut taken)?;
        let read = if apart { whole.len() } else { 0 };
        for (slot, segment) in (0..).zip(&opened).skip(read) {
            let read = self.load(slot, segment, |mut chunk| {
                taken.filling.take(slot, &mut chunk)?;
                Ok(chunk)
            })?;
            taken.end(segment.planned, &segment.file, read)?;
        }
        if let Some(error) = failure {
            return Err(error);
        }
        let Taken { filling, segments, last } = taken;
        let (active, read) = last.ok_or_else(|| Error::corrupt("journal has no segment"))?;
        Ok(Journal { filling, segments, active, read })
    }

    fn open<'a>(&self, planned: &'a Planned, is_active: bool) -> Result<Opened<'a>> {
        let Planned { name, most, .. } = *planned;
        let path = name.path();
        let file = if is_active {
            self.disk.open_append(&path, OpenMode::Existing)
        } else {
            self.disk.open(&path)
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
        let size = match planned.end {
            Some(_) => size,
            None => room::without(&*file, size).map_err(unavailable)?,
        };
        Ok(Opened { planned, file, size })
    }

    /// Reads one segment from front to back.
    fn load(
        &self,
        slot: u32,
        segment: &Opened<'_>,
        hand_over: impl FnMut(Chunk) -> Result<Chunk>,
    ) -> Result<Read> {
        let Planned { name, commits, .. } = *segment.planned;
        let file = Prefix { file: Arc::clone(&segment.file), len: segment.size };
        let reader = Reader::begin(&file, name, self.store, commits, self.options)?;
        let mut loader = Loader::new(&*segment.file, slot, commits, self.chunk_lines, hand_over);
        let read = reader.read_all(&mut loader)?;
        loader.finish()?;
        Ok(read)
    }

    /// Reads the segments piece by piece on threads of their own; `false` when there was none to be had.
    fn read_apart(
        &self,
        threads: NonZeroUsize,
        segments: &[Opened<'_>],
        taken: &mut Taken,
    ) -> Result<bool> {
        let used = Mutex::new(Vec::new());
        let (started, parts) = mpsc::sync_channel(AHEAD);
        let queue = Mutex::new((self.pieces(segments), started));
        let work = || {
            let mut reader = PieceReader::new();
            loop {
                let (piece, sender) = {
                    let (pieces, started) = &mut *queue.lock();
                    let Some(piece) = pieces.next() else { return };
                    let (sender, part) = mpsc::sync_channel(1);
                    // Nobody listens any more once a piece before this one was refused.
                    if started.send(part).is_err() {
                        return;
                    }
                    (piece, sender)
                };
                let mut part = used.lock().pop().unwrap_or_default();
                let sound = reader.read(&piece, &mut part);
                let _ = sender.send(sound.map(|sound| sound.then_some(part)));
            }
        };
        std::thread::scope(|scope| {
            let name = || std::thread::Builder::new().name("jvspatial-reader".to_owned());
            let threads = 0..threads.get().min(MOST_THREADS);
            if threads.filter(|_| name().spawn_scoped(scope, work).is_ok()).count() == 0 {
                return Ok(false);
            }
            // Moved in here, so that its end lets the threads end.
            let parts: Receiver<Receiver<Result<Option<Part>>>> = parts;
            let cut_off = |_| Error::new(ErrorKind::Unavailable, "reading the journal was cut off");
            for (slot, segment) in (0..).zip(segments) {
                let mut chain = Chain::new(segment.planned, self.store);
                for _ in pieces_of(self.piece_bytes, slot, segment) {
                    let part = parts.recv().map_err(cut_off)?.recv().map_err(cut_off)??;
                    let sound = part.and_then(|mut part| chain.take(&mut part).then_some(part));
                    let Some(mut part) = sound else {
                        return Err(self.diagnose(slot, segment));
                    };
                    taken.filling.take(slot, &mut part.chunk)?;
                    used.lock().push(part);
                }
                let Some(end) = chain.end().filter(|end| Some(*end) == segment.planned.end) else {
                    return Err(self.diagnose(slot, segment));
                };
                let read = Read { end, size: segment.size, damage: None };
                taken.end(segment.planned, &segment.file, read)?;
            }
            Ok(true)
        })
    }

    fn pieces<'a>(&self, segments: &'a [Opened<'a>]) -> impl Iterator<Item = Piece<'a>> {
        let piece_bytes = self.piece_bytes;
        (0..).zip(segments).flat_map(move |(slot, segment)| pieces_of(piece_bytes, slot, segment))
    }

    /// What is wrong with a segment, some piece of which is not sound.
    fn diagnose(&self, slot: u32, segment: &Opened<'_>) -> Error {
        let forget = |mut chunk: Chunk| {
            chunk.clear();
            Ok(chunk)
        };
        let end = segment.planned.end.unwrap_or(End { bytes: 0, sequence: 0, checksum: 0 });
        let found = self.load(slot, segment, forget);
        let found = found.and_then(|read| read.expect_end(segment.planned.name, &end));
        found.err().unwrap_or_else(|| {
            Error::corrupt("segment has changed while it was read")
                .with("file", segment.planned.name.path())
        })
    }
}

fn pieces_of<'a>(
    piece_bytes: u64,
    slot: u32,
    segment: &'a Opened<'a>,
) -> impl Iterator<Item = Piece<'a>> {
    let Opened { file, size, .. } = segment;
    (0..*size).step_by(usize::try_from(piece_bytes).unwrap_or(usize::MAX)).map(move |start| Piece {
        slot,
        file: &**file,
        start,
        until: (start + piece_bytes).min(*size),
        size: *size,
    })
}

#[cfg(test)]
mod tests;
