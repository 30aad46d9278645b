//! Reading documents: the lines of a whole list of places into one buffer, each verified.

use std::sync::Arc;

use bytes::Bytes;

use super::bulk::damaged;
use super::index::{Index, Place, State};
use super::line::{Line, line_checksum};
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

/// Lines to read, and those read so far.
#[derive(Debug)]
pub(super) struct Reading {
    segments: Arc<Segments>,
    places: Vec<Option<Located>>,
    buffer: Vec<u8>,
    /// How many places have been read.
    done: usize,
    /// How many bytes of the buffer they take.
    filled: usize,
}

impl Reading {
    pub(super) fn new(segments: Arc<Segments>, places: Vec<Option<Located>>) -> Self {
        let bytes = places.iter().flatten().map(|located| located.state.place.len as usize).sum();
        Self { segments, places, buffer: vec![0; bytes], done: 0, filled: 0 }
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
            if let Some(Located { state: State { place, .. }, .. }) = place {
                let end = self.filled + place.len as usize;
                let line = self.buffer.get_mut(self.filled..end).unwrap_or_default();
                let offset = u64::from(place.offset);
                let file = &self.segments.get(place.slot).ok_or_else(|| missing(place))?.file;
                if cached {
                    if !file.read_at_cached(line, offset).map_err(unavailable)? {
                        return Ok(false);
                    }
                } else {
                    file.read_at(line, offset).map_err(unavailable)?;
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
        let buffer = Bytes::from(self.buffer);
        let mut start = 0;
        let segments = self.segments;
        self.places
            .into_iter()
            .map(|located| {
                let Some(located) = located else { return Ok(None) };
                let len = located.state.place.len as usize;
                start += len;
                located.verify(&segments, &buffer, start - len).map(Some)
            })
            .collect()
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
        let Self { state, .. } = self;
        let Place { len, prefix, suffix, .. } = state.place;
        let line = start..start + len as usize;
        let bytes = buffer.get(line.clone()).unwrap_or_default();
        let found = line_checksum(bytes) as u32;
        let body =
            line.start + usize::from(prefix)..line.end.saturating_sub(usize::from(suffix) + 1);
        if found != state.check || body.start > body.end {
            return Err(damaged(segments, &state, found).with("id", &self.id));
        }
        let ends = self.ends_of(bytes)?;
        Ok(Document {
            id: self.id,
            version: Version::new(state.version),
            schema: state.schema,
            ends,
            body: Body::new(Encoding::Json, buffer.slice(body)),
        })
    }
}

fn missing(place: &Place) -> Error {
    Error::corrupt("segment of a document is not open").with("slot", place.slot)
}
