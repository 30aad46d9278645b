//! Transactions of the graph on a real server, whose URL `cargo xtask services up mongodb` prints.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jvspatial_core::{CacheOptions, Error, ErrorKind, Graph, GraphBuilder, out};

use crate::model::{City, Road};

/// A graph on a database of its own, which goes with the server.
///
/// # Panics
/// Without a server: a test that could not look at one must not pass.
fn builder(name: &str) -> GraphBuilder {
    let uri = std::env::var("JVSPATIAL_TEST_MONGODB_URI")
        .expect("JVSPATIAL_TEST_MONGODB_URI names a server");
    let (server, query) = uri.split_once('?').unwrap_or((&uri, ""));
    let server = server.trim_end_matches('/');
    Graph::builder().url(format!("{server}/core_{name}_{}?{query}", std::process::id()))
}

pub(crate) async fn graph(name: &str) -> Graph {
    builder(name).open().await.unwrap()
}

/// A graph that no other test has.
pub(crate) async fn another_graph() -> Graph {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    graph(&format!("any{}", NEXT.fetch_add(1, Ordering::Relaxed))).await
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_transaction_is_there_whole_after_it_and_not_at_all_before() {
    let graph = graph("whole").await;
    let old = graph.create(City::new("Old")).await.unwrap();
    let road = graph
        .transaction(|tx| {
            let (outside, old) = (graph.clone(), old.clone());
            async move {
                let (oslo, bergen) =
                    (tx.create(City::new("Oslo")).await?, tx.create(City::new("Bergen")).await?);
                let road = tx.connect(&oslo, &bergen, Road { km: 463 }).await?;
                tx.connect(&oslo, &old, Road { km: 1 }).await?;
                tx.modify::<City>(&oslo, |city| city.visits = 7).await?;
                tx.nodes::<City>()
                    .filter(|city| city.name.eq("Bergen"))
                    .update(|city| city.visits.inc(3))
                    .many()
                    .await?;
                tx.delete(&old).await?;
                assert_eq!(tx.nodes::<City>().count().await?, 2);
                let visited = tx.nodes::<City>().filter(|city| city.visits.gte(3)).all().await?;
                assert_eq!(visited.len(), 2);
                assert_eq!(outside.nodes::<City>().count().await?, 1);
                Ok::<_, Error>(road)
            }
        })
        .await
        .unwrap();
    assert_eq!(graph.nodes::<City>().count().await.unwrap(), 2);
    let reached = graph.neighbors(&[road.source()], out::<Road>()).await.unwrap();
    assert_eq!(reached.iter().map(Vec::len).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_body_that_others_got_ahead_of_runs_again_and_its_effects_run_once_in_order() {
    let graph = graph("again").await;
    let city = graph.create(City::new("Oslo")).await.unwrap();
    let tries = AtomicU32::new(0);
    let ran = Arc::new(Mutex::new(Vec::new()));
    let visits = graph
        .transaction(|tx| {
            let attempt = tries.fetch_add(1, Ordering::Relaxed);
            let (outside, city, ran) = (graph.clone(), city.id().clone(), Arc::clone(&ran));
            async move {
                for effect in ["first", "second"] {
                    let ran = Arc::clone(&ran);
                    tx.on_commit(async move { ran.lock().unwrap().push((attempt, effect)) });
                }
                let mut read = tx.get::<City>(&city).await?.unwrap();
                read.visits += 1;
                if attempt < 2 {
                    outside.modify::<City>(&city, |city| city.visits += 10).await?;
                }
                tx.save(&mut read).await?;
                Ok::<_, Error>(read.visits)
            }
        })
        .await
        .unwrap();
    assert_eq!((visits, tries.into_inner()), (21, 3));
    assert_eq!(*ran.lock().unwrap(), [(2, "first"), (2, "second")]);
    let read = graph.get::<City>(&city).await.unwrap().unwrap();
    assert_eq!((read.visits, read.version().get()), (21, 4));
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_transaction_that_is_always_outrun_ends_at_the_deadline() {
    let deadline = Duration::from_millis(300);
    let graph = builder("deadline").modify_deadline(deadline).open().await.unwrap();
    let city = graph.create(City::new("Oslo")).await.unwrap();
    let tries = AtomicU32::new(0);
    let error = graph
        .transaction(|tx| {
            tries.fetch_add(1, Ordering::Relaxed);
            let (outside, city) = (graph.clone(), city.id().clone());
            async move {
                tx.get::<City>(&city).await?;
                outside.modify::<City>(&city, |city| city.visits += 1).await?;
                tx.modify::<City>(&city, |city| city.visits = 0).await
            }
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let tries = tries.into_inner();
    assert_eq!(error.context("attempts"), Some(&*tries.to_string()));
    assert!(tries > 1);
    let read = graph.get::<City>(&city).await.unwrap().unwrap();
    assert_eq!(read.visits, u64::from(tries));
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_body_that_fails_and_one_that_is_dropped_leave_nothing() {
    let graph = graph("nothing").await;
    let refused = || Error::new(ErrorKind::Application, "changed my mind");
    let error = graph
        .transaction(|tx| async move {
            tx.create(City::new("Oslo")).await?;
            Err::<(), _>(refused())
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Application);
    let created = AtomicU32::new(0);
    let waiting = graph.transaction(|tx| {
        let created = &created;
        async move {
            tx.create(City::new("Oslo")).await?;
            created.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<()>().await;
            Ok::<_, Error>(())
        }
    });
    tokio::time::timeout(Duration::from_millis(500), waiting).await.unwrap_err();
    assert_eq!(created.into_inner(), 1);
    assert_eq!(graph.nodes::<City>().count().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MongoDB server"]
async fn changes_of_many_transactions_are_all_there() {
    const TASKS: u64 = 6;
    const ROUNDS: u64 = 10;
    let graph = graph("many").await;
    let city = graph.create(City::new("Oslo")).await.unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (graph, city) = (graph.clone(), city.clone());
            tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    let changed = graph.transaction(|tx| {
                        let city = city.clone();
                        async move {
                            let new = tx.create(City::new("Bergen")).await?;
                            tx.connect(&city, &new, Road { km: 1 }).await?;
                            tx.modify::<City>(&city, |city| city.visits += 1).await?;
                            Ok::<_, Error>(())
                        }
                    });
                    changed.await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let read = graph.get::<City>(&city).await.unwrap().unwrap();
    assert_eq!((read.visits, read.version().get()), (TASKS * ROUNDS, 61));
    let reached = graph.neighbors(&[&city], out::<Road>()).await.unwrap();
    assert_eq!(reached.iter().map(Vec::len).collect::<Vec<_>>(), [60]);
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_strict_cache_is_refused_where_others_may_write_and_no_redis_can_be_asked() {
    let strict = || CacheOptions::default().strict(true);
    let error = builder("strict").cache(strict()).open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = error.to_string();
    assert!(error.contains("cache.strict") && error.contains("cache.redis_url"), "{error}");
    Graph::builder().url("memory:").cache(strict()).open().await.unwrap();
}
