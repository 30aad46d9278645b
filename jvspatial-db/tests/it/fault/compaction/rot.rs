//! Rot in a segment that is to be compacted: told by file, line and offset, and in nobody's way.

use std::ops::Range;

use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Database as _, Encoding, ErrorKind, Handle, Id, JsonDb, JsonDbOptions, Version, WriteBatch,
};
use serde_json::json;

use super::super::figures::{Figures, report, seed};
use super::super::script::runtime;
use super::{open, options, settle, space};

fn id(number: u64) -> Id {
    format!("o.Note.{number}").parse().unwrap()
}

const DOCUMENTS: u64 = 400;

/// Writes documents of 100 bytes, so many in a batch; `version` is the one that they have.
async fn write(db: &JsonDb, numbers: Range<u64>, version: u64, each: u64) {
    let fields = json!({ "version": version, "text": "x".repeat(30) });
    for start in numbers.clone().step_by(each as usize) {
        let mut batch = WriteBatch::new(Encoding::Json);
        for number in start..(start + each).min(numbers.end) {
            match version {
                0 => batch.insert(id(number), &fields).unwrap(),
                _ => batch.update(id(number), Version::new(version), &fields).unwrap(),
            }
        }
        assert!(db.write(batch).await.unwrap().is_complete());
    }
}

const FIRST: &str = "journal/00000001.jsonl";

/// A store whose first segment has a turned bit in a line that has been replaced, and one that has not.
async fn rotten(options: &JsonDbOptions) -> (SimulatedDisk, JsonDb, usize) {
    let disk = SimulatedDisk::new();
    let db = open(&disk, options);
    // One batch, so that it holds more garbage later on than any other.
    write(&db, 0..DOCUMENTS, 0, DOCUMENTS).await;
    let bytes = disk.bytes(FIRST).unwrap();
    let line = memchr::memmem::find(&bytes, br#""_id":"o.Note.5""#).unwrap();
    disk.flip(FIRST, line + 60, 3).unwrap();
    (disk, db, line - 1)
}

#[test]
fn a_turned_bit_fails_a_compaction_by_file_line_and_offset_and_the_segment_stays() {
    runtime().block_on(async {
        let (disk, db, offset) = rotten(&options().compaction(false)).await;
        let damaged = disk.bytes(FIRST).unwrap().len();
        write(&db, 60..DOCUMENTS, 1, 10).await;
        write(&db, 0..30, 1, 10).await;
        for _ in 0..2 {
            let error = db.compact().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert_eq!(error.context("file"), Some(FIRST));
            assert!(error.context("line").is_some(), "{error}");
            let found: usize = error.context("offset").unwrap().parse().unwrap();
            // A turned bit is found by the commit line that closes the batch, or by the line itself.
            assert!((offset..offset + damaged).contains(&found), "{found}, {offset}");
            assert!(disk.paths().iter().any(|path| path == FIRST), "{:?}", disk.paths());
        }
        // What is not damaged can be read and written.
        let handles: Vec<Handle> = (0..DOCUMENTS).map(|number| Handle::new(id(number))).collect();
        let found = db.get_many(&handles).await.unwrap();
        assert!(found.iter().all(Option::is_some));
        write(&db, 60..DOCUMENTS, 2, 10).await;
    });
}

/// Updates documents again and again beside a damaged segment; whether its neighbours keep to the bound.
fn updates_beside_rot(compaction: bool) -> Figures {
    let mut figures = Figures::default();
    runtime().block_on(async {
        let (disk, db, _) = rotten(&options().compaction(compaction)).await;
        let damaged = disk.bytes(FIRST).unwrap().len() as u64;
        for version in 1..10 {
            // Some in the damaged segment stay as they are, so that it is worth compacting and cannot be.
            write(&db, 5..DOCUMENTS, version, 10).await;
            figures.acknowledged += 1;
        }
        settle(&disk);
        assert!(!compaction || disk.paths().iter().any(|path| path == FIRST), "{:?}", disk.paths());
        let handles: Vec<Handle> = (0..DOCUMENTS).map(|number| Handle::new(id(number))).collect();
        assert!(db.get_many(&handles).await.unwrap().iter().all(Option::is_some));
        let (bytes, live) = (space::bytes(&disk), space::live_bytes(&disk));
        figures.rounds += 1;
        figures.torn += u64::from(bytes > live * 22 / 10 + 4096 + damaged);
    });
    figures
}

#[test]
fn a_damaged_segment_does_not_keep_others_from_being_compacted() {
    let figures = updates_beside_rot(true);
    let control = updates_beside_rot(false);
    report("compaction/rot", seed(), &figures, &[("no compaction", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(!control.is_sound(), "{control}");
}
