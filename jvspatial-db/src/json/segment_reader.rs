//! Reading one segment: its batches are checked line by line, and the first damage is described.

use super::disk::DiskFile;
use super::line::{self, CommitLine, DocumentLine, Line, OpenBatch, line_checksum};
use super::lines::{Found, Lines};
use super::manifest::{End, FORMAT, Sealed, unavailable};
use super::options::JsonDbOptions;
use super::segment::SegmentName;
use crate::error::{Error, ErrorKind, Result};

/// Where the lines of a segment go.
///
/// Lines come before it is known whether their batch is sound. What was not committed when reading ends
/// was never written.
pub(super) trait Sink {
    /// Takes a document's line.
    ///
    /// # Errors
    /// Why the line cannot be a document; reading takes that for damage.
    fn document(&mut self, line: &DocumentLine<'_>, at: &At<'_>) -> Result<()>;

    /// Takes the line that says that a document is gone.
    ///
    /// # Errors
    /// As [`document`](Self::document).
    fn tombstone(&mut self, id: &str, version: u64, at: &At<'_>) -> Result<()>;

    /// Learns that the lines since the commit before are a sound batch.
    ///
    /// # Errors
    /// Why they cannot be taken; reading ends with that error.
    fn commit(&mut self, sequence: u64) -> Result<()>;
}

/// Where a line stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    /// The line with its end.
    pub bytes: &'a [u8],
    pub offset: u32,
    pub checksum: u64,
}

/// Which commits a segment holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Commits {
    /// Those after this one, each once, without gaps.
    After(u64),
    /// What compaction left of those up to this one, all under its number.
    UpTo(u64),
}

impl Commits {
    /// Those of a sealed segment that comes after the commit `sequence`.
    pub(super) const fn of(sealed: &Sealed, sequence: u64) -> Self {
        match sealed.compacted {
            None => Self::After(sequence),
            Some(_) => Self::UpTo(sealed.end.sequence),
        }
    }
}

/// Reads one segment.
pub(super) struct Reader<'a> {
    lines: Lines<'a>,
    size: u64,
    compacted: bool,
    end: End,
    line_number: u64,
    batch: OpenBatch,
    takes_uncommitted: bool,
    takes_unsound: bool,
}

/// What a segment held.
pub(super) struct Read {
    pub end: End,
    /// The length of the file, without the room for further commits.
    pub size: u64,
    /// What stands after the last sound commit, if anything does.
    pub damage: Option<Damage>,
}

/// The first place of a segment that is not as it was written.
pub(super) struct Damage {
    line: u64,
    offset: u64,
    expected: String,
    found: String,
    /// The last batch that a sound commit line further on knows to have been on disk.
    pub later_synced: Option<u64>,
}

impl Damage {
    pub(super) fn to_error(&self, segment: SegmentName) -> Error {
        Error::corrupt("journal is damaged")
            .with("file", segment.path())
            .with("line", self.line)
            .with("offset", self.offset)
            .with("expected", &self.expected)
            .with("found", &self.found)
    }
}

impl Read {
    /// Checks that the segment ends where it ended when it was sealed or closed.
    pub(super) fn expect_end(&self, segment: SegmentName, expected: &End) -> Result<()> {
        if let Some(damage) = &self.damage {
            return Err(damage.to_error(segment));
        }
        if self.end == *expected {
            return Ok(());
        }
        let show = |end: &End| {
            format!("{} bytes up to commit {} ({:016x})", end.bytes, end.sequence, end.checksum)
        };
        Err(Error::corrupt("segment is not as it was written")
            .with("file", segment.path())
            .with("expected", show(expected))
            .with("found", show(&self.end)))
    }
}

impl<'a> Reader<'a> {
    /// Reads the first line of a segment of `store`.
    pub(super) fn begin(
        file: &'a dyn DiskFile,
        name: SegmentName,
        store: &str,
        commits: Commits,
        options: &JsonDbOptions,
    ) -> Result<Self> {
        let size = file.size().map_err(unavailable)?;
        let mut lines = Lines::new(file, 0, size);
        let mut expected = Vec::new();
        let checksum = line::push_header(&mut expected, name, FORMAT, store);
        let first = match lines.next_line().map_err(unavailable)? {
            Found::Line(_, line) => line,
            Found::Ragged(_) | Found::End => &[],
        };
        if first != expected {
            if let Some(Line::Header(header)) = Line::parse(first)
                && header.format > FORMAT
            {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "segment was written by a newer version of this library",
                )
                .with("file", name.path())
                .with("expected format", FORMAT)
                .with("found format", header.format));
            }
            return Err(Error::corrupt("segment does not belong here")
                .with("file", name.path())
                .with("line", 1)
                .with("expected", String::from_utf8_lossy(&expected).trim_end())
                .with("found", show(first)));
        }
        let (sequence, compacted) = match commits {
            Commits::After(sequence) => (sequence, false),
            Commits::UpTo(sequence) => (sequence, true),
        };
        Ok(Self {
            lines,
            size,
            compacted,
            end: End { bytes: expected.len() as u64, sequence, checksum },
            line_number: 1,
            batch: OpenBatch::default(),
            takes_uncommitted: options.ignores_commit_lines(),
            takes_unsound: options.ignores_checksums(),
        })
    }

    /// Shows every line to `sink`, up to the end or to the first damage.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be read, and what `sink` says of a commit.
    pub(super) fn read_all(mut self, sink: &mut impl Sink) -> Result<Read> {
        // What the commit line says that is not as it should be itself.
        let mut synced = None;
        let damage = loop {
            self.line_number += 1;
            let (offset, line) = match self.lines.next_line().map_err(unavailable)? {
                Found::Line(offset, line) => (offset, line),
                Found::End if self.batch.count() == 0 => break None,
                Found::End => {
                    break Some((self.size, "a commit line", "the end of the file".into()));
                }
                Found::Ragged(offset) => {
                    break Some((offset, "a whole line", "bytes without an end of line".into()));
                }
            };
            let Some(parsed) = Line::parse(line) else {
                break Some((offset, "a line of the journal", show(line)));
            };
            match parsed {
                Line::Commit(commit) => {
                    let last =
                        End { sequence: self.end.sequence - u64::from(self.compacted), ..self.end };
                    if let Err(found) = check_commit(line, &commit, &last, &self.batch)
                        && !self.takes_unsound
                    {
                        synced = (commit.synced < commit.sequence).then_some(commit.synced);
                        break Some((offset, "the batch that this line closes", found));
                    }
                    self.end = End {
                        bytes: offset + line.len() as u64,
                        sequence: commit.sequence,
                        checksum: commit.checksum,
                    };
                    self.batch.clear();
                    sink.commit(commit.sequence)?;
                }
                Line::Header(_) => break Some((offset, "a document or commit", show(line))),
                Line::Document(_) | Line::Tombstone { .. } => {
                    let checksum = line_checksum(line);
                    if let Err(error) = show_to(sink, &parsed, line, offset, checksum) {
                        break Some((offset, "a document", error.to_string()));
                    }
                    self.batch.push(checksum);
                }
            }
        };
        if self.takes_uncommitted {
            sink.commit(self.end.sequence)?;
        }
        let Some((offset, expected, found)) = damage else {
            return Ok(Read { end: self.end, size: self.size, damage: None });
        };
        let damage = Damage {
            line: self.line_number,
            offset,
            expected: expected.to_owned(),
            found,
            later_synced: synced.max(self.later_synced()?),
        };
        Ok(Read { end: self.end, size: self.size, damage: Some(damage) })
    }

    /// Looks behind the damage for commit lines: what they know to have been on disk cannot have been lost
    /// with the power.
    ///
    /// They need not match the lines before them. A lost end of line is damage to the batches on both
    /// sides of it, and a write torn by a power cut leaves no line that says what was never written.
    fn later_synced(&mut self) -> Result<Option<u64>> {
        let mut synced = None;
        loop {
            match self.lines.next_line().map_err(unavailable)? {
                Found::Line(_, line) => {
                    if let Some(Line::Commit(commit)) = Line::parse(line)
                        && commit.synced < commit.sequence
                    {
                        synced = synced.max(Some(commit.synced));
                    }
                }
                Found::End => return Ok(synced),
                Found::Ragged(_) => {
                    if !self.lines.skip().map_err(unavailable)? {
                        return Ok(synced);
                    }
                }
            }
        }
    }
}

/// Checks a commit line against the commit before and against the lines it closes.
///
/// # Errors
/// What was found instead.
pub(super) fn check_commit(
    line: &[u8],
    commit: &CommitLine,
    last: &End,
    batch: &OpenBatch,
) -> Result<(), String> {
    let expected = (last.sequence + 1, last.checksum, batch.count());
    if (commit.sequence, commit.previous, commit.count) != expected {
        return Err(format!(
            "commit {} of {} lines after {:016x}, not commit {} of {} lines after {:016x}",
            commit.sequence, commit.count, commit.previous, expected.0, expected.2, expected.1
        ));
    }
    if !batch.is_closed_by(line, commit) {
        return Err("lines with another checksum".to_owned());
    }
    Ok(())
}

fn show_to(
    sink: &mut impl Sink,
    parsed: &Line<'_>,
    bytes: &[u8],
    offset: u64,
    checksum: u64,
) -> Result<()> {
    let offset = u32::try_from(offset)
        .map_err(|_| Error::limit("segment is too large").with("offset", offset))?;
    let at = At { bytes, offset, checksum };
    match parsed {
        Line::Document(line) => sink.document(line, &at),
        Line::Tombstone { id, version } => sink.tombstone(id, *version, &at),
        Line::Commit(_) | Line::Header(_) => Err(Error::corrupt("not a document")),
    }
}

/// A line for a message: short, and printable whatever it holds.
fn show(line: &[u8]) -> String {
    const SHOWN: usize = 80;
    let text = String::from_utf8_lossy(line.get(..line.len().min(SHOWN)).unwrap_or_default());
    let dots = if line.len() > SHOWN { "…" } else { "" };
    format!("{:?}{dots}", text.trim_end())
}

#[cfg(test)]
mod tests;
