//! Following edges page by page.

use std::sync::Arc;

use bson::doc;

use super::support::{entities, entity, filter, handles, id, link, ops, undirected};
use crate::database::Database;
use crate::expansion::{Adjacent, Direction, Expansion, Place};
use crate::id::{Collection, Handle, Id};
use crate::id_generator::IdGenerator;
use crate::ordinal_set::OrdinalSet;

const WAYS: [Direction; 3] = [Direction::Out, Direction::In, Direction::Both];

/// What is known of a neighbour.
type Found = (u32, Id, Id);

fn shown(found: &Adjacent) -> Found {
    let edge = found.edge.as_ref().expect("a named edge");
    (found.origin, edge.id().clone(), found.node.id().clone())
}

async fn ask(db: &dyn Database, from: &[Handle], expansion: &Expansion) -> Vec<Adjacent> {
    db.neighbors(from, expansion).await.expect("neighbors")
}

async fn whole(db: &dyn Database, from: &[Handle], expansion: &Expansion) -> Vec<Found> {
    let expansion = Expansion { with_edges: true, ..expansion.clone() };
    ask(db, from, &expansion).await.iter().map(shown).collect()
}

/// All pages of `limit` neighbours, which must be full but for the last.
async fn paged(
    db: &dyn Database,
    from: &[Handle],
    expansion: &Expansion,
    limit: usize,
) -> Vec<Found> {
    let mut expansion =
        Expansion { with_edges: true, limit: Some(limit), after: None, ..expansion.clone() };
    let mut all = Vec::new();
    loop {
        let found = ask(db, from, &expansion).await;
        assert!(found.len() <= limit, "a page of {} where {limit} are allowed", found.len());
        all.extend(found.iter().map(shown));
        match expansion.place_after(&found) {
            Some(place) => expansion.after = Some(place),
            None => return all,
        }
    }
}

/// Twenty nodes, with edges of every kind between them.
async fn every_kind(db: &dyn Database) -> Vec<String> {
    let nodes: Vec<String> =
        (0..20).map(|number| format!("n.{}.{number:02}", ["City", "Town"][number % 2])).collect();
    let mut batch = ops(db);
    for node in &nodes {
        batch = batch.nodes(&[node]);
    }
    let mut keys = IdGenerator::fixed(5).reserve(400);
    for number in 0..400_usize {
        // A third of them at the first node, in both directions.
        let source = if number % 3 == 0 { 0 } else { number * 7 % 20 };
        let target = if number % 3 == 1 { 0 } else { number * 11 % 19 };
        let name = ["Road", "Ferry", "Air"][number / 3 % 3];
        let edge = match keys.next().filter(|_| number % 5 > 0) {
            Some(key) => Id::generated(Collection::Edge, entity(name), key).to_string(),
            None => format!("e.{name}.x{}.{}", number * 13 % 400, "0".repeat(24)),
        };
        let ends = link(&nodes[source], &nodes[target]);
        let ends = if number % 4 == 0 { undirected(ends) } else { ends };
        batch = batch.link(&edge, &doc! { "km": i64::try_from(number % 9).expect("small") }, ends);
    }
    batch.done().await;
    ops(db).delete(&nodes[7]).delete(&nodes[11]).done().await;
    nodes
}

pub async fn pages_of_any_size_are_the_whole(db: Arc<dyn Database>) {
    let nodes = every_kind(&*db).await;
    let mut starts: Vec<&str> = nodes.iter().map(String::as_str).collect();
    starts.extend(["o.City.00", "n.City.none", &nodes[0], &nodes[5]]);
    let starts = handles(&starts);
    for direction in WAYS {
        let mut expansions = vec![Expansion::new(direction); 4];
        expansions[1].edges = entities(&["Road", "Air"]);
        expansions[1].nodes = entities(&["Town"]);
        expansions[2].edge_filter = filter(&doc! { "context.km": { "$gt": 5 } });
        expansions[3].may_dangle = true;
        for (kind, expansion) in expansions.iter().enumerate() {
            let expected = whole(&*db, &starts, expansion).await;
            assert!(expected.len() > 50, "{}", expected.len());
            for limit in [1, 7, 40, expected.len(), expected.len() + 1] {
                // One by one takes many calls, so of a few nodes only.
                let starts = if limit == 1 { &starts[3..8] } else { &starts[..] };
                let expected = whole(&*db, starts, expansion).await;
                let found = paged(&*db, starts, expansion, limit).await;
                let case = format!("{direction:?}, kind {kind}, pages of {limit}");
                let differs = found.iter().zip(&expected).position(|(found, whole)| found != whole);
                assert_eq!(
                    differs,
                    None,
                    "{case}: {:?}",
                    differs.map(|at| (&found[at], &expected[at]))
                );
                assert_eq!(found.len(), expected.len(), "{case}");
            }
        }
    }
}

pub async fn a_page_names_the_edge_it_ends_with_and_no_other(db: Arc<dyn Database>) {
    let nodes = every_kind(&*db).await;
    let from = handles(&[&nodes[0]]);
    for edge_filter in [filter(&doc! {}), filter(&doc! { "context.km": { "$gt": 2 } })] {
        let mut expansion = Expansion::new(Direction::Both);
        expansion.edge_filter = edge_filter;
        let all = whole(&*db, &from, &expansion).await;
        expansion.limit = Some(10);
        let found = ask(&*db, &from, &expansion).await;
        assert_eq!(found.len(), 10);
        assert!(found[..9].iter().all(|found| found.edge.is_none()));
        assert_eq!(shown(&found[9]), all[9]);
        let place = expansion.place_after(&found).expect("a place");
        assert_eq!(place, Place::new(0, all[9].1.clone()));
        expansion.after = Some(place);
        expansion.limit = None;
        let rest = ask(&*db, &from, &expansion).await;
        assert!(rest.iter().all(|found| found.edge.is_none()));
        assert!(rest.iter().map(|found| found.node.id()).eq(all[10..].iter().map(|all| &all.2)));
        expansion.limit = Some(0);
        assert!(ask(&*db, &from, &expansion).await.is_empty());
    }
}

pub async fn a_place_stays_one_when_its_edge_is_deleted(db: Arc<dyn Database>) {
    let nodes = every_kind(&*db).await;
    let from = handles(&[&nodes[0], &nodes[1]]);
    let mut expansion = Expansion::new(Direction::Out);
    let all = whole(&*db, &from, &expansion).await;
    expansion.limit = Some(25);
    let found = ask(&*db, &from, &expansion).await;
    expansion.after = expansion.place_after(&found);
    let last = all[24].1.to_string();
    // Before the place and behind it; those that are made meanwhile have the greatest keys.
    let gone = all[30].1.to_string();
    ops(&*db).delete(&last).delete(&gone).edge("e.Road.zzz", &nodes[1], &nodes[2]).done().await;
    expansion.limit = None;
    expansion.with_edges = true;
    let rest: Vec<Found> = ask(&*db, &from, &expansion).await.iter().map(shown).collect();
    let mut expected = [&all[25..30], &all[31..]].concat();
    expected.retain(|(_, edge, _)| *edge != id(&last) && *edge != id(&gone));
    expected.push((1, id("e.Road.zzz"), id(&nodes[2])));
    assert_eq!(rest, expected);
}

pub async fn known_nodes_leave_room_for_others(db: Arc<dyn Database>) {
    let nodes = every_kind(&*db).await;
    let from = handles(&[&nodes[0]]);
    let mut expansion = Expansion::new(Direction::Out);
    let all = ask(&*db, &from, &expansion).await;
    let mut known = OrdinalSet::new();
    for found in all.iter().filter(|found| *found.node.id() != id(&nodes[3])) {
        found.node.ordinal().map(|ordinal| known.insert(ordinal));
    }
    expansion.limit = Some(2);
    let found = db.neighbors_except(&from, &expansion, &known).await.expect("neighbors");
    assert_eq!(found.len(), 2);
    if db.capabilities().ordinals {
        assert!(found.iter().all(|found| *found.node.id() == id(&nodes[3])), "{found:?}");
    }
}

pub async fn a_hub_among_others_comes_page_by_page(db: Arc<dyn Database>) {
    let mut batch = ops(&*db).nodes(&["n.Hub.hub", "n.City.far"]);
    let keys: Vec<[u8; 12]> = IdGenerator::fixed(3).reserve(6_000).collect();
    for (number, key) in keys.iter().enumerate() {
        let city = format!("n.City.{number}");
        let edge = Id::generated(Collection::Edge, entity("Road"), *key).to_string();
        batch = batch.insert(&city, &doc! {});
        batch = match number % 2 {
            0 => batch.edge(&edge, "n.Hub.hub", &city),
            _ => batch.undirected_edge(&edge, &city, "n.Hub.hub"),
        };
    }
    batch.edge("e.Road.far", "n.City.3", "n.City.far").done().await;
    let from = handles(&["n.City.1", "n.City.3", "n.Hub.hub", "n.City.5", "n.City.4"]);
    for direction in WAYS {
        let expansion = Expansion::new(direction);
        let expected = whole(&*db, &from, &expansion).await;
        assert!(expected.len() > 3_000);
        assert_eq!(paged(&*db, &from, &expansion, 1_000).await, expected, "{direction:?}");
    }
}

pub async fn pages_of_a_transaction_are_what_it_sees(db: Arc<dyn Database>) {
    let nodes = every_kind(&*db).await;
    let from: Vec<&str> = nodes.iter().map(String::as_str).collect();
    let from = handles(&from);
    let expansion = Expansion::new(Direction::Both);
    let before = whole(&*db, &from, &expansion).await;
    if db.capabilities().transactions.is_none() {
        return;
    }
    let tx = db.begin().await.expect("a transaction");
    assert_eq!(whole(&*tx, &from, &expansion).await, before);
    let (own, others) = (before[20].1.to_string(), before[60].1.to_string());
    let new = [before[3].2.to_string(), nodes[0].clone()];
    ops(&*tx).delete(&own).edge("e.Road.own", &new[0], &new[1]).done().await;
    // It does not see what others write meanwhile, in nodes that it leaves alone.
    ops(&*db).nodes(&["n.City.new"]).edge("e.Road.new", &nodes[9], "n.City.new").done().await;
    ops(&*db).delete(&others).done().await;
    let expected = whole(&*tx, &from, &expansion).await;
    let has = |edge: &str| expected.iter().any(|(_, found, _)| *found == id(edge));
    assert!(has("e.Road.own") && has(&others) && !has(&own) && !has("e.Road.new"));
    let mut filtered = expansion.clone();
    filtered.edge_filter = filter(&doc! { "context.km": { "$gt": 3 } });
    let matching = whole(&*tx, &from, &filtered).await;
    for limit in [1, 10, expected.len()] {
        let start = if limit == 1 { 1..3 } else { 0..from.len() };
        let found = paged(&*tx, &from[start.clone()], &expansion, limit).await;
        assert_eq!(found, whole(&*tx, &from[start], &expansion).await, "pages of {limit}");
        if limit > 1 {
            assert_eq!(paged(&*tx, &from, &filtered, limit).await, matching, "pages of {limit}");
        }
    }
    tx.close().await.expect("close");
}
