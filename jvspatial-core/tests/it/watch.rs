use std::time::Duration;

use jvspatial_core::{
    ChangeKind, Changed, Changes, ErrorKind, Graph, Result, ResumeToken, Stored, Watched,
};
use jvspatial_db::{WriteBatch, doc};

use crate::backends::graphs;
use crate::model::{City, Road};

async fn next<V>(changes: &mut Changes<V>) -> Changed<V> {
    let event = tokio::time::timeout(Duration::from_secs(20), changes.try_next()).await;
    match event.expect("an event in time").unwrap().expect("the stream goes on") {
        Watched::Changed(change) => change,
        Watched::Lost(lost) => panic!("lost: {}", lost.reason),
        _ => unreachable!(),
    }
}

fn version<V>(change: &Changed<V>) -> u64 {
    change.version.unwrap().get()
}

/// Values come typed, of the watched type alone, and a stored token goes on where it was.
async fn story(graph: &Graph) {
    let mut changes = graph.watch::<City>().stream().await.unwrap();
    let (oslo, bergen) = (
        graph.create(City::new("Oslo")).await.unwrap(),
        graph.create(City::new("Bergen")).await.unwrap(),
    );
    graph.connect(&oslo, &bergen, Road { km: 463 }).await.unwrap();
    graph.modify::<City>(&oslo, |city| city.visits = 7).await.unwrap();

    let created = next(&mut changes).await;
    assert_eq!((created.kind, &created.id, version(&created)), (ChangeKind::Created, oslo.id(), 1));
    let value: Stored<City> = created.value.unwrap();
    assert_eq!(value.name, "Oslo");
    assert_eq!(next(&mut changes).await.id, *bergen.id());
    let kept = changes.token().to_string();
    let updated = next(&mut changes).await;
    assert_eq!((updated.kind, version(&updated)), (ChangeKind::Updated, 2));
    let mut value = updated.value.unwrap();
    assert_eq!(value.visits, 7);
    // What came with a change can be saved like what was read.
    value.visits = 8;
    graph.save(&mut value).await.unwrap();
    assert_eq!(version(&next(&mut changes).await), 3);

    let kept: ResumeToken = kept.parse().unwrap();
    let mut again = graph.watch::<City>().after(kept.clone()).ids_only().stream().await.unwrap();
    let versions = [version(&next(&mut again).await), version(&next(&mut again).await)];
    assert_eq!(versions, [2, 3]);
    assert_eq!(
        graph.watch::<Road>().after(kept).stream().await.unwrap_err().kind(),
        ErrorKind::Invalid
    );

    let mut all = graph.watch_all().stream().await.unwrap();
    assert!(graph.delete(&bergen).await.unwrap());
    let mut gone = [next(&mut all).await, next(&mut all).await];
    gone.sort_by_key(|change| change.id.to_string());
    assert!(gone.iter().all(|change| change.kind == ChangeKind::Deleted && change.value.is_none()));
    assert_eq!(gone.map(|change| change.id.entity().to_owned()), ["Road", "City"]);
    assert_eq!(next(&mut changes).await.id, *bergen.id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_told_typed_and_gone_on_with() {
    for graph in graphs().await {
        story(&graph).await;
    }
}

#[cfg(feature = "mongodb")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MongoDB server"]
async fn changes_are_told_typed_and_gone_on_with_on_mongodb() {
    let uri = std::env::var("JVSPATIAL_TEST_MONGODB_URI").expect("the URL of a server");
    let (server, query) = uri.split_once('?').unwrap_or((&uri, ""));
    let name = format!("core_watch_{}", std::process::id());
    let url = format!("{}/{name}?{query}", server.trim_end_matches('/'));
    story(&Graph::open(&url).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_does_not_fit_its_type_is_an_error_and_the_next_is_told() {
    for graph in graphs().await {
        let mut changes = graph.watch::<City>().stream().await.unwrap();
        let mut batch = WriteBatch::new(graph.database().capabilities().encoding);
        batch.insert("n.City.bad".parse().unwrap(), &doc! { "name": 7 }).unwrap();
        assert!(graph.database().write(batch).await.unwrap().is_complete());
        let good = graph.create(City::new("Oslo")).await.unwrap();
        let error = changes.try_next().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert_eq!(error.context("id"), Some("n.City.bad"));
        assert_eq!(next(&mut changes).await.id, *good.id());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_ends_with_the_graph_and_there_is_none_in_a_transaction() {
    for graph in graphs().await {
        let mut changes = graph.watch_all().stream().await.unwrap();
        if graph.database().capabilities().transactions.is_some() {
            let watched: Result = graph
                .transaction(|tx| async move { tx.watch::<City>().stream().await.map(drop) })
                .await;
            assert_eq!(watched.unwrap_err().kind(), ErrorKind::Unsupported);
        }
        graph.close().await.unwrap();
        assert_eq!(changes.try_next().await.unwrap_err().kind(), ErrorKind::Closed);
        assert!(changes.try_next().await.unwrap().is_none());
    }
}

#[cfg(feature = "json")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_goes_on_after_a_restart_and_one_without_its_token_misses_what_was_between() {
    let directory = tempfile::TempDir::new().unwrap();
    let url = format!("json:{}", directory.path().join("db").display());
    let graph = Graph::open(&url).await.unwrap();
    let mut changes = graph.watch::<City>().stream().await.unwrap();
    graph.create(City::new("Oslo")).await.unwrap();
    let kept = next(&mut changes).await.token.to_string();
    graph.create(City::new("Bergen")).await.unwrap();
    graph.close().await.unwrap();

    let graph = Graph::open(&url).await.unwrap();
    let mut again = graph.watch::<City>().after(kept.parse().unwrap()).stream().await.unwrap();
    let mut control = graph.watch::<City>().stream().await.unwrap();
    graph.create(City::new("Tromsø")).await.unwrap();
    for name in ["Bergen", "Tromsø"] {
        assert_eq!(next(&mut again).await.value.unwrap().name, name);
    }
    assert_eq!(next(&mut control).await.value.unwrap().name, "Tromsø");
    graph.close().await.unwrap();
}
