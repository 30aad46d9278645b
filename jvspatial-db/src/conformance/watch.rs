//! The change feed: everything that was committed, once, and in order for each document.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bson::doc;
use tokio::time::timeout;

use super::concurrency::at_once;
use super::support::{entity, fields, filter, get, id, link, ops, read};
use crate::database::Database;
use crate::error::ErrorKind;
use crate::id::Collection;
use crate::update::{Update, UpdateRequest};
use crate::watch::ChangeKind::{Created, Deleted, Updated};
use crate::watch::{
    ChangeEvent, ChangeKind, ChangeStream, DocumentChange, ResumeToken, WatchOptions,
};
use crate::write::Outcome;

/// How long a change may take to be told.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A watch; on a backend without a change feed, a check that it says so.
pub(super) async fn watch(db: &dyn Database, options: WatchOptions) -> Option<ChangeStream> {
    match (db.capabilities().change_feed, db.watch(options).await) {
        (true, changes) => Some(changes.expect("a watch")),
        (false, changes) => {
            let error = changes.expect_err("no watch");
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            None
        }
    }
}

pub(super) async fn next(changes: &mut ChangeStream) -> DocumentChange {
    let event = timeout(PATIENCE, changes.try_next()).await.expect("an event in time");
    match event.expect("no error").expect("the stream goes on") {
        ChangeEvent::Changed(change) => change,
        ChangeEvent::Lost(lost) => panic!("history was lost: {}", lost.reason),
    }
}

pub(super) async fn take(changes: &mut ChangeStream, count: usize) -> Vec<DocumentChange> {
    let mut taken = Vec::with_capacity(count);
    for _ in 0..count {
        taken.push(next(changes).await);
    }
    taken
}

pub(super) type Told = (String, ChangeKind, Option<u64>);

/// Changes by document, those of one in their order. The version of a removal is left out, since a backend need
/// not know it; if it does, it must be the last one that was told.
pub(super) fn told(changes: &[DocumentChange]) -> Vec<Told> {
    let mut told: Vec<Told> = changes
        .iter()
        .map(|change| (change.id.to_string(), change.kind, change.version.map(crate::Version::get)))
        .collect();
    told.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    for at in 0..told.len() {
        if told[at].1 == Deleted {
            let before = at.checked_sub(1).map(|before| told[before].clone());
            let version = told[at].2.take();
            if let (Some(version), Some((of, _, Some(last)))) = (version, before)
                && of == told[at].0
            {
                assert_eq!(version, last, "the last version of {of}");
            }
        }
    }
    told
}

pub(super) fn tell(id: &str, kind: ChangeKind, version: u64) -> Told {
    (id.to_owned(), kind, (kind != Deleted).then_some(version))
}

/// Checks that nothing was told but what was expected, by a change that must be the next.
pub(super) async fn nothing_else(db: &dyn Database, changes: &mut ChangeStream) {
    ops(db).insert("o.Mark.1", &doc! {}).done().await;
    assert_eq!(told(&[next(changes).await]), [tell("o.Mark.1", Created, 1)]);
    ops(db).delete("o.Mark.1").done().await;
    assert_eq!(told(&[next(changes).await]), [tell("o.Mark.1", Deleted, 0)]);
}

pub async fn every_change_is_told_with_kind_version_and_document(db: Arc<dyn Database>) {
    ops(&*db).insert("o.Note.0", &doc! { "n": 0 }).done().await;
    let Some(mut changes) = watch(&*db, WatchOptions::new()).await else { return };
    ops(&*db).insert("o.Note.1", &doc! { "n": 1 }).done().await;
    let created = next(&mut changes).await;
    assert_eq!(told(std::slice::from_ref(&created)), [tell("o.Note.1", Created, 1)]);
    let document = created.document.expect("the document");
    assert_eq!((document.version.get(), fields(&document)), (1, doc! { "n": 1 }));

    ops(&*db).update("o.Note.1", 1, &doc! { "n": 2 }).done().await;
    let updated = next(&mut changes).await;
    assert_eq!(told(std::slice::from_ref(&updated)), [tell("o.Note.1", Updated, 2)]);
    let document = updated.document.expect("the document");
    assert_eq!((document.version.get(), fields(&document)), (2, doc! { "n": 2 }));
    assert!(updated.commit > created.commit);

    ops(&*db).delete("o.Note.1").done().await;
    let deleted = next(&mut changes).await;
    assert_eq!((deleted.id.to_string().as_str(), deleted.kind), ("o.Note.1", Deleted));
    assert!(deleted.version.is_none_or(|version| version.get() == 2), "{:?}", deleted.version);
    assert!(deleted.document.is_none());

    ops(&*db).insert("o.Note.1", &doc! { "n": 3 }).done().await;
    assert_eq!(told(&[next(&mut changes).await]), [tell("o.Note.1", Created, 1)]);
    nothing_else(&*db, &mut changes).await;
}

pub async fn edges_are_told_with_their_ends(db: Arc<dyn Database>) {
    ops(&*db).nodes(&["n.City.a", "n.City.b"]).done().await;
    let options = WatchOptions::new().collection(Collection::Edge);
    let Some(mut changes) = watch(&*db, options).await else { return };
    ops(&*db).edge("e.Road.1", "n.City.a", "n.City.b").done().await;
    ops(&*db).update("e.Road.1", 1, &doc! { "km": 3 }).done().await;
    for version in [1, 2] {
        let change = next(&mut changes).await;
        let document = change.document.expect("the document");
        assert_eq!(document.ends, Some(link("n.City.a", "n.City.b").ends), "{version}");
        assert_eq!(change.version.map(crate::Version::get), Some(version));
    }
}

pub async fn only_what_was_asked_for_is_told(db: Arc<dyn Database>) {
    let city = || WatchOptions::new().entity(entity("City"));
    let Some(mut cities) = watch(&*db, city()).await else { return };
    let nodes = city().collection(Collection::Node);
    let mut nodes = watch(&*db, nodes).await.expect("a watch");
    let objects = WatchOptions::new().collection(Collection::Object);
    let mut objects = watch(&*db, objects).await.expect("a watch");
    let own = WatchOptions::new().collection(Collection::System);
    let mut own = watch(&*db, own).await.expect("a watch");
    let mut all = watch(&*db, WatchOptions::new()).await.expect("a watch");
    let ids = ["j.City.a", "n.CityHall.a", "n.City.a", "o.City.a", "n.Cit.a", "o.Note.a"];
    for id in ids {
        ops(&*db).nodes(&[id]).done().await;
    }
    let mut wanted = [
        (&mut cities, &["n.City.a", "o.City.a"][..]),
        (&mut nodes, &["n.City.a"]),
        (&mut objects, &["o.City.a", "o.Note.a"]),
        (&mut own, &["j.City.a"]),
        (&mut all, &["n.CityHall.a", "n.City.a", "o.City.a", "n.Cit.a", "o.Note.a"]),
    ];
    for (changes, ids) in &mut wanted {
        for id in *ids {
            assert_eq!(next(changes).await.id.to_string(), *id);
        }
    }
    // Removals are told by the same rule.
    for id in ids {
        ops(&*db).delete(id).done().await;
    }
    for (changes, ids) in &mut wanted {
        for id in *ids {
            let change = next(changes).await;
            assert_eq!((change.id.to_string().as_str(), change.kind), (*id, Deleted));
        }
    }
}

pub async fn ids_and_versions_are_told_without_documents(db: Arc<dyn Database>) {
    let Some(mut changes) = watch(&*db, WatchOptions::new().ids_only()).await else { return };
    ops(&*db).insert("o.Note.1", &doc! { "n": 1 }).done().await;
    ops(&*db).update("o.Note.1", 1, &doc! { "n": 2 }).done().await;
    ops(&*db).delete("o.Note.1").done().await;
    let changes = take(&mut changes, 3).await;
    assert!(changes.iter().all(|change| change.document.is_none()));
    let expected = [(Created, 1), (Updated, 2), (Deleted, 0)];
    assert_eq!(told(&changes), expected.map(|(kind, version)| tell("o.Note.1", kind, version)));
}

pub async fn what_was_refused_is_not_told(db: Arc<dyn Database>) {
    ops(&*db).insert("o.Note.1", &doc! {}).done().await;
    let Some(mut changes) = watch(&*db, WatchOptions::new()).await else { return };
    let batch = ops(&*db)
        .insert("o.Note.1", &doc! {})
        .update("o.Note.1", 7, &doc! {})
        .delete("o.Note.2")
        .edge("e.Road.1", "n.City.a", "n.City.b")
        .insert("o.Note.3", &doc! {});
    assert_eq!(batch.write().await.written(), 1);
    let batch = ops(&*db).atomic().insert("o.Note.4", &doc! {}).insert("o.Note.1", &doc! {});
    assert_eq!(batch.write().await.written(), 0);
    assert_eq!(told(&[next(&mut changes).await]), [tell("o.Note.3", Created, 1)]);
    nothing_else(&*db, &mut changes).await;
}

pub async fn an_atomic_batch_shares_its_commit_and_can_be_left_in_its_middle(
    db: Arc<dyn Database>,
) {
    let Some(mut changes) = watch(&*db, WatchOptions::new()).await else { return };
    const COUNT: usize = 20;
    let ids: Vec<String> = (0..COUNT).map(|n| format!("o.Note.{n:02}")).collect();
    let batch = ids.iter().fold(ops(&*db).atomic(), |ops, id| ops.insert(id, &doc! {}));
    batch.done().await;
    ops(&*db).insert("o.Note.last", &doc! {}).done().await;
    let all = take(&mut changes, COUNT + 1).await;
    let (batch, last) = all.split_at(COUNT);
    assert!(batch.iter().all(|change| change.commit == batch[0].commit));
    assert!(last[0].commit >= batch[0].commit);
    for at in [0, 1, COUNT / 2, COUNT - 1] {
        let options = WatchOptions::new().after(all[at].token.clone());
        let mut again = watch(&*db, options).await.expect("a watch");
        let rest = take(&mut again, COUNT - at).await;
        assert_eq!(told(&rest), told(&all[at + 1..]), "after change {at}");
    }
}

pub async fn a_watch_goes_on_from_every_token_it_gave(db: Arc<dyn Database>) {
    let start = WatchOptions::new().entity(entity("Note"));
    let Some(mut changes) = watch(&*db, start.clone()).await else { return };
    let mut tokens = vec![changes.token().clone()];
    for n in 1..=10 {
        let other = format!("o.Other.{n}");
        ops(&*db).insert(&format!("o.Note.{n}"), &doc! {}).insert(&other, &doc! {}).done().await;
        tokens.push(next(&mut changes).await.token);
        assert_eq!(changes.token(), tokens.last().expect("a token"));
    }
    for (at, token) in tokens.iter().enumerate().take(10) {
        // As text, in which a token is kept.
        let token: ResumeToken = token.to_string().parse().expect("a token");
        let mut again = watch(&*db, start.clone().after(token)).await.expect("a watch");
        let rest = take(&mut again, 10 - at).await;
        let first = rest[0].id.to_string();
        assert_eq!(first, format!("o.Note.{}", at + 1));
    }
}

pub async fn a_token_is_refused_by_a_watch_of_something_else(db: Arc<dyn Database>) {
    let Some(changes) = watch(&*db, WatchOptions::new()).await else { return };
    let token = changes.token().clone();
    for other in [
        WatchOptions::new().collection(Collection::Node),
        WatchOptions::new().entity(entity("City")),
    ] {
        let error = db.watch(other.after(token.clone())).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
    db.watch(WatchOptions::new().ids_only().after(token)).await.expect("a watch");
}

pub async fn the_edges_of_a_detached_node_are_told(db: Arc<dyn Database>) {
    ops(&*db).nodes(&["n.City.a", "n.City.b"]).done().await;
    ops(&*db)
        .edge("e.Road.1", "n.City.a", "n.City.b")
        .edge("e.Road.2", "n.City.b", "n.City.a")
        .done()
        .await;
    let Some(mut changes) = watch(&*db, WatchOptions::new()).await else { return };
    ops(&*db).detach("n.City.a").done().await;
    let expected =
        ["e.Road.1", "e.Road.2", "n.City.a"].map(|id| (id.to_owned(), Deleted, None::<u64>));
    let told: Vec<Told> = told(&take(&mut changes, 3).await);
    assert_eq!(told, expected);
    nothing_else(&*db, &mut changes).await;
}

pub async fn an_update_of_many_is_told_once_for_each(db: Arc<dyn Database>) {
    let ids: Vec<String> = (0..20).map(|n| format!("o.Note.{n:02}")).collect();
    let batch = ids.iter().fold(ops(&*db), |ops, id| ops.insert(id, &doc! { "n": 1 }));
    batch.insert("o.Note.zz", &doc! { "n": 5 }).done().await;
    let Some(mut changes) = watch(&*db, WatchOptions::new()).await else { return };
    let update = Update::parse(&doc! { "$inc": { "context.n": 1 } }).expect("an update");
    let of_one = filter(&doc! { "context.n": 1 });
    let request = UpdateRequest::many(Collection::Object, of_one, update);
    assert_eq!(db.update(request).await.expect("an update").modified, 20);
    let changes_told = take(&mut changes, 20).await;
    let expected: Vec<Told> = ids.iter().map(|id| tell(id, Updated, 2)).collect();
    assert_eq!(told(&changes_told), expected);
    for change in &changes_told {
        let document = change.document.as_ref().expect("the document");
        assert_eq!(fields(document), doc! { "n": 2 });
    }
    nothing_else(&*db, &mut changes).await;
}

pub async fn puts_and_given_versions_are_told_by_their_version(db: Arc<dyn Database>) {
    ops(&*db).nodes(&["n.City.a", "n.City.b"]).done().await;
    ops(&*db).edge("e.Road.1", "n.City.a", "n.City.b").done().await;
    let Some(mut changes) = watch(&*db, WatchOptions::new()).await else { return };
    ops(&*db).put("o.Note.1", 1, &doc! {}).done().await;
    ops(&*db).put("o.Note.1", 7, &doc! {}).done().await;
    ops(&*db).insert_at("o.Note.2", 5, &doc! {}).done().await;
    ops(&*db).update("o.Note.2", 5, &doc! {}).done().await;
    ops(&*db).put("o.Note.2", 1, &doc! {}).done().await;
    ops(&*db).put_edge("e.Road.1", 4, link("n.City.b", "n.City.a")).done().await;
    let expected = [
        tell("e.Road.1", Updated, 4),
        tell("o.Note.1", Created, 1),
        tell("o.Note.1", Updated, 7),
        tell("o.Note.2", Updated, 5),
        tell("o.Note.2", Updated, 6),
        tell("o.Note.2", Created, 1),
    ];
    let told_now = take(&mut changes, expected.len()).await;
    assert_eq!(told(&told_now), expected);
    let edge = told_now.iter().find(|change| change.id == id("e.Road.1")).expect("the edge");
    let edge = edge.document.as_ref().expect("the document");
    assert_eq!(edge.ends, Some(link("n.City.b", "n.City.a").ends));
    nothing_else(&*db, &mut changes).await;
}

pub async fn a_document_changed_by_one_batch_is_last_told_as_the_batch_left_it(
    db: Arc<dyn Database>,
) {
    ops(&*db).insert("o.Note.2", &doc! { "n": 0 }).done().await;
    let Some(mut changes) = watch(&*db, WatchOptions::new()).await else { return };
    ops(&*db)
        .insert("o.Note.1", &doc! { "n": 0 })
        .update("o.Note.1", 1, &doc! { "n": 1 })
        .update("o.Note.1", 2, &doc! { "n": 2 })
        .delete("o.Note.2")
        .insert("o.Note.2", &doc! { "n": 9 })
        .done()
        .await;
    ops(&*db).insert("o.Mark.1", &doc! {}).done().await;
    let mut last = BTreeMap::new();
    loop {
        let change = next(&mut changes).await;
        if change.id == id("o.Mark.1") {
            break;
        }
        last.insert(change.id.to_string(), change);
    }
    let ends: Vec<Told> =
        last.values().flat_map(|change| told(std::slice::from_ref(change))).collect();
    let kind = ends.first().expect("a change").1;
    assert_eq!(ends, [tell("o.Note.1", kind, 3), tell("o.Note.2", Created, 1)]);
    assert_ne!(kind, Deleted);
}

pub async fn a_transaction_is_told_when_it_commits_and_as_one(db: Arc<dyn Database>) {
    ops(&*db).insert("o.Note.1", &doc! {}).done().await;
    let Some(mut changes) = watch(&*db, WatchOptions::new()).await else { return };
    if db.capabilities().transactions.is_none() {
        return;
    }
    let given_up = db.begin().await.expect("a transaction");
    ops(&*given_up).insert("o.Note.9", &doc! {}).done().await;
    given_up.close().await.expect("given up");
    let tx = db.begin().await.expect("a transaction");
    ops(&*tx).insert("o.Note.2", &doc! {}).done().await;
    ops(&*tx).update("o.Note.1", 1, &doc! { "n": 1 }).done().await;
    ops(&*db).insert("o.Other.1", &doc! {}).done().await;
    assert_eq!(told(&[next(&mut changes).await]), [tell("o.Other.1", Created, 1)]);
    tx.commit().await.expect("nobody is in the way");
    let committed = take(&mut changes, 2).await;
    assert_eq!(told(&committed), [tell("o.Note.1", Updated, 2), tell("o.Note.2", Created, 1)]);
    assert_eq!(committed[0].commit, committed[1].commit);
    nothing_else(&*db, &mut changes).await;
}

pub async fn many_writers_are_told_each_in_order_and_nothing_twice(db: Arc<dyn Database>) {
    const TASKS: u64 = 8;
    const CHANGES: u64 = 20;
    let Some(mut changes) = watch(&*db, WatchOptions::new()).await else { return };
    let writers = at_once(TASKS, |task| {
        let db = Arc::clone(&db);
        async move {
            let own = format!("o.Own.{task}");
            ops(&*db).insert(&own, &doc! {}).done().await;
            for version in 1..CHANGES {
                ops(&*db).update(&own, version, &doc! { "n": version as i64 }).done().await;
            }
            let mut won = 0;
            for _ in 0..CHANGES {
                let version = get(&*db, "o.Shared.1").await.map(|found| found.version.get());
                let batch = match version {
                    None => ops(&*db).insert("o.Shared.1", &doc! {}),
                    Some(version) => ops(&*db).update("o.Shared.1", version, &doc! {}),
                };
                won += usize::from(matches!(batch.outcomes().await[..], [Outcome::Written(_)]));
            }
            won
        }
    });
    let reading = async {
        let mut seen: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for _ in 0..TASKS * CHANGES {
            loop {
                let change = next(&mut changes).await;
                let version = change.version.expect("a version").get();
                let id = change.id.to_string();
                seen.entry(id.clone()).or_default().push(version);
                if id != "o.Shared.1" {
                    break;
                }
            }
        }
        seen
    };
    let (won, mut seen) = futures_util::future::join(writers, reading).await;
    let won: usize = won.into_iter().sum();
    while seen.get("o.Shared.1").map_or(0, Vec::len) < won {
        let change = next(&mut changes).await;
        let version = change.version.expect("a version").get();
        seen.entry(change.id.to_string()).or_default().push(version);
    }
    for (id, versions) in seen {
        let count = if id == "o.Shared.1" { won as u64 } else { CHANGES };
        assert_eq!(versions, (1..=count).collect::<Vec<_>>(), "{id}");
    }
    nothing_else(&*db, &mut changes).await;
}

pub async fn a_slow_reader_is_told_of_everything_in_the_end(db: Arc<dyn Database>) {
    let Some(mut changes) = watch(&*db, WatchOptions::new()).await else { return };
    const BATCHES: usize = 10;
    const EACH: usize = 100;
    for batch in 0..BATCHES {
        let ids: Vec<String> = (0..EACH).map(|n| format!("o.Note.{batch}x{n}")).collect();
        let batch = ids.iter().fold(ops(&*db), |ops, id| ops.insert(id, &doc! {}));
        batch.done().await;
    }
    let mut ids: Vec<String> = Vec::new();
    for change in take(&mut changes, BATCHES * EACH).await {
        ids.push(change.id.to_string());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), BATCHES * EACH);
    nothing_else(&*db, &mut changes).await;
}

pub async fn what_was_told_can_be_read(db: Arc<dyn Database>) {
    let Some(mut changes) = watch(&*db, WatchOptions::new()).await else { return };
    ops(&*db).insert("o.Note.1", &doc! {}).done().await;
    assert_eq!(next(&mut changes).await.version.map(crate::Version::get), Some(1));
    for version in 1..50 {
        let writing = async {
            ops(&*db).update("o.Note.1", version, &doc! { "n": version as i64 }).done().await;
        };
        let telling = async {
            let change = next(&mut changes).await;
            let (found, _) = read(&*db, "o.Note.1").await;
            assert!(change.version.is_some_and(|told| told.get() <= found));
        };
        futures_util::future::join(writing, telling).await;
    }
}

pub async fn several_watches_do_not_meet(db: Arc<dyn Database>) {
    let Some(mut first) = watch(&*db, WatchOptions::new()).await else { return };
    let second = watch(&*db, WatchOptions::new()).await.expect("a watch");
    let mut third = watch(&*db, WatchOptions::new()).await.expect("a watch");
    ops(&*db).insert("o.Note.1", &doc! {}).done().await;
    drop(second);
    ops(&*db).insert("o.Note.2", &doc! {}).done().await;
    for changes in [&mut first, &mut third] {
        let told = told(&take(changes, 2).await);
        assert_eq!(told, [tell("o.Note.1", Created, 1), tell("o.Note.2", Created, 1)]);
    }
    // A future that is dropped while it waits loses nothing.
    for _ in 0..3 {
        let waited = timeout(Duration::from_millis(5), first.try_next()).await;
        assert!(waited.is_err(), "{waited:?}");
    }
    nothing_else(&*db, &mut first).await;
}
