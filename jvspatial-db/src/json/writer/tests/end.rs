//! Writers that end: poisoned, panicking, or dropped.

use super::by_hand::ByHand;
use super::*;
use crate::json::disk::Fault;

#[test]
fn a_writer_whose_sync_failed_writes_nothing_more_and_says_why() {
    let mut by_hand = ByHand::new(JsonDbOptions::new());
    by_hand.create(0..1).unwrap();
    by_hand.disk.fail(Fault::broken(OpKind::SyncData));
    assert_eq!(by_hand.create(1..2).unwrap_err().kind(), ErrorKind::Unknown);
    let (segment, manifest) = (by_hand.segment(1), by_hand.manifest());
    let error = by_hand.create(2..3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Poisoned);
    assert!(error.context("cause").is_some());
    assert_eq!(by_hand.writer.seal().unwrap_err().kind(), ErrorKind::Poisoned);
    assert_eq!(by_hand.writer.close().unwrap_err().kind(), ErrorKind::Poisoned);
    assert_eq!((by_hand.segment(1), by_hand.manifest()), (segment, manifest));
}

#[test]
fn who_waits_for_a_writer_that_panics_is_told() {
    let ByHand { writer, .. } = ByHand::new(JsonDbOptions::new());
    let shared = Arc::clone(&writer.shared);
    let mut closed = shared.queue.close().unwrap();
    let panicked = std::thread::spawn(move || {
        let _writer = writer;
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    assert!(panicked.join().is_err());
    assert_eq!(closed.try_recv().unwrap().unwrap_err().kind(), ErrorKind::Poisoned);
    assert!(shared.queue.close().is_none());
    assert!(shared.compaction.is_stopped());
}

#[test]
fn a_writer_that_is_dropped_stops_the_compactor_and_gives_the_lock_back() {
    let ByHand { disk, writer } = ByHand::new(JsonDbOptions::new());
    let shared = Arc::clone(&writer.shared);
    assert!(disk.lock().is_err());
    drop(writer);
    assert!(shared.compaction.is_stopped());
    assert!(!shared.queue.is_poisoned());
    drop(disk.lock().unwrap());
}

#[test]
fn lines_of_documents_are_counted_where_they_are_written_and_removals_are_not() {
    let mut by_hand = ByHand::new(JsonDbOptions::new());
    by_hand.create(0..3).unwrap();
    let mut batch = WriteBatch::new(Encoding::Json);
    batch.delete("o.Note.1".parse().unwrap(), None, false).unwrap();
    assert!(by_hand.write(batch).unwrap().is_complete());
    by_hand.create(1..2).unwrap();
    let usage = by_hand.writer.shared.index.read().usages.get(by_hand.writer.slot);
    assert_eq!((usage.documents, usage.live_documents), (4, 3));
    assert_eq!(usage.bytes, by_hand.writer.end.bytes);
}

#[test]
fn a_large_batch_is_synced_beside_and_a_small_one_is_not() {
    for (documents, beside) in [(BESIDE - 1, false), (BESIDE, true)] {
        let mut by_hand = ByHand::new(JsonDbOptions::new());
        by_hand.create(0..documents).unwrap();
        assert_eq!(by_hand.writer.syncer.is_some(), beside, "{documents}");
        assert_eq!(by_hand.disk.count(OpKind::SyncData), 1);
        let index = by_hand.writer.shared.index.read();
        assert_eq!(index.table(Collection::Object).live(), documents as u64);
    }
}

#[test]
fn the_thread_that_syncs_says_how_each_sync_went() {
    let ByHand { disk, writer } = ByHand::new(JsonDbOptions::new());
    let syncer = Syncer::start().unwrap();
    assert!(syncer.begin(&writer.active));
    syncer.finish().unwrap();
    disk.fail(Fault::broken(OpKind::SyncData));
    assert!(syncer.begin(&writer.active));
    assert_eq!(syncer.finish().unwrap_err().kind(), io::Error::from_raw_os_error(5).kind());
    assert_eq!(disk.count(OpKind::SyncData), 2);
}
