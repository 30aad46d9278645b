//! A disk that does not answer: nobody waits longer than the deadline, and what comes of it is told truly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Collection, Database as _, Effect, Encoding, EntityName, ErrorKind, Filter, Handle, Id, JsonDb,
    JsonDbOptions, Query, WriteBatch, doc,
};

use super::altered::{Altered, DAWDLE};

const DEADLINE: Duration = Duration::from_millis(200);

fn id(key: &str) -> Id {
    Id::with_key(Collection::Node, EntityName::new("Slow").unwrap(), key).unwrap()
}

fn insert(key: &str) -> WriteBatch {
    let mut batch = WriteBatch::new(Encoding::Json);
    batch.insert(id(key), &doc! { "n": 1 }).unwrap();
    batch
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_waits_for_a_silent_disk_beyond_its_deadline() {
    let slow = Arc::new(AtomicBool::new(false));
    let disk = Altered::dawdles(&SimulatedDisk::new(), &slow);
    let options = JsonDbOptions::new().deadline(DEADLINE);
    let db = JsonDb::open_on(Arc::new(disk), options).unwrap();
    assert!(db.write(insert("before")).await.unwrap().is_complete());
    slow.store(true, Ordering::SeqCst);

    let start = Instant::now();
    let one = [Handle::new(id("before"))];
    let refused = db.get_many(&one).await.unwrap_err();
    assert_eq!((refused.kind(), refused.effect()), (ErrorKind::Unavailable, Effect::None));
    let one = Filter::parse(&doc! { "context.n": 1 }).unwrap();
    let refused = db.count(Collection::Node, &one).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    let mut cursor = db.find(Query::new(Collection::Node, one)).await.unwrap();
    assert_eq!(cursor.try_next().await.unwrap_err().kind(), ErrorKind::Unavailable);
    let unknown = db.write(insert("during")).await.unwrap_err();
    assert_eq!((unknown.kind(), unknown.effect()), (ErrorKind::Unknown, Effect::Unknown));
    assert!(start.elapsed() < DAWDLE, "four calls took {:?}", start.elapsed());

    slow.store(false, Ordering::SeqCst);
    let both = ["before", "during"].map(|key| Handle::new(id(key)));
    let patience = Instant::now() + DAWDLE * 10;
    // The writer is still busy with the write that nobody waits for any more.
    while !db.get_many(&both).await.is_ok_and(|found| found.iter().all(Option::is_some)) {
        assert!(Instant::now() < patience, "the write that nobody waited for never happened");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    db.close().await.unwrap();
}
