#![allow(clippy::unwrap_used, clippy::panic)]
mod power;

use std::ops::Range;
use std::sync::Arc;

use serde_json::json;

use super::{HELD_SEGMENTS, Place};
use crate::codec::Encoding;
use crate::database::Database as _;
use crate::durability::Durability;
use crate::error::ErrorKind;
use crate::json::disk::{Fault, OpKind, SimulatedDisk};
use crate::json::{JsonDb, JsonDbOptions};
use crate::watch::{ChangeEvent, ChangeStream, DocumentChange, ResumeToken, WatchOptions};
use crate::write::WriteBatch;

const EIO: i32 = 5;

fn small() -> JsonDbOptions {
    JsonDbOptions::new().segment_bytes(4096).durability(Durability::Os)
}

fn open(disk: &SimulatedDisk, options: &JsonDbOptions) -> JsonDb {
    JsonDb::open_on(Arc::new(disk.clone()), options.clone()).unwrap()
}

/// Creates the documents of these numbers in one batch, with so many bytes each.
async fn create(db: &JsonDb, numbers: Range<usize>, bytes: usize) {
    let mut batch = WriteBatch::new(Encoding::Json).atomic(true);
    for number in numbers {
        let fields = json!({ "text": "x".repeat(bytes) });
        batch.insert(format!("o.Note.{number}").parse().unwrap(), &fields).unwrap();
    }
    assert!(db.write(batch).await.unwrap().is_complete());
}

async fn delete(db: &JsonDb, numbers: Range<usize>) {
    let mut batch = WriteBatch::new(Encoding::Json);
    for number in numbers {
        batch.delete(format!("o.Note.{number}").parse().unwrap(), None, false).unwrap();
    }
    assert!(db.write(batch).await.unwrap().is_complete());
}

async fn watch(db: &JsonDb, after: Option<&ResumeToken>) -> ChangeStream {
    let mut options = WatchOptions::new();
    options.after = after.cloned();
    db.watch(options).await.unwrap()
}

async fn event(changes: &mut ChangeStream) -> ChangeEvent {
    changes.try_next().await.unwrap().unwrap()
}

async fn change(changes: &mut ChangeStream) -> DocumentChange {
    match event(changes).await {
        ChangeEvent::Changed(change) => change,
        ChangeEvent::Lost(lost) => panic!("lost: {}", lost.reason),
    }
}

/// Reads the creation of the documents of these numbers, in order.
async fn expect(changes: &mut ChangeStream, numbers: Range<usize>) {
    for number in numbers {
        assert_eq!(change(changes).await.id.to_string(), format!("o.Note.{number}"));
    }
}

#[test]
fn a_place_comes_back_from_its_bytes() {
    let end = crate::json::manifest::End { bytes: 1, sequence: 2, checksum: 3 };
    let inside = super::place::Inside { lines: 4, checksum: 5 };
    for place in [Place::after(6, end), Place { segment: 6, end, inside: Some(inside) }] {
        assert_eq!(Place::parse(&place.to_bytes()).unwrap(), place);
    }
    assert_eq!(Place::parse(b"short").unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(Place::parse(&[0xff; 48]).unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn large_batches_and_documents_are_told_page_by_page_and_left_anywhere() {
    let db = open(&SimulatedDisk::new(), &JsonDbOptions::new());
    let mut changes = watch(&db, None).await;
    create(&db, 0..3000, 100).await;
    create(&db, 3000..3004, 600_000).await;
    create(&db, 3004..3005, 1).await;
    let mut tokens = Vec::new();
    for number in 0..3005 {
        let told = change(&mut changes).await;
        assert_eq!(told.id.to_string(), format!("o.Note.{number}"));
        tokens.push(told.token);
    }
    for at in [0, 1, 1499, 2998, 2999, 3000, 3003] {
        let mut again = watch(&db, Some(&tokens[at])).await;
        expect(&mut again, at + 1..3005).await;
    }
}

#[tokio::test]
async fn compaction_takes_nothing_from_a_watcher_that_lags() {
    let db = open(&SimulatedDisk::new(), &small());
    let mut changes = watch(&db, None).await;
    for number in 0..100 {
        create(&db, number..number + 1, 400).await;
    }
    delete(&db, 0..100).await;
    db.compact().await.unwrap();
    // Some of it may have been done in the background before.
    assert!(db.stats().await.unwrap().compaction.segments > 5);
    create(&db, 100..101, 1).await;
    db.compact().await.unwrap();
    expect(&mut changes, 0..100).await;
    for _ in 0..100 {
        assert_eq!(change(&mut changes).await.kind, crate::watch::ChangeKind::Deleted);
    }
    expect(&mut changes, 100..101).await;
}

#[tokio::test]
async fn a_watcher_that_lags_too_far_is_told_so_and_goes_on_with_what_is_new() {
    let db = open(&SimulatedDisk::new(), &small());
    let mut changes = watch(&db, None).await;
    for number in 0..HELD_SEGMENTS + 20 {
        create(&db, number..number + 1, 4000).await;
    }
    delete(&db, 0..HELD_SEGMENTS).await;
    db.compact().await.unwrap();
    // What it was reading is open still.
    expect(&mut changes, 0..1).await;
    let ChangeEvent::Lost(lost) = event(&mut changes).await else { panic!("nothing lost") };
    assert_eq!(changes.token(), &lost.token);
    create(&db, 1000..1002, 1).await;
    expect(&mut changes, 1000..1002).await;
    let mut again = watch(&db, Some(&lost.token)).await;
    expect(&mut again, 1000..1002).await;
}

#[tokio::test]
async fn a_token_before_what_was_compacted_is_lost_and_one_behind_it_goes_on() {
    let disk = SimulatedDisk::new();
    let db = open(&disk, &small());
    let mut changes = watch(&db, None).await;
    let start = changes.token().clone();
    create(&db, 0..10, 100).await;
    let mut middle = change(&mut changes).await.token;
    for _ in 1..9 {
        middle = change(&mut changes).await.token;
    }
    let end = change(&mut changes).await.token;
    drop(changes);
    delete(&db, 0..5).await;
    let mut all = watch(&db, Some(&end)).await;
    for _ in 0..5 {
        change(&mut all).await;
    }
    let behind = all.token().clone();
    drop(all);
    db.compact().await.unwrap();
    create(&db, 20..21, 1).await;
    db.close().await.unwrap();
    let db = open(&disk, &small());
    for token in [&start, &middle, &end] {
        let mut again = watch(&db, Some(token)).await;
        assert!(matches!(event(&mut again).await, ChangeEvent::Lost(_)));
    }
    let mut again = watch(&db, Some(&behind)).await;
    expect(&mut again, 20..21).await;
}

#[tokio::test]
async fn sealed_segments_that_were_not_compacted_are_told_from_any_token() {
    let disk = SimulatedDisk::new();
    let db = open(&disk, &small().compaction(false));
    let mut changes = watch(&db, None).await;
    let mut tokens = vec![changes.token().clone()];
    for number in 0..60 {
        create(&db, number..number + 1, 300).await;
        tokens.push(change(&mut changes).await.token);
    }
    db.close().await.unwrap();
    assert!(disk.paths().iter().filter(|path| path.starts_with("journal/")).count() > 3);
    let db = open(&disk, &small().compaction(false));
    for (at, token) in tokens.iter().enumerate().take(60) {
        expect(&mut watch(&db, Some(token)).await, at..60).await;
    }
}

#[tokio::test]
async fn the_last_watcher_lets_go_of_what_is_held() {
    let db = open(&SimulatedDisk::new(), &small());
    let held = || db.shared.feed.held.lock().segments.len();
    let (first, second) = (watch(&db, None).await, watch(&db, None).await);
    for number in 0..20 {
        create(&db, number..number + 1, 400).await;
    }
    assert!(held() > 0);
    drop(first);
    assert!(held() > 0);
    drop(second);
    assert_eq!(held(), 0);
    assert_eq!(db.shared.feed.newest.receiver_count(), 0);
    create(&db, 20..40, 400).await;
    create(&db, 40..60, 400).await;
    assert_eq!(held(), 0);
}

#[tokio::test]
async fn rot_is_an_error_and_never_a_change() {
    let disk = SimulatedDisk::new();
    let db = open(&disk, &small());
    let start = watch(&db, None).await.token().clone();
    create(&db, 0..3, 10).await;
    let path = "journal/00000001.jsonl";
    let bytes = disk.bytes(path).unwrap();
    let from = memchr::memmem::find(&bytes, b"o.Note.0").unwrap();
    let end = memchr::memrchr(b'}', &bytes).unwrap();
    for offset in from..=end {
        disk.flip(path, offset, 1).unwrap();
        let mut changes = watch(&db, Some(&start)).await;
        let error = changes.try_next().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{offset}: {error}");
        assert_eq!(error.context("file"), Some(path));
        assert!(changes.try_next().await.unwrap().is_none());
        disk.flip(path, offset, 1).unwrap();
    }
    expect(&mut watch(&db, Some(&start)).await, 0..3).await;
}

#[tokio::test]
async fn a_poisoned_store_tells_what_readers_see_and_then_that_no_more_will_come() {
    let disk = SimulatedDisk::new();
    let db = open(&disk, &JsonDbOptions::new());
    let mut changes = watch(&db, None).await;
    create(&db, 0..3, 1).await;
    disk.fail(Fault::new(OpKind::SyncData, EIO));
    let mut batch = WriteBatch::new(Encoding::Json);
    batch.insert("o.Note.3".parse().unwrap(), &json!({})).unwrap();
    assert_eq!(db.write(batch).await.unwrap_err().kind(), ErrorKind::Unknown);
    expect(&mut changes, 0..3).await;
    assert_eq!(changes.try_next().await.unwrap_err().kind(), ErrorKind::Poisoned);
    let token = changes.token().clone();
    let mut late = watch(&db, Some(&token)).await;
    assert_eq!(late.try_next().await.unwrap_err().kind(), ErrorKind::Poisoned);
    let _ = db.close().await;
    // The write that nobody knows of was not told before, and is if it is there.
    let db = open(&disk, &JsonDbOptions::new());
    expect(&mut watch(&db, Some(&token)).await, 3..4).await;
}

#[tokio::test]
async fn a_token_of_another_store_is_refused() {
    let token = watch(&open(&SimulatedDisk::new(), &small()), None).await.token().clone();
    let other = open(&SimulatedDisk::new(), &small());
    let error = other.watch(WatchOptions::new().after(token)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn a_copy_that_went_another_way_is_told_as_lost() {
    let (disk, copy) = (SimulatedDisk::new(), SimulatedDisk::new());
    let db = open(&disk, &small());
    create(&db, 0..2, 1).await;
    db.backup_to(Arc::new(copy.clone())).await.unwrap();
    let mut changes = watch(&db, None).await;
    create(&db, 2..4, 1).await;
    let inside = change(&mut changes).await.token;
    let behind = change(&mut changes).await.token;
    let copy = open(&copy, &small());
    for token in [&inside, &behind] {
        assert!(matches!(event(&mut watch(&copy, Some(token)).await).await, ChangeEvent::Lost(_)));
    }
    create(&copy, 5..8, 1).await;
    create(&copy, 8..9, 1).await;
    for token in [&inside, &behind] {
        assert!(matches!(event(&mut watch(&copy, Some(token)).await).await, ChangeEvent::Lost(_)));
    }
}
