//! Writes that are acknowledged before they are written.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jvspatial_core::{
    CacheOptions, Error, ErrorKind, Graph, Result, Stored, Strategy, WriteBehind, out,
};
use jvspatial_db::{
    Collection, Database, FieldPath, Filter, Handle, Id, IndexKey, IndexSpec, MemoryDb, Outcome,
    Query, WatchOptions, WriteBatch,
};
use tokio::time::timeout;

use super::fickle::Fickle;
use super::roomy;
use crate::model::{City, Road};

pub(super) async fn open(database: Arc<dyn Database>, behind: WriteBehind) -> Graph {
    let options = roomy().strategy(Strategy::WriteBehind(behind));
    Graph::builder().database(database).cache(options).open().await.unwrap()
}

pub(super) async fn world(behind: WriteBehind) -> (Graph, Arc<Fickle>) {
    let database = Arc::new(Fickle::default());
    (open(database.clone(), behind).await, database)
}

pub(super) async fn city(graph: &Graph, name: &str) -> Stored<City> {
    graph.create(City::new(name)).await.unwrap()
}

async fn is_waiting<T>(future: impl Future<Output = T>) -> bool {
    timeout(Duration::from_millis(30), future).await.is_err()
}

#[tokio::test]
async fn a_write_is_acknowledged_before_it_is_written_and_seen_by_id_at_once() {
    let (graph, database) = world(WriteBehind::new()).await;
    database.hold().await;
    let mut oslo = city(&graph, "Oslo").await;
    for visits in 1..4 {
        oslo.visits = visits;
        graph.save(&mut oslo).await.unwrap();
        let read = graph.get::<City>(oslo.id()).await.unwrap().unwrap();
        assert_eq!((read.visits, read.version()), (visits, oslo.version()));
    }
    city(&graph, "Bergen").await;
    assert!(database.stored(oslo.id()).await.is_none());
    assert_eq!(graph.cache_statistics().write_behind.written, 0);
    database.release();
    graph.flush().await.unwrap();
    let stored = database.stored(oslo.id()).await.unwrap();
    assert_eq!(stored.version, oslo.version());
    let statistics = graph.cache_statistics().write_behind;
    assert_eq!((statistics.pending, statistics.pending_bytes), (0, 0));
    assert_eq!((statistics.accepted, statistics.written, statistics.refused), (5, 5, 0));
}

#[tokio::test]
async fn without_it_nothing_is_acknowledged_before_it_is_written() {
    let database = Arc::new(Fickle::default());
    let graph = Graph::builder().database(database.clone()).cache(roomy()).open().await.unwrap();
    database.hold().await;
    assert!(is_waiting(city(&graph, "Oslo")).await);
}

/// A call, and whether it waits while `database` writes nothing.
async fn waits(call: impl AsyncFn(Graph, Id)) -> bool {
    let (graph, database) = world(WriteBehind::new()).await;
    let oslo = city(&graph, "Oslo").await;
    graph.flush().await.unwrap();
    database.hold().await;
    city(&graph, "Bergen").await;
    let mut called = Box::pin(call(graph.clone(), oslo.id().clone()));
    let waits = is_waiting(&mut called).await;
    if waits {
        database.release();
        timeout(Duration::from_secs(5), called).await.unwrap();
        assert_eq!(graph.cache_statistics().write_behind.pending, 0);
    }
    waits
}

#[tokio::test]
async fn every_read_but_those_by_id_waits_for_what_was_acknowledged() {
    let all = || Query::new(Collection::Node, Filter::all());
    assert!(!waits(async |graph, id| drop(graph.get::<City>(&id).await.unwrap())).await);
    assert!(waits(async |graph, _| drop(graph.database().find(all()).await.unwrap())).await);
    assert!(
        waits(async |graph, _| assert_eq!(graph.nodes::<City>().count().await.unwrap(), 2)).await
    );
    let name = FieldPath::parse("context.name").unwrap();
    let distinct = async |graph: Graph, _| {
        let found = graph.database().distinct(Collection::Node, &name, &Filter::all()).await;
        assert_eq!(found.unwrap().len(), 2);
    };
    assert!(waits(distinct).await);
    let neighbors = async |graph: Graph, id| {
        graph.neighbors(&[id], out::<Road>()).await.unwrap();
    };
    assert!(waits(neighbors).await);
    assert!(waits(async |graph, _| drop(graph.database().begin().await.unwrap())).await);
    let watch = async |graph: Graph, _| {
        graph.database().watch(WatchOptions::new()).await.unwrap();
    };
    assert!(waits(watch).await);
    assert!(waits(async |graph, _| drop(graph.database().explain(all()).await.unwrap())).await);
    let indexes = async |graph: Graph, _| {
        graph.database().indexes(Collection::Node).await.unwrap();
    };
    assert!(waits(indexes).await);
}

#[tokio::test]
async fn outcomes_are_exact_though_nothing_is_written_yet() {
    let (graph, database) = world(WriteBehind::new()).await;
    let mut stored = city(&graph, "stored").await;
    graph.flush().await.unwrap();
    database.hold().await;
    let mut pending = city(&graph, "pending").await;
    for one in [&mut stored, &mut pending] {
        let mut old = graph.get::<City>(one.id()).await.unwrap().unwrap();
        one.visits = 1;
        graph.save(one).await.unwrap();
        let error = graph.save(&mut old).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(error.context("found version"), Some("2"));
        let encoding = graph.database().capabilities().encoding;
        let mut batch = WriteBatch::new(encoding).atomic(true);
        let missing: Id = "n.City.none".parse().unwrap();
        batch.update(one.id().clone(), one.version(), &City::new("x")).unwrap();
        batch.update(missing.clone(), one.version(), &City::new("x")).unwrap();
        batch.insert(one.id().clone(), &City::new("x")).unwrap();
        let report = graph.database().write(batch).await.unwrap();
        let duplicate = Outcome::duplicate("_id", one.id().clone());
        assert_eq!(report.outcomes, [Outcome::Skipped, Outcome::Missing(missing), duplicate]);
        assert_eq!(graph.get::<City>(one.id()).await.unwrap().unwrap().version(), one.version());
    }
    database.release();
    graph.close().await.unwrap();
}

#[tokio::test]
async fn a_document_that_is_pending_is_not_read_to_be_judged() {
    let (graph, database) = world(WriteBehind::new()).await;
    database.hold().await;
    let mut oslo = city(&graph, "Oslo").await;
    let reads = database.reads.load(Ordering::SeqCst);
    for visits in 1..10 {
        oslo.visits = visits;
        graph.save(&mut oslo).await.unwrap();
    }
    assert_eq!(database.reads.load(Ordering::SeqCst), reads);
    database.release();
    graph.flush().await.unwrap();
    // What was written is kept, so the next is judged without the database as well.
    oslo.visits = 10;
    graph.save(&mut oslo).await.unwrap();
    assert_eq!(database.reads.load(Ordering::SeqCst), reads);
    graph.flush().await.unwrap();
    assert!(database.writes.load(Ordering::SeqCst) < 11, "what waits is written together");
}

#[tokio::test]
async fn a_full_queue_makes_writers_wait() {
    let bounds = [WriteBehind::new().operations(2), WriteBehind::new().bytes(250)];
    for behind in bounds {
        let (graph, database) = world(behind).await;
        database.hold().await;
        let mut names = Vec::new();
        while names.len() < 10 {
            let name = format!("city {}", names.len());
            if is_waiting(city(&graph, &name)).await {
                break;
            }
            names.push(name);
        }
        assert!((1..4).contains(&names.len()), "{} were acknowledged", names.len());
        // Who gave up waiting is not written after all.
        database.release();
        assert_eq!(graph.nodes::<City>().count().await.unwrap(), names.len() as u64);
        city(&graph, "later").await;
        graph.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_batch_larger_than_the_queue_waits_alone() {
    let (graph, _) = world(WriteBehind::new().operations(2)).await;
    city(&graph, "first").await;
    graph.create_many((0..50).map(|n| City::new(&format!("{n}")))).await.unwrap();
    assert_eq!(graph.nodes::<City>().count().await.unwrap(), 51);
}

#[tokio::test]
async fn who_waits_longer_than_the_patience_is_told_and_nothing_was_written() {
    let behind = WriteBehind::new().operations(1).patience(Duration::from_millis(30));
    let (graph, database) = world(behind).await;
    database.hold().await;
    city(&graph, "first").await;
    let error = graph.create(City::new("second")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(graph.flush().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(graph.nodes::<City>().count().await.unwrap_err().kind(), ErrorKind::Unavailable);
    database.release();
    graph.flush().await.unwrap();
    assert_eq!(graph.nodes::<City>().count().await.unwrap(), 1);
}

#[tokio::test]
async fn what_needs_more_than_its_document_to_be_judged_is_written_at_once() {
    let (graph, database) = world(WriteBehind::new()).await;
    let (a, b) = (city(&graph, "a").await, city(&graph, "b").await);
    database.hold().await;
    assert!(is_waiting(graph.connect(&a, &b, Road { km: 1 })).await, "an edge");
    assert!(is_waiting(graph.delete(a.id())).await, "a node with its edges");
    database.release();
    let path = FieldPath::parse("context.name").unwrap();
    let unique = IndexSpec::new([IndexKey::ascending(path)]).unwrap().unique(true);
    graph.database().create_index(Collection::Node, None, unique).await.unwrap();
    let taken = graph.create(City::new("b")).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Duplicate);
    let index = graph.database().indexes(Collection::Node).await.unwrap().remove(0).spec.name();
    assert!(graph.database().drop_index(Collection::Node, None, &index).await.unwrap());
    database.hold().await;
    city(&graph, "b").await;
    database.release();
    graph.close().await.unwrap();
}

#[tokio::test]
async fn a_transaction_sees_what_was_acknowledged_and_conflicts_with_it() {
    let (graph, database) = world(WriteBehind::new()).await;
    let mut oslo = city(&graph, "Oslo").await;
    graph
        .transaction(async |tx| {
            let mut inside = tx.get::<City>(oslo.id()).await?.unwrap();
            inside.visits = 7;
            tx.save(&mut inside).await
        })
        .await
        .unwrap();
    // What was acknowledged before a commit is faster than it.
    let id = oslo.id().clone();
    oslo = graph.get::<City>(&id).await.unwrap().unwrap();
    assert_eq!(oslo.visits, 7);
    let begun = graph.database().begin().await.unwrap();
    oslo.visits = 8;
    graph.save(&mut oslo).await.unwrap();
    let mut batch = WriteBatch::new(graph.database().capabilities().encoding);
    let (version, _) = (
        begun.get_many(&[Handle::new(id.clone())]).await.unwrap()[0].as_ref().unwrap().version,
        (),
    );
    batch.update(id.clone(), version, &City::new("late")).unwrap();
    begun.write(batch).await.unwrap().is_complete();
    assert_eq!(begun.commit().await.unwrap_err().kind(), ErrorKind::Conflict);
    graph.flush().await.unwrap();
    assert_eq!(database.stored(&id).await.unwrap().version, oslo.version());
    assert_eq!(graph.cache_statistics().write_behind.refused, 0);
}

#[tokio::test]
async fn after_the_graph_is_closed_everything_is_written_and_nothing_more_accepted() {
    let (graph, database) = world(WriteBehind::new()).await;
    let mut ids = Vec::new();
    for n in 0..100 {
        ids.push(city(&graph, &format!("city {n}")).await.id().clone());
    }
    graph.close().await.unwrap();
    assert_eq!(database.written().len(), 100);
    let error = graph.create(City::new("late")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    graph.close().await.unwrap();
}

#[tokio::test]
async fn a_graph_that_is_dropped_is_written_to_its_end() {
    let (graph, database) = world(WriteBehind::new()).await;
    for n in 0..100 {
        city(&graph, &format!("city {n}")).await;
    }
    drop(graph);
    let written = async {
        while database.written().len() < 100 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(5), written).await.unwrap();
}

type Writing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Whether every document was written version by version, and documents in the order in which they were made.
async fn is_written_in_order(
    write: impl Fn(usize, usize) -> Writing,
    settle: impl AsyncFn(),
    database: &Fickle,
) -> bool {
    for version in 1..=20 {
        for city in 0..5 {
            write(city, version).await;
        }
    }
    settle().await;
    let written = database.written();
    let expected = (1..=20).flat_map(|version| (0..5).map(move |city| (name(city), version)));
    let expected: Vec<_> = expected.map(|(id, version)| (id, Some(version as u64))).collect();
    written == expected
}

fn name(city: usize) -> Id {
    format!("n.City.city-{city}").parse().unwrap()
}

fn step(encoding: jvspatial_db::Encoding, city: usize, version: usize) -> WriteBatch {
    let (mut batch, fields) = (WriteBatch::new(encoding), City::new("x"));
    match version {
        1 => batch.insert(name(city), &fields).unwrap(),
        _ => {
            let expected = jvspatial_db::Version::new(version as u64 - 1);
            batch.update(name(city), expected, &fields).unwrap();
        }
    }
    batch
}

#[tokio::test]
async fn writes_happen_in_the_order_in_which_they_were_acknowledged() {
    let (graph, database) = world(WriteBehind::new().operations(7)).await;
    let encoding = database.capabilities().encoding;
    let layer = Arc::clone(graph.database());
    let write = |city, version| -> Writing {
        let layer = Arc::clone(&layer);
        Box::pin(async move {
            let report = layer.write(step(encoding, city, version)).await.unwrap();
            assert!(report.is_complete());
        })
    };
    assert!(is_written_in_order(write, async || graph.flush().await.unwrap(), &database).await);
    // The control: who acknowledges and lets each write find its own way is found out.
    let careless = Arc::new(Fickle::default());
    let write = |city, version| -> Writing {
        let database = Arc::clone(&careless);
        Box::pin(async move {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis((city as u64 * 7 + version as u64) % 5))
                    .await;
                let _ = database.write(step(encoding, city, version)).await;
            });
        })
    };
    let settle = async || tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!is_written_in_order(write, settle, &careless).await, "the control did not fail");
}

#[tokio::test]
async fn other_graphs_on_the_same_layer_see_what_is_pending() {
    let (graph, database) = world(WriteBehind::new()).await;
    database.hold().await;
    let oslo = city(&graph, "Oslo").await;
    let second = Graph::builder().database(Arc::clone(graph.database())).cache(CacheOptions::new());
    let second = second.open().await.unwrap();
    let read: Result<_> = second.get::<City>(oslo.id()).await;
    assert!(read.unwrap().is_some());
    database.release();
    graph.close().await.unwrap();
}

#[tokio::test]
async fn without_the_strategy_a_flush_has_nothing_to_do() {
    let graph = Graph::with_database(Arc::new(MemoryDb::new()));
    graph.flush().await.unwrap();
    let inside = graph.transaction(async |tx| {
        tx.flush().await?;
        Ok::<_, Error>(())
    });
    inside.await.unwrap();
}
