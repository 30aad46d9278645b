use jvspatial_core::{ErrorKind, Graph};

use crate::backends::graphs;
use crate::model::{City, Note, Road, Trip};

#[tokio::test]
async fn deleting_a_node_takes_its_edges_and_leaves_its_neighbours() {
    for graph in graphs().await {
        let hub = graph.create(City::new("hub")).await.unwrap();
        let rim = graph.create(City::new("rim")).await.unwrap();
        let far = graph.create(City::new("far")).await.unwrap();
        graph.connect(&hub, &rim, Road { km: 1 }).await.unwrap();
        graph.connect(&rim, &hub, Road { km: 2 }).await.unwrap();
        graph.connect(&hub, &hub, Trip { year: 3 }).await.unwrap();
        graph.connect(&rim, &far, Road { km: 4 }).await.unwrap();

        assert!(graph.delete(&hub).await.unwrap());
        assert!(!graph.delete(&hub).await.unwrap());
        let roads = graph.edges::<Road>().all().await.unwrap();
        assert_eq!(roads.iter().map(|road| road.km).collect::<Vec<_>>(), [4]);
        assert_eq!(graph.edges::<Trip>().count().await.unwrap(), 0);
        assert_eq!(graph.nodes::<City>().count().await.unwrap(), 2);
    }
}

#[tokio::test]
async fn edges_and_objects_are_deleted_alone() {
    let graph = Graph::open("memory:").await.unwrap();
    let a = graph.create(City::new("a")).await.unwrap();
    let b = graph.create(City::new("b")).await.unwrap();
    let road = graph.connect(&a, &b, Road { km: 1 }).await.unwrap();
    let note = graph.create(Note { text: "x".into() }).await.unwrap();
    assert!(graph.delete(&road).await.unwrap());
    assert!(graph.delete(&note).await.unwrap());
    assert_eq!(graph.nodes::<City>().count().await.unwrap(), 2);
    assert_eq!(graph.objects::<Note>().count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_document_that_changed_is_deleted_only_without_the_check() {
    for graph in graphs().await {
        let stale = graph.create(City::new("Oslo")).await.unwrap();
        let fresh = graph.modify::<City>(&stale, |city| city.visits = 1);
        let fresh = fresh.await.unwrap();
        let error = graph.delete_unchanged(&stale).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(error.context("found version"), Some("2"));
        graph.delete_unchanged(&fresh).await.unwrap();
        let error = graph.delete_unchanged(&fresh).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
