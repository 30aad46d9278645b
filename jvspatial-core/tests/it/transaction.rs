use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jvspatial_core::{Error, ErrorKind, Graph, out};

use crate::backends::{Opened, graphs};
use crate::model::{City, Country, Road};

/// A graph on each backend that has transactions.
async fn with_transactions() -> Vec<Opened> {
    let mut graphs = graphs().await;
    graphs.retain(|graph| graph.database().capabilities().transactions.is_some());
    graphs
}

fn refused() -> Error {
    Error::new(ErrorKind::Application, "changed my mind")
}

#[tokio::test]
async fn a_transaction_is_there_whole_after_it_and_not_at_all_before() {
    for graph in with_transactions().await {
        let road = graph
            .transaction(|tx| {
                let outside = graph.clone();
                async move {
                    let (oslo, bergen) = (
                        tx.create(City::new("Oslo")).await?,
                        tx.create(City::new("Bergen")).await?,
                    );
                    let road = tx.connect(&oslo, &bergen, Road { km: 463 }).await?;
                    tx.modify::<City>(&oslo, |city| city.visits = 7).await?;
                    assert_eq!(tx.nodes::<City>().count().await?, 2);
                    let visited =
                        tx.nodes::<City>().filter(|city| city.visits.gte(7)).all().await?;
                    assert_eq!(visited.len(), 1);
                    assert_eq!(outside.nodes::<City>().count().await?, 0);
                    Ok::<_, Error>(road)
                }
            })
            .await
            .unwrap();
        assert_eq!(graph.nodes::<City>().count().await.unwrap(), 2);
        let reached = graph.neighbors(&[road.source()], out::<Road>()).await.unwrap();
        assert_eq!(reached.iter().map(Vec::len).collect::<Vec<_>>(), [1]);
    }
}

#[tokio::test]
async fn a_body_that_fails_leaves_nothing_and_its_error_is_returned() {
    for graph in with_transactions().await {
        let tries = AtomicU32::new(0);
        let ran = Arc::new(AtomicU32::new(0));
        let error = graph
            .transaction(|tx| {
                tries.fetch_add(1, Ordering::Relaxed);
                let ran = Arc::clone(&ran);
                async move {
                    tx.on_commit(async move {
                        ran.fetch_add(1, Ordering::Relaxed);
                    });
                    tx.create(City::new("Oslo")).await?;
                    Err::<(), _>(refused())
                }
            })
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Application);
        assert_eq!((tries.into_inner(), ran.load(Ordering::Relaxed)), (1, 0));
        assert_eq!(graph.nodes::<City>().count().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_body_that_others_got_ahead_of_runs_again_and_its_effects_run_once_in_order() {
    for graph in with_transactions().await {
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
                        tx.on_commit(async move {
                            tokio::task::yield_now().await;
                            ran.lock().unwrap().push((attempt, effect));
                        });
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
}

#[tokio::test]
async fn a_stale_value_of_outside_is_a_conflict_that_is_not_tried_again() {
    for graph in with_transactions().await {
        let stale = graph.create(City::new("Oslo")).await.unwrap();
        graph.modify::<City>(&stale, |city| city.visits += 1).await.unwrap();
        let tries = AtomicU32::new(0);
        let error = graph
            .transaction(|tx| {
                tries.fetch_add(1, Ordering::Relaxed);
                let mut stale = stale.clone();
                async move { tx.save(&mut stale).await }
            })
            .await
            .unwrap_err();
        assert_eq!((error.kind(), tries.into_inner()), (ErrorKind::Conflict, 1));
    }
}

#[tokio::test]
async fn a_transaction_that_is_always_outrun_ends_at_the_deadline() {
    let deadline = Duration::from_millis(30);
    let builder = Graph::builder().url("memory:").modify_deadline(deadline);
    let graph = builder.open().await.unwrap();
    let city = graph.create(City::new("Oslo")).await.unwrap();
    let tries = AtomicU32::new(0);
    let error = graph
        .transaction(|tx| {
            tries.fetch_add(1, Ordering::Relaxed);
            let (outside, city) = (graph.clone(), city.id().clone());
            async move {
                let cities = tx.nodes::<City>().count().await?;
                outside.create(City::new("Bergen")).await?;
                tx.modify::<City>(&city, |city| city.visits = cities).await
            }
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let tries = tries.into_inner();
    assert_eq!(error.context("attempts"), Some(&*tries.to_string()));
    assert!(tries > 1);
    assert_eq!(graph.get::<City>(&city).await.unwrap().unwrap().version().get(), 1);
}

#[tokio::test]
async fn a_handle_that_outlives_its_transaction_is_closed() {
    for graph in with_transactions().await {
        let kept = Mutex::new(None);
        for fails in [false, true] {
            let result = graph
                .transaction(|tx| {
                    *kept.lock().unwrap() = Some(tx.clone());
                    async move { if fails { Err(refused()) } else { Ok(()) } }
                })
                .await;
            assert_eq!(result.is_err(), fails);
            let tx = kept.lock().unwrap().take().unwrap();
            let error = tx.create(City::new("Oslo")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Closed);
        }
        assert_eq!(graph.nodes::<City>().count().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn dropping_a_transaction_before_its_body_has_ended_leaves_nothing() {
    for graph in with_transactions().await {
        let waiting = graph.transaction(|tx| async move {
            tx.create(City::new("Oslo")).await?;
            std::future::pending::<()>().await;
            Ok::<_, Error>(())
        });
        tokio::time::timeout(Duration::from_millis(10), waiting).await.unwrap_err();
        assert_eq!(graph.nodes::<City>().count().await.unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_each_of_many_transactions_rests_on_holds_at_the_end() {
    const TASKS: usize = 6;
    for graph in with_transactions().await {
        graph.create(Country { code: "NO".to_owned() }).await.unwrap();
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let graph = graph.clone();
                tokio::spawn(async move {
                    // Of all tasks one is to find that there is no city yet.
                    graph
                        .transaction(|tx| async move {
                            let is_first = tx.nodes::<City>().count().await? == 0;
                            tokio::task::yield_now().await;
                            if is_first {
                                tx.create(City::new("Oslo")).await?;
                            }
                            Ok::<_, Error>(is_first)
                        })
                        .await
                })
            })
            .collect();
        let mut firsts = 0;
        for task in tasks {
            firsts += usize::from(task.await.unwrap().unwrap());
        }
        assert_eq!(firsts, 1);
        assert_eq!(graph.nodes::<City>().count().await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_backend_without_transactions_says_so_before_the_body_runs() {
    for graph in graphs().await {
        if graph.database().capabilities().transactions.is_some() {
            continue;
        }
        let ran = AtomicU32::new(0);
        let error = graph
            .transaction(|_| {
                ran.fetch_add(1, Ordering::Relaxed);
                async { Ok::<_, Error>(()) }
            })
            .await
            .unwrap_err();
        assert_eq!((error.kind(), ran.into_inner()), (ErrorKind::Unsupported, 0));
    }
}

#[tokio::test]
async fn effects_run_though_nobody_waits_for_the_commit_any_more() {
    for graph in with_transactions().await {
        let ran = Arc::new(AtomicU32::new(0));
        let mut waiting = Box::pin(graph.transaction(|tx| {
            let ran = Arc::clone(&ran);
            async move {
                tx.on_commit(async move {
                    tokio::task::yield_now().await;
                    ran.fetch_add(1, Ordering::Relaxed);
                });
                tx.create(City::new("Oslo")).await
            }
        }));
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("the commit is a task of its own"),
            () = std::future::ready(()) => drop(waiting),
        }
        let has_run = async {
            while ran.load(Ordering::Relaxed) == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), has_run).await.unwrap();
        assert_eq!(graph.nodes::<City>().count().await.unwrap(), 1);
        assert_eq!(ran.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn an_effect_that_panics_takes_the_waiter_along_and_leaves_the_commit() {
    for graph in with_transactions().await {
        let waiter = tokio::spawn({
            let graph = graph.clone();
            async move {
                graph
                    .transaction(|tx| async move {
                        tx.on_commit(async { panic!("no mail today") });
                        tx.create(City::new("Oslo")).await
                    })
                    .await
            }
        });
        assert!(waiter.await.unwrap_err().is_panic());
        assert_eq!(graph.nodes::<City>().count().await.unwrap(), 1);
    }
}
