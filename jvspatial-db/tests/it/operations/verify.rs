//! Verifying finds what is not as it was written, and changes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jvspatial_db::json::Sabotage;
use jvspatial_db::json::disk::{Fault, OpKind, SimulatedDisk};
use jvspatial_db::{Database as _, ErrorKind, JsonDb, JsonDbOptions, VerifyReport};

use super::super::room::without_room;
use super::bank::{Writers, make_accounts};
use super::story::{closed, files, killed, open, options, runtime, segments, step, write_story};

/// How often the disk was changed; compaction may go on trying to, in vain.
fn changes(disk: &SimulatedDisk) -> usize {
    disk.ops().iter().filter(|op| op.ok).count()
}

/// The files that findings name.
fn named(report: &VerifyReport) -> Vec<&str> {
    report.findings.first().iter().filter_map(|finding| finding.context("file")).collect()
}

#[test]
fn a_sound_store_is_found_sound_and_nothing_is_changed() {
    let disk = SimulatedDisk::new();
    let db = open(&disk);
    let states = write_story(&db, &disk);
    let before = (files(&disk), changes(&disk));
    let report = runtime().block_on(db.verify()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    let written = |path| without_room(&before.0[path]).len();
    let bytes: usize = segments(&disk).iter().map(written).sum();
    assert_eq!((report.segments, report.bytes), (3, bytes as u64));
    assert_eq!(report.commits, states.len() as u64 - 1);
    assert_eq!(report.documents, states.last().unwrap().len() as u64);
    assert_eq!((files(&disk), changes(&disk)), before);

    let locked = JsonDb::verify_on(&disk).unwrap_err();
    assert_eq!(locked.kind(), ErrorKind::Locked);
    runtime().block_on(db.close()).unwrap();
    let again = JsonDb::verify_on(&disk).unwrap();
    assert!(again.is_sound(), "{again:?}");
    assert_eq!((again.documents, again.bytes), (report.documents, report.bytes));
}

/// Turns a bit of every few bytes under an open store; returns how often that went unnoticed.
fn flip_while_open(options: JsonDbOptions) -> usize {
    let disk = SimulatedDisk::new();
    let runtime = runtime();
    let db = JsonDb::open_on(Arc::new(disk.clone()), options).unwrap();
    write_story(&db, &disk);
    let mut unnoticed = 0;
    for path in segments(&disk) {
        let written = without_room(&disk.bytes(&path).unwrap()).len();
        for offset in (0..written).step_by(step(5)) {
            disk.flip(&path, offset, (offset % 8) as u8).unwrap();
            let report = runtime.block_on(db.verify()).unwrap();
            unnoticed += usize::from(!named(&report).contains(&path.as_str()));
            disk.flip(&path, offset, (offset % 8) as u8).unwrap();
        }
    }
    assert!(runtime.block_on(db.verify()).unwrap().is_sound());
    runtime.block_on(db.close()).unwrap();
    unnoticed
}

#[test]
fn a_flipped_byte_under_an_open_store_is_found_wherever_it_is() {
    assert_eq!(flip_while_open(options()), 0);
    let control = flip_while_open(options().sabotage(Sabotage::IgnoreChecksums));
    assert!(control > 0, "without checksums some must go unnoticed");
}

#[test]
fn damage_is_named_by_file_line_and_offset_and_the_documents_behind_it_are_still_read() {
    let disk = SimulatedDisk::new();
    let db = open(&disk);
    let states = write_story(&db, &disk);
    let paths = segments(&disk);
    for path in &paths[..2] {
        let bytes = disk.bytes(path).unwrap();
        let commit = bytes.windows(9).position(|window| window == b"\"_commit\"").unwrap();
        disk.flip(path, commit + 12, 0).unwrap();
    }
    let report = runtime().block_on(db.verify()).unwrap();
    assert_eq!(named(&report), &paths[..2], "{report:?}");
    assert_eq!(report.documents, states.last().unwrap().len() as u64);
    let finding = &report.findings.first()[0];
    assert_eq!(finding.kind(), ErrorKind::Corrupt);
    for fact in ["line", "offset", "expected", "found"] {
        assert!(finding.context(fact).is_some(), "{fact}: {finding}");
    }
    runtime().block_on(db.close()).unwrap();
}

#[test]
fn a_medium_that_gives_nothing_is_a_finding_too() {
    let disk = SimulatedDisk::new();
    let db = open(&disk);
    write_story(&db, &disk);
    disk.fail(Fault::broken(OpKind::ReadAt).under("journal/00000002").from_then_on());
    let report = runtime().block_on(db.verify()).unwrap();
    let kinds: Vec<_> = report.findings.first().iter().map(|finding| finding.kind()).collect();
    assert!(kinds.contains(&ErrorKind::Unavailable), "{report:?}");
    disk.heal();
    runtime().block_on(db.close()).unwrap();
}

#[test]
fn a_damaged_manifest_under_an_open_store_is_found() {
    let disk = SimulatedDisk::new();
    let db = open(&disk);
    write_story(&db, &disk);
    disk.flip("MANIFEST.json", 30, 1).unwrap();
    let report = runtime().block_on(db.verify()).unwrap();
    assert_eq!(named(&report), ["MANIFEST.json"]);
    disk.erase("MANIFEST.json").unwrap();
    let report = runtime().block_on(db.verify()).unwrap();
    assert_eq!(named(&report), ["MANIFEST.json"]);
    let _ = runtime().block_on(db.close());
}

#[test]
fn every_flipped_byte_of_a_closed_store_is_found() {
    let story = closed();
    for path in story.disk.paths() {
        for offset in (0..story.disk.bytes(&path).unwrap().len()).step_by(step(3)) {
            let disk = story.disk.kill_state();
            disk.flip(&path, offset, (offset % 8) as u8).unwrap();
            match JsonDb::verify_on(&disk) {
                Ok(report) => {
                    assert!(named(&report).contains(&path.as_str()), "{path} {offset} {report:?}");
                }
                // The number of a later format.
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported, "{path} {offset}"),
            }
        }
    }
}

#[test]
fn a_store_that_was_killed_is_verified_without_changing_a_byte() {
    let story = killed();
    let path = segments(&story.disk).pop().unwrap();
    let mut bytes = story.disk.bytes(&path).unwrap();
    let end = without_room(&bytes).len();
    bytes[end..][..24].copy_from_slice(b"{\"_id\":\"n.City.c1\",\"_ver");
    story.disk.set_bytes(&path, bytes).unwrap();
    let before = files(&story.disk);
    let report = JsonDb::verify_on(&story.disk).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.unfinished_bytes, report.documents), (24, story.last().len() as u64));
    assert_eq!((files(&story.disk), story.disk.ops().len()), (before, 0));
}

#[test]
fn a_missing_or_foreign_file_of_a_closed_store_is_found() {
    let story = closed();
    let paths = segments(&story.disk);
    for path in &paths {
        let disk = story.disk.kill_state();
        disk.erase(path).unwrap();
        assert_eq!(named(&JsonDb::verify_on(&disk).unwrap()), [path]);
    }
    let disk = story.disk.kill_state();
    disk.set_bytes("journal/00000009.jsonl", b"{}\n").unwrap();
    assert_eq!(named(&JsonDb::verify_on(&disk).unwrap()), ["journal/00000009.jsonl"]);
    disk.erase("MANIFEST.json").unwrap();
    assert_eq!(named(&JsonDb::verify_on(&disk).unwrap()), ["MANIFEST.json"]);
    let nothing = JsonDb::verify_on(&SimulatedDisk::new()).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_directory_on_this_machine_is_verified_without_a_trace() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("db");
    let missing = JsonDb::verify_at(&path).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let db = JsonDb::open(&path, options()).await.unwrap();
    make_accounts(&db).await;
    assert_eq!(JsonDb::verify_at(&path).await.unwrap_err().kind(), ErrorKind::Locked);
    db.close().await.unwrap();
    std::fs::write(path.join("LOCK"), "as it was").unwrap();
    let report = JsonDb::verify_at(&path).await.unwrap();
    assert!(report.is_sound() && report.documents == 8, "{report:?}");
    assert_eq!(std::fs::read(path.join("LOCK")).unwrap(), b"as it was");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_stays_sound_while_it_is_written_and_compacted() {
    let db = Arc::new(open(&SimulatedDisk::new()));
    make_accounts(&db).await;
    let writers = Writers::start(&db);
    // On a busy machine compaction takes a while to come round.
    let patience = Instant::now() + Duration::from_secs(30);
    let is_compacted = async || db.stats().await.unwrap().compaction.segments > 0;
    let mut rounds = 0;
    while rounds < 30 || !is_compacted().await {
        rounds += 1;
        assert!(Instant::now() < patience, "nothing was compacted in {rounds} rounds");
        let report = db.verify().await.unwrap();
        assert!(report.is_sound(), "{report:?}");
        assert_eq!(report.documents, 8);
        let commits = report.commits;
        while db.stats().await.unwrap().commits <= commits {
            assert!(Instant::now() < patience, "nothing was written after commit {commits}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    writers.stop().await;
    db.close().await.unwrap();
}
