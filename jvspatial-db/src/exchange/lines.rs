//! From bytes to lines, with a bound on what one line may take.

use std::ops::Range;

use memchr::memchr;

use crate::error::{Error, Result};

/// The longest line that an import reads: the largest document and its envelope, with room to spare.
pub const MAX_LINE_BYTES: usize = 17 * 1024 * 1024;

/// How much is taken in before it is asked whether a slice is full.
const PIECE: usize = 256 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What input begins with that holds no lines of JSON as it is.
const FOREIGN: [(&[u8], &str); 8] = [
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"PK\x03\x04", "zip"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
];

/// Gathers lines until there are enough for a batch.
#[derive(Debug)]
pub(super) struct Lines {
    slice: Slice,
    /// Where the unfinished line begins in the slice's text.
    start: usize,
    /// The number of the unfinished line, from 1, and the byte of the input at which it begins.
    number: u64,
    offset: u64,
    /// How many bytes of it were seen, kept or not.
    seen: u64,
    /// The unfinished line is too long: what follows of it is not kept.
    cut: bool,
    most_lines: usize,
    most_bytes: usize,
}

/// Whole lines.
#[derive(Debug, Default)]
pub(super) struct Slice {
    pub text: Vec<u8>,
    pub lines: Vec<Line>,
}

#[derive(Debug)]
pub(super) struct Line {
    pub number: u64,
    pub offset: u64,
    /// Where it stands in the text, without its end; `None` when it is longer than a line may be.
    pub place: Option<Range<usize>>,
}

impl Lines {
    /// Gathers slices of about so many lines and bytes.
    pub(super) fn new(most_lines: usize, most_bytes: usize) -> Self {
        Self {
            slice: Slice::default(),
            start: 0,
            number: 1,
            offset: 0,
            seen: 0,
            cut: false,
            most_lines,
            most_bytes,
        }
    }

    /// Takes in bytes until the slice is full; returns how many.
    ///
    /// # Errors
    /// `Invalid` when the input is compressed or not in UTF-8 by its first bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut taken = 0;
        while !self.is_full()
            && let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty())
        {
            let rest = rest.get(..PIECE).unwrap_or(rest);
            let end = memchr(b'\n', rest);
            self.extend(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default());
            taken += end.map_or(rest.len(), |end| end + 1);
            if self.number == 1 {
                self.refuse_foreign()?;
            }
            if end.is_some() {
                self.end_line();
            }
        }
        Ok(taken)
    }

    /// Ends the last line, should it have no end of its own.
    pub(super) fn finish(&mut self) {
        if self.seen > 0 {
            self.end_line();
        }
    }

    pub(super) fn is_full(&self) -> bool {
        let Slice { lines, .. } = &self.slice;
        // A line that is too long may be the last one that matters.
        lines.len() >= self.most_lines
            || self.start >= self.most_bytes
            || lines.last().is_some_and(|line| line.place.is_none())
    }

    /// The whole lines so far; the unfinished one stays.
    pub(super) fn take(&mut self) -> Slice {
        let unfinished = self.slice.text.split_off(self.start);
        self.start = 0;
        std::mem::replace(&mut self.slice, Slice { text: unfinished, lines: Vec::new() })
    }

    fn extend(&mut self, piece: &[u8]) {
        self.seen += piece.len() as u64;
        if self.cut {
            return;
        }
        let Slice { text, lines } = &mut self.slice;
        if text.len() - self.start + piece.len() > MAX_LINE_BYTES {
            text.truncate(self.start);
            self.cut = true;
            lines.push(Line { number: self.number, offset: self.offset, place: None });
            return;
        }
        text.extend_from_slice(piece);
    }

    fn end_line(&mut self) {
        let Slice { text, lines } = &mut self.slice;
        let line = text.get(self.start..).unwrap_or_default();
        let mark = if self.number == 1 && line.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len()
        } else {
            0
        };
        let blank = line.get(mark..).is_none_or(|line| line.trim_ascii().is_empty());
        if !blank {
            let place = Some(self.start + mark..text.len());
            let offset = self.offset + mark as u64;
            lines.push(Line { number: self.number, offset, place });
        } else {
            text.truncate(self.start);
        }
        self.start = text.len();
        self.number += 1;
        self.offset += self.seen + 1;
        self.seen = 0;
        self.cut = false;
    }

    fn refuse_foreign(&self) -> Result<()> {
        let found = FOREIGN.iter().find(|(magic, _)| self.slice.text.starts_with(magic));
        found.map_or(Ok(()), |(_, name)| {
            Err(Error::invalid("input is not made of lines of JSON")
                .with("expected", "JSON in UTF-8, not compressed")
                .with("found", name))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Feeds the input in pieces of `size` bytes and shows number, offset and text of each line.
    fn split(input: &[u8], size: usize) -> Vec<(u64, u64, String)> {
        let mut lines = Lines::new(2, 64);
        let mut found = Vec::new();
        let mut take = |lines: &mut Lines| {
            let slice = lines.take();
            for line in slice.lines {
                let text = line.place.map(|place| String::from_utf8_lossy(&slice.text[place]));
                let text = text.map_or_else(|| "too long".to_owned(), |text| text.into_owned());
                found.push((line.number, line.offset, text));
            }
        };
        for mut piece in input.chunks(size) {
            while !piece.is_empty() {
                piece = &piece[lines.feed(piece).unwrap()..];
                if lines.is_full() {
                    take(&mut lines);
                }
            }
        }
        lines.finish();
        take(&mut lines);
        found
    }

    #[test]
    fn lines_are_found_however_the_bytes_arrive() {
        let input = b"\xef\xbb\xbf{1}\r\n\n \t\r\n{22}\n{3}\n\n{44}";
        let expected = [(1, 3, "{1}\r"), (4, 13, "{22}"), (5, 18, "{3}"), (7, 23, "{44}")];
        let expected = expected.map(|(line, offset, text)| (line, offset, text.to_owned()));
        for size in 1..=input.len() {
            assert_eq!(split(input, size), expected, "pieces of {size} bytes");
        }
        assert_eq!(split(b"", 1), []);
        assert_eq!(split(b"\n\r\n  \n", 1), []);
        assert_eq!(split(b"\xef\xbb\xbf\n\xef\xbb\xbf", 1), [(2, 4, "\u{feff}".to_owned())]);
    }

    #[test]
    fn a_line_at_the_bound_is_kept_and_a_longer_one_only_counted() {
        for (length, kept) in [(MAX_LINE_BYTES, true), (MAX_LINE_BYTES + 1, false)] {
            let mut input = vec![b'x'; length];
            input.extend_from_slice(b"\nnext");
            let found = split(&input, 1 << 20);
            assert_eq!(found.len(), 2);
            assert_eq!(found[0].2 != "too long", kept);
            assert_eq!(found[1], (2, length as u64 + 1, "next".to_owned()));
        }
    }

    #[test]
    fn a_line_without_end_takes_no_memory_beyond_the_bound() {
        let mut lines = Lines::new(1, 1);
        let piece = vec![b' '; 1 << 20];
        for _ in 0..64 {
            let mut rest = &piece[..];
            while !rest.is_empty() {
                rest = &rest[lines.feed(rest).unwrap()..];
                if lines.is_full() {
                    assert!(lines.take().lines.iter().all(|line| line.place.is_none()));
                }
                assert!(lines.slice.text.capacity() <= 2 * MAX_LINE_BYTES);
            }
        }
    }

    #[test]
    fn compressed_input_is_told_by_its_first_bytes() {
        for (magic, name) in FOREIGN {
            for size in [1, magic.len()] {
                let mut lines = Lines::new(9, 99);
                let fed: Result<Vec<usize>> =
                    magic.chunks(size).map(|piece| lines.feed(piece)).collect();
                assert_eq!(fed.unwrap_err().context("found"), Some(name));
            }
        }
        assert!(Lines::new(9, 99).feed(b"\n\x1f\x8b").is_ok());
    }
}
