#![allow(clippy::unwrap_used)]
use std::sync::Arc;

use super::super::disk::{Disk as _, SimulatedDisk};
use super::*;

/// What a file has, without its borrow.
#[derive(Debug, PartialEq)]
enum Seen {
    Line(u64, Vec<u8>),
    Ragged(u64),
    End,
}

fn file(bytes: &[u8]) -> Arc<dyn DiskFile> {
    let disk = SimulatedDisk::new();
    disk.set_bytes("lines", bytes).unwrap();
    disk.open("lines").unwrap()
}

fn next(lines: &mut Lines<'_>) -> Seen {
    match lines.next_line().unwrap() {
        Found::Line(offset, line) => Seen::Line(offset, line.to_vec()),
        Found::Ragged(offset) => Seen::Ragged(offset),
        Found::End => Seen::End,
    }
}

/// A line of `len` bytes, its end included.
fn line(len: usize, letter: u8) -> Vec<u8> {
    let mut line = vec![letter; len - 1];
    line.push(b'\n');
    line
}

/// Lines of which some end exactly where a read does, some in the next one, some several reads later.
fn of_all_lengths() -> Vec<Vec<u8>> {
    let lens = [1, 2, READ - 3, READ, READ - 1, 2, READ + 1, 3 * READ + 5, 7, 1];
    (b'a'..).zip(lens).map(|(letter, len)| line(len, letter)).collect()
}

#[test]
fn every_line_is_found_where_it_stands_wherever_reads_cut_it() {
    let written = of_all_lengths();
    let bytes = written.concat();
    let file = file(&bytes);
    let mut lines = Lines::new(&*file, 0, bytes.len() as u64);
    let mut offset = 0;
    for line in written {
        let len = line.len() as u64;
        assert!(next(&mut lines) == Seen::Line(offset, line), "line at {offset}");
        offset += len;
    }
    assert_eq!(next(&mut lines), Seen::End);
    assert_eq!(next(&mut lines), Seen::End);
}

#[test]
fn lines_begin_and_stop_where_they_are_told_to_whatever_stands_around_them() {
    let file = file(b"one\ntwo\nthree\nfour\n");
    let mut lines = Lines::new(&*file, 4, 14);
    assert_eq!(next(&mut lines), Seen::Line(4, b"two\n".to_vec()));
    assert_eq!(next(&mut lines), Seen::Line(8, b"three\n".to_vec()));
    assert_eq!(next(&mut lines), Seen::End);
}

#[test]
fn bytes_without_an_end_are_ragged_from_where_they_begin() {
    let mut bytes = of_all_lengths().concat();
    let whole = bytes.len() as u64;
    bytes.extend(b"rest");
    let file = file(&bytes);
    let mut lines = Lines::new(&*file, 0, bytes.len() as u64);
    for _ in of_all_lengths() {
        assert!(matches!(next(&mut lines), Seen::Line(..)));
    }
    assert_eq!(next(&mut lines), Seen::Ragged(whole));
    assert!(!lines.skip().unwrap());
    assert_eq!(next(&mut lines), Seen::End);
}

#[test]
fn bytes_without_an_end_are_ragged_behind_a_line_of_the_same_read() {
    let file = file(b"one\ntwo\nrest");
    let mut lines = Lines::new(&*file, 4, 12);
    assert_eq!(next(&mut lines), Seen::Line(4, b"two\n".to_vec()));
    assert_eq!(next(&mut lines), Seen::Ragged(8));
}

#[test]
fn the_largest_line_is_read_and_what_is_longer_is_ragged_and_can_be_passed() {
    let (largest, beyond) = (line(MAX_LINE, b'l'), line(MAX_LINE + 2 * READ, b'b'));
    let bytes = [b"first\n", &largest[..], &beyond, b"\nlast\n"].concat();
    let file = file(&bytes);
    let mut lines = Lines::new(&*file, 0, bytes.len() as u64);
    assert_eq!(next(&mut lines), Seen::Line(0, b"first\n".to_vec()));
    let mut offset = 6;
    assert!(next(&mut lines) == Seen::Line(offset, largest), "the largest line");
    offset += MAX_LINE as u64;
    assert!(next(&mut lines) == Seen::Ragged(offset), "what is longer than a line may be");
    assert!(lines.skip().unwrap());
    offset += (MAX_LINE + 2 * READ) as u64;
    assert_eq!(next(&mut lines), Seen::Line(offset, b"\n".to_vec()));
    assert_eq!(next(&mut lines), Seen::Line(offset + 1, b"last\n".to_vec()));
    assert_eq!(next(&mut lines), Seen::End);
}

#[test]
fn a_line_without_bound_takes_no_more_memory_than_the_largest_and_two_reads() {
    let bytes = vec![b'x'; MAX_LINE + 8 * READ];
    let file = file(&bytes);
    let mut lines = Lines::new(&*file, 0, bytes.len() as u64);
    assert_eq!(next(&mut lines), Seen::Ragged(0));
    assert!(!lines.skip().unwrap());
    assert!(lines.buffer.len() <= MAX_LINE + 2 * READ, "{}", lines.buffer.len());
}

#[test]
fn a_file_that_is_shorter_than_it_was_said_to_be_is_an_error() {
    let file = file(b"one\ntwo\n");
    let mut lines = Lines::new(&*file, 0, 9);
    assert_eq!(lines.next_line().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}
