//! Searching a collection at one point in time.

use std::sync::Arc;

use bson::doc;

use super::support::{fields, filter, find, find_all, id, link, ops, read};
use crate::database::{Cursor, Database};
use crate::document::Document;
use crate::filter::Filter;
use crate::id::{Collection, Id};
use crate::id_generator::IdGenerator;
use crate::query::Query;
use crate::version::Version;

fn nodes(condition: &bson::Document) -> Query {
    Query::new(Collection::Node, filter(condition))
}

async fn open(db: &dyn Database, collection: Collection) -> Cursor {
    db.find(Query::new(collection, Filter::all())).await.expect("find")
}

async fn rest(cursor: Cursor) -> Vec<Document> {
    let mut documents = cursor.try_collect().await.expect("documents");
    documents.sort_by(|a, b| a.id.cmp(&b.id));
    documents
}

/// Writes `o.Note.0000` and so on, with their number as `n`.
async fn notes(db: &dyn Database, count: i32) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|number| format!("o.Note.{number:04}")).collect();
    let mut batch = ops(db);
    for (number, name) in (0..).zip(&names) {
        batch = batch.insert(name, &doc! { "n": number });
    }
    batch.done().await;
    names
}

pub async fn only_the_collection_is_searched(db: Arc<dyn Database>) {
    let batch = ops(&*db).nodes(&["n.City.a", "o.City.a", "j.City.a"]);
    batch.edge("e.City.a", "n.City.a", "n.City.a").done().await;
    for collection in Collection::ALL {
        let expected = format!("{}.City.a", collection.letter());
        assert_eq!(find_all(&*db, collection).await, [expected]);
        assert_eq!(db.count(collection, &Filter::all()).await.expect("count"), 1);
    }
}

pub async fn an_entity_is_found_by_name(db: Arc<dyn Database>) {
    let city = super::support::entity("City");
    let key = IdGenerator::fixed(7).next_key();
    let generated = Id::generated(Collection::Node, city, key);
    let batch = ops(&*db).nodes(&["n.City.a", "n.Town.a", "n.City.b", "o.City.c"]);
    batch.insert_id(generated.clone(), &doc! { "n": 1 }).done().await;
    let mut expected = vec![generated.to_string(), "n.City.a".into(), "n.City.b".into()];
    expected.sort_unstable();
    assert_eq!(find(&*db, nodes(&doc! { "entity": "City" })).await, expected);
    let found = find(&*db, nodes(&doc! { "entity": "City", "context.n": 1 })).await;
    assert_eq!(found, [generated.to_string()]);
    let none = find(&*db, nodes(&doc! { "entity": "NobodyIsCalledThis" })).await;
    assert_eq!(none, [""; 0]);
    let found = find(&*db, nodes(&doc! { "entity": { "$in": ["Town", "City"] } })).await;
    assert_eq!(found.len(), 4);
    let found = find(&*db, nodes(&doc! { "entity": { "$ne": "City" } })).await;
    assert_eq!(found, ["n.Town.a"]);
}

pub async fn an_entity_is_found_though_its_name_was_only_read_from_ids(db: Arc<dyn Database>) {
    // No other case may know these names.
    ops(&*db).nodes(&["n.OnlyReadFromAnId.a"]).done().await;
    let found = find(&*db, nodes(&doc! { "entity": "OnlyReadFromAnId" })).await;
    assert_eq!(found, ["n.OnlyReadFromAnId.a"]);
    let condition = filter(&doc! { "entity": "OnlyReadFromAnId" });
    assert_eq!(db.count(Collection::Node, &condition).await.expect("count"), 1);
}

pub async fn fields_of_the_envelope_are_found(db: Arc<dyn Database>) {
    let batch = ops(&*db).nodes(&["n.City.a", "n.City.b"]).update("n.City.b", 1, &doc! {});
    batch.link("e.Road.1", &doc! {}, link("n.City.a", "n.City.b")).done().await;
    assert_eq!(find(&*db, nodes(&doc! { "_id": "n.City.a" })).await, ["n.City.a"]);
    assert_eq!(find(&*db, nodes(&doc! { "_version": 2 })).await, ["n.City.b"]);
    let edges =
        async |condition| find(&*db, Query::new(Collection::Edge, filter(&condition))).await;
    assert_eq!(edges(doc! { "source": "n.City.a" }).await, ["e.Road.1"]);
    assert_eq!(edges(doc! { "target": "n.City.a" }).await, [""; 0]);
    assert_eq!(edges(doc! { "bidirectional": false }).await, ["e.Road.1"]);
}

pub async fn skip_and_limit_cut_the_answer(db: Arc<dyn Database>) {
    let names = notes(&*db, 20).await;
    let all = Query::new(Collection::Object, Filter::all());
    let count = async |query| find(&*db, query).await.len();
    assert_eq!(find(&*db, all.clone()).await, names);
    for (skip, limit, expected) in [
        (0, 0, 0),
        (0, 1, 1),
        (0, 20, 20),
        (0, 21, 20),
        (5, u64::MAX, 15),
        (19, 5, 1),
        (20, 5, 0),
        (u64::MAX, u64::MAX, 0),
        (7, 3, 3),
    ] {
        assert_eq!(count(all.clone().skip(skip).limit(limit)).await, expected, "{skip} {limit}");
    }
    assert_eq!(count(all.skip(8)).await, 12);
    let some = Query::new(Collection::Object, filter(&doc! { "context.n": { "$gte": 15 } }));
    assert_eq!(count(some.clone().skip(3)).await, 2);
    assert_eq!(count(some.skip(1).limit(2)).await, 2);
}

pub async fn pages_are_the_whole_in_one_order(db: Arc<dyn Database>) {
    notes(&*db, 700).await;
    ops(&*db).delete("o.Note.0100").nodes(&["o.Note.x"]).done().await;
    let query = Query::new(Collection::Object, filter(&doc! { "context.n": { "$ne": 5 } }));
    let ids = async |query: Query| {
        let documents = db.find(query).await.expect("find").try_collect().await;
        documents.expect("documents").into_iter().map(|document| document.id).collect::<Vec<_>>()
    };
    let whole = ids(query.clone()).await;
    assert_eq!(whole.len(), 699);
    assert_eq!(ids(query.clone()).await, whole);
    let mut pages = Vec::new();
    for page in 0..8 {
        pages.extend(ids(query.clone().skip(page * 100).limit(100)).await);
    }
    assert_eq!(pages, whole);
}

pub async fn a_count_is_what_a_find_returns(db: Arc<dyn Database>) {
    assert_eq!(db.count(Collection::Object, &Filter::all()).await.expect("count"), 0);
    notes(&*db, 600).await;
    ops(&*db).nodes(&["o.Memo.1", "n.Note.1"]).delete("o.Note.0007").done().await;
    for condition in [
        doc! {},
        doc! { "entity": "Note" },
        doc! { "entity": "Nobody" },
        doc! { "entity": "Note", "context.n": { "$lt": 10 } },
        doc! { "context.n": { "$gte": 590 } },
        doc! { "context.n": { "$exists": false } },
        doc! { "_id": "o.Note.0007" },
        doc! { "$nor": [{}] },
    ] {
        let query = Query::new(Collection::Object, filter(&condition));
        let found = find(&*db, query.clone()).await.len() as u64;
        let count = db.count(Collection::Object, &query.filter).await.expect("count");
        assert_eq!(count, found, "{condition}");
    }
}

pub async fn every_document_is_found_once_among_many(db: Arc<dyn Database>) {
    let names = notes(&*db, 9_000).await;
    assert_eq!(find_all(&*db, Collection::Object).await, names);
    let last = Query::new(Collection::Object, filter(&doc! { "context.n": 8_999 }));
    assert_eq!(find(&*db, last).await, ["o.Note.8999"]);
}

pub async fn a_cursor_does_not_see_later_writes(db: Arc<dyn Database>) {
    let names = notes(&*db, 2_000).await;
    for read_first in [0, 1, 300] {
        let mut cursor = open(&*db, Collection::Object).await;
        let mut seen = Vec::new();
        while seen.len() < read_first {
            seen.push(cursor.try_next().await.expect("a document").expect("not the end"));
        }
        let mut batch = ops(&*db);
        for (number, name) in (0..).zip(&names) {
            batch = match number % 4 {
                0 => batch.update(name, 1, &doc! { "n": -1 }),
                1 => batch.delete(name),
                2 => batch.delete(name).insert(name, &doc! { "n": -2 }),
                _ => batch,
            };
        }
        batch.nodes(&["o.Note.later"]).done().await;
        ops(&*db).update(&names[0], 2, &doc! { "n": -3 }).delete(&names[2]).done().await;
        seen.extend(cursor.try_collect().await.expect("documents"));
        seen.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!(seen.len(), names.len());
        for ((number, name), document) in (0..).zip(&names).zip(&seen) {
            assert_eq!(document.id, id(name));
            assert_eq!(document.version, Version::FIRST);
            assert_eq!(fields(document), doc! { "n": number });
        }
        assert_eq!(find_all(&*db, Collection::Object).await.len(), 1_500);
        let batch = names.iter().fold(ops(&*db), |ops, name| ops.delete(name));
        let _ = batch.delete("o.Note.later").write().await;
        let batch = (0..).zip(&names);
        batch.fold(ops(&*db), |ops, (n, name)| ops.insert(name, &doc! { "n": n })).done().await;
    }
}

pub async fn a_cursor_sees_an_edge_as_it_was_though_it_was_made_again(db: Arc<dyn Database>) {
    let [a, b, c, d] = ["n.City.a", "n.City.b", "n.City.c", "n.City.d"];
    let batch = ops(&*db).nodes(&[a, b, c, d]).edge("e.Road.1", a, b);
    batch.edge("e.Road.2", a, b).edge("e.Road.3", b, c).done().await;
    let cursor = open(&*db, Collection::Edge).await;
    ops(&*db).delete("e.Road.1").undirected_edge("e.Road.1", c, d).done().await;
    ops(&*db).detach(b).nodes(&["n.City.x", "n.City.y"]).done().await;
    ops(&*db).edge("e.Road.2", d, "n.City.x").edge("e.Road.9", d, c).done().await;
    let ends = [link(a, b), link(a, b), link(b, c)].map(|link| Some(link.ends));
    let seen = rest(cursor).await;
    assert_eq!(seen.iter().map(|edge| edge.ends.clone()).collect::<Vec<_>>(), ends);
    let now = rest(open(&*db, Collection::Edge).await).await;
    assert_eq!(now[0].ends, Some(super::support::undirected(link(c, d)).ends));
    assert_eq!(now.len(), 3);
}

pub async fn cursors_of_different_times_see_different_things(db: Arc<dyn Database>) {
    let mut cursors = Vec::new();
    for number in 0..10 {
        cursors.push((number, open(&*db, Collection::Object).await));
        let batch = ops(&*db).insert(&format!("o.Note.{number}"), &doc! {});
        let batch = match number {
            0 => batch.insert("o.Note.x", &doc! { "n": 0 }),
            n => batch.update("o.Note.x", n, &doc! { "n": n as i32 }),
        };
        batch.done().await;
    }
    cursors.rotate_left(3);
    for (number, cursor) in cursors {
        let seen = rest(cursor).await;
        if number == 0 {
            assert!(seen.is_empty());
            continue;
        }
        assert_eq!(seen.len() as u64, number + 1);
        let changed = seen.last().expect("a document");
        assert_eq!(fields(changed), doc! { "n": number as i32 - 1 });
        assert_eq!(changed.version, Version::new(number));
    }
}

pub async fn a_cursor_dropped_early_leaves_no_trace(db: Arc<dyn Database>) {
    let names = notes(&*db, 600).await;
    for round in 0..20_u64 {
        let mut cursor = open(&*db, Collection::Object).await;
        for _ in 0..round {
            assert!(cursor.try_next().await.expect("a document").is_some());
        }
        ops(&*db).update(&names[0], round + 1, &doc! {}).done().await;
        drop(cursor);
        drop(open(&*db, Collection::Object).await);
        drop(db.find(Query::new(Collection::Object, Filter::all())));
        assert_eq!(read(&*db, &names[0]).await.0, round + 2);
    }
    assert_eq!(find_all(&*db, Collection::Object).await, names);
}
