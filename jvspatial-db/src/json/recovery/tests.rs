#![allow(clippy::unwrap_used)]
use super::super::disk::SimulatedDisk;
use super::super::line::{line_checksum, push_commit, push_header, push_prefix, push_suffix};
use super::super::manifest::{Compacted, Sealed};
use super::*;
use crate::id::Id;

const STORE: &str = "0123";
const FIRST: &str = "journal/00000001.jsonl";
const END: End = End { bytes: 0, sequence: 0, checksum: 0 };

fn header(number: u32, store: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_header(&mut bytes, SegmentName::new(number), FORMAT, store);
    bytes
}

/// The first segment, with a commit for each of `synced`: the last one it knew to be on disk.
fn journal(synced: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut previous = push_header(&mut bytes, SegmentName::new(1), FORMAT, STORE);
    for (sequence, synced) in (1..).zip(synced) {
        let start = bytes.len();
        let id: Id = format!("o.Note.{sequence}").parse().unwrap();
        push_prefix(&mut bytes, &id, 1, 1);
        bytes.extend_from_slice(b"{\"a\":1}");
        push_suffix(&mut bytes, None);
        let checksum = line_checksum(&bytes[start..]);
        previous = push_commit(&mut bytes, sequence, *synced, previous, &[checksum]);
    }
    bytes
}

fn manifest(sealed: Vec<Sealed>, active: u32) -> Manifest {
    Manifest {
        format: FORMAT,
        store: STORE.to_owned(),
        sealed,
        active,
        indexes: Vec::new(),
        closed: None,
    }
}

fn compacted(first: u32, segment: u32) -> Sealed {
    let compacted = Compacted { generation: 1, first, as_of: 0 };
    Sealed { segment, compacted: Some(compacted), end: END }
}

/// A disk with files in its journal.
fn disk(files: &[(&str, &[u8])]) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    disk.create_dir(JOURNAL).unwrap();
    for (name, bytes) in files {
        disk.set_bytes(&format!("{JOURNAL}/{name}"), *bytes).unwrap();
    }
    disk
}

fn open_killed(bytes: &[u8]) -> (SimulatedDisk, Result<Opened>) {
    let disk = disk(&[("00000001.jsonl", bytes)]);
    manifest(Vec::new(), 1).write(&disk).unwrap();
    let opened = open(&disk, &JsonDbOptions::new());
    (disk, opened)
}

#[test]
fn a_database_is_made_only_when_that_is_asked_for_and_is_clean_then() {
    let disk = SimulatedDisk::new();
    let error = open(&disk, &JsonDbOptions::new().create(false)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(disk.paths().is_empty());
    let made = open(&disk, &JsonDbOptions::new()).unwrap();
    assert!(made.report.clean);
    assert_eq!(disk.paths(), [manifest::PATH, FIRST]);
    assert!(!open(&disk, &JsonDbOptions::new()).unwrap().report.clean);
}

#[test]
fn no_database_is_made_beside_files_of_another_kind() {
    let disk = SimulatedDisk::new();
    disk.set_bytes("notes.txt", *b"mine").unwrap();
    let error = open(&disk, &JsonDbOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.context("found"), Some("notes.txt"));
    assert_eq!(disk.paths(), ["notes.txt"]);
}

#[test]
fn a_journal_without_its_manifest_is_replaced_only_if_its_first_segment_was_just_begun() {
    let header = header(1, STORE);
    let half = &header[..header.len() / 2];
    let lost = [half, &[0; 9]].concat();
    let cleared = [&[0; 20], &header[20..]].concat();
    let with_room = [&header, &[0; 9000][..]].concat();
    let begun: [&[u8]; 8] = [b"", b"{\"_seg", half, &lost, &[0; 40], &cleared, &header, &with_room];
    for bytes in begun {
        let disk = disk(&[("00000001.jsonl", bytes)]);
        let opened = open(&disk, &JsonDbOptions::new()).unwrap();
        let made = disk.bytes(FIRST).unwrap();
        assert_eq!(made.len() as u64, opened.len, "{bytes:?}");
        let (made, room) = made.split_at(usize::try_from(opened.end.bytes).unwrap());
        assert_ne!(made, header);
        assert!(room.iter().all(|byte| *byte == 0));
    }
    let torn = [&header, b"{".as_slice()].concat();
    let long = [half, &[b'x'; 4096]].concat();
    let written: [&[u8]; 6] =
        [&journal(&[0]), &torn, &long, b"x", b"something else", b"another line\n"];
    let refused = written.map(|bytes| ("00000001.jsonl", bytes));
    let named = ["00000002.jsonl", "00000001-1.jsonl", "notes"].map(|name| (name, &*header));
    for (name, bytes) in refused.into_iter().chain(named) {
        let disk = disk(&[(name, bytes)]);
        let error = open(&disk, &JsonDbOptions::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{name} {bytes:?}");
        assert_eq!(error.context("file"), Some(&*format!("{JOURNAL}/{name}")));
        assert_eq!(disk.bytes(&format!("{JOURNAL}/{name}")).unwrap(), bytes);
    }
}

#[test]
fn an_unfinished_batch_is_moved_out_whole_however_long_it_is() {
    let kept = journal(&[0]);
    for len in [1, 1 << 16, 200_001] {
        let torn: Vec<u8> = (0..len).map(|at: u32| b'a' + (at % 23) as u8).collect();
        let (disk, opened) = open_killed(&[&*kept, &*torn].concat());
        let Opened { report, end, .. } = opened.unwrap();
        assert_eq!((report.clean, report.commits, end.bytes), (false, 1, kept.len() as u64));
        assert_eq!(report.quarantined_bytes, u64::from(len));
        assert_eq!(disk.bytes(&report.quarantine.unwrap()).unwrap(), torn);
        assert_eq!(disk.bytes(FIRST).unwrap(), kept);
    }
}

#[test]
fn a_damaged_batch_is_moved_out_only_while_no_later_one_knew_it_to_be_on_disk() {
    let damaged = |synced: &[u64]| {
        let mut bytes = journal(synced);
        let at = memchr::memmem::find(&bytes, b"o.Note.2").unwrap();
        bytes[at] ^= 1;
        open_killed(&bytes).1
    };
    let kept = journal(&[0]).len() as u64;
    for synced in [[0, 0, 0], [0, 1, 1]] {
        let opened = damaged(&synced).unwrap();
        assert_eq!((opened.end.sequence, opened.end.bytes), (1, kept), "{synced:?}");
        assert!(opened.report.quarantined_bytes > 0);
    }
    let error = damaged(&[0, 1, 2]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[test]
fn from_eight_mebibytes_on_a_store_is_read_by_all_processors() {
    let many = std::thread::available_parallelism().unwrap();
    let sealed = |bytes| vec![Sealed::new(1, End { bytes, ..END })];
    let bytes = 8 << 20;
    assert_eq!(threads_for(&manifest(sealed(bytes), 2)), many);
    assert_eq!(threads_for(&manifest(sealed(bytes - 1), 2)), NonZeroUsize::MIN);
    let closed = Some(End { bytes: 1, ..END });
    assert_eq!(threads_for(&Manifest { closed, ..manifest(sealed(bytes - 1), 2) }), many);
}

#[test]
fn segments_out_of_order_are_refused() {
    let new = |segment| Sealed::new(segment, END);
    let disk = disk(&[]);
    for (sealed, active) in [
        (vec![], 1),
        (vec![new(1)], 2),
        (vec![new(1), new(4)], 9),
        (vec![compacted(1, 1), compacted(2, 5)], 6),
    ] {
        let manifest = manifest(sealed, active);
        assert!(check_segments(&disk, &manifest).unwrap().is_empty(), "{manifest:?}");
    }
    for (sealed, active) in [
        (vec![new(1)], 1),
        (vec![new(2)], 1),
        (vec![new(1), new(1)], 2),
        (vec![new(2), new(1)], 3),
        (vec![compacted(3, 2)], 5),
        (vec![new(2), compacted(2, 4)], 5),
        (vec![compacted(1, 3), new(3)], 5),
    ] {
        let manifest = manifest(sealed, active);
        let error = check_segments(&disk, &manifest).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{manifest:?}");
        assert_eq!(error.context("file"), Some(manifest::PATH));
    }
}

#[test]
fn files_are_left_over_only_if_a_segment_was_begun_or_replaced_by_this_store() {
    // The fourth segment is written, after one that stands for the first three.
    let manifest = manifest(vec![compacted(1, 3)], 4);
    let own = header(2, STORE);
    let lost = [&own[..9], &[0; 40]].concat();
    let written = [&*header(5, STORE), b"{}\n"].concat();
    let next = header(5, STORE);
    let [foreign, junk] = [header(2, "4567"), [&own[..9], b"junk"].concat()];
    let left: [(&str, &[u8]); 6] = [
        ("00000002.jsonl", &own),
        ("00000002.jsonl", b""),
        ("00000002.jsonl", &own[..9]),
        ("00000002.jsonl", &lost),
        ("00000005.jsonl", &next),
        ("00000005.jsonl", b""),
    ];
    for (name, bytes) in left {
        let disk = disk(&[("00000003-1.jsonl", b""), ("00000004.jsonl", b""), (name, bytes)]);
        let found = check_segments(&disk, &manifest).unwrap();
        assert_eq!(found, [format!("{JOURNAL}/{name}")], "{bytes:?}");
    }
    let sixth = header(6, STORE);
    let unknown: [(&str, &[u8]); 6] = [
        ("00000002.jsonl", &foreign),
        ("00000002.jsonl", &junk),
        ("00000005.jsonl", &written),
        ("00000006.jsonl", &sixth),
        ("00000005-1.jsonl", &next),
        ("notes", b""),
    ];
    for (name, bytes) in unknown {
        let disk = disk(&[("00000003-1.jsonl", b""), ("00000004.jsonl", b""), (name, bytes)]);
        let error = check_segments(&disk, &manifest).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{name} {bytes:?}");
        assert_eq!(error.context("file"), Some(&*format!("{JOURNAL}/{name}")));
    }
}
