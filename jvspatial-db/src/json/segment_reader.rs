//! Reading one segment: its sound batches go into the index, and the first damage is described.

use super::disk::DiskFile;
use super::index::{Change, Index, Place, State};
use super::line::{self, CommitLine, DocumentLine, Line, line_checksum};
use super::manifest::{End, FORMAT, unavailable};
use super::options::JsonDbOptions;
use super::segment::{self, Found, Lines};
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::write::Link;

/// Reads one segment into the index.
pub(super) struct Reader<'a> {
    lines: Lines<'a>,
    number: u32,
    size: u64,
    end: End,
    line_number: u64,
    pending: Vec<Change>,
    checksums: Vec<u64>,
    takes_uncommitted: bool,
    takes_unsound: bool,
}

/// What a segment held.
pub(super) struct Read {
    pub end: End,
    /// The length of the file.
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
    pub(super) fn to_error(&self, segment: u32) -> Error {
        Error::corrupt("journal is damaged")
            .with("file", segment::path(segment))
            .with("line", self.line)
            .with("offset", self.offset)
            .with("expected", &self.expected)
            .with("found", &self.found)
    }
}

impl Read {
    /// Checks that the segment ends where it ended when it was sealed or closed.
    pub(super) fn expect_end(&self, number: u32, expected: &End) -> Result<()> {
        if let Some(damage) = &self.damage {
            return Err(damage.to_error(number));
        }
        if self.end == *expected {
            return Ok(());
        }
        let show = |end: &End| {
            format!("{} bytes up to commit {} ({:016x})", end.bytes, end.sequence, end.checksum)
        };
        Err(Error::corrupt("segment is not as it was written")
            .with("file", segment::path(number))
            .with("expected", show(expected))
            .with("found", show(&self.end)))
    }
}

impl<'a> Reader<'a> {
    /// Reads the first line of the segment `number` of `store`, whose first commit comes after `sequence`.
    pub(super) fn begin(
        file: &'a dyn DiskFile,
        number: u32,
        store: &str,
        sequence: u64,
        options: &JsonDbOptions,
    ) -> Result<Self> {
        let size = file.size().map_err(unavailable)?;
        let mut lines = Lines::new(file, 0, size);
        let mut expected = Vec::new();
        let checksum = line::push_header(&mut expected, number, FORMAT, store);
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
                .with("file", segment::path(number))
                .with("expected format", FORMAT)
                .with("found format", header.format));
            }
            return Err(Error::corrupt("segment does not belong here")
                .with("file", segment::path(number))
                .with("line", 1)
                .with("expected", String::from_utf8_lossy(&expected).trim_end())
                .with("found", show(first)));
        }
        Ok(Self {
            lines,
            number,
            size,
            end: End { bytes: expected.len() as u64, sequence, checksum },
            line_number: 1,
            pending: Vec::new(),
            checksums: Vec::new(),
            takes_uncommitted: options.ignores_commit_lines(),
            takes_unsound: options.ignores_checksums(),
        })
    }

    /// Applies every sound batch, up to the end or to the first damage.
    pub(super) fn read_all(mut self, index: &mut Index) -> Result<Read> {
        let damage = loop {
            self.line_number += 1;
            let (offset, line) = match self.lines.next_line().map_err(unavailable)? {
                Found::Line(offset, line) => (offset, line),
                Found::End if self.checksums.is_empty() => break None,
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
                    if let Err(found) = check(line, &commit, &self.end, &self.checksums)
                        && !self.takes_unsound
                    {
                        break Some((offset, "the batch that this line closes", found));
                    }
                    self.end = End {
                        bytes: offset + line.len() as u64,
                        sequence: commit.sequence,
                        checksum: commit.checksum,
                    };
                    self.checksums.clear();
                    index.apply(commit.sequence, std::mem::take(&mut self.pending))?;
                }
                Line::Header(_) => break Some((offset, "a document or commit", show(line))),
                Line::Document(_) | Line::Tombstone { .. } => {
                    let checksum = line_checksum(line);
                    let change = change(&parsed, self.number, offset, line, checksum);
                    let change = match change {
                        Ok(change) => change,
                        Err(error) => break Some((offset, "a document", error.to_string())),
                    };
                    self.pending.push(change);
                    self.checksums.push(checksum);
                }
            }
        };
        if self.takes_uncommitted {
            index.apply(self.end.sequence, std::mem::take(&mut self.pending))?;
        }
        let Some((offset, expected, found)) = damage else {
            return Ok(Read { end: self.end, size: self.size, damage: None });
        };
        let damage = Damage {
            line: self.line_number,
            offset,
            expected: expected.to_owned(),
            found,
            later_synced: self.later_synced()?,
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

/// Checks a commit line against the chain and against the lines it closes.
fn check(line: &[u8], commit: &CommitLine, last: &End, checksums: &[u64]) -> Result<(), String> {
    let expected = (last.sequence + 1, last.checksum, checksums.len() as u64);
    if (commit.sequence, commit.previous, commit.count) != expected {
        return Err(format!(
            "commit {} of {} lines after {:016x}, not commit {} of {} lines after {:016x}",
            commit.sequence, commit.count, commit.previous, expected.0, expected.2, expected.1
        ));
    }
    if !line::commit_is_sound(line, commit, checksums) {
        return Err("lines with another checksum".to_owned());
    }
    Ok(())
}

/// What a document's line or a tombstone changes.
fn change(
    parsed: &Line<'_>,
    segment: u32,
    offset: u64,
    line: &[u8],
    checksum: u64,
) -> Result<Change> {
    let too_large = || Error::limit("segment is too large").with("offset", offset);
    match parsed {
        Line::Document(DocumentLine { id, version, schema, prefix, suffix, ends }) => {
            let link = match ends {
                None => None,
                Some(ends) => Some(Box::new(Link { ends: ends.parse()?, unique: false })),
            };
            let place = Place {
                segment,
                offset: u32::try_from(offset).map_err(|_| too_large())?,
                len: u32::try_from(line.len()).map_err(|_| too_large())?,
                prefix: *prefix,
                suffix: *suffix,
            };
            let state = State {
                version: *version,
                schema: *schema,
                place,
                check: checksum as u32,
                ..State::default()
            };
            Ok(Change { id: Id::parse_stored(id)?, state, link })
        }
        Line::Tombstone { id, version } => {
            let state = State { version: *version, ..State::default() };
            Ok(Change { id: Id::parse_stored(id)?, state, link: None })
        }
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
