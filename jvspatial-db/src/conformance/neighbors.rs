//! Following edges.

use std::collections::BTreeSet;
use std::sync::Arc;

use bson::doc;

use super::support::{
    entities, filter, follow, followed, get, handles, id, link, ops, reached, undirected,
};
use crate::database::Database;
use crate::expansion::{Direction, EntitySet, Expansion};
use crate::id::{Collection, Handle, Id};
use crate::id_generator::IdGenerator;
use crate::ordinal_set::OrdinalSet;

const A: &str = "n.City.a";
const B: &str = "n.City.b";
const C: &str = "n.City.c";
const NONE: [&str; 0] = [];
const WAYS: [Direction; 3] = [Direction::Out, Direction::In, Direction::Both];

fn generated(entity: &str, key: [u8; 12]) -> String {
    Id::generated(Collection::Edge, super::support::entity(entity), key).to_string()
}

pub async fn a_direction_follows_directed_edges_one_way(db: Arc<dyn Database>) {
    let edges = ops(&*db).nodes(&[A, B, C]).edge("e.Road.1", A, B);
    edges.edge("e.Road.2", C, A).done().await;
    assert_eq!(reached(&*db, A, Direction::Out).await, ["b"]);
    assert_eq!(reached(&*db, A, Direction::In).await, ["c"]);
    assert_eq!(reached(&*db, A, Direction::Both).await, ["b", "c"]);
    assert_eq!(reached(&*db, B, Direction::Out).await, NONE);
    assert_eq!(reached(&*db, B, Direction::In).await, ["a"]);
}

pub async fn an_undirected_edge_is_followed_from_either_end_in_every_direction(
    db: Arc<dyn Database>,
) {
    ops(&*db).nodes(&[A, B]).undirected_edge("e.Road.1", A, B).done().await;
    for direction in WAYS {
        assert_eq!(reached(&*db, A, direction).await, ["b"], "{direction:?}");
        assert_eq!(reached(&*db, B, direction).await, ["a"], "{direction:?}");
    }
}

pub async fn edges_with_chosen_keys_come_in_the_order_of_their_keys(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).done().await;
    for key in ["m", "c", "z", "a", "b", "n"] {
        ops(&*db).edge(&format!("e.Road.{key}"), A, B).done().await;
    }
    let ordered = ["a", "b", "c", "m", "n", "z"].map(|key| format!("e.Road.{key}"));
    assert_eq!(followed(&*db, A, Direction::Out).await, ordered);
    assert_eq!(followed(&*db, B, Direction::In).await, ordered);
    ops(&*db).delete("e.Road.b").delete("e.Road.z").edge("e.Road.bb", A, B).done().await;
    let ordered = ["a", "bb", "c", "m", "n"].map(|key| format!("e.Road.{key}"));
    assert_eq!(followed(&*db, A, Direction::Both).await, ordered);
}

pub async fn edges_with_generated_keys_come_in_the_order_of_creation(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).done().await;
    let keys = IdGenerator::fixed(7).reserve(40);
    // Types alternate, so that the order of the ids' texts is another.
    let edges: Vec<String> = keys
        .zip(["Road", "Ferry", "Zip", "Air"].into_iter().cycle())
        .map(|(key, entity)| generated(entity, key))
        .collect();
    for edge in edges[20..].iter().rev() {
        ops(&*db).edge(edge, A, B).done().await;
    }
    for pair in edges[..20].chunks(2) {
        ops(&*db).edge(&pair[1], A, B).edge(&pair[0], A, B).done().await;
    }
    assert_eq!(followed(&*db, A, Direction::Out).await, edges);
    assert_eq!(followed(&*db, B, Direction::In).await, edges);
    assert_eq!(followed(&*db, B, Direction::Both).await, edges);
}

pub async fn generated_keys_come_before_chosen_ones_whatever_the_type(db: Arc<dyn Database>) {
    let mut keys = IdGenerator::fixed(7).reserve(2);
    let older = generated("Zip", keys.next().expect("a key"));
    let newer = generated("Air", keys.next().expect("a key"));
    let chosen = ["e.Air.0", "e.Zip.0"].map(str::to_owned);
    let nodes = ops(&*db).nodes(&[A, B]).edge(&chosen[1], A, B).edge(&newer, A, B);
    nodes.edge(&chosen[0], A, B).edge(&older, A, B).done().await;
    let [first, second] = chosen;
    assert_eq!(followed(&*db, A, Direction::Out).await, [older, newer, first, second]);
}

pub async fn both_directions_are_merged_in_the_order_of_creation(db: Arc<dyn Database>) {
    ops(&*db)
        .nodes(&[A, B])
        .edge("e.Road.4", B, A)
        .edge("e.Road.1", A, B)
        .undirected_edge("e.Road.3", B, A)
        .edge("e.Road.2", B, A)
        .edge("e.Road.5", A, B)
        .edge("e.Road.6", A, A)
        .done()
        .await;
    let expected = ["e.Road.1", "e.Road.2", "e.Road.3", "e.Road.4", "e.Road.5", "e.Road.6"];
    assert_eq!(followed(&*db, A, Direction::Both).await, expected);
    let out = ["e.Road.1", "e.Road.3", "e.Road.5", "e.Road.6"];
    assert_eq!(followed(&*db, A, Direction::Out).await, out);
    let into = ["e.Road.2", "e.Road.3", "e.Road.4", "e.Road.6"];
    assert_eq!(followed(&*db, A, Direction::In).await, into);
}

pub async fn parallel_edges_yield_their_node_once_each(db: Arc<dyn Database>) {
    let edges = ops(&*db).nodes(&[A, B, C]).edge("e.Road.1", A, B).edge("e.Road.2", A, C);
    edges.edge("e.Road.3", A, B).edge("e.Road.4", B, A).done().await;
    assert_eq!(reached(&*db, A, Direction::Out).await, ["b", "c", "b"]);
    assert_eq!(reached(&*db, A, Direction::Both).await, ["b", "c", "b", "b"]);
}

pub async fn a_loop_is_followed_once(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A]).edge("e.Road.1", A, A).done().await;
    for direction in WAYS {
        assert_eq!(reached(&*db, A, direction).await, ["a"], "{direction:?}");
    }
    ops(&*db).undirected_edge("e.Road.2", A, A).done().await;
    for direction in WAYS {
        assert_eq!(reached(&*db, A, direction).await, ["a", "a"], "{direction:?}");
    }
}

pub async fn a_start_given_twice_is_answered_twice(db: Arc<dyn Database>) {
    let edges = ops(&*db).nodes(&[A, B, C]).edge("e.Road.1", A, B);
    edges.edge("e.Road.2", A, C).edge("e.Road.0", B, C).done().await;
    let found = follow(&*db, &[A, C, B, A], &Expansion::new(Direction::Out)).await;
    let expected = [(0, B), (0, C), (2, C), (3, B), (3, C)];
    assert_eq!(found, expected.map(|(origin, node)| (origin, node.to_owned())));
    assert_eq!(follow(&*db, &[], &Expansion::new(Direction::Out)).await, []);
}

pub async fn a_start_that_does_not_exist_has_no_neighbours(db: Arc<dyn Database>) {
    let edges = ops(&*db).nodes(&[A, B]).edge("e.Road.1", A, B);
    edges.undirected_edge("e.Road.2", B, A).delete(A).done().await;
    for direction in WAYS {
        let expansion = Expansion::new(direction);
        let found = follow(&*db, &["n.City.x", A, "n.City.y"], &expansion).await;
        assert_eq!(found, [], "{direction:?}");
        let mut expansion = Expansion::new(direction);
        expansion.edge_filter = filter(&doc! { "context.km": { "$exists": false } });
        assert_eq!(follow(&*db, &[A], &expansion).await, [], "{direction:?}");
        assert_eq!(follow(&*db, &[B], &expansion).await, [], "{direction:?}");
    }
}

pub async fn a_start_that_is_no_node_has_no_neighbours(db: Arc<dyn Database>) {
    let edges = ops(&*db).nodes(&[A, B, "o.City.a"]).edge("e.Road.1", A, B);
    edges.edge("e.City.a", A, B).done().await;
    let starts = ["o.City.a", "e.City.a", "e.Road.1", "j.City.a"];
    for hint in [0, 1] {
        let starts = starts.map(|text| Handle::with_ordinal(id(text), hint));
        let expansion = Expansion::new(Direction::Both);
        let found = db.neighbors(&starts, &expansion).await.expect("neighbors");
        assert!(found.is_empty(), "{found:?}");
    }
}

pub async fn edge_types_choose_the_edges(db: Arc<dyn Database>) {
    let edges = ops(&*db).nodes(&[A, B, C]).edge("e.Road.1", A, B);
    edges.edge("e.Rail.2", A, C).edge("e.Ferry.3", A, A).done().await;
    let choose = async |edges: EntitySet| {
        let mut expansion = Expansion::new(Direction::Out);
        expansion.edges = edges;
        follow(&*db, &[A], &expansion).await.into_iter().map(|(_, node)| node).collect::<Vec<_>>()
    };
    assert_eq!(choose(EntitySet::Any).await, [A, C, B]);
    assert_eq!(choose(entities(&["Road"])).await, [B]);
    assert_eq!(choose(entities(&["Rail", "Road"])).await, [C, B]);
    assert_eq!(choose(entities(&["City"])).await, NONE);
    assert_eq!(choose(entities(&["NoEdgeIsCalledThis"])).await, NONE);
    assert_eq!(choose(entities(&[])).await, NONE);
}

pub async fn node_types_choose_the_nodes(db: Arc<dyn Database>) {
    let nodes = ops(&*db).nodes(&[A, "n.Town.b", "n.Port.c"]).edge("e.Road.1", A, "n.Town.b");
    nodes.edge("e.Road.2", A, "n.Port.c").edge("e.Road.3", "n.Town.b", A).done().await;
    let choose = async |nodes: EntitySet| {
        let mut expansion = Expansion::new(Direction::Out);
        expansion.nodes = nodes;
        follow(&*db, &[A, "n.Town.b"], &expansion).await
    };
    assert_eq!(choose(entities(&["Town"])).await, [(0, "n.Town.b".into())]);
    let found = choose(entities(&["City", "Port"])).await;
    assert_eq!(found, [(0, "n.Port.c".into()), (1, A.into())]);
    assert_eq!(choose(entities(&["Road"])).await, []);
    assert_eq!(choose(entities(&[])).await, []);
}

pub async fn an_edge_filter_chooses_by_content(db: Arc<dyn Database>) {
    ops(&*db)
        .nodes(&[A, B, C])
        .link("e.Road.1", &doc! { "km": 3 }, link(A, B))
        .link("e.Road.2", &doc! { "km": 7.5 }, undirected(link(C, A)))
        .link("e.Rail.3", &doc! { "km": [1, 9] }, link(A, A))
        .link("e.Rail.4", &doc! {}, link(A, B))
        .done()
        .await;
    let choose = async |condition: bson::Document| {
        let mut expansion = Expansion::new(Direction::Out);
        expansion.edge_filter = filter(&condition);
        expansion.with_edges = true;
        let found = db.neighbors(&handles(&[A, C]), &expansion).await.expect("neighbors");
        let edge = |edge: Option<Handle>| edge.expect("a named edge").id().to_string();
        let found = found.into_iter().map(|found| (found.origin, edge(found.edge)));
        found.collect::<Vec<_>>()
    };
    let on = |origin: u32, edge: &str| (origin, edge.to_owned());
    let found = choose(doc! { "context.km": { "$gt": 5 } }).await;
    assert_eq!(found, [on(0, "e.Rail.3"), on(0, "e.Road.2"), on(1, "e.Road.2")]);
    assert_eq!(choose(doc! { "context.km": null }).await, [on(0, "e.Rail.4")]);
    assert_eq!(choose(doc! { "entity": "Road", "context.km": 3 }).await, [on(0, "e.Road.1")]);
    let found = choose(doc! { "bidirectional": true }).await;
    assert_eq!(found, [on(0, "e.Road.2"), on(1, "e.Road.2")]);
    let found = choose(doc! { "target": B }).await;
    assert_eq!(found, [on(0, "e.Rail.4"), on(0, "e.Road.1")]);
    assert_eq!(choose(doc! { "_id": { "$in": [] } }).await, []);
    ops(&*db).update("e.Road.1", 1, &doc! { "km": 8 }).done().await;
    assert_eq!(choose(doc! { "context.km": 8 }).await, [on(0, "e.Road.1")]);
}

pub async fn edges_are_named_when_asked_for(db: Arc<dyn Database>) {
    ops(&*db).nodes(&[A, B]).edge("e.Road.1", A, B).done().await;
    for direction in [Direction::Out, Direction::Both] {
        let mut expansion = Expansion::new(direction);
        let found = db.neighbors(&handles(&[A]), &expansion).await.expect("neighbors");
        assert!(found[0].edge.is_none());
        expansion.with_edges = true;
        let found = db.neighbors(&handles(&[A]), &expansion).await.expect("neighbors");
        assert_eq!(found[0].edge.as_ref().map(Handle::id), Some(&id("e.Road.1")));
    }
}

pub async fn only_known_nodes_may_be_left_out(db: Arc<dyn Database>) {
    let edges = ops(&*db).nodes(&[A, B, C]).edge("e.Road.1", A, B);
    edges.edge("e.Road.2", A, C).edge("e.Road.3", A, B).done().await;
    let expansion = Expansion::new(Direction::Out);
    let all = db.neighbors(&handles(&[A]), &expansion).await.expect("neighbors");
    let mut known = OrdinalSet::new();
    for left_out in [&[][..], &[B], &[B, C]] {
        for node in
            all.iter().filter(|found| left_out.iter().any(|out| *found.node.id() == id(out)))
        {
            node.node.ordinal().map(|ordinal| known.insert(ordinal));
        }
        let found = db.neighbors_except(&handles(&[A]), &expansion, &known).await;
        let found: Vec<Id> =
            found.expect("neighbors").into_iter().map(|found| found.node.into_id()).collect();
        let expected = all.iter().map(|found| found.node.id());
        let is_kept = |node: &&Id| !left_out.iter().any(|out| **node == id(out));
        if db.capabilities().ordinals {
            assert!(found.iter().eq(expected.filter(is_kept)), "{left_out:?}: {found:?}");
        } else {
            assert!(found.iter().eq(expected), "{left_out:?}: {found:?}");
        }
    }
}

pub async fn handles_of_an_answer_find_their_documents(db: Arc<dyn Database>) {
    let edges = ops(&*db).nodes(&[A, B, C]).edge("e.Road.1", A, B);
    edges.edge("e.Road.2", A, C).edge("e.Road.3", B, C).done().await;
    let mut expansion = Expansion::new(Direction::Out);
    expansion.with_edges = true;
    let found = db.neighbors(&handles(&[A]), &expansion).await.expect("neighbors");
    let nodes: Vec<Handle> = found.iter().map(|found| found.node.clone()).collect();
    let edges: Vec<Handle> = found.into_iter().filter_map(|found| found.edge).collect();
    for (asked, expected) in [(&nodes, [B, C]), (&edges, ["e.Road.1", "e.Road.2"])] {
        let documents = db.get_many(asked).await.expect("get_many").into_iter().flatten();
        let ids: Vec<String> = documents.map(|document| document.id.to_string()).collect();
        assert_eq!(ids, expected);
    }
    let further = db.neighbors(&nodes, &expansion).await.expect("neighbors");
    assert_eq!(further.len(), 1);
    assert_eq!((further[0].origin, further[0].node.id()), (0, &id(C)));
}

pub async fn ordinals_are_dense_and_stay_while_pinned(db: Arc<dyn Database>) {
    let mut batch = ops(&*db).nodes(&[A]);
    for number in 0..50 {
        let node = format!("n.City.{number}");
        batch = batch.nodes(&[&node]).edge(&format!("e.Road.{number}"), A, &node);
    }
    batch.done().await;
    let mut expansion = Expansion::new(Direction::Out);
    expansion.with_edges = true;
    let pin = db.pin_ordinals();
    let found = db.neighbors(&handles(&[A]), &expansion).await.expect("neighbors");
    assert_eq!(found.len(), 50);
    let nodes: Vec<Option<u32>> = found.iter().map(|found| found.node.ordinal()).collect();
    let edges: Vec<Option<u32>> =
        found.iter().filter_map(|found| found.edge.as_ref()).map(Handle::ordinal).collect();
    if !db.capabilities().ordinals {
        assert!(nodes.iter().chain(&edges).all(Option::is_none), "a hint nobody promised");
        return;
    }
    for ordinals in [&nodes, &edges] {
        let different: BTreeSet<u32> = ordinals.iter().copied().flatten().collect();
        assert_eq!(different.len(), 50, "an ordinal is missing or given twice");
        assert!(different.last() < Some(&51), "ordinals are not dense: {different:?}");
    }
    let gone: BTreeSet<u32> = nodes.iter().take(10).copied().flatten().collect();
    let ten: Vec<String> = found.iter().take(10).map(|found| found.node.id().to_string()).collect();
    ten.iter().fold(ops(&*db), |ops, node| ops.detach(node)).done().await;
    let take = async |name: &str| {
        let node = format!("n.Town.{name}");
        let edge = format!("e.Path.{name}");
        ops(&*db).nodes(&[&node]).edge(&edge, A, &node).done().await;
        let mut expansion = Expansion::new(Direction::Out);
        expansion.edges = entities(&["Path"]);
        let found = db.neighbors(&handles(&[A]), &expansion).await.expect("neighbors");
        let ordinal = |found: &crate::Adjacent| {
            (*found.node.id() == id(&node)).then(|| found.node.ordinal()).flatten()
        };
        found.iter().find_map(ordinal).expect("an ordinal")
    };
    for name in 0..20 {
        let ordinal = take(&format!("pinned{name}")).await;
        assert!(!gone.contains(&ordinal), "ordinal {ordinal} was given away under a pin");
    }
    drop(pin);
    let mut again = BTreeSet::new();
    for name in 0..20 {
        again.insert(take(&format!("free{name}")).await);
    }
    assert!(gone.is_subset(&again), "ordinals were not given out again: {gone:?}, {again:?}");
}

pub async fn a_hub_of_five_thousand_edges_is_answered_in_order(db: Arc<dyn Database>) {
    let mut batch = ops(&*db).nodes(&["n.Hub.hub"]);
    let keys: Vec<[u8; 12]> = IdGenerator::fixed(3).reserve(5_000).collect();
    for number in 0..5_000 {
        batch = batch.insert(&format!("n.City.{number}"), &doc! {});
    }
    for (number, key) in keys.iter().enumerate().rev() {
        batch = batch.edge(&generated("Road", *key), "n.Hub.hub", &format!("n.City.{number}"));
    }
    batch.done().await;
    let expected: Vec<String> = (0..5_000).map(|number| number.to_string()).collect();
    assert_eq!(reached(&*db, "n.Hub.hub", Direction::Out).await, expected);
    let every_second = keys.iter().step_by(2);
    let deletes = every_second.fold(ops(&*db), |ops, key| ops.delete(&generated("Road", *key)));
    deletes.done().await;
    let left: Vec<String> = (0..5_000).skip(1).step_by(2).map(|n| n.to_string()).collect();
    assert_eq!(reached(&*db, "n.Hub.hub", Direction::Both).await, left);
    assert_eq!(ops(&*db).detach("n.Hub.hub").write().await.detached, 2_500);
    assert_eq!(reached(&*db, "n.City.1", Direction::In).await, NONE);
    assert!(get(&*db, "n.City.1").await.is_some());
}
