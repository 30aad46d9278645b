//! Operations of one batch see the ones before them.

use std::sync::Arc;

use bson::doc;

use super::harness::Picture;
use super::support::{
    duplicate, find_all, followed, get, id, link, missing, ops, reached, read, written,
};
use crate::database::Database;
use crate::document::Ends;
use crate::error::ErrorKind;
use crate::expansion::Direction;
use crate::id::Collection;
use crate::write::{Outcome, WriteReport};

const A: &str = "n.City.a";
const B: &str = "n.City.b";
const C: &str = "n.City.c";
const D: &str = "n.City.d";
const CITIES: [&str; 4] = [A, B, C, D];

async fn ends(db: &dyn Database, edge: &str) -> Option<Ends> {
    get(db, edge).await.expect("an edge").ends
}

pub async fn an_update_sees_the_insert_before_it(db: Arc<dyn Database>) {
    let outcomes = ops(&*db).insert(A, &doc! { "n": 1 }).update(A, 1, &doc! { "n": 2 }).outcomes();
    assert_eq!(outcomes.await, [written(1), written(2)]);
    assert_eq!(read(&*db, A).await, (2, doc! { "n": 2 }));
    assert_eq!(find_all(&*db, Collection::Node).await, [A]);
}

pub async fn many_updates_of_one_document_count_up(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A]).done().await;
    let mut batch = ops(&*db);
    for version in 1..=100 {
        batch = batch.update(A, version, &doc! { "n": version as i32 });
    }
    let outcomes = batch.update(A, 100, &doc! {}).outcomes().await;
    assert_eq!(outcomes[99], written(101));
    assert_eq!(outcomes[100], super::support::conflict(100, 101));
    assert_eq!(read(&*db, A).await, (101, doc! { "n": 100 }));
}

pub async fn edges_join_nodes_of_the_same_batch(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).edge("e.Road.1", A, B).done().await;
    assert_eq!(reached(&*db, A, Direction::Out).await, ["b"]);
    let late = ops(&*db).edge("e.Road.2", A, C).nodes(&[C]).outcomes().await;
    assert_eq!(late, [missing(C), written(1)]);
}

pub async fn an_edge_inserted_and_updated_keeps_its_ends(db: Arc<dyn Database>) {
    let batch = ops(&*db).nodes(&[A, B]).edge("e.Road.1", A, B);
    batch.update("e.Road.1", 1, &doc! { "km": 3 }).done().await;
    assert_eq!(ends(&*db, "e.Road.1").await, Some(link(A, B).ends));
    assert_eq!(read(&*db, "e.Road.1").await, (2, doc! { "km": 3 }));
    assert_eq!(reached(&*db, A, Direction::Out).await, ["b"]);
}

pub async fn a_document_is_deleted_and_made_again(db: Arc<dyn Database>) {
    ops(&*db).insert(A, &doc! { "n": 1 }).update(A, 1, &doc! { "n": 2 }).done().await;
    let outcomes = ops(&*db).delete(A).insert(A, &doc! { "n": 3 }).outcomes().await;
    assert_eq!(outcomes, [written(3), written(1)]);
    assert_eq!(read(&*db, A).await, (1, doc! { "n": 3 }));
    let outcomes = ops(&*db).insert(B, &doc! {}).delete(B).outcomes().await;
    assert_eq!(outcomes, [written(1), written(2)]);
    assert_eq!(find_all(&*db, Collection::Node).await, [A]);
}

pub async fn an_insert_after_a_delete_and_an_update_after_that(db: Arc<dyn Database>) {
    ops(&*db).insert(A, &doc! {}).done().await;
    let batch = ops(&*db).delete(A).insert(A, &doc! { "n": 1 });
    let outcomes = batch.update(A, 1, &doc! { "n": 2 }).outcomes().await;
    assert_eq!(outcomes, [written(2), written(1), written(2)]);
    assert_eq!(read(&*db, A).await, (2, doc! { "n": 2 }));
}

pub async fn an_update_after_a_delete_is_missing(db: Arc<dyn Database>) {
    ops(&*db).insert(A, &doc! {}).done().await;
    let outcomes = ops(&*db).delete(A).update(A, 1, &doc! {}).delete(A).outcomes().await;
    assert_eq!(outcomes, [written(2), missing(A), missing(A)]);
    assert!(get(&*db, A).await.is_none());
}

pub async fn a_second_insert_is_a_duplicate(db: Arc<dyn Database>) {
    let outcomes = ops(&*db).insert(A, &doc! { "n": 1 }).insert(A, &doc! { "n": 2 }).outcomes();
    assert_eq!(outcomes.await, [written(1), duplicate("_id", A)]);
    assert_eq!(read(&*db, A).await, (1, doc! { "n": 1 }));
}

pub async fn a_second_unique_edge_is_a_duplicate(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).done().await;
    // In the order of the ids and against it: a backend may treat sorted batches in a way of its own.
    for (first, second) in [("e.Road.1", "e.Road.2"), ("e.Rail.2", "e.Rail.1")] {
        let outcomes = ops(&*db).unique_edge(first, A, B).unique_edge(second, A, B).outcomes();
        assert_eq!(outcomes.await, [written(1), duplicate("connection", first)]);
    }
    let batch = ops(&*db).edge("e.Path.1", A, B).unique_edge("e.Path.2", A, B);
    assert_eq!(batch.outcomes().await, [written(1), duplicate("connection", "e.Path.1")]);
    assert_eq!(followed(&*db, A, Direction::Out).await, ["e.Path.1", "e.Rail.2", "e.Road.1"]);
    // An undirected edge stands in the way of one that leads back.
    let batch = ops(&*db).undirected_edge("e.Sea.2", A, B).unique_edge("e.Sea.1", B, A);
    assert_eq!(batch.outcomes().await, [written(1), duplicate("connection", "e.Sea.2")]);
}

pub async fn a_unique_edge_may_follow_the_delete_of_the_first(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).unique_edge("e.Road.1", A, B).done().await;
    let outcomes = ops(&*db).delete("e.Road.1").unique_edge("e.Road.2", A, B).outcomes().await;
    assert_eq!(outcomes, [written(2), written(1)]);
    assert_eq!(followed(&*db, A, Direction::Out).await, ["e.Road.2"]);
}

pub async fn a_parallel_edge_that_is_left_still_stands_in_the_way(db: Arc<dyn Database>) {
    let edges = ops(&*db).nodes(&[A, B]).edge("e.Road.1", A, B);
    edges.edge("e.Road.2", A, B).done().await;
    let outcomes = ops(&*db).delete("e.Road.1").unique_edge("e.Road.3", A, B).outcomes().await;
    assert_eq!(outcomes, [written(2), duplicate("connection", "e.Road.2")]);
    assert_eq!(followed(&*db, A, Direction::Out).await, ["e.Road.2"]);
}

pub async fn an_edge_to_a_node_deleted_before_names_the_missing_end(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).done().await;
    let outcomes = ops(&*db).delete(B).edge("e.Road.1", A, B).outcomes().await;
    assert_eq!(outcomes, [written(2), missing(B)]);
    assert!(get(&*db, "e.Road.1").await.is_none());
}

pub async fn a_detach_takes_an_edge_inserted_before_it(db: Arc<dyn Database>) {
    let batch = ops(&*db).nodes(&[A, B, C]).edge("e.Road.1", A, B).edge("e.Road.2", B, C);
    let report = batch.edge("e.Road.3", C, A).detach(A).write().await;
    assert!(report.is_complete());
    assert_eq!(report.detached, 2);
    assert_eq!(find_all(&*db, Collection::Edge).await, ["e.Road.2"]);
    assert_eq!(reached(&*db, C, Direction::Both).await, ["b"]);
}

pub async fn a_detach_does_not_count_an_edge_deleted_before_it(db: Arc<dyn Database>) {
    let edges = ops(&*db).nodes(&[A, B]).edge("e.Road.1", A, B);
    edges.edge("e.Road.2", A, B).done().await;
    let report = ops(&*db).delete("e.Road.1").detach(A).delete("e.Road.2").write().await;
    let outcomes = vec![written(2), written(2), missing("e.Road.2")];
    assert_eq!(report, WriteReport { outcomes, detached: 1 });
}

pub async fn an_edge_that_was_moved_stays_when_its_old_node_is_detached(db: Arc<dyn Database>) {
    ops(&*db).nodes(&CITIES).edge("e.Road.1", A, B).done().await;
    let report = ops(&*db).delete("e.Road.1").edge("e.Road.1", C, D).detach(A).write().await;
    let outcomes = vec![written(2), written(1), written(2)];
    assert_eq!(report, WriteReport { outcomes, detached: 0 });
    assert_eq!(ends(&*db, "e.Road.1").await, Some(link(C, D).ends));
    assert_eq!(reached(&*db, C, Direction::Out).await, ["d"]);
    assert_eq!(reached(&*db, B, Direction::In).await, [""; 0]);
}

pub async fn an_edge_that_was_moved_does_not_stand_in_the_way(db: Arc<dyn Database>) {
    ops(&*db).nodes(&CITIES).edge("e.Road.1", A, B).done().await;
    let batch = ops(&*db).delete("e.Road.1").edge("e.Road.1", C, D);
    let outcomes = batch.unique_edge("e.Road.2", A, B).unique_edge("e.Road.3", C, D).outcomes();
    let expected = [written(2), written(1), written(1), duplicate("connection", "e.Road.1")];
    assert_eq!(outcomes.await, expected);
    assert_eq!(reached(&*db, A, Direction::Out).await, ["b"]);
    // Moved away from where it was moved to in the same batch.
    let batch = ops(&*db).edge("e.Rail.1", A, B).delete("e.Rail.1").edge("e.Rail.1", C, D);
    let outcomes = batch.unique_edge("e.Rail.2", A, B).outcomes().await;
    assert_eq!(outcomes, [written(1), written(2), written(1), written(1)]);
    // Moved to where one of its ends still is where it was, or turned round.
    for (source, target) in [(A, C), (C, B), (C, A), (B, C), (B, A)] {
        let batch = ops(&*db).edge("e.Sea.1", A, B).delete("e.Sea.1");
        let batch = batch.edge("e.Sea.1", source, target).unique_edge("e.Sea.2", A, B);
        let outcomes = batch.delete("e.Sea.1").delete("e.Sea.2").outcomes().await;
        let expected = [1, 2, 1, 1, 2, 2].map(written);
        assert_eq!(outcomes, expected, "to {source} and {target}");
    }
    let batch = ops(&*db).undirected_edge("e.Air.1", A, B).delete("e.Air.1");
    let batch = batch.undirected_edge("e.Air.1", A, C).unique_edge("e.Air.2", A, B);
    let outcomes = batch.unique_edge("e.Air.3", B, A).outcomes().await;
    assert_eq!(outcomes, [1, 2, 1, 1, 1].map(written));
}

pub async fn an_edge_moved_and_updated_has_its_new_ends(db: Arc<dyn Database>) {
    ops(&*db).nodes(&CITIES).edge("e.Road.1", A, B).done().await;
    let batch = ops(&*db).delete("e.Road.1").edge("e.Road.1", C, D);
    batch.update("e.Road.1", 1, &doc! { "km": 1 }).done().await;
    assert_eq!(ends(&*db, "e.Road.1").await, Some(link(C, D).ends));
    assert_eq!(reached(&*db, A, Direction::Both).await, [""; 0]);
    assert_eq!(reached(&*db, D, Direction::In).await, ["c"]);
}

pub async fn an_atomic_batch_without_failures_is_applied(db: Arc<dyn Database>) {
    let batch = ops(&*db).atomic().nodes(&[A, B]).edge("e.Road.1", A, B);
    let result = batch.update(A, 1, &doc! { "n": 1 }).try_write().await;
    if db.capabilities().atomic_batches {
        let outcomes = vec![written(1), written(1), written(1), written(2)];
        assert_eq!(result.expect("a report"), WriteReport { outcomes, detached: 0 });
        assert_eq!(reached(&*db, A, Direction::Out).await, ["b"]);
    } else {
        assert_eq!(result.expect_err("not atomic").kind(), ErrorKind::Unsupported);
        assert!(get(&*db, A).await.is_none());
    }
}

pub async fn an_atomic_batch_with_a_failure_leaves_everything_as_it_was(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B, C]).edge("e.Road.1", A, B).done().await;
    let before = Picture::of(&*db).await;
    let batch = ops(&*db).atomic().insert(D, &doc! {}).update(B, 1, &doc! { "n": 1 });
    let batch = batch.detach(A).delete(C).edge("e.Road.2", B, D).update(D, 9, &doc! {});
    let result = batch.insert(C, &doc! {}).try_write().await;
    if db.capabilities().atomic_batches {
        let mut outcomes = vec![Outcome::Skipped; 7];
        outcomes[5] = super::support::conflict(9, 1);
        assert_eq!(result.expect("a report"), WriteReport { outcomes, detached: 0 });
    } else {
        assert_eq!(result.expect_err("not atomic").kind(), ErrorKind::Unsupported);
    }
    assert_eq!(Picture::of(&*db).await, before);
}

pub async fn an_atomic_batch_judges_each_operation_as_if_the_others_were_applied(
    db: Arc<dyn Database>,
) {
    let batch = ops(&*db).atomic().insert(A, &doc! {}).insert(A, &doc! {});
    let result = batch.update(A, 1, &doc! {}).update(A, 1, &doc! {}).delete(B).try_write().await;
    if db.capabilities().atomic_batches {
        let expected = [
            Outcome::Skipped,
            duplicate("_id", A),
            Outcome::Skipped,
            super::support::conflict(1, 2),
            missing(B),
        ];
        assert_eq!(result.expect("a report").outcomes, expected);
    } else {
        assert_eq!(result.expect_err("not atomic").kind(), ErrorKind::Unsupported);
    }
    assert!(get(&*db, A).await.is_none());
}

pub async fn a_batch_of_ten_thousand_operations_is_applied(db: Arc<dyn Database>) {
    let names: Vec<String> = (0..5_000).map(|number| format!("o.Note.{number}")).collect();
    let mut batch = ops(&*db);
    for name in &names {
        batch = batch.insert_id(id(name), &doc! { "n": 1 }).update(name, 1, &doc! { "n": 2 });
    }
    batch.done().await;
    let mut sorted = names;
    sorted.sort_unstable();
    assert_eq!(find_all(&*db, Collection::Object).await, sorted);
    assert_eq!(read(&*db, "o.Note.4999").await, (2, doc! { "n": 2 }));
}
