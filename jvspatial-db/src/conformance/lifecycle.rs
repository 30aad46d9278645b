//! Closing.

use bson::doc;
use futures_util::future::join;

use super::harness::Harness;
use super::support::{filter, get, handles, id, ops};
use crate::error::{Error, ErrorKind};
use crate::expansion::{Direction, Expansion};
use crate::filter::Filter;
use crate::id::Collection;
use crate::query::Query;
use crate::write::WriteBatch;

pub async fn calls_after_closing_are_closed(harness: Harness) {
    let db = harness.open().await;
    ops(&*db).nodes(&["n.City.a"]).done().await;
    db.close().await.expect("closed");
    let closed = |call: &str, result: Result<(), Error>| {
        let error = result.expect_err(call);
        assert_eq!(error.kind(), ErrorKind::Closed, "{call}: {error}");
    };
    let all = Query::new(Collection::Node, Filter::all());
    let expansion = Expansion::new(Direction::Out);
    closed("write", ops(&*db).nodes(&["n.City.b"]).try_write().await.map(drop));
    closed("empty write", ops(&*db).try_write().await.map(drop));
    closed("get_many", db.get_many(&handles(&["n.City.a"])).await.map(drop));
    closed("get_many of nothing", db.get_many(&[]).await.map(drop));
    closed("find", db.find(all).await.map(drop));
    closed("count", db.count(Collection::Node, &Filter::all()).await.map(drop));
    let condition = filter(&doc! { "context.n": 1 });
    closed("count with a filter", db.count(Collection::Node, &condition).await.map(drop));
    closed("neighbors", db.neighbors(&handles(&["n.City.a"]), &expansion).await.map(drop));
    closed("neighbors of nothing", db.neighbors(&[], &expansion).await.map(drop));
    drop(db.pin_ordinals());
    assert!(!format!("{db:?}").is_empty());
}

pub async fn closing_twice_succeeds(harness: Harness) {
    let db = harness.open().await;
    ops(&*db).nodes(&["n.City.a"]).done().await;
    for _ in 0..3 {
        db.close().await.expect("closed");
    }
    let again = harness.open().await;
    // The first handle stays closed, whoever has the store now.
    db.close().await.expect("closed");
    let error = db.get_many(&handles(&["n.City.a"])).await.expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Closed);
    ops(&*again).nodes(&["n.City.b"]).done().await;
    again.close().await.expect("closed");
}

pub async fn closing_from_many_tasks_succeeds(harness: Harness) {
    let db = harness.open().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let db = std::sync::Arc::clone(&db);
        tasks.spawn(async move { db.close().await });
    }
    while let Some(result) = tasks.join_next().await {
        result.expect("a task that does not panic").expect("closed");
    }
}

pub async fn closing_finishes_what_was_accepted(harness: Harness) {
    for round in 0..5 {
        let db = harness.open().await;
        let names: Vec<String> = (0..20).map(|number| format!("o.Note.{round}.{number}")).collect();
        let writes = names.iter().map(|name| {
            let mut batch = WriteBatch::new(db.capabilities().encoding);
            batch.insert(id(name), &doc! {}).expect("an insert");
            db.write(batch)
        });
        let (results, closed) = join(futures_util::future::join_all(writes), db.close()).await;
        closed.expect("closed");
        let mut acknowledged = Vec::new();
        for result in results {
            acknowledged.push(match result {
                Ok(report) => {
                    assert!(report.is_complete(), "{report:?}");
                    true
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
                    false
                }
            });
        }
        assert!(acknowledged[0], "what was polled before the closing was not accepted");
        let again = harness.open().await;
        for (name, acknowledged) in names.iter().zip(acknowledged) {
            let kept = acknowledged && again.capabilities().persistent;
            assert_eq!(get(&*again, name).await.is_some(), kept, "{name}");
        }
        again.close().await.expect("closed");
    }
}

pub async fn dropping_a_cursor_after_closing_is_harmless(harness: Harness) {
    let db = harness.open().await;
    ops(&*db).nodes(&["n.City.a", "n.City.b"]).done().await;
    let all = Query::new(Collection::Node, Filter::all());
    let cursor = db.find(all.clone()).await.expect("find");
    let mut begun = db.find(all).await.expect("find");
    let pin = db.pin_ordinals();
    assert!(begun.try_next().await.expect("a document").is_some());
    db.close().await.expect("closed");
    drop(db);
    drop((cursor, begun, pin));
    harness.open().await.close().await.expect("closed");
}
