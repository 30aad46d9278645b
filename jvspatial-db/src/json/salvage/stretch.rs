//! Reading a damaged file: it is cut into stretches at its commit lines, and each is vouched for or not.

use super::files::{Files, Segment};
use super::found::{Found, Kept};
use super::pieces::{Piece, each_piece, has_sound_fields, id_of};
use super::{SalvageReport, UnvouchedRange};
use crate::id::Id;
use crate::json::line::{CommitLine, Line, MAX_LINE, commit_is_sound, line_checksum};
use crate::json::lines::{Found as Read, Lines};

/// The most lines that are held back until a commit line vouches for them.
const MOST_LINES: usize = 8_000_000;

/// How much is passed where the medium gives nothing.
const UNREADABLE: u64 = 64 * 1024;

/// No segment is longer: offsets have 32 bits.
const MAX_SEGMENT: u64 = u32::MAX as u64;

/// Reads one file into what was found.
pub(super) struct Scanner<'a> {
    segment: &'a Segment,
    number: u32,
    found: &'a mut Found,
    report: &'a mut SalvageReport,
    /// Lines since the last commit line: where they begin, and their checksums.
    starts: Vec<u64>,
    checksums: Vec<u64>,
    /// Where the stretch begins that no commit line has closed.
    stretch: u64,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(
        files: &'a Files,
        number: usize,
        found: &'a mut Found,
        report: &'a mut SalvageReport,
    ) -> Self {
        let segment = &files.segments[number];
        let (starts, checksums) = (Vec::new(), Vec::new());
        Self { segment, number: number as u32, found, report, starts, checksums, stretch: 0 }
    }

    /// Reads the whole file, as far as the medium gives it.
    pub(super) fn scan(mut self) {
        let size = self.segment.size.min(MAX_SEGMENT);
        let mut start = 0;
        while start < size {
            match self.scan_from(start, size) {
                Ok(()) => break,
                // What cannot be read is passed; where the next line begins there shows by itself.
                Err(read) => start = read + UNREADABLE,
            }
        }
        self.unvouched(self.segment.size);
    }

    /// Reads lines from `start` on.
    ///
    /// # Errors
    /// How far it came when the medium gave no more.
    fn scan_from(&mut self, start: u64, size: u64) -> Result<(), u64> {
        let segment = self.segment;
        let mut lines = Lines::new(&*segment.file, start, size);
        let mut read = start;
        loop {
            match lines.next_line().map_err(|_| read)? {
                Read::Line(offset, line) => {
                    read = offset + line.len() as u64;
                    each_piece(line, |piece| self.piece(offset + piece.start as u64, &piece));
                }
                Read::End => return Ok(()),
                Read::Ragged(offset) => {
                    self.unvouched(offset);
                    read = read.max(offset);
                    // What is skipped belongs to the stretch that begins here.
                    if !lines.skip().map_err(|_| read)? {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn piece(&mut self, offset: u64, piece: &Piece<'_>) {
        let end = offset + piece.bytes.len() as u64;
        match &piece.line {
            Some(Line::Header(_)) if offset == 0 => {
                self.stretch = end;
            }
            Some(Line::Commit(commit)) => self.commit(commit, piece.bytes, offset, end),
            _ => {
                if self.starts.len() == MOST_LINES {
                    self.unvouched(offset);
                }
                self.starts.push(offset);
                self.checksums.push(line_checksum(piece.bytes));
            }
        }
    }

    /// Judges the lines before a commit line: those that it closes are vouched for if it matches them, and any
    /// before those lost their own.
    fn commit(&mut self, commit: &CommitLine, line: &[u8], offset: u64, end: u64) {
        let first = usize::try_from(commit.count)
            .ok()
            .and_then(|count| self.checksums.len().checked_sub(count))
            .filter(|&first| {
                commit_is_sound(line, commit, self.checksums.get(first..).unwrap_or_default())
            });
        let Some(first) = first else { return self.unvouched(end) };
        let start = self.starts.get(first).copied().unwrap_or(offset);
        let is_compacted = self.segment.name.generation != 0;
        let last = self.found.last_commit;
        if commit.sequence < last || (commit.sequence == last && !is_compacted) {
            // What was there before already is there twice, or a file that compaction had replaced.
            self.unvouched(start);
            self.note(start, end);
            return self.forget(end);
        }
        self.unvouched(start);
        if !is_compacted {
            self.report.missing_commits += commit.sequence - last - 1;
        }
        self.found.last_commit = commit.sequence;
        self.take(start, offset, true);
        self.forget(end);
    }

    /// Takes what it can of the stretch up to `end`, which nobody vouches for.
    fn unvouched(&mut self, end: u64) {
        let start = self.stretch;
        if start < end {
            self.note(start, end);
            self.take(start, end.min(MAX_SEGMENT), false);
        }
        self.forget(end);
    }

    fn forget(&mut self, end: u64) {
        self.starts.clear();
        self.checksums.clear();
        self.stretch = end;
    }

    fn note(&mut self, start: u64, end: u64) {
        let bytes = end - start;
        self.report.unvouched_bytes += bytes;
        if let Some(last) = self.report.unvouched.last_mut()
            && last.file == self.segment.path
            && last.offset + last.bytes == start
        {
            last.bytes += bytes;
            return;
        }
        let file = self.segment.path.clone();
        self.report.unvouched.push(UnvouchedRange { file, offset: start, bytes });
    }

    /// Takes the lines of a stretch.
    fn take(&mut self, mut start: u64, end: u64, verified: bool) {
        while start < end {
            match self.take_from(start, end, verified) {
                Ok(()) => break,
                Err(read) => {
                    start = read + UNREADABLE;
                    // It could be read a moment ago.
                    if verified {
                        self.note(read, start.min(end));
                    }
                }
            }
        }
    }

    fn take_from(&mut self, start: u64, end: u64, verified: bool) -> Result<(), u64> {
        let segment = self.segment;
        let mut lines = Lines::new(&*segment.file, start, end);
        let mut read = start;
        loop {
            match lines.next_line().map_err(|_| read)? {
                Read::Line(offset, line) => {
                    read = offset + line.len() as u64;
                    each_piece(line, |piece| {
                        let raw = line.get(piece.start..piece.start + piece.bytes.len());
                        let check = line_checksum(raw.unwrap_or_default());
                        self.take_piece(offset + piece.start as u64, &piece, check, verified);
                    });
                }
                Read::End => return Ok(()),
                Read::Ragged(offset) => {
                    read = read.max(offset);
                    self.take_ragged(offset, end, verified);
                    if !lines.skip().map_err(|_| read)? {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn take_piece(&mut self, offset: u64, piece: &Piece<'_>, check: u64, verified: bool) {
        let (id, version, len) = match &piece.line {
            Some(Line::Document(document))
                if verified || has_sound_fields(document, piece.bytes) =>
            {
                if document.ends.as_ref().is_some_and(|ends| ends.parse().is_err()) {
                    return self.miss(piece.bytes);
                }
                (document.id, document.version, piece.bytes.len() as u32)
            }
            Some(Line::Tombstone { id, version }) => (*id, *version, 0),
            Some(Line::Commit(_) | Line::Header(_)) => return,
            Some(Line::Document(_)) | None => return self.miss(piece.bytes),
        };
        match Id::parse_stored(id) {
            Ok(id) => {
                let file = self.number;
                let reverted = false;
                self.found.take(id, Kept { file, offset, len, version, check, verified, reverted });
            }
            Err(_) => self.miss(piece.bytes),
        }
    }

    /// Takes what has no end of line, because that is damaged and a commit line follows on the same line.
    fn take_ragged(&mut self, offset: u64, end: u64, verified: bool) {
        let len = usize::try_from(end - offset).unwrap_or(MAX_LINE).min(MAX_LINE);
        let mut line = vec![0; len];
        if self.segment.file.read_at(&mut line, offset).is_err() {
            return;
        }
        let check = line_checksum(&line);
        if let Some(end) = line.last_mut() {
            *end = b'\n';
        }
        let piece = Piece { start: 0, bytes: &line, line: Line::parse(&line) };
        self.take_piece(offset, &piece, check, verified);
    }

    fn miss(&mut self, line: &[u8]) {
        if let Some(id) = id_of(line) {
            self.found.miss(id);
        }
    }
}
