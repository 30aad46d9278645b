//! Reading by id.

use std::sync::Arc;

use bson::doc;

use super::support::{fields, follow, get, handles, id, link, ops};
use crate::database::Database;
use crate::expansion::{Direction, Expansion};
use crate::id::Handle;

async fn ids(db: &dyn Database, handles: &[Handle]) -> Vec<Option<String>> {
    let found = db.get_many(handles).await.expect("get_many");
    found.into_iter().map(|found| found.map(|document| document.id.to_string())).collect()
}

fn some(ids: &[&str]) -> Vec<Option<String>> {
    ids.iter().map(|id| Some((*id).to_owned())).collect()
}

pub async fn documents_come_in_the_order_of_the_handles(db: Arc<dyn Database>) {
    ops(&*db).nodes(&["n.City.a", "n.City.b", "n.City.c"]).done().await;
    let asked = ["n.City.c", "n.City.a", "n.City.b"];
    assert_eq!(ids(&*db, &handles(&asked)).await, some(&asked));
}

pub async fn a_missing_document_is_none_in_its_place(db: Arc<dyn Database>) {
    ops(&*db).nodes(&["n.City.a", "n.City.b"]).done().await;
    let found = ids(&*db, &handles(&["n.City.x", "n.City.a", "n.Town.a", "n.City.b"])).await;
    let expected = [None, Some("n.City.a".into()), None, Some("n.City.b".into())];
    assert_eq!(found, expected);
}

pub async fn a_handle_given_twice_is_answered_twice(db: Arc<dyn Database>) {
    ops(&*db).nodes(&["n.City.a", "n.City.b"]).done().await;
    let asked = ["n.City.a", "n.City.b", "n.City.a"];
    assert_eq!(ids(&*db, &handles(&asked)).await, some(&asked));
    assert_eq!(ids(&*db, &handles(&["n.City.x", "n.City.x"])).await, [None, None]);
}

pub async fn no_handles_are_answered_with_nothing(db: Arc<dyn Database>) {
    assert_eq!(ids(&*db, &[]).await, []);
}

pub async fn a_wrong_hint_still_finds_the_document(db: Arc<dyn Database>) {
    ops(&*db).nodes(&["n.City.a", "n.City.b"]).done().await;
    for hint in [0, 1, 2, 77, u32::MAX - 1, u32::MAX] {
        let asked = ["n.City.a", "n.City.b"].map(|text| Handle::with_ordinal(id(text), hint));
        assert_eq!(ids(&*db, &asked).await, some(&["n.City.a", "n.City.b"]), "hint {hint}");
        let gone = Handle::with_ordinal(id("n.City.x"), hint);
        assert_eq!(ids(&*db, &[gone]).await, [None], "hint {hint}");
    }
}

pub async fn a_stale_hint_never_shows_another_document(db: Arc<dyn Database>) {
    let ends = ["n.City.hub", "n.City.a", "n.City.b"];
    let edges = ops(&*db).nodes(&ends).edge("e.Road.1", ends[0], ends[1]);
    edges.edge("e.Road.2", ends[0], ends[2]).done().await;
    let expansion = Expansion::new(Direction::Out);
    let hub = handles(&["n.City.hub"]);
    let hints = db.neighbors(&hub, &expansion).await.expect("neighbors");
    let hints: Vec<Handle> = hints.into_iter().map(|adjacent| adjacent.node).collect();
    ops(&*db).detach("n.City.a").detach("n.City.b").done().await;
    // These may get the places of the documents that are gone.
    for round in 0..8 {
        ops(&*db).nodes(&[&format!("n.City.new{round}")]).done().await;
        assert_eq!(ids(&*db, &hints).await, [None, None]);
    }
    ops(&*db).insert("n.City.a", &doc! { "again": true }).done().await;
    assert_eq!(ids(&*db, &hints).await, [Some("n.City.a".into()), None]);
    assert_eq!(follow(&*db, &["n.City.hub"], &expansion).await, []);
    for hint in hints.iter().filter_map(Handle::ordinal) {
        for round in 0..8 {
            let name = format!("n.City.new{round}");
            let asked = [Handle::with_ordinal(id(&name), hint)];
            assert_eq!(ids(&*db, &asked).await, some(&[&name]));
        }
    }
}

pub async fn a_hint_given_before_a_document_was_made_again_still_finds_it(db: Arc<dyn Database>) {
    let names = ["n.City.a", "n.City.b", "n.City.c", "n.City.d"];
    ops(&*db).nodes(&names).nodes(&["n.City.hub"]).done().await;
    for round in 0..4_usize {
        let edges = names
            .iter()
            .fold(ops(&*db), |ops, name| ops.edge(&format!("e.Road.{name}"), "n.City.hub", name));
        edges.done().await;
        let expansion = Expansion::new(Direction::Out);
        let hub = handles(&["n.City.hub"]);
        let hints = db.neighbors(&hub, &expansion).await.expect("neighbors");
        let hints: Vec<Handle> = hints.into_iter().map(|adjacent| adjacent.node).collect();
        assert_eq!(ids(&*db, &hints).await, some(&names));
        names.iter().fold(ops(&*db), |ops, name| ops.detach(name)).done().await;
        assert_eq!(ids(&*db, &hints).await, [None, None, None, None]);
        // One after the other and in another order each time, so that places are mixed up.
        for number in 0..4 {
            let place = (number * 3 + round) % 4;
            ops(&*db).nodes(&[names[place]]).done().await;
            let hint = &hints[place..=place];
            assert_eq!(ids(&*db, hint).await, some(&[names[place]]), "round {round}");
        }
        ops(&*db).edge("e.Loop.a", names[0], names[0]).done().await;
        assert_eq!(ids(&*db, &hints).await, some(&names), "round {round}");
        let found = db.neighbors(&hints, &expansion).await.expect("neighbors");
        assert_eq!(found.len(), 1, "round {round}");
        ops(&*db).delete("e.Loop.a").done().await;
    }
}

pub async fn every_collection_is_read_in_one_call(db: Arc<dyn Database>) {
    let all = ["n.City.a", "o.Note.a", "j.Checkpoint.a", "e.Road.a"];
    ops(&*db).nodes(&all[..3]).edge(all[3], all[0], all[0]).done().await;
    assert_eq!(ids(&*db, &handles(&all)).await, some(&all));
}

pub async fn only_an_edge_has_ends(db: Arc<dyn Database>) {
    let nodes = ops(&*db).nodes(&["n.City.a", "n.City.b", "o.Note.a"]);
    nodes.edge("e.Road.1", "n.City.a", "n.City.b").done().await;
    ops(&*db).undirected_edge("e.Road.2", "n.City.b", "n.City.a").done().await;
    for text in ["n.City.a", "o.Note.a"] {
        assert_eq!(get(&*db, text).await.expect("a document").ends, None);
    }
    let first = get(&*db, "e.Road.1").await.expect("an edge");
    assert_eq!(first.ends, Some(link("n.City.a", "n.City.b").ends));
    let second = get(&*db, "e.Road.2").await.expect("an edge").ends.expect("ends");
    assert_eq!((second.source, second.bidirectional), (id("n.City.b"), true));
}

pub async fn ids_that_look_alike_are_different_documents(db: Arc<dyn Database>) {
    let alike = [
        "n.City.a",
        "n.City.A",
        "o.City.a",
        "j.City.a",
        "n.city.a",
        "n.City.a ",
        "n.City.a.b",
        "n.City.ä",
        "n.City.a\u{308}",
        "n.City.4b60c5d8224f4482a88b6829",
        "n.City.4B60C5D8224F4482A88B6829",
        "n.Town.4b60c5d8224f4482a88b6829",
        "o.City.4b60c5d8224f4482a88b6829",
    ];
    for (number, text) in alike.iter().enumerate() {
        ops(&*db).insert(text, &doc! { "number": number as i32 }).done().await;
    }
    let found = db.get_many(&handles(&alike)).await.expect("get_many");
    for (number, document) in found.into_iter().enumerate() {
        let document = document.expect("a document");
        assert_eq!(document.id.to_string(), alike[number]);
        assert_eq!(fields(&document), doc! { "number": number as i32 });
    }
}

pub async fn three_thousand_documents_are_read_in_one_call(db: Arc<dyn Database>) {
    let names: Vec<String> = (0..3_000).map(|number| format!("n.City.{number}")).collect();
    let mut batch = ops(&*db);
    for (number, name) in names.iter().enumerate() {
        batch = batch.insert(name, &doc! { "number": number as i32 });
    }
    batch.done().await;
    let asked: Vec<Handle> = names.iter().rev().map(|name| Handle::from(id(name))).collect();
    let found = db.get_many(&asked).await.expect("get_many");
    assert_eq!(found.len(), 3_000);
    for (document, number) in found.into_iter().zip((0..3_000).rev()) {
        assert_eq!(fields(&document.expect("a document")), doc! { "number": number });
    }
}
