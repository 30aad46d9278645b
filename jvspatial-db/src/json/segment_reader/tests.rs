#![allow(clippy::unwrap_used)]
use std::sync::Arc;

use super::super::disk::{Disk as _, SimulatedDisk};
use super::super::line::{push_commit, push_header, push_tombstone};
use super::*;

const STORE: &str = "0123";
const NAME: SegmentName = SegmentName::new(1);

/// What was shown: the versions of the tombstones, and the commits.
#[derive(Default)]
struct Shown {
    versions: Vec<u64>,
    commits: Vec<u64>,
}

impl Sink for Shown {
    fn document(&mut self, _: &DocumentLine<'_>, _: &At<'_>) -> Result<()> {
        Err(Error::invalid("a document that cannot be"))
    }

    fn tombstone(&mut self, _: &str, version: u64, at: &At<'_>) -> Result<()> {
        assert_eq!(at.checksum, line_checksum(at.bytes));
        self.versions.push(version);
        Ok(())
    }

    fn commit(&mut self, sequence: u64) -> Result<()> {
        self.commits.push(sequence);
        Ok(())
    }
}

/// The bytes of a segment whose batches each are one tombstone, with the number of the batch for its version.
struct Written {
    bytes: Vec<u8>,
    end: End,
}

impl Written {
    fn new() -> Self {
        let mut bytes = Vec::new();
        let checksum = push_header(&mut bytes, NAME, FORMAT, STORE);
        let end = End { bytes: bytes.len() as u64, sequence: 0, checksum };
        Self { bytes, end }
    }

    fn tombstone(&mut self, version: u64) -> u64 {
        let start = self.bytes.len();
        push_tombstone(&mut self.bytes, &"o.Note.1".parse().unwrap(), version);
        line_checksum(&self.bytes[start..])
    }

    /// A batch under the number `sequence` that knows `synced` to have been on disk.
    fn batch(mut self, sequence: u64, synced: u64) -> Self {
        let line = self.tombstone(sequence);
        let previous = self.end.checksum;
        let checksum = push_commit(&mut self.bytes, sequence, synced, previous, &[line]);
        self.end = End { bytes: self.bytes.len() as u64, sequence, checksum };
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    fn file(&self) -> Arc<dyn DiskFile> {
        let disk = SimulatedDisk::new();
        disk.set_bytes("segment", self.bytes.clone()).unwrap();
        disk.open("segment").unwrap()
    }

    fn read(&self, commits: Commits) -> (Shown, Read) {
        let mut shown = Shown::default();
        let file = self.file();
        let reader = Reader::begin(&*file, NAME, STORE, commits, &JsonDbOptions::new()).unwrap();
        let read = reader.read_all(&mut shown).unwrap();
        (shown, read)
    }

    /// What is wrong with it: line, offset, expected and found, and the last batch that a line further on
    /// knows to have been on disk.
    fn damage(&self) -> ([String; 4], Option<u64>) {
        let damage = self.read(Commits::After(0)).1.damage.unwrap();
        let error = damage.to_error(NAME);
        assert_eq!(
            (error.kind(), error.context("file")),
            (ErrorKind::Corrupt, Some(&*NAME.path()))
        );
        let facts = ["line", "offset", "expected", "found"];
        (facts.map(|fact| error.context(fact).unwrap().to_owned()), damage.later_synced)
    }

    /// Why not even its first line can be read.
    fn refusal(&self) -> Error {
        let file = self.file();
        let options = JsonDbOptions::new();
        Reader::begin(&*file, NAME, STORE, Commits::After(0), &options).map(drop).unwrap_err()
    }
}

/// A segment of one batch, and nothing but a header of `format` and `store`.
fn headed(format: u32, store: &str) -> Written {
    let mut written = Written::new();
    written.bytes.clear();
    push_header(&mut written.bytes, NAME, format, store);
    written
}

#[test]
fn every_batch_is_shown_and_the_end_is_where_the_last_commit_line_ends() {
    let written = Written::new().batch(1, 0).batch(2, 1).batch(3, 1);
    let (shown, read) = written.read(Commits::After(0));
    assert_eq!((shown.versions, shown.commits), (vec![1, 2, 3], vec![1, 2, 3]));
    assert!(read.damage.is_none());
    assert_eq!((read.end, read.size), (written.end, written.bytes.len() as u64));
    read.expect_end(NAME, &written.end).unwrap();
}

#[test]
fn a_compacted_segment_has_all_its_batches_under_one_number() {
    let written = Written::new().batch(7, 6).batch(7, 6);
    let (shown, read) = written.read(Commits::UpTo(7));
    assert_eq!((shown.commits, read.end), (vec![7, 7], written.end));
    assert!(read.damage.is_none());
    assert!(Written::new().batch(8, 6).read(Commits::UpTo(7)).1.damage.is_some());
    assert!(Written::new().batch(7, 6).read(Commits::After(6)).1.damage.is_none());
    assert!(written.read(Commits::After(6)).1.damage.is_some());
}

#[test]
fn a_segment_that_ends_elsewhere_than_it_did_is_refused_with_both_ends() {
    let written = Written::new().batch(1, 0);
    let read = written.read(Commits::After(0)).1;
    let earlier = Written::new().end;
    let error = read.expect_end(NAME, &earlier).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let show = |end: &End| {
        format!("{} bytes up to commit {} ({:016x})", end.bytes, end.sequence, end.checksum)
    };
    assert_eq!(error.context("expected"), Some(&*show(&earlier)));
    assert_eq!(error.context("found"), Some(&*show(&written.end)));
    let damaged = written.bytes(b"rest");
    let (end, read) = (damaged.end, damaged.read(Commits::After(0)).1);
    let error = read.expect_end(NAME, &end).unwrap_err();
    assert_eq!(error.context("expected"), Some("a whole line"));
}

#[test]
fn a_segment_of_a_later_format_is_unsupported_and_any_other_first_line_is_damage() {
    let later = headed(FORMAT + 1, STORE).refusal();
    assert_eq!(later.kind(), ErrorKind::Unsupported);
    assert_eq!(later.context("expected format"), Some(&*FORMAT.to_string()));
    assert_eq!(later.context("found format"), Some(&*(FORMAT + 1).to_string()));
    let mut empty = Written::new();
    empty.bytes.clear();
    for other in [headed(FORMAT, "4567"), headed(FORMAT - 1, STORE), empty] {
        let error = other.refusal();
        assert_eq!((error.kind(), error.context("line")), (ErrorKind::Corrupt, Some("1")));
        let found = format!("{:?}", std::str::from_utf8(&other.bytes).unwrap().trim_end());
        assert_eq!(error.context("found"), Some(&*found));
    }
}

#[test]
fn a_line_that_is_none_of_the_journal_is_damage_where_it_stands() {
    let written = Written::new().batch(1, 0);
    let offset = written.bytes.len().to_string();
    let (facts, later) = written.bytes(b"noise\n").damage();
    assert_eq!(facts, ["4", &*offset, "a line of the journal", "\"noise\""]);
    assert_eq!(later, None);
}

#[test]
fn a_second_header_is_damage() {
    let header = Written::new();
    let ([line, _, expected, _], _) = Written::new().bytes(&header.bytes).damage();
    assert_eq!((&*line, &*expected), ("2", "a document or commit"));
}

#[test]
fn a_line_that_the_sink_refuses_is_damage_with_its_reason() {
    let document = b"{\"_id\":\"o.Note.1\",\"_version\":1,\"entity\":\"Note\",\"context\":{}}\n";
    let ([_, _, expected, found], _) = Written::new().bytes(document).damage();
    assert_eq!((&*expected, &*found), ("a document", "a document that cannot be"));
}

#[test]
fn lines_that_nothing_closes_are_damage_at_the_end_of_the_file() {
    let mut written = Written::new().batch(1, 0);
    let end = written.end;
    written.tombstone(2);
    let (shown, read) = written.read(Commits::After(0));
    assert_eq!((shown.versions, shown.commits), (vec![1, 2], vec![1]));
    assert_eq!(read.end, end);
    let size = written.bytes.len().to_string();
    let facts = ["5", &*size, "a commit line", "the end of the file"].map(str::to_owned);
    assert_eq!(written.damage(), (facts, None));
}

#[test]
fn a_batch_that_does_not_continue_the_chain_is_damage_that_names_both_commits() {
    let one = Written::new().batch(1, 0);
    for sequence in [1, 3] {
        let wrong = Written::new().batch(1, 0).batch(sequence, 0);
        let ([line, _, expected, found], _) = wrong.damage();
        assert_eq!((&*line, &*expected), ("5", "the batch that this line closes"));
        let last = one.end.checksum;
        assert_eq!(
            found,
            format!(
                "commit {sequence} of 1 lines after {last:016x}, not commit 2 of 1 lines after {last:016x}"
            )
        );
    }
}

#[test]
fn a_batch_with_another_line_than_it_was_closed_with_is_damage() {
    let mut written = Written::new().batch(1, 0);
    let at = written.bytes.windows(10).position(|found| found == b"\"_version\"").unwrap();
    written.bytes[at + 11] = b'2';
    let ([_, _, expected, found], later) = written.damage();
    assert_eq!(expected, "the batch that this line closes");
    assert_eq!((&*found, later), ("lines with another checksum", Some(0)));
}

#[test]
fn the_last_batch_that_a_commit_line_behind_the_damage_calls_synced_is_told() {
    let damaged = || Written::new().batch(1, 0).bytes(b"noise\n");
    assert_eq!(damaged().damage().1, None);
    assert_eq!(damaged().batch(2, 1).damage().1, Some(1));
    assert_eq!(damaged().batch(2, 1).batch(3, 2).batch(4, 1).damage().1, Some(2));
    // One that cannot have been written: no batch is on disk before its own commit line is.
    assert_eq!(damaged().batch(2, 1).batch(3, 3).batch(4, 5).damage().1, Some(1));
}

#[test]
fn the_commit_line_that_closes_a_damaged_batch_tells_what_was_synced_too() {
    let wrong = |synced| Written::new().batch(1, 0).batch(5, synced);
    assert_eq!(wrong(4).damage().1, Some(4));
    assert_eq!(wrong(5).damage().1, None);
    assert_eq!(wrong(6).damage().1, None);
    assert_eq!(wrong(2).batch(6, 3).damage().1, Some(3));
}

#[test]
fn commit_lines_are_found_behind_what_is_too_long_to_be_a_line() {
    let mut endless = vec![b'x'; line::MAX_LINE + (1 << 20)];
    let damaged = |rest: &[u8]| Written::new().batch(1, 0).bytes(rest);
    assert_eq!(damaged(&endless).damage().1, None);
    endless.push(b'\n');
    assert_eq!(damaged(&endless).batch(2, 1).damage().1, Some(1));
}

#[test]
fn a_line_is_shown_up_to_eighty_bytes_with_dots_for_the_rest() {
    assert_eq!(show(b"text\n"), "\"text\"");
    assert_eq!(show(&[b'a'; 80]), format!("{:?}", "a".repeat(80)));
    assert_eq!(show(&[b'a'; 81]), format!("{:?}…", "a".repeat(80)));
    assert_eq!(show(b"\x1b\xff\n"), "\"\\u{1b}\u{fffd}\"");
}
