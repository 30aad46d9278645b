use std::sync::Arc;
use std::time::Duration;

use jvspatial_core::{Error, ErrorKind, Graph};
use jvspatial_db::Id;

use crate::backends::graphs;
use crate::model::City;
use crate::spy::Spy;

async fn increments_add_up(graph: &Graph) {
    const TASKS: u64 = 64;
    const EACH: u64 = 200;
    let city = graph.create(City::new("Oslo")).await.unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (graph, id) = (graph.clone(), city.id().clone());
            tokio::spawn(async move {
                for _ in 0..EACH {
                    graph.modify::<City>(&id, |city| city.visits += 1).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let read = graph.get::<City>(&city).await.unwrap().unwrap();
    assert_eq!(read.visits, TASKS * EACH);
    assert_eq!(read.version().get(), 1 + TASKS * EACH);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_update_is_lost_among_threads() {
    for graph in graphs().await {
        increments_add_up(&graph).await;
    }
}

#[tokio::test]
async fn no_update_is_lost_when_a_task_switch_follows_every_read() {
    increments_add_up(&Spy::graph().0).await;
}

#[tokio::test]
async fn no_update_is_lost_when_each_task_has_a_graph_of_its_own() {
    let database = Arc::new(Spy::default());
    let city = Graph::with_database(database.clone()).create(City::new("Oslo")).await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (graph, id) = (Graph::with_database(database.clone()), city.id().clone());
            tokio::spawn(async move {
                for _ in 0..25 {
                    graph.modify::<City>(&id, |city| city.visits += 1).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let graph = Graph::with_database(database);
    assert_eq!(graph.get::<City>(&city).await.unwrap().unwrap().visits, 200);
}

#[tokio::test]
async fn the_deadline_ends_in_the_conflict_with_the_number_of_attempts() {
    let graph = Graph::builder()
        .url("memory:")
        .modify_deadline(Duration::from_millis(30))
        .open()
        .await
        .unwrap();
    let city = graph.create(City::new("Oslo")).await.unwrap();
    let rival = Graph::with_database(graph.database().clone());
    let mut tries = 0_u32;
    let refused = graph.modify::<City>(&city, |mine| {
        tries += 1;
        mine.visits += 1;
        let (rival, id) = (rival.clone(), city.id().clone());
        // The reference backend never waits, so the rival's save is done when this returns.
        let saved = futures_util::FutureExt::now_or_never(async move {
            let mut theirs = rival.get::<City>(&id).await?.expect("city");
            rival.save(&mut theirs).await
        });
        saved.expect("done at once").unwrap();
    });
    let error = refused.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(error.context("attempts"), Some(tries.to_string().as_str()));
    assert!(tries > 1);
}

#[tokio::test]
async fn modifying_what_does_not_exist_is_not_found() {
    let graph = Graph::open("memory:").await.unwrap();
    let id: Id = "n.City.nowhere".parse().unwrap();
    let error = graph.modify::<City>(&id, |_| ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_closure_that_fails_leaves_the_document_as_it_was() {
    #[derive(Debug)]
    enum Refusal {
        TooMany,
        Graph(Error),
    }
    impl From<Error> for Refusal {
        fn from(error: Error) -> Self {
            Self::Graph(error)
        }
    }
    let graph = Graph::open("memory:").await.unwrap();
    let city = graph.create(City::new("Oslo")).await.unwrap();
    let refused = graph.try_modify::<City, Refusal>(&city, |city| {
        city.visits = 1_000;
        Err(Refusal::TooMany)
    });
    assert!(matches!(refused.await, Err(Refusal::TooMany)));
    let read = graph.get::<City>(&city).await.unwrap().unwrap();
    assert_eq!((read.visits, read.version().get()), (0, 1));

    let closed = graph.clone();
    closed.close().await.unwrap();
    let refused = graph.try_modify::<City, Refusal>(&city, |_| Ok(()));
    let Err(Refusal::Graph(error)) = refused.await else { panic!("the graph was closed") };
    assert_eq!(error.kind(), ErrorKind::Closed);
}
