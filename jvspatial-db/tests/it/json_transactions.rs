//! Transactions of the JSON database beside writers, indexes and the end of the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jvspatial_db::json::disk::{Fault, OpKind, SimulatedDisk};
use jvspatial_db::{
    Collection, Database, Direction, Durability, Encoding, Ends, ErrorKind, Expansion, Filter,
    Handle, Id, IndexSpec, JsonDb, JsonDbOptions, Link, Query, Version, WriteBatch, doc,
};

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

fn handles(ids: &[&str]) -> Vec<Handle> {
    ids.iter().map(|text| Handle::new(id(text))).collect()
}

fn open() -> (SimulatedDisk, Arc<JsonDb>) {
    let disk = SimulatedDisk::new();
    let options = JsonDbOptions::new().durability(Durability::Os).segment_bytes(16 * 1024);
    (disk.clone(), Arc::new(JsonDb::open_on(Arc::new(disk), options).unwrap()))
}

async fn write(db: &dyn Database, fill: impl FnOnce(&mut WriteBatch)) {
    let mut batch = WriteBatch::new(Encoding::Json);
    fill(&mut batch);
    let report = db.write(batch).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
}

fn link(source: &str, target: &str) -> Link {
    let ends = Ends { source: id(source), target: id(target), bidirectional: false };
    Link { ends, unique: false }
}

/// What a transaction can ask about the small graph of [`a_transaction_that_only_reads_sees_its_beginning`].
async fn seen(db: &dyn Database) -> String {
    let cities = ["n.City.a", "n.City.b", "n.City.c", "n.City.d"];
    let got = db.get_many(&handles(&cities)).await.unwrap();
    let versions: Vec<_> =
        got.iter().map(|city| city.as_ref().map(|city| city.version.get())).collect();
    let all = db.find(Query::new(Collection::Edge, Filter::all())).await.unwrap();
    let mut roads: Vec<_> = all
        .try_collect()
        .await
        .unwrap()
        .into_iter()
        .map(|road| format!("{} {:?}", road.id, road.ends))
        .collect();
    roads.sort();
    let count = db.count(Collection::Node, &Filter::all()).await.unwrap();
    let mut neighbours = Vec::new();
    for direction in [Direction::Out, Direction::In, Direction::Both] {
        let mut expansion = Expansion::new(direction);
        expansion.with_edges = true;
        let plain = db.neighbors(&handles(&cities), &expansion).await.unwrap();
        expansion.edge_filter = Filter::parse(&doc! { "context.n": { "$gte": 2 } }).unwrap();
        let filtered = db.neighbors(&handles(&cities), &expansion).await.unwrap();
        for hop in plain.into_iter().chain(filtered) {
            let edge = hop.edge.unwrap().into_id();
            neighbours.push(format!("{} {edge} {}", hop.origin, hop.node.id()));
        }
    }
    format!("{versions:?} {roads:?} {count} {neighbours:?}")
}

#[tokio::test]
async fn a_transaction_that_only_reads_sees_its_beginning_whatever_others_write() {
    let (_, db) = open();
    write(&*db, |batch| {
        for city in ["n.City.a", "n.City.b", "n.City.c"] {
            batch.insert(id(city), &doc! { "n": 0 }).unwrap();
        }
        let roads = [("a", "b"), ("b", "c"), ("c", "a"), ("a", "c")];
        for (number, (source, target)) in roads.into_iter().enumerate() {
            let link = link(&format!("n.City.{source}"), &format!("n.City.{target}"));
            let fields = doc! { "n": number as i32 };
            batch.insert_edge(id(&format!("e.Road.{number}")), &fields, link).unwrap();
        }
    })
    .await;
    let tx = db.begin().await.unwrap();
    let before = seen(&*tx).await;
    assert_eq!(before, seen(&*db).await);
    let changes: [fn(&mut WriteBatch); 5] = [
        |batch| {
            batch.insert(id("n.City.d"), &doc! {}).unwrap();
            let fields = doc! { "n": 9 };
            batch.insert_edge(id("e.Road.9"), &fields, link("n.City.a", "n.City.d")).unwrap();
        },
        |batch| batch.update(id("e.Road.1"), Version::FIRST, &doc! { "n": 5 }).unwrap(),
        // Made again between other nodes.
        |batch| {
            batch.delete(id("e.Road.2"), None, false).unwrap();
            batch.insert_edge(id("e.Road.2"), &doc! {}, link("n.City.b", "n.City.a")).unwrap();
        },
        |batch| batch.delete(id("n.City.c"), None, true).unwrap(),
        // So many that they are applied while readers go on.
        |batch| {
            batch.delete(id("n.City.a"), None, true).unwrap();
            for number in 0..2_000 {
                batch.insert(id(&format!("n.Town.{number}")), &doc! {}).unwrap();
            }
        },
    ];
    for change in changes {
        write(&*db, change).await;
        assert_ne!(seen(&*db).await, before);
        assert_eq!(seen(&*tx).await, before);
    }
    db.compact().await.unwrap();
    assert_eq!(seen(&*tx).await, before);
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_long_transaction_gets_through_among_writers_that_never_rest() {
    const READS: usize = 3_000;
    let (_, db) = open();
    write(&*db, |batch| {
        for number in 0..READS {
            batch.insert(id(&format!("n.City.{number}")), &doc! {}).unwrap();
        }
        batch.insert(id("o.Note.0"), &doc! {}).unwrap();
        batch.insert(id("o.Note.1"), &doc! {}).unwrap();
    })
    .await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2)
        .map(|number| {
            let (db, stop) = (Arc::clone(&db), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut version = Version::FIRST;
                while !stop.load(Ordering::Relaxed) {
                    let note = id(&format!("o.Note.{number}"));
                    write(&*db, |batch| batch.update(note, version, &doc! {}).unwrap()).await;
                    version = version.next();
                }
                version.get()
            })
        })
        .collect();
    for round in 0..2 {
        let tx = db.begin().await.unwrap();
        for number in 0..READS {
            let city = handles(&[&format!("n.City.{number}")]);
            assert!(tx.get_many(&city).await.unwrap()[0].is_some());
        }
        for sum in 0..3 {
            let sum = id(&format!("o.Sum.{round}-{sum}"));
            write(&*tx, |batch| batch.insert(sum, &doc! {}).unwrap()).await;
        }
        // Nobody has changed what it rests on, so nothing may stand in its way.
        tx.commit().await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        assert!(writer.await.unwrap() > 10);
    }
    let sums = Filter::parse(&doc! { "entity": "Sum" }).unwrap();
    assert_eq!(db.count(Collection::Object, &sums).await.unwrap(), 6);
}

#[tokio::test]
async fn an_index_that_is_made_meanwhile_refuses_what_it_forbids() {
    let (_, db) = open();
    write(&*db, |batch| batch.insert(id("o.Note.1"), &doc! { "n": 1 }).unwrap()).await;
    let [twin, other] = [db.begin().await.unwrap(), db.begin().await.unwrap()];
    write(&*twin, |batch| batch.insert(id("o.Note.2"), &doc! { "n": 1 }).unwrap()).await;
    write(&*other, |batch| batch.insert(id("o.Note.3"), &doc! { "n": 3 }).unwrap()).await;
    let unique = IndexSpec::parse(&doc! { "key": { "context.n": 1 }, "unique": true }).unwrap();
    db.create_index(Collection::Object, None, unique).await.unwrap();
    assert_eq!(twin.commit().await.unwrap_err().kind(), ErrorKind::Conflict);
    assert!(twin.is_outrun());
    // A search in a transaction that is older than the index finds the same as before.
    let three = Query::new(Collection::Object, Filter::parse(&doc! { "context.n": 3 }).unwrap());
    let found = other.find(three).await.unwrap().try_collect().await.unwrap();
    assert_eq!(found.len(), 1);
    other.commit().await.unwrap();
    assert_eq!(db.count(Collection::Object, &Filter::all()).await.unwrap(), 2);
}

#[tokio::test]
async fn transactions_end_with_the_store() {
    let (_, db) = open();
    let tx = db.begin().await.unwrap();
    write(&*tx, |batch| batch.insert(id("o.Note.1"), &doc! {}).unwrap()).await;
    db.close().await.unwrap();
    let closed = tx.get_many(&handles(&["o.Note.1"])).await.unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Closed);
    assert_eq!(tx.commit().await.unwrap_err().kind(), ErrorKind::Closed);
    assert!(!tx.is_outrun());
    assert_eq!(db.begin().await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_commit_that_cannot_be_made_durable_is_unknown_and_the_next_one_is_refused() {
    let disk = SimulatedDisk::new();
    let db = JsonDb::open_on(Arc::new(disk.clone()), JsonDbOptions::new()).unwrap();
    write(&db, |batch| batch.insert(id("o.Note.0"), &doc! {}).unwrap()).await;
    let [first, second] = [db.begin().await.unwrap(), db.begin().await.unwrap()];
    for tx in [&first, &second] {
        write(&**tx, |batch| batch.insert(id("o.Note.1"), &doc! {}).unwrap()).await;
    }
    disk.fail(Fault::broken(OpKind::SyncData).under("journal/"));
    assert_eq!(first.commit().await.unwrap_err().kind(), ErrorKind::Unknown);
    // What was acknowledged is still read, in a transaction too.
    let read = second.get_many(&handles(&["o.Note.0", "o.Note.1"])).await.unwrap();
    assert_eq!(read.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true]);
    assert_eq!(second.commit().await.unwrap_err().kind(), ErrorKind::Poisoned);
    assert!(!first.is_outrun() && !second.is_outrun());
    assert!(db.get_many(&handles(&["o.Note.1"])).await.unwrap()[0].is_none());
}

#[tokio::test]
async fn a_transaction_that_is_dropped_has_written_nothing_to_the_disk() {
    let (disk, db) = open();
    write(&*db, |batch| batch.insert(id("o.Note.1"), &doc! {}).unwrap()).await;
    let writes = disk.count(OpKind::Append);
    let tx = db.begin().await.unwrap();
    write(&*tx, |batch| batch.update(id("o.Note.1"), Version::FIRST, &doc! {}).unwrap()).await;
    drop(tx);
    assert_eq!(disk.count(OpKind::Append), writes);
    assert_eq!(db.stats().await.unwrap().commits, 1);
}
