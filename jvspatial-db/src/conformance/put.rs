//! Documents that are taken over: written with a version of their own, in place of others or not.

use std::sync::Arc;

use bson::doc;

use super::harness::Picture;
use super::support::{
    duplicate, fields, find_all, followed, get, id, link, missing, ops, reached, read, replaced,
    undirected, written,
};
use crate::database::Database;
use crate::document::Ends;
use crate::error::ErrorKind;
use crate::expansion::Direction;
use crate::filter::Filter;
use crate::id::Collection;
use crate::query::Query;
use crate::version::Version;
use crate::write::{Envelope, Link, Outcome, WriteBatch, WriteReport};

const A: &str = "n.City.a";
const B: &str = "n.City.b";
const C: &str = "n.City.c";
const D: &str = "n.City.d";
const CITIES: [&str; 4] = [A, B, C, D];
const ROAD: &str = "e.Road.1";

async fn ends(db: &dyn Database, edge: &str) -> Option<Ends> {
    get(db, edge).await.expect("an edge").ends
}

fn unique(link: Link) -> Link {
    Link { unique: true, ..link }
}

pub async fn an_insert_with_a_given_version_keeps_it_and_counts_on(db: Arc<dyn Database>) {
    let outcomes = ops(&*db).insert_at(A, 0, &doc! { "n": 1 }).insert_at(B, 7, &doc! { "n": 2 });
    assert_eq!(outcomes.outcomes().await, [written(0), written(7)]);
    assert_eq!(read(&*db, A).await, (0, doc! { "n": 1 }));
    assert_eq!(read(&*db, B).await, (7, doc! { "n": 2 }));
    let outcomes = ops(&*db).update(A, 0, &doc! {}).update(B, 7, &doc! {}).outcomes().await;
    assert_eq!(outcomes, [written(1), written(8)]);
}

pub async fn an_insert_with_a_given_version_and_a_taken_id_is_a_duplicate(db: Arc<dyn Database>) {
    ops(&*db).insert(A, &doc! { "n": 1 }).done().await;
    let outcomes = ops(&*db).insert_at(A, 1, &doc! { "n": 2 }).insert_at(A, 0, &doc! {});
    assert_eq!(outcomes.outcomes().await, [duplicate("_id", A), duplicate("_id", A)]);
    assert_eq!(read(&*db, A).await, (1, doc! { "n": 1 }));
}

pub async fn a_document_without_a_version_is_deleted_at_version_zero(db: Arc<dyn Database>) {
    ops(&*db).insert_at(A, 0, &doc! {}).insert_at(B, 0, &doc! {}).done().await;
    let outcomes = ops(&*db).remove(A, Some(1), false).remove(A, Some(0), false).delete(B);
    assert_eq!(outcomes.outcomes().await, [super::support::conflict(1, 0), written(1), written(1)]);
    assert!(get(&*db, A).await.is_none());
}

pub async fn a_version_that_leaves_no_room_to_count_is_refused(db: Arc<dyn Database>) {
    let most = 1 << 62;
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    for version in [most + 1, u64::MAX] {
        let envelope = || Envelope { version: Version::new(version), schema: 1, link: None };
        let error = batch.insert_as(id(A), &doc! {}, envelope()).expect_err("too large");
        assert_eq!(error.kind(), ErrorKind::Limit);
        let error = batch.put(id(A), &doc! {}, envelope()).expect_err("too large");
        assert_eq!(error.context("id"), Some(A));
    }
    assert!(batch.is_empty() && batch.bytes() == 0);
    ops(&*db).put(A, most, &doc! {}).done().await;
    assert_eq!(read(&*db, A).await.0, most);
    assert_eq!(ops(&*db).update(A, most, &doc! {}).outcomes().await, [written(most + 1)]);
}

pub async fn a_put_with_ends_that_do_not_suit_is_refused(db: Arc<dyn Database>) {
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    let envelope = |link| Envelope { version: Version::FIRST, schema: 1, link };
    let odd = [(A, Some(link(A, B))), (ROAD, None), (ROAD, Some(link(A, ROAD)))];
    for (text, link) in odd {
        let error = batch.put(id(text), &doc! {}, envelope(link)).expect_err("odd ends");
        assert_eq!((error.kind(), error.context("id")), (ErrorKind::Invalid, Some(text)));
    }
    assert!(batch.is_empty() && batch.bytes() == 0);
}

pub async fn a_put_creates_what_is_not_there(db: Arc<dyn Database>) {
    let batch = ops(&*db).put(A, 5, &doc! { "n": 1 }).put(B, 0, &doc! {});
    let outcomes = batch.put_edge(ROAD, 3, link(A, B)).outcomes().await;
    assert_eq!(outcomes, [written(5), written(0), written(3)]);
    assert_eq!(read(&*db, A).await, (5, doc! { "n": 1 }));
    assert_eq!(reached(&*db, A, Direction::Out).await, ["b"]);
}

pub async fn a_put_replaces_whatever_is_there(db: Arc<dyn Database>) {
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    batch.insert_with(id(A), &doc! { "n": 1, "old": true }, 7, None).expect("an insert");
    assert!(db.write(batch).await.expect("a report").is_complete());
    ops(&*db).update(A, 1, &doc! { "n": 2, "old": true }).done().await;
    assert_eq!(ops(&*db).put(A, 1, &doc! { "n": 3 }).outcomes().await, [replaced(1, 2)]);
    assert_eq!(read(&*db, A).await, (1, doc! { "n": 3 }));
    assert_eq!(get(&*db, A).await.expect("a document").schema, 1);
    assert_eq!(ops(&*db).update(A, 1, &doc! {}).outcomes().await, [written(2)]);
}

pub async fn puts_of_one_document_replace_one_another(db: Arc<dyn Database>) {
    let batch = ops(&*db).put(A, 4, &doc! { "n": 1 }).put(A, 2, &doc! { "n": 2 }).delete(A);
    let batch =
        batch.put(A, 9, &doc! { "n": 3 }).update(A, 9, &doc! { "n": 4 }).insert(A, &doc! {});
    let expected =
        [written(4), replaced(2, 4), written(3), written(9), written(10), duplicate("_id", A)];
    assert_eq!(batch.outcomes().await, expected);
    assert_eq!(read(&*db, A).await, (10, doc! { "n": 4 }));
}

pub async fn a_put_node_keeps_its_edges(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).edge(ROAD, A, B).done().await;
    assert_eq!(ops(&*db).put(A, 1, &doc! { "n": 1 }).outcomes().await, [replaced(1, 1)]);
    assert_eq!(reached(&*db, A, Direction::Out).await, ["b"]);
    assert_eq!(followed(&*db, B, Direction::In).await, [ROAD]);
}

pub async fn a_put_edge_has_its_new_ends(db: Arc<dyn Database>) {
    ops(&*db).nodes(&CITIES).edge(ROAD, A, B).done().await;
    let outcomes = ops(&*db).put_edge(ROAD, 1, undirected(link(C, D))).outcomes().await;
    assert_eq!(outcomes, [replaced(1, 1)]);
    assert_eq!(ends(&*db, ROAD).await, Some(undirected(link(C, D)).ends));
    for (from, to) in [(A, &[][..]), (B, &[]), (C, &["d"]), (D, &["c"])] {
        assert_eq!(reached(&*db, from, Direction::Out).await, to, "{from}");
        assert_eq!(reached(&*db, from, Direction::Both).await, to, "{from}");
    }
    // The same ends once more, and then half of them.
    ops(&*db).put_edge(ROAD, 2, undirected(link(C, D))).done().await;
    assert_eq!(reached(&*db, C, Direction::Out).await, ["d"]);
    ops(&*db).put_edge(ROAD, 3, link(C, A)).done().await;
    assert_eq!(reached(&*db, C, Direction::Both).await, ["a"]);
    assert_eq!(reached(&*db, D, Direction::Both).await, [""; 0]);
    assert_eq!(find_all(&*db, Collection::Edge).await, [ROAD]);
}

pub async fn a_put_edge_whose_end_is_missing_leaves_the_old_one(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).edge(ROAD, A, B).done().await;
    let batch = ops(&*db).put_edge(ROAD, 5, link(A, C)).put_edge("e.Road.2", 5, link(D, C));
    assert_eq!(batch.outcomes().await, [missing(C), missing(D)]);
    assert_eq!(ends(&*db, ROAD).await, Some(link(A, B).ends));
    assert_eq!(reached(&*db, A, Direction::Out).await, ["b"]);
    assert_eq!(find_all(&*db, Collection::Edge).await, [ROAD]);
}

pub async fn a_put_unique_edge_does_not_stand_in_its_own_way(db: Arc<dyn Database>) {
    ops(&*db).nodes(&CITIES).unique_edge(ROAD, A, B).unique_edge("e.Road.2", B, C).done().await;
    let batch = ops(&*db).put_edge(ROAD, 2, unique(link(A, B)));
    let batch = batch.put_edge(ROAD, 3, unique(undirected(link(B, A))));
    let batch = batch.put_edge(ROAD, 4, unique(link(B, C)));
    let expected = [replaced(2, 1), replaced(3, 2), duplicate("connection", "e.Road.2")];
    assert_eq!(batch.outcomes().await, expected);
    assert_eq!(ends(&*db, ROAD).await, Some(undirected(link(B, A)).ends));
}

pub async fn a_put_edge_makes_way_where_it_was_and_stands_where_it_is(db: Arc<dyn Database>) {
    ops(&*db).nodes(&CITIES).unique_edge(ROAD, A, B).done().await;
    let batch = ops(&*db).put_edge(ROAD, 1, link(C, D)).unique_edge("e.Road.2", A, B);
    let outcomes = batch.unique_edge("e.Road.3", C, D).outcomes().await;
    assert_eq!(outcomes, [replaced(1, 1), written(1), duplicate("connection", ROAD)]);
    let outcomes = ops(&*db).unique_edge("e.Road.3", C, D).outcomes().await;
    assert_eq!(outcomes, [duplicate("connection", ROAD)]);
    assert_eq!(followed(&*db, A, Direction::Out).await, ["e.Road.2"]);
}

pub async fn a_detach_takes_a_put_edge_from_where_it_is_alone(db: Arc<dyn Database>) {
    ops(&*db).nodes(&CITIES).edge(ROAD, A, B).edge("e.Road.2", A, B).done().await;
    let batch = ops(&*db).put_edge(ROAD, 1, link(C, D)).detach(B);
    assert_eq!(
        batch.write().await,
        WriteReport { outcomes: vec![replaced(1, 1), written(2)], detached: 1 }
    );
    assert_eq!(find_all(&*db, Collection::Edge).await, [ROAD]);
    let batch = ops(&*db).put_edge(ROAD, 1, link(A, C)).detach(C).put_edge(ROAD, 6, link(A, D));
    assert_eq!(
        batch.write().await,
        WriteReport { outcomes: vec![replaced(1, 1), written(2), written(6)], detached: 1 }
    );
    assert_eq!(reached(&*db, A, Direction::Both).await, ["d"]);
}

pub async fn an_edge_put_and_updated_has_its_new_ends(db: Arc<dyn Database>) {
    ops(&*db).nodes(&CITIES).edge(ROAD, A, B).done().await;
    let batch = ops(&*db).put_edge(ROAD, 6, link(C, D)).update(ROAD, 6, &doc! { "km": 1 });
    assert_eq!(batch.outcomes().await, [replaced(6, 1), written(7)]);
    assert_eq!(ends(&*db, ROAD).await, Some(link(C, D).ends));
    assert_eq!(read(&*db, ROAD).await, (7, doc! { "km": 1 }));
    assert_eq!(reached(&*db, D, Direction::In).await, ["c"]);
}

pub async fn a_cursor_sees_an_edge_as_it_was_before_a_put(db: Arc<dyn Database>) {
    ops(&*db).nodes(&CITIES).edge(ROAD, A, B).insert("o.Note.1", &doc! { "n": 1 }).done().await;
    let query = |collection| Query::new(collection, Filter::all());
    let edges = db.find(query(Collection::Edge)).await.expect("find");
    let notes = db.find(query(Collection::Object)).await.expect("find");
    let batch = ops(&*db).put_edge(ROAD, 9, link(C, D)).put("o.Note.1", 0, &doc! { "n": 2 });
    batch.done().await;
    ops(&*db).put_edge(ROAD, 4, link(D, A)).done().await;
    let edges = edges.try_collect().await.expect("edges");
    assert_eq!((edges[0].version, edges.len()), (Version::FIRST, 1));
    assert_eq!(edges[0].ends, Some(link(A, B).ends));
    let notes = notes.try_collect().await.expect("notes");
    assert_eq!((notes[0].version, fields(&notes[0])), (Version::FIRST, doc! { "n": 1 }));
}

pub async fn a_put_in_an_atomic_batch_that_fails_is_not_applied(db: Arc<dyn Database>) {
    ops(&*db).nodes(&CITIES).edge(ROAD, A, B).done().await;
    let before = Picture::of(&*db).await;
    let batch = ops(&*db).atomic().put(A, 5, &doc! { "n": 1 }).put_edge(ROAD, 5, link(C, D));
    let result = batch.insert(B, &doc! {}).try_write().await;
    if db.capabilities().atomic_batches {
        let expected = [Outcome::Skipped, Outcome::Skipped, duplicate("_id", B)];
        assert_eq!(result.expect("a report").outcomes, expected);
    } else {
        assert_eq!(result.expect_err("not atomic").kind(), ErrorKind::Unsupported);
    }
    assert_eq!(Picture::of(&*db).await, before);
}

pub async fn of_many_unique_puts_between_two_nodes_exactly_one_wins(db: Arc<dyn Database>) {
    for round in 0..20 {
        ops(&*db).nodes(&[A, B, C]).done().await;
        // Half of the edges are there already, between other nodes.
        let stored = (0..4).fold(ops(&*db), |ops, task| ops.edge(&format!("e.Road.{task}"), A, C));
        stored.done().await;
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let db = Arc::clone(&db);
                let link = unique(link(A, B));
                tokio::spawn(async move {
                    let batch = ops(&*db).put_edge(&format!("e.Road.{task}"), 1, link);
                    batch.outcomes().await.remove(0)
                })
            })
            .collect();
        let mut won = 0;
        for task in tasks {
            match task.await.expect("a task") {
                outcome if outcome.is_written() => won += 1,
                Outcome::Duplicate(taken) => assert_eq!(taken.index, "connection"),
                outcome => panic!("{outcome:?}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
        assert_eq!(reached(&*db, B, Direction::In).await, ["a"]);
        ops(&*db).detach(A).detach(B).detach(C).done().await;
    }
}
