#![allow(clippy::unwrap_used)]
mod by_hand;
mod end;
mod room;
mod segments;

use std::sync::mpsc;

use parking_lot::Mutex;
use serde_json::json;

use super::*;
use crate::codec::Encoding;
use crate::database::Database as _;
use crate::json::JsonDb;
use crate::json::disk::{OpKind, SimulatedDisk};
use crate::write::WriteBatch;

fn open(options: JsonDbOptions) -> (SimulatedDisk, Arc<JsonDb>) {
    let disk = SimulatedDisk::new();
    let db = JsonDb::open_on(Arc::new(disk.clone()), options).unwrap();
    (disk, Arc::new(db))
}

fn batch(number: usize, bytes: usize) -> WriteBatch {
    let mut batch = WriteBatch::new(Encoding::Json);
    let text = "x".repeat(bytes);
    batch.insert(format!("o.Note.{number}").parse().unwrap(), &json!({ "text": text })).unwrap();
    batch
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_wait_for_a_sync_share_the_next_one() {
    let (disk, db) = open(JsonDbOptions::new());
    let (go, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(Some(gate));
    disk.observe(move |_, op| {
        let gate = if op.kind == OpKind::SyncData { gate.lock().take() } else { None };
        if let Some(gate) = gate {
            let _ = gate.recv();
        }
    });
    let write = |number| {
        let db = Arc::clone(&db);
        tokio::spawn(async move { db.write(batch(number, 200_000)).await })
    };
    let first = write(0);
    while disk.count(OpKind::SyncData) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let rest: Vec<_> = (1..9).map(write).collect();
    while db.shared.queue.waiting() < rest.len() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    go.send(()).unwrap();
    for written in rest.into_iter().chain([first]) {
        assert!(written.await.unwrap().unwrap().is_complete());
    }
    assert_eq!(disk.count(OpKind::SyncData), 2);
}

#[tokio::test]
async fn a_writer_that_is_held_goes_on_when_it_is_released_and_does_not_wait_for_ever() {
    let interval = Durability::Interval(Duration::from_millis(5));
    let deadline = Duration::from_secs(1);
    let (disk, db) = open(JsonDbOptions::new().durability(interval).deadline(deadline));
    assert!(db.write(batch(0, 9)).await.unwrap().is_complete());
    for is_released in [true, false] {
        let hold = db.shared.queue.hold().unwrap().await.unwrap();
        let number = if is_released { 1 } else { 2 };
        let mut write = tokio::spawn({
            let db = Arc::clone(&db);
            async move { db.write(batch(number, 9)).await }
        });
        let waiting = tokio::time::timeout(Duration::from_millis(100), &mut write).await;
        assert!(waiting.is_err());
        // What was written before is synced in its time.
        assert_eq!(disk.count(OpKind::SyncData), number as u64);
        if is_released {
            drop(hold);
        }
        assert!(write.await.unwrap().unwrap().is_complete());
    }
}

#[tokio::test]
async fn who_holds_the_writer_is_the_next_to_write() {
    let (_, db) = open(JsonDbOptions::new());
    let hold = db.shared.queue.hold().unwrap().await.unwrap();
    let waiting = tokio::spawn({
        let db = Arc::clone(&db);
        async move { db.write(batch(1, 9)).await }
    });
    while db.shared.queue.waiting() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (reply, report) = oneshot::channel();
    let draft = Draft::new(batch(0, 9)).unwrap();
    hold.send(Request { draft, after: Some(0), reply }).unwrap();
    assert!(report.await.unwrap().unwrap().is_complete());
    assert!(waiting.await.unwrap().unwrap().is_complete());
}

#[tokio::test]
async fn a_batch_that_is_to_follow_another_commit_than_the_last_is_not_judged() {
    let (_, db) = open(JsonDbOptions::new());
    for (after, is_written) in [(0, true), (0, false), (2, false), (1, true)] {
        let (reply, report) = oneshot::channel();
        let number = usize::try_from(after).unwrap();
        let draft = Draft::new(batch(number, 9)).unwrap();
        db.shared.queue.submit(Request { draft, after: Some(after), reply }).unwrap();
        match report.await.unwrap() {
            Ok(report) => assert!(is_written && report.is_complete()),
            Err(error) => assert!(!is_written && error.kind() == ErrorKind::Conflict, "{error}"),
        }
    }
}

#[tokio::test]
async fn an_interval_that_is_not_over_syncs_nothing_until_the_store_is_closed() {
    let interval = Durability::Interval(Duration::from_secs(600));
    let (disk, db) = open(JsonDbOptions::new().durability(interval));
    for number in 0..3 {
        assert!(db.write(batch(number, 9)).await.unwrap().is_complete());
    }
    assert_eq!(disk.count(OpKind::SyncData), 0);
    db.close().await.unwrap();
    assert_eq!(disk.count(OpKind::SyncData), 1);
}

#[test]
fn a_disk_that_is_broken_or_read_only_is_in_doubt_and_a_full_one_is_not() {
    for (os_error, fatal) in [(5, true), (30, true), (28, false), (122, false), (27, false)] {
        assert_eq!(is_fatal(&io::Error::from_raw_os_error(os_error)), fatal, "{os_error}");
    }
}
