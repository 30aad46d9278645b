//! The lines of a file, one by one.

use std::io;

use super::disk::DiskFile;
use super::line::MAX_LINE;

/// Reads the lines of a file in order, with a bounded buffer.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    file: &'a dyn DiskFile,
    buffer: Vec<u8>,
    /// How much of the buffer has been read.
    filled: usize,
    /// Where in the file the buffer begins.
    base: u64,
    /// Where in the buffer the next line begins.
    next: usize,
    /// Where in the file reading stops.
    end: u64,
}

/// What [`Lines::next_line`] found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A line with its end, and where in the file it begins.
    Line(u64, &'a [u8]),
    /// Bytes without an end of line up to the end of the file, or more of them than a line may have.
    Ragged(u64),
    /// The end of the file, after a whole line.
    End,
}

/// How much is read at once: what stays in the cache of one core until it has been looked at.
const READ: usize = 1 << 18;

impl<'a> Lines<'a> {
    /// The lines from `start` up to `end`.
    pub(super) fn new(file: &'a dyn DiskFile, start: u64, end: u64) -> Self {
        Self::with_buffer(file, start, end, Vec::new())
    }

    /// The lines from `start` up to `end`, read into a buffer that was used before.
    pub(super) const fn with_buffer(
        file: &'a dyn DiskFile,
        start: u64,
        end: u64,
        buffer: Vec<u8>,
    ) -> Self {
        Self { file, buffer, filled: 0, base: start, next: 0, end }
    }

    /// The buffer, to be used again.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// Where in the file the next line begins.
    pub(super) const fn position(&self) -> u64 {
        self.base + self.next as u64
    }

    /// Where in the file reading stops.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// Lets reading go on, up to `end`.
    pub(super) const fn extend(&mut self, end: u64) {
        self.end = end;
    }

    /// The next line.
    ///
    /// # Errors
    /// The file's own.
    pub(super) fn next_line(&mut self) -> io::Result<Found<'_>> {
        let mut searched = self.next;
        loop {
            let unsearched = self.buffer.get(searched..self.filled).unwrap_or_default();
            if let Some(end) = memchr::memchr(b'\n', unsearched) {
                let line = self.next..searched + end + 1;
                self.next = line.end;
                let offset = self.base + line.start as u64;
                return Ok(Found::Line(offset, self.buffer.get(line).unwrap_or_default()));
            }
            let offset = self.base + self.next as u64;
            let kept = self.filled - self.next;
            if kept > MAX_LINE {
                return Ok(Found::Ragged(offset));
            }
            searched = kept;
            if self.fill()? == 0 {
                return Ok(if kept == 0 { Found::End } else { Found::Ragged(offset) });
            }
        }
    }

    /// Reads on behind what is left of the buffer, which moves to its front; returns how much was read.
    fn fill(&mut self) -> io::Result<usize> {
        let kept = self.filled - self.next;
        self.buffer.copy_within(self.next..self.filled, 0);
        self.base += self.next as u64;
        (self.next, self.filled) = (0, kept);
        let left = self.end.saturating_sub(self.base + kept as u64);
        let read = usize::try_from(left).unwrap_or(usize::MAX).min(READ);
        if self.buffer.len() < kept + read {
            self.buffer.resize(kept + read, 0);
        }
        if let Some(room) = self.buffer.get_mut(kept..kept + read).filter(|room| !room.is_empty()) {
            self.file.read_at(room, self.base + kept as u64)?;
            self.filled += read;
        }
        Ok(read)
    }

    /// Passes what is too long to be a line; `false` when the file ends before the next line begins.
    ///
    /// # Errors
    /// The file's own.
    pub(super) fn skip(&mut self) -> io::Result<bool> {
        loop {
            let rest = self.buffer.get(self.next..self.filled).unwrap_or_default();
            if let Some(end) = memchr::memchr(b'\n', rest) {
                self.next += end + 1;
                return Ok(true);
            }
            self.next = self.filled;
            if self.fill()? == 0 {
                return Ok(false);
            }
        }
    }
}

#[cfg(test)]
mod tests;
