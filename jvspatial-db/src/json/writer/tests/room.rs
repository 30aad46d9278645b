//! The zeros behind the last commit.

use super::by_hand::ByHand;
use super::*;
use crate::json::disk::{Disk, Fault};

/// The length of the first segment, and how much of it is room.
fn lengths(by_hand: &ByHand) -> (usize, usize) {
    let bytes = by_hand.segment(1);
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    (bytes.len(), bytes.len() - written)
}

fn store(options: JsonDbOptions) -> (SimulatedDisk, Arc<JsonDb>, tokio::runtime::Runtime) {
    let (disk, db) = open(options);
    (disk, db, tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap())
}

#[test]
fn small_commits_find_room_that_was_made_before_them() {
    for mut by_hand in [ByHand::new(JsonDbOptions::new()), ByHand::of_killed()] {
        by_hand.create(0..1).unwrap();
        let (len, room) = lengths(&by_hand);
        assert!(room >= 4096);
        by_hand.create(1..2).unwrap();
        let (again, less) = lengths(&by_hand);
        assert_eq!(again, len, "the file has not grown");
        assert!(less < room);
        assert_eq!(by_hand.disk.count(OpKind::Reserve), 1);
        by_hand.create(2..200).unwrap();
        assert!(lengths(&by_hand).1 > 0);
    }
}

#[test]
fn a_new_segment_has_room_before_its_first_commit() {
    let mut by_hand = ByHand::new(JsonDbOptions::new());
    let before = by_hand.segment(1).len();
    assert!(lengths(&by_hand).1 >= 1 << 20);
    by_hand.create(0..1).unwrap();
    assert_eq!(by_hand.segment(1).len(), before);
    by_hand.writer.seal().unwrap();
    by_hand.create(1..2).unwrap();
    assert_eq!(by_hand.disk.count(OpKind::Reserve), 2);
    assert!(by_hand.segment(2).len() > 1 << 20);
}

#[test]
fn a_store_is_made_on_a_disk_without_space_for_room() {
    let disk = SimulatedDisk::new();
    disk.fail(Fault::full(OpKind::Reserve).short(1000));
    let mut by_hand = ByHand::on(disk, JsonDbOptions::new());
    assert_eq!(lengths(&by_hand).1, 0, "what was made of it is given back");
    by_hand.create(0..1).unwrap();
    assert_eq!(by_hand.writer.end.sequence, 1);
}

#[test]
fn large_commits_and_those_that_are_not_synced_make_no_room() {
    let mut by_hand = ByHand::of_killed();
    assert!(by_hand.write(batch(0, 70_000)).unwrap().is_complete());
    assert_eq!(lengths(&by_hand).1, 0);
    assert_eq!(by_hand.disk.count(OpKind::Reserve), 0);
    for durability in [Durability::Os, Durability::Interval(Duration::from_secs(600))] {
        let mut by_hand = ByHand::new(JsonDbOptions::new().durability(durability));
        by_hand.create(0..3).unwrap();
        assert_eq!(lengths(&by_hand).1, 0, "{durability:?}");
    }
}

#[test]
fn a_sealed_segment_and_a_closed_store_end_with_their_last_commit() {
    let mut by_hand = ByHand::new(JsonDbOptions::new());
    by_hand.create(0..1).unwrap();
    let end = by_hand.writer.end.bytes as usize;
    by_hand.writer.seal().unwrap();
    assert_eq!(lengths(&by_hand), (end, 0));

    let (disk, db, runtime) = store(JsonDbOptions::new());
    assert!(runtime.block_on(db.write(batch(0, 9))).unwrap().is_complete());
    runtime.block_on(db.close()).unwrap();
    assert_eq!(disk.bytes("journal/00000001.jsonl").unwrap().last(), Some(&b'\n'));
    // A power cut right after must not bring the room back, which the manifest knows nothing of.
    for disk in disk.crash_states(1, 1000) {
        let db = JsonDb::open_on(Arc::new(disk), JsonDbOptions::new()).unwrap();
        assert!(db.recovery().clean);
    }
}

#[test]
fn the_room_of_a_store_that_was_killed_is_no_unfinished_batch() {
    let (disk, db, runtime) = store(JsonDbOptions::new());
    assert!(runtime.block_on(db.write(batch(0, 9))).unwrap().is_complete());
    let killed = disk.kill_state();
    let len = killed.bytes("journal/00000001.jsonl").unwrap().len();
    let report = JsonDb::salvage_on(&killed, Arc::new(SimulatedDisk::new())).unwrap();
    assert_eq!(
        (report.documents, report.verified, report.unvouched_bytes),
        (1, 1, 0),
        "{report:?}"
    );
    let verified = JsonDb::verify_on(&killed).unwrap();
    assert!(verified.is_sound() && verified.unfinished_bytes == 0, "{verified:?}");
    let again = JsonDb::open_on(Arc::new(killed.clone()), JsonDbOptions::new()).unwrap();
    let recovery = again.recovery();
    assert_eq!((recovery.clean, recovery.quarantined_bytes, recovery.commits), (false, 0, 1));
    let cut = killed.bytes("journal/00000001.jsonl").unwrap().len();
    assert!(cut < len, "{cut} {len}");
    assert!(runtime.block_on(again.write(batch(1, 9))).unwrap().is_complete());
}

#[test]
fn a_disk_without_space_for_room_takes_commits_all_the_same() {
    let mut by_hand = ByHand::of_killed();
    by_hand.disk.fail(Fault::full(OpKind::Reserve).short(1000));
    by_hand.create(0..1).unwrap();
    assert_eq!(lengths(&by_hand).1, 0, "what was made of it is given back");
    by_hand.create(1..2).unwrap();
    assert_eq!(by_hand.disk.count(OpKind::Reserve), 1, "it is not tried again and again");
    by_hand.writer.seal().unwrap();
    by_hand.create(2..3).unwrap();
    assert_eq!(by_hand.disk.count(OpKind::Reserve), 2, "the next segment has another try");
}

#[test]
fn room_that_was_begun_and_cannot_be_given_back_ends_all_writing() {
    let mut by_hand = ByHand::of_killed();
    by_hand.disk.fail(Fault::full(OpKind::Reserve));
    by_hand.disk.fail(Fault::broken(OpKind::Truncate));
    assert_eq!(by_hand.create(0..1).unwrap_err().kind(), ErrorKind::Unknown);
    assert_eq!(by_hand.create(1..2).unwrap_err().kind(), ErrorKind::Poisoned);
}

#[test]
fn a_commit_that_finds_no_space_in_the_middle_of_the_room_leaves_the_segment_as_it_was() {
    let mut by_hand = ByHand::new(JsonDbOptions::new());
    by_hand.create(0..1).unwrap();
    let written = by_hand.writer.end.bytes as usize;
    let before = by_hand.segment(1)[..written].to_vec();
    by_hand.disk.fail(Fault::full(OpKind::Append).short(100));
    assert_eq!(by_hand.create(1..2).unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(by_hand.segment(1), before);
    by_hand.create(1..2).unwrap();
    let disk = by_hand.disk.kill_state();
    drop(disk.lock());
    let db = JsonDb::open_on(Arc::new(disk), JsonDbOptions::new()).unwrap();
    assert_eq!(db.recovery().commits, 2);
}
