//! Edges and the nodes they join.

use std::sync::Arc;

use bson::doc;

use super::support::{
    duplicate, find_all, followed, get, link, missing, ops, reached, read, undirected, written,
};
use crate::database::Database;
use crate::expansion::Direction;
use crate::id::Collection;
use crate::write::{Link, WriteReport};

const A: &str = "n.City.a";
const B: &str = "n.City.b";
const C: &str = "n.City.c";
const NONE: [&str; 0] = [];

async fn connect(db: &dyn Database, edge: &str, link: Link) -> crate::write::Outcome {
    ops(db).link(edge, &doc! {}, link).outcomes().await.remove(0)
}

fn unique(link: Link) -> Link {
    Link { unique: true, ..link }
}

pub async fn a_missing_end_is_named_the_source_first(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A]).done().await;
    assert_eq!(connect(&*db, "e.Road.1", link(A, B)).await, missing(B));
    assert_eq!(connect(&*db, "e.Road.1", link(B, A)).await, missing(B));
    assert_eq!(connect(&*db, "e.Road.1", link(C, B)).await, missing(C));
    assert_eq!(connect(&*db, "e.Road.1", link(B, B)).await, missing(B));
    assert_eq!(find_all(&*db, Collection::Edge).await, NONE);
    assert_eq!(find_all(&*db, Collection::Node).await, [A]);
}

pub async fn a_second_unique_edge_is_a_duplicate_of_the_connection(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).unique_edge("e.Road.1", A, B).done().await;
    let outcome = connect(&*db, "e.Road.2", unique(link(A, B))).await;
    assert_eq!(outcome, duplicate("connection", "e.Road.1"));
    // The id itself comes first.
    let outcome = connect(&*db, "e.Road.1", unique(link(A, B))).await;
    assert_eq!(outcome, duplicate("_id", "e.Road.1"));
    assert_eq!(followed(&*db, A, Direction::Out).await, ["e.Road.1"]);
}

pub async fn a_unique_edge_of_another_type_or_direction_is_free(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).unique_edge("e.Road.1", A, B).done().await;
    assert_eq!(connect(&*db, "e.Rail.1", unique(link(A, B))).await, written(1));
    assert_eq!(connect(&*db, "e.Road.2", unique(link(B, A))).await, written(1));
    assert_eq!(connect(&*db, "e.Road.3", unique(link(A, A))).await, written(1));
    assert_eq!(followed(&*db, A, Direction::Out).await, ["e.Rail.1", "e.Road.1", "e.Road.3"]);
}

pub async fn an_undirected_edge_is_unique_both_ways(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).done().await;
    let cases = [
        ("e.Both", true, true, A, B),
        ("e.Mirrored", true, true, B, A),
        ("e.Stored", true, false, B, A),
        ("e.New", false, true, B, A),
        ("e.NewStraight", false, true, A, B),
        ("e.StoredStraight", true, false, A, B),
    ];
    for (entity, stored, new, source, target) in cases {
        let way = |link, either| if either { undirected(link) } else { link };
        let first = format!("{entity}.1");
        let link_to = unique(way(link(A, B), stored));
        assert_eq!(connect(&*db, &first, link_to).await, written(1), "{entity}");
        let second = unique(way(link(source, target), new));
        let outcome = connect(&*db, &format!("{entity}.2"), second).await;
        assert_eq!(outcome, duplicate("connection", &first), "{entity}");
    }
}

pub async fn parallel_edges_are_allowed_when_neither_is_unique(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).unique_edge("e.Road.1", A, B).done().await;
    assert_eq!(connect(&*db, "e.Road.2", link(A, B)).await, written(1));
    assert_eq!(connect(&*db, "e.Road.3", undirected(link(B, A))).await, written(1));
    assert_eq!(reached(&*db, A, Direction::Out).await, ["b", "b", "b"]);
}

pub async fn a_unique_edge_is_refused_beside_a_parallel_one(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).edge("e.Road.1", A, B).done().await;
    let outcome = connect(&*db, "e.Road.2", unique(link(A, B))).await;
    assert_eq!(outcome, duplicate("connection", "e.Road.1"));
}

pub async fn a_loop_is_an_edge(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A]).unique_edge("e.Road.1", A, A).done().await;
    let outcome = connect(&*db, "e.Road.2", unique(link(A, A))).await;
    assert_eq!(outcome, duplicate("connection", "e.Road.1"));
    let outcome = connect(&*db, "e.Road.2", unique(undirected(link(A, A)))).await;
    assert_eq!(outcome, duplicate("connection", "e.Road.1"));
    let report = ops(&*db).undirected_edge("e.Road.3", A, A).detach(A).write().await;
    assert_eq!(report, WriteReport { outcomes: vec![written(1), written(2)], detached: 2 });
    assert_eq!(find_all(&*db, Collection::Edge).await, NONE);
}

pub async fn an_update_of_an_edge_changes_nothing_else(db: Arc<dyn Database>) {
    let edges = ops(&*db).nodes(&[A, B]).unique_edge("e.Road.1", A, B);
    edges.undirected_edge("e.Rail.1", B, A).done().await;
    for edge in ["e.Road.1", "e.Rail.1"] {
        let before = get(&*db, edge).await.expect("an edge").ends;
        assert_eq!(ops(&*db).update(edge, 1, &doc! { "km": 2 }).outcomes().await, [written(2)]);
        assert_eq!(get(&*db, edge).await.expect("an edge").ends, before);
        assert_eq!(read(&*db, edge).await, (2, doc! { "km": 2 }));
    }
    let outcome = connect(&*db, "e.Road.2", unique(link(A, B))).await;
    assert_eq!(outcome, duplicate("connection", "e.Road.1"));
    assert_eq!(reached(&*db, A, Direction::Out).await, ["b", "b"]);
}

pub async fn an_edge_outlives_a_node_deleted_without_detach(db: Arc<dyn Database>) {
    let edges = ops(&*db).nodes(&[A, B, C]).edge("e.Road.1", A, B);
    edges.edge("e.Road.2", B, C).edge("e.Road.3", A, C).done().await;
    assert_eq!(ops(&*db).delete(B).write().await.detached, 0);
    let edge = get(&*db, "e.Road.1").await.expect("the edge is still there");
    assert_eq!(edge.ends, Some(link(A, B).ends));
    assert_eq!(reached(&*db, A, Direction::Out).await, ["c"]);
    assert_eq!(reached(&*db, C, Direction::In).await, ["a"]);
    assert_eq!(reached(&*db, B, Direction::Both).await, NONE);
    assert_eq!(ops(&*db).update("e.Road.1", 1, &doc! {}).outcomes().await, [written(2)]);
    let edge = get(&*db, "e.Road.1").await.expect("the edge is still there");
    assert_eq!(edge.ends, Some(link(A, B).ends));
    assert_eq!(ops(&*db).delete("e.Road.2").outcomes().await, [written(2)]);
}

pub async fn a_node_made_again_has_its_edges_again(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).unique_edge("e.Road.1", A, B).delete(B).done().await;
    // Documents that come between may not take the node's place.
    ops(&*db).nodes(&["n.City.x", "n.City.y"]).done().await;
    assert_eq!(reached(&*db, A, Direction::Out).await, NONE);
    ops(&*db).nodes(&[B]).done().await;
    assert_eq!(reached(&*db, A, Direction::Out).await, ["b"]);
    assert_eq!(reached(&*db, B, Direction::In).await, ["a"]);
    let outcome = connect(&*db, "e.Road.2", unique(link(A, B))).await;
    assert_eq!(outcome, duplicate("connection", "e.Road.1"));
    assert_eq!(ops(&*db).detach(B).write().await.detached, 1);
}

pub async fn a_detach_takes_all_edges_of_the_node_and_no_others(db: Arc<dyn Database>) {
    let report = ops(&*db)
        .nodes(&[A, B, C])
        .edge("e.Road.out", A, B)
        .edge("e.Road.in", B, A)
        .edge("e.Road.parallel", A, B)
        .undirected_edge("e.Rail.out", A, C)
        .undirected_edge("e.Rail.in", C, A)
        .edge("e.Road.loop", A, A)
        .undirected_edge("e.Rail.loop", A, A)
        .edge("e.Road.stays", B, C)
        .undirected_edge("e.Rail.stays", B, C)
        .write()
        .await;
    assert!(report.is_complete());
    let report = ops(&*db).detach(A).write().await;
    assert_eq!(report, WriteReport { outcomes: vec![written(2)], detached: 7 });
    assert_eq!(find_all(&*db, Collection::Edge).await, ["e.Rail.stays", "e.Road.stays"]);
    assert_eq!(find_all(&*db, Collection::Node).await, [B, C]);
    assert_eq!(reached(&*db, B, Direction::Both).await, ["c", "c"]);
    assert_eq!(ops(&*db).detach(B).write().await.detached, 2);
    assert_eq!(ops(&*db).detach(C).write().await.detached, 0);
}

pub async fn a_detach_takes_edges_whose_other_end_is_gone(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).edge("e.Road.1", A, B).delete(A).done().await;
    assert_eq!(ops(&*db).detach(B).write().await.detached, 1);
    assert_eq!(find_all(&*db, Collection::Edge).await, NONE);
}

pub async fn a_refused_delete_detaches_nothing(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).edge("e.Road.1", A, B).done().await;
    let report = ops(&*db).remove(A, Some(2), true).write().await;
    let outcomes = vec![super::support::conflict(2, 1)];
    assert_eq!(report, WriteReport { outcomes, detached: 0 });
    assert_eq!(reached(&*db, A, Direction::Out).await, ["b"]);
}

pub async fn an_edge_deleted_leaves_its_nodes_and_frees_the_connection(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).unique_edge("e.Road.1", A, B).done().await;
    let report = ops(&*db).remove("e.Road.1", Some(1), true).write().await;
    assert_eq!(report, WriteReport { outcomes: vec![written(2)], detached: 0 });
    assert_eq!(reached(&*db, A, Direction::Both).await, NONE);
    assert_eq!(find_all(&*db, Collection::Node).await, [A, B]);
    assert_eq!(connect(&*db, "e.Road.2", unique(link(A, B))).await, written(1));
    // The same id may join other nodes now.
    assert_eq!(connect(&*db, "e.Road.1", unique(link(B, A))).await, written(1));
    assert_eq!(reached(&*db, B, Direction::Out).await, ["a"]);
}
