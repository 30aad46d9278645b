//! Reading documents: the lines of a whole list of places into one buffer, each verified.

use std::sync::Arc;

use bytes::Bytes;

use super::bulk::damaged;
use super::index::{Index, Place, State};
use super::line::{Line, line_checksum};
use super::recent::Recent;
use super::segment::Segments;
use crate::codec::Encoding;
use crate::document::{Body, Document, Ends};
use crate::error::{Error, Result};
use crate::id::{Collection, Id};
use crate::json::manifest::unavailable;
use crate::version::Version;

/// A document found in the index and not read yet.
#[derive(Clone, Debug)]
pub(super) struct Located {
    pub id: Id,
    pub ordinal: u32,
    pub state: State,
    pub ends: LocatedEnds,
}

/// The ends of a document found in the index.
#[derive(Clone, Debug)]
pub(super) enum LocatedEnds {
    Known(Option<Ends>),
    /// Those of an edge in a past state, since when it may have been made again between other nodes.
    InLine,
}

impl Located {
    /// The document at `ordinal` in a state that it has or had.
    pub(super) fn new(
        index: &Index,
        collection: Collection,
        ordinal: u32,
        id: &Id,
        state: State,
    ) -> Self {
        let present = || {
            let row = index.table(collection).row(ordinal);
            row.is_some_and(|row| row.state.sequence == state.sequence)
        };
        let ends = match collection {
            Collection::Edge if present() => LocatedEnds::Known(index.ends(ordinal)),
            Collection::Edge => LocatedEnds::InLine,
            _ => LocatedEnds::Known(None),
        };
        Self { id: id.clone(), ordinal, state, ends }
    }
}

impl Located {
    /// Whether the ends are known without reading the line.
    pub(super) const fn knows_ends(&self) -> bool {
        matches!(self.ends, LocatedEnds::Known(_))
    }

    /// The document without its body, and without ends that only the line tells.
    pub(super) fn unread(self) -> Document {
        let ends = match self.ends {
            LocatedEnds::Known(ends) => ends,
            LocatedEnds::InLine => None,
        };
        Document {
            id: self.id,
            version: Version::new(self.state.version),
            schema: self.state.schema,
            ends,
            body: Body::empty(Encoding::Json),
        }
    }
}

/// How many documents share a buffer: few enough that one that is kept does not keep much, and that threads with
/// different ones seldom count references to the same.
const SHARED: usize = 64;

/// Lines to read, and those read so far.
#[derive(Debug)]
pub(super) struct Reading {
    segments: Arc<Segments>,
    places: Vec<Option<Located>>,
    /// For [`SHARED`] places each.
    buffers: Vec<Vec<u8>>,
    /// How many places have been read.
    done: usize,
    /// How many bytes they take of the buffer of the next one.
    filled: usize,
    /// Which of the places, the first ones at least, were filled without reading.
    recalled: Vec<bool>,
}

impl Reading {
    pub(super) fn new(segments: Arc<Segments>, places: Vec<Option<Located>>) -> Self {
        let bytes = |places: &[Option<Located>]| places.iter().map(length).sum();
        let buffers = places.chunks(SHARED).map(|places| vec![0; bytes(places)]).collect();
        Self { segments, places, buffers, done: 0, filled: 0, recalled: Vec::new() }
    }

    /// Fills what was read lately, before anything is read.
    pub(super) fn recall(&mut self, recent: &Recent) {
        let recent = recent.read();
        let place = |located: &Option<Located>| {
            located.as_ref().map(|located| located.state.place).unwrap_or_default()
        };
        // Where the lines are, before any is copied: steps that do not depend on each other overlap.
        let lines: Vec<_> = self.places.iter().map(|located| recent.get(place(located))).collect();
        let places = self.places.chunks(SHARED).zip(lines.chunks(SHARED));
        for ((places, lines), buffer) in places.zip(&mut self.buffers) {
            let mut start = 0;
            for (located, line) in places.iter().zip(lines) {
                let end = start + length(located);
                if let (Some(line), Some(room)) = (line, buffer.get_mut(start..end)) {
                    room.copy_from_slice(line);
                }
                start = end;
            }
        }
        self.recalled = lines.iter().map(Option::is_some).collect();
    }

    /// Reads on for as long as nothing has to wait for the medium; `true` when all is read.
    ///
    /// # Errors
    /// `Unavailable` when a file cannot be read.
    pub(super) fn read_cached(&mut self) -> Result<bool> {
        self.read(true)
    }

    /// Reads what is left, waiting where it must.
    ///
    /// # Errors
    /// `Unavailable` when a file cannot be read.
    pub(super) fn read_blocking(&mut self) -> Result<()> {
        self.read(false).map(|_| ())
    }

    fn read(&mut self, cached: bool) -> Result<bool> {
        while let Some(place) = self.places.get(self.done) {
            if self.done.is_multiple_of(SHARED) {
                self.filled = 0;
            }
            if let Some(Located { state: State { place, .. }, .. }) = place {
                let end = self.filled + place.len as usize;
                if !self.recalled.get(self.done).is_some_and(|recalled| *recalled) {
                    let buffer = self.buffers.get_mut(self.done / SHARED);
                    let line = buffer.and_then(|buffer| buffer.get_mut(self.filled..end));
                    let line = line.unwrap_or_default();
                    let offset = u64::from(place.offset);
                    let file = &self.segments.get(place.slot).ok_or_else(|| missing(place))?.file;
                    if cached {
                        if !file.read_at_cached(line, offset).map_err(unavailable)? {
                            return Ok(false);
                        }
                    } else {
                        file.read_at(line, offset).map_err(unavailable)?;
                    }
                }
                self.filled = end;
            }
            self.done += 1;
        }
        Ok(true)
    }

    /// The documents, each compared with the checksum it was written with.
    ///
    /// # Errors
    /// `Corrupt` naming file, offset and id of a line that is not what was written.
    pub(super) fn finish(self) -> Result<Vec<Option<Document>>> {
        let Self { segments, places, buffers, .. } = self;
        let mut documents = Vec::with_capacity(places.len());
        let mut places = places.into_iter();
        for buffer in buffers {
            let (buffer, mut start) = (Bytes::from(buffer), 0);
            for located in places.by_ref().take(SHARED) {
                let end = start + length(&located);
                let verify = |located: Located| located.verify(&segments, &buffer, start);
                documents.push(located.map(verify).transpose()?);
                start = end;
            }
        }
        Ok(documents)
    }

    /// Shows the documents with their ordinals, as [`finish`](Self::finish) returns them; what had to be read is
    /// kept in `recent`, if there is one.
    ///
    /// # Errors
    /// As [`finish`](Self::finish), and those of `show`.
    pub(super) fn show(
        self,
        recent: Option<&Recent>,
        mut show: impl FnMut(u32, Document) -> Result<()>,
    ) -> Result<()> {
        let Self { segments, places, buffers, recalled, .. } = self;
        let mut writing = None;
        let mut places = places.into_iter().enumerate();
        for buffer in buffers {
            let (buffer, mut start) = (Bytes::from(buffer), 0);
            for (at, located) in places.by_ref().take(SHARED) {
                let end = start + length(&located);
                let Some(located) = located else { continue };
                if !recalled.get(at).is_some_and(|recalled| *recalled) {
                    let line = buffer.get(start..end).unwrap_or_default();
                    located.check(&segments, line)?;
                    if let Some(recent) = recent {
                        writing
                            .get_or_insert_with(|| recent.write())
                            .add(located.state.place, line);
                    }
                }
                show(located.ordinal, located.into_document(&buffer, start)?)?;
                start = end;
            }
        }
        Ok(())
    }
}

impl Located {
    /// What the edge joins whose line this is.
    ///
    /// # Errors
    /// `Invalid` when its ends are no ids.
    pub(super) fn ends_of(&self, line: &[u8]) -> Result<Option<Ends>> {
        match &self.ends {
            LocatedEnds::Known(ends) => Ok(ends.clone()),
            LocatedEnds::InLine => match Line::parse(line) {
                Some(Line::Document(line)) => line.ends.map(|ends| ends.parse()).transpose(),
                _ => Ok(None),
            },
        }
    }

    /// The document in the line that begins at `start`, compared with the checksum it was written with.
    ///
    /// # Errors
    /// `Corrupt` naming file, offset and id.
    pub(super) fn verify(
        self,
        segments: &Segments,
        buffer: &Bytes,
        start: usize,
    ) -> Result<Document> {
        let line = start..start + self.state.place.len as usize;
        self.check(segments, buffer.get(line).unwrap_or_default())?;
        self.into_document(buffer, start)
    }

    /// Compares a line with the checksum it was written with.
    fn check(&self, segments: &Segments, line: &[u8]) -> Result<()> {
        let Place { len, prefix, suffix, .. } = self.state.place;
        let found = line_checksum(line) as u32;
        let around = usize::from(prefix) + usize::from(suffix) + 1;
        if found != self.state.check || around > len as usize {
            return Err(damaged(segments, &self.state, found).with("id", &self.id));
        }
        Ok(())
    }

    /// The document in the line that begins at `start`, which is what was written.
    #[inline]
    fn into_document(self, buffer: &Bytes, start: usize) -> Result<Document> {
        let Place { len, prefix, suffix, .. } = self.state.place;
        let end = start + len as usize;
        let ends = self.ends_of(buffer.get(start..end).unwrap_or_default())?;
        let body = start + usize::from(prefix)..end.saturating_sub(usize::from(suffix) + 1);
        Ok(Document {
            id: self.id,
            version: Version::new(self.state.version),
            schema: self.state.schema,
            ends,
            body: Body::new(Encoding::Json, buffer.slice(body)),
        })
    }
}

/// How long the line is; none has no length.
fn length(located: &Option<Located>) -> usize {
    located.as_ref().map_or(0, |located| located.state.place.len as usize)
}

fn missing(place: &Place) -> Error {
    Error::corrupt("segment of a document is not open").with("slot", place.slot)
}
