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
