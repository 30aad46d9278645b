//! Commits as a watcher finds them in a segment, and the changes in their lines.

use bytes::Bytes;

use super::place::{Inside, Place};
use crate::codec::Encoding;
use crate::document::{Body, Document};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::json::disk::DiskFile;
use crate::json::line::{Line, OpenBatch, line_checksum};
use crate::json::lines::{Found, Lines};
use crate::json::manifest::{End, unavailable};
use crate::json::segment::SegmentName;
use crate::json::segment_reader::check_commit;
use crate::version::Version;
use crate::watch::{ChangeKind, WatchOptions};

/// A commit of which something is wanted.
#[derive(Debug)]
pub(super) struct Batch {
    /// Where the commit before it ends.
    pub base: End,
    pub end: End,
    /// The lines that are wanted, in order.
    pub lines: Vec<Wanted>,
}

/// A line that is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Which line of its commit it is, from 1.
    pub at: u64,
    pub offset: u64,
    pub len: usize,
    checksum: u64,
}

impl Batch {
    /// The place behind one of its lines that are wanted.
    pub(super) fn place(&self, segment: u32, line: &Wanted) -> Place {
        if self.lines.last().is_some_and(|last| last.at == line.at) {
            return Place::after(segment, self.end);
        }
        let inside = Inside { lines: line.at, checksum: self.end.checksum };
        Place { segment, end: self.base, inside: Some(inside) }
    }
}

/// Reads the commits of a segment in order.
pub(super) struct Commits<'a> {
    lines: Lines<'a>,
    options: &'a WatchOptions,
    name: SegmentName,
    /// The end of the last commit that was read.
    end: End,
}

impl<'a> Commits<'a> {
    /// The commits between `end` and `limit`.
    pub(super) fn new(
        file: &'a dyn DiskFile,
        name: SegmentName,
        end: End,
        limit: u64,
        options: &'a WatchOptions,
    ) -> Self {
        Self { lines: Lines::new(file, end.bytes, limit), options, name, end }
    }

    /// The next commit, sound as a whole, with what is wanted of it; `None` at the limit.
    ///
    /// # Errors
    /// `Corrupt` when it is not what was written, `Unavailable` when it cannot be read.
    pub(super) fn next_commit(&mut self) -> Result<Option<Batch>> {
        let (name, last) = (self.name, self.end);
        let unsound = |found: &str| {
            damaged(name, last.bytes)
                .with("expected", format_args!("commit {}", last.sequence + 1))
                .with("found", found)
        };
        let mut open = OpenBatch::default();
        let mut lines: Vec<Wanted> = Vec::new();
        // The edge whose tombstone was read last: put between other nodes, it has a line right behind it.
        let mut parted: Option<String> = None;
        loop {
            let (offset, line) = match self.lines.next_line().map_err(unavailable)? {
                Found::Line(offset, line) => (offset, line),
                Found::End if open.count() == 0 => return Ok(None),
                Found::End | Found::Ragged(_) => return Err(unsound("a cut-off commit")),
            };
            let parsed = Line::parse(line);
            let (id, is_tombstone) = match &parsed {
                Some(Line::Document(line)) => (line.id, false),
                Some(Line::Tombstone { id, .. }) => (*id, true),
                Some(Line::Commit(commit)) => {
                    check_commit(line, commit, &last, &open).map_err(|found| unsound(&found))?;
                    let end = End {
                        bytes: offset + line.len() as u64,
                        sequence: commit.sequence,
                        checksum: commit.checksum,
                    };
                    let base = std::mem::replace(&mut self.end, end);
                    return Ok(Some(Batch { base, end, lines }));
                }
                Some(Line::Header(_)) | None => return Err(unsound("another line")),
            };
            let checksum = line_checksum(line);
            open.push(checksum);
            let stored = Id::parse_stored(id).map_err(|error| unsound(&error.to_string()))?;
            if !self.options.wants(&stored) {
                parted = None;
                continue;
            }
            if !is_tombstone && parted.as_deref() == Some(id) {
                lines.pop();
            }
            parted = (is_tombstone && id.starts_with('e')).then(|| id.to_owned());
            lines.push(Wanted { at: open.count(), offset, len: line.len(), checksum });
        }
    }

    /// The end of the last commit that was read.
    pub(super) const fn end(&self) -> End {
        self.end
    }
}

fn damaged(name: SegmentName, offset: u64) -> Error {
    Error::corrupt("journal is damaged").with("file", name.path()).with("offset", offset)
}

/// What a line says.
pub(super) struct Said {
    pub kind: ChangeKind,
    pub id: Id,
    pub version: Version,
    pub document: Option<Document>,
}

impl Wanted {
    /// What the line says, which is at its place in `name`; with the document if that is asked for.
    ///
    /// # Errors
    /// `Corrupt` when it is not what was committed.
    pub(super) fn read(&self, name: SegmentName, line: &[u8], documents: bool) -> Result<Said> {
        let parsed = Line::parse(line).filter(|_| line_checksum(line) == self.checksum);
        match parsed {
            Some(Line::Document(parsed)) => {
                let (id, version) = (Id::parse_stored(parsed.id)?, Version::new(parsed.version));
                let end = line.len().saturating_sub(usize::from(parsed.suffix) + 1);
                let body = line.get(usize::from(parsed.prefix)..end).unwrap_or_default();
                let document = documents.then(|| -> Result<Document> {
                    // Apart from its neighbours, since whoever gets it may keep it.
                    let body = Body::new(Encoding::Json, Bytes::copy_from_slice(body));
                    let ends = parsed.ends.as_ref().map(|ends| ends.parse()).transpose()?;
                    Ok(Document { id: id.clone(), version, schema: parsed.schema, ends, body })
                });
                let document = document.transpose()?;
                Ok(Said { kind: ChangeKind::of(version), id, version, document })
            }
            Some(Line::Tombstone { id, version }) => Ok(Said {
                kind: ChangeKind::Deleted,
                id: Id::parse_stored(id)?,
                // A tombstone has the version after the last.
                version: Version::new(version.saturating_sub(1)),
                document: None,
            }),
            _ => Err(damaged(name, self.offset).with("expected", "the line that was committed")),
        }
    }
}
