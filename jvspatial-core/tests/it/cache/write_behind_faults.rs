//! Writes that were acknowledged and that the database refuses or does not answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jvspatial_core::{ErrorKind, RefusedWrite, WriteBehind};
use jvspatial_db::{Database, Id, WriteBatch};

use super::fickle::{Fault, Fickle};
use super::write_behind::{city, open, world};
use crate::model::City;

type Told = Arc<Mutex<Vec<(Id, ErrorKind)>>>;

fn telling() -> (WriteBehind, Told) {
    let told = Told::default();
    let into = Arc::clone(&told);
    let behind = WriteBehind::new().on_refused(move |RefusedWrite { id, error, .. }| {
        into.lock().unwrap().push((id, error.kind()));
    });
    (behind, told)
}

/// What another process writes.
async fn rival(database: &Fickle, id: &Id, version: u64) {
    let mut batch = WriteBatch::new(database.capabilities().encoding);
    let rival = City { visits: 99, ..City::new("rival") };
    batch.update(id.clone(), jvspatial_db::Version::new(version), &rival).unwrap();
    assert!(database.inner.write(batch).await.unwrap().is_complete());
}

#[tokio::test]
async fn what_another_process_was_faster_with_is_told_and_no_longer_seen() {
    let (behind, told) = telling();
    let (graph, database) = world(behind).await;
    let mut oslo = city(&graph, "Oslo").await;
    let mut bergen = city(&graph, "Bergen").await;
    graph.flush().await.unwrap();
    database.hold().await;
    (oslo.visits, bergen.visits) = (1, 1);
    graph.save(&mut oslo).await.unwrap();
    graph.save(&mut bergen).await.unwrap();
    rival(&database, oslo.id(), 1).await;
    database.release();
    graph.flush().await.unwrap();
    // The handler is told after that.
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(*told.lock().unwrap(), [(oslo.id().clone(), ErrorKind::Conflict)]);
    let statistics = graph.cache_statistics().write_behind;
    assert_eq!((statistics.refused, statistics.written), (1, 3));
    assert_eq!(graph.get::<City>(oslo.id()).await.unwrap().unwrap().visits, 99);
    assert_eq!(graph.get::<City>(bergen.id()).await.unwrap().unwrap().visits, 1);
}

#[tokio::test]
async fn an_atomic_batch_is_written_whole_or_refused_whole() {
    let (behind, told) = telling();
    let (graph, database) = world(behind).await;
    let (oslo, bergen) = (city(&graph, "Oslo").await, city(&graph, "Bergen").await);
    graph.flush().await.unwrap();
    database.hold().await;
    let mut batch = WriteBatch::new(database.capabilities().encoding).atomic(true);
    batch.update(oslo.id().clone(), oslo.version(), &City::new("new")).unwrap();
    batch.update(bergen.id().clone(), bergen.version(), &City::new("new")).unwrap();
    assert!(graph.database().write(batch).await.unwrap().is_complete());
    rival(&database, bergen.id(), 1).await;
    database.release();
    graph.close().await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(database.stored(oslo.id()).await.unwrap().version.get(), 1);
    let told: Vec<Id> = told.lock().unwrap().iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(told, [oslo.id().clone(), bergen.id().clone()]);
}

#[tokio::test]
async fn a_batch_that_cannot_be_stored_takes_no_other_with_it() {
    let (behind, told) = telling();
    let (graph, database) = world(behind).await;
    database.hold().await;
    let first = city(&graph, "first").await;
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(city(&graph, &format!("city {n}")).await.id().clone());
    }
    *database.poison.lock().unwrap() = Some(ids[4].clone());
    database.release();
    graph.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(*told.lock().unwrap(), [(ids[4].clone(), ErrorKind::Invalid)]);
    assert_eq!(database.written().len(), 10);
    assert!(database.stored(first.id()).await.is_some());
    assert!(graph.get::<City>(&ids[4]).await.unwrap().is_none());
}

#[tokio::test]
async fn a_handler_that_panics_stops_nothing() {
    let (graph, database) = world(WriteBehind::new().on_refused(|_| panic!("a bad handler"))).await;
    let mut oslo = city(&graph, "Oslo").await;
    graph.flush().await.unwrap();
    database.hold().await;
    oslo.visits = 1;
    graph.save(&mut oslo).await.unwrap();
    rival(&database, oslo.id(), 1).await;
    database.release();
    graph.flush().await.unwrap();
    city(&graph, "Bergen").await;
    graph.close().await.unwrap();
    assert_eq!(database.written().len(), 2);
}

#[tokio::test]
async fn what_may_have_been_written_is_neither_lost_nor_written_twice_nor_out_of_order() {
    use Fault::*;
    for faults in [
        vec![Away, Away],
        vec![LostBefore],
        vec![LostAfter],
        vec![UnknownBefore],
        vec![UnknownAfter],
        vec![LostAfter, Away, LostBefore, UnknownAfter],
        vec![UnknownBefore, UnknownBefore, LostAfter],
    ] {
        for atomic in [false, true] {
            let (behind, told) = telling();
            let (graph, database) = world(behind).await;
            database.hold().await;
            database.fail(faults.clone());
            let (a, b) = ("n.City.a".parse::<Id>().unwrap(), "n.City.b".parse::<Id>().unwrap());
            let version = jvspatial_db::Version::new;
            let mut batch = WriteBatch::new(database.capabilities().encoding).atomic(atomic);
            batch.insert(a.clone(), &City::new("a")).unwrap();
            batch.update(a.clone(), version(1), &City::new("a2")).unwrap();
            batch.insert(b.clone(), &City::new("b")).unwrap();
            batch.delete(b.clone(), None, false).unwrap();
            batch.update(a.clone(), version(2), &City::new("a3")).unwrap();
            assert!(graph.database().write(batch).await.unwrap().is_complete());
            database.release();
            graph.close().await.unwrap();
            let stored = database.stored(&a).await.unwrap();
            assert_eq!(stored.version, version(3), "{faults:?}, atomic {atomic}");
            assert_eq!(stored.decode::<City>().unwrap().name, "a3");
            assert!(database.stored(&b).await.is_none());
            assert!(told.lock().unwrap().is_empty(), "{faults:?}, atomic {atomic}: {told:?}");
            let versions = database.written().into_iter().filter(|(id, _)| *id == a);
            let versions: Vec<_> = versions.filter_map(|(_, version)| version).collect();
            assert_eq!(versions, [1, 2, 3], "{faults:?}, atomic {atomic}");
        }
    }
}

#[tokio::test]
async fn a_close_that_cannot_write_says_how_much_is_lost() {
    let database = Arc::new(Fickle::default());
    let graph =
        open(database.clone(), WriteBehind::new().patience(Duration::from_millis(60))).await;
    database.fail([Fault::Away; 1_000]);
    for n in 0..3 {
        city(&graph, &format!("city {n}")).await;
    }
    let error = graph.close().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.context("lost"), Some("3"));
    assert!(error.context("cause").is_some_and(|cause| cause.contains("away")), "{error}");
    assert!(database.written().is_empty());
    graph.close().await.unwrap();
}

/// Writers that count cities up while writes fail in every way: what was acknowledged is there in the end, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_acknowledged_count_is_there_in_the_end_whatever_fails() {
    use Fault::*;
    let (behind, told) = telling();
    let (graph, database) = world(behind.operations(8)).await;
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(city(&graph, &format!("city {n}")).await.id().clone());
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let failing = tokio::spawn({
        let (database, is_over) = (Arc::clone(&database), Arc::clone(&is_over));
        async move {
            let kinds = [Away, LostBefore, LostAfter, UnknownAfter, UnknownBefore];
            for fault in kinds.into_iter().cycle() {
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                database.fail([fault]);
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
        }
    });
    let writers = (0..4).map(|writer: usize| {
        let (graph, ids) = (graph.clone(), ids.clone());
        tokio::spawn(async move {
            let mut acknowledged = [0_u64; 3];
            for turn in 0..40 {
                let place = (writer + turn) % 3;
                let mut city = graph.get::<City>(&ids[place]).await.unwrap().unwrap();
                city.visits += 1;
                match graph.save(&mut city).await {
                    Ok(()) => acknowledged[place] += 1,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
                }
                let read = graph.get::<City>(&ids[place]).await.unwrap().unwrap();
                assert!(read.version() >= city.version());
            }
            acknowledged
        })
    });
    let mut acknowledged = [0_u64; 3];
    for writer in writers.collect::<Vec<_>>() {
        let own = writer.await.unwrap();
        acknowledged.iter_mut().zip(own).for_each(|(all, own)| *all += own);
    }
    is_over.store(true, Ordering::SeqCst);
    failing.await.unwrap();
    graph.close().await.unwrap();
    assert!(told.lock().unwrap().is_empty(), "{told:?}");
    for (id, acknowledged) in ids.iter().zip(acknowledged) {
        let stored = database.stored(id).await.unwrap();
        assert_eq!(stored.decode::<City>().unwrap().visits, acknowledged);
        assert_eq!(stored.version.get(), acknowledged + 1);
    }
}
