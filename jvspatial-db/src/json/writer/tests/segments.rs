//! Segments that are begun and replaced, and disks on which that fails.

use super::by_hand::ByHand;
use super::*;
use crate::json::compaction::Replacement;
use crate::json::disk::Fault;
use crate::json::manifest::{Compacted, Sealed};
use crate::json::queue::Job;
use crate::json::segment::SegmentName;

/// Where offsets end.
const OFFSETS: u64 = u32::MAX as u64;
/// What is left free for the commit line of a batch.
const MARGIN: u64 = 4096;

/// A writer whose segments are full only where offsets end.
fn wide() -> ByHand {
    let mut by_hand = ByHand::new(JsonDbOptions::new());
    by_hand.writer.options.segment_bytes = u64::MAX;
    by_hand.create(0..1).unwrap();
    by_hand
}

#[test]
fn a_segment_is_ended_before_its_offsets_are() {
    for (bytes, begun) in [(1000, false), (1001, true)] {
        let ByHand { mut writer, .. } = wide();
        writer.end.bytes = OFFSETS - MARGIN - 1000;
        writer.len = writer.end.bytes;
        writer.begin_next_if_full(bytes).unwrap();
        assert_eq!(writer.manifest.active, 1 + u32::from(begun), "{bytes}");
    }
}

#[test]
fn a_segment_with_room_takes_a_batch_of_any_size() {
    let ByHand { mut writer, .. } = wide();
    writer.begin_next_if_full(256 << 20).unwrap();
    assert_eq!(writer.manifest.active, 1);
}

#[test]
fn a_full_segment_goes_on_without_room_for_another_as_long_as_offsets_name_its_lines() {
    for (bytes, goes_on) in [(1000, true), (1001, false)] {
        let ByHand { disk, mut writer } = wide();
        writer.options.segment_bytes = 1;
        writer.end.bytes = OFFSETS - MARGIN - 1000;
        writer.len = writer.end.bytes;
        disk.fail(Fault::full(OpKind::CreateFile));
        assert_eq!(writer.begin_next_if_full(bytes).is_ok(), goes_on, "{bytes}");
        assert_eq!((writer.manifest.active, writer.poison.is_none()), (1, true));
        writer.begin_next_if_full(bytes).unwrap();
        assert_eq!(writer.manifest.active, 2);
    }
}

#[test]
fn a_segment_that_may_have_been_begun_ends_all_writing() {
    let mut by_hand = wide();
    by_hand.writer.options.segment_bytes = 1;
    by_hand.disk.fail(Fault::broken(OpKind::SyncDir));
    let mut before = by_hand.segment(1);
    // The room behind that goes before the next segment is begun.
    before.truncate(usize::try_from(by_hand.writer.end.bytes).unwrap());
    assert_eq!(by_hand.create(1..2).unwrap_err().kind(), ErrorKind::Unknown);
    assert_eq!(by_hand.create(2..3).unwrap_err().kind(), ErrorKind::Poisoned);
    assert_eq!(by_hand.segment(1), before);
}

#[test]
fn a_rename_that_failed_and_changed_nothing_is_tried_again() {
    let mut by_hand = wide();
    let before = by_hand.manifest();
    by_hand.disk.fail(Fault::broken(OpKind::Rename));
    assert_eq!(by_hand.writer.seal().unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(by_hand.manifest(), before);
    by_hand.create(1..2).unwrap();
    by_hand.writer.seal().unwrap();
    by_hand.create(2..3).unwrap();
    assert_eq!(by_hand.writer.manifest.active, 2);
}

#[test]
fn a_rename_that_failed_and_was_done_all_the_same_ends_all_writing() {
    let mut by_hand = wide();
    by_hand.disk.fail(Fault::broken(OpKind::Rename).after_the_fact());
    let error = by_hand.writer.seal().unwrap_err();
    assert_eq!(error.context("cause"), Some("manifest was replaced but not durably"));
    assert_eq!(by_hand.create(1..2).unwrap_err().kind(), ErrorKind::Poisoned);
    assert!(by_hand.writer.shared.queue.is_poisoned());
}

#[test]
fn a_rename_that_failed_ends_all_writing_when_nobody_can_say_what_it_left() {
    let mut by_hand = wide();
    by_hand.disk.fail(Fault::broken(OpKind::Rename));
    by_hand.disk.fail(Fault::broken(OpKind::Open));
    by_hand.writer.seal().unwrap_err();
    assert_eq!(by_hand.create(1..2).unwrap_err().kind(), ErrorKind::Poisoned);
}

#[test]
fn a_segment_replaces_those_that_it_was_made_of_and_no_others() {
    let mut by_hand = wide();
    by_hand.writer.seal().unwrap();
    by_hand.create(1..2).unwrap();
    by_hand.writer.seal().unwrap();
    let compacted = Compacted { generation: 1, first: 1, as_of: 0 };
    let end = by_hand.writer.manifest.sealed[1].end;
    let by = Sealed { segment: 2, compacted: Some(compacted), end };
    by_hand.disk.set_bytes(&by.name().path(), *b"").unwrap();
    let manifest = by_hand.manifest();
    let replace = |writer: &mut Writer, numbers: [u32; 2]| {
        let replaced = numbers.map(SegmentName::new).to_vec();
        writer.replace(Replacement { replaced, by: by.clone() })
    };
    for others in [[1, 9], [8, 9], [1, 3]] {
        let error = replace(&mut by_hand.writer, others).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{others:?}");
        assert_eq!(by_hand.manifest(), manifest);
        assert_eq!(by_hand.writer.manifest.sealed.len(), 2);
    }
    let slot = replace(&mut by_hand.writer, [1, 2]).unwrap();
    assert_eq!(by_hand.writer.manifest.sealed, std::slice::from_ref(&by));
    assert_ne!(by_hand.manifest(), manifest);
    assert_eq!(by_hand.writer.shared.index.read().segments.path(slot), by.name().path());
}

/// How long a segment is waited for, with a store of so many bytes of which so many are in use.
fn time_to_seal(bytes: u64, live_bytes: u64, arrange: impl FnOnce(&Writer)) -> Duration {
    let ByHand { mut writer, .. } = ByHand::new(JsonDbOptions::new().deadline(DEADLINE));
    *writer.shared.index.write().usages.entry(0) = Usage { bytes, live_bytes, ..Usage::default() };
    writer.options.segment_bytes = 1;
    writer.shared.compaction.note_sealed();
    arrange(&writer);
    let start = Instant::now();
    writer.begin_next_if_full(1).unwrap();
    assert_eq!(writer.manifest.active, 2);
    start.elapsed()
}

const DEADLINE: Duration = Duration::from_secs(1);

#[test]
fn a_compactor_that_has_fallen_behind_is_waited_for_half_the_deadline() {
    let time = time_to_seal(23, 10, |_| {});
    assert!(time >= DEADLINE / 2 && time < DEADLINE * 3 / 2, "{time:?}");
}

#[test]
fn nobody_waits_for_a_compactor_that_keeps_up_or_cannot() {
    let soon = |time: Duration| assert!(time < DEADLINE / 2, "{time:?}");
    soon(time_to_seal(22, 10, |_| {}));
    soon(time_to_seal(2200, 1000, |_| {}));
    soon(time_to_seal(23, 10, |writer| writer.shared.compaction.stop()));
    let failed = Err(Error::new(ErrorKind::Unavailable, "no room"));
    soon(time_to_seal(23, 10, |writer| writer.shared.compaction.note(&failed)));
}

#[test]
fn a_writer_that_waits_for_the_compactor_does_what_that_asks_for() {
    let mut sealed = None;
    let time = time_to_seal(23, 10, |writer| {
        let (reply, receiver) = oneshot::channel();
        writer.shared.queue.order(Job::Seal(reply)).unwrap();
        sealed = Some(receiver);
    });
    assert!(time >= DEADLINE / 2);
    sealed.unwrap().try_recv().unwrap().unwrap();
}
