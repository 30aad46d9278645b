//! What one write does, and what it answers when it cannot.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Waker};

use bson::doc;

use super::support::{conflict, duplicate, find_all, get, id, missing, ops, other, read, written};
use crate::codec;
use crate::database::Database;
use crate::error::ErrorKind;
use crate::id::Collection;
use crate::version::Version;
use crate::write::{WriteBatch, WriteReport};

pub async fn an_insert_creates_the_document_at_version_one(db: Arc<dyn Database>) {
    let outcomes = ops(&*db).insert("n.City.a", &doc! { "name": "Oslo" }).outcomes().await;
    assert_eq!(outcomes, [written(1)]);
    assert_eq!(read(&*db, "n.City.a").await, (1, doc! { "name": "Oslo" }));
}

pub async fn an_insert_with_a_taken_id_is_a_duplicate_and_changes_nothing(db: Arc<dyn Database>) {
    ops(&*db).insert("n.City.a", &doc! { "name": "Oslo" }).done().await;
    let outcomes = ops(&*db).insert("n.City.a", &doc! { "name": "Bergen" }).outcomes().await;
    assert_eq!(outcomes, [duplicate("_id", "n.City.a")]);
    assert_eq!(read(&*db, "n.City.a").await, (1, doc! { "name": "Oslo" }));
}

pub async fn an_update_replaces_the_fields_and_counts_the_version_up(db: Arc<dyn Database>) {
    ops(&*db).insert("n.City.a", &doc! { "name": "Oslo", "old": 1 }).done().await;
    let outcomes = ops(&*db).update("n.City.a", 1, &doc! { "name": "Kristiania" }).outcomes();
    assert_eq!(outcomes.await, [written(2)]);
    assert_eq!(read(&*db, "n.City.a").await, (2, doc! { "name": "Kristiania" }));
    assert_eq!(ops(&*db).update("n.City.a", 2, &doc! {}).outcomes().await, [written(3)]);
    assert_eq!(read(&*db, "n.City.a").await, (3, doc! {}));
}

pub async fn an_update_from_another_version_is_a_conflict_that_names_both(db: Arc<dyn Database>) {
    ops(&*db).insert("n.City.a", &doc! {}).update("n.City.a", 1, &doc! { "n": 2 }).done().await;
    for expected in [0, 1, 3, u64::MAX] {
        let outcomes = ops(&*db).update("n.City.a", expected, &doc! { "n": 3 }).outcomes().await;
        assert_eq!(outcomes, [conflict(expected, 2)]);
    }
    assert_eq!(read(&*db, "n.City.a").await, (2, doc! { "n": 2 }));
}

pub async fn an_update_of_a_missing_document_is_missing(db: Arc<dyn Database>) {
    for expected in [0, 1] {
        let outcomes = ops(&*db).update("n.City.a", expected, &doc! {}).outcomes().await;
        assert_eq!(outcomes, [missing("n.City.a")]);
    }
    assert!(get(&*db, "n.City.a").await.is_none());
}

pub async fn the_schema_version_is_kept_and_changed_by_an_update(db: Arc<dyn Database>) {
    let encoding = db.capabilities().encoding;
    let schema = async || get(&*db, "n.City.a").await.expect("a document").schema;
    let mut batch = WriteBatch::new(encoding);
    batch.insert_with(id("n.City.a"), &doc! {}, 7, None).expect("an insert");
    assert!(db.write(batch).await.expect("a report").is_complete());
    assert_eq!(schema().await, 7);
    let mut fields = Vec::new();
    codec::encode(encoding, &doc! {}, &mut fields).expect("fields");
    for (expected, number) in [(1, u32::MAX), (2, 1)] {
        let mut batch = WriteBatch::new(encoding);
        let id = id("n.City.a");
        batch.update_encoded(id, Version::new(expected), &fields, number).expect("an update");
        assert!(db.write(batch).await.expect("a report").is_complete());
        assert_eq!(schema().await, number);
    }
}

pub async fn encoded_fields_are_stored_as_they_are(db: Arc<dyn Database>) {
    ops(&*db).insert("n.City.a", &doc! {}).done().await;
    let encoding = db.capabilities().encoding;
    let mut fields = Vec::new();
    codec::encode(encoding, &doc! { "name": "Oslo", "km": 3.0 }, &mut fields).expect("fields");
    let mut batch = WriteBatch::new(encoding);
    batch.update_encoded(id("n.City.a"), Version::FIRST, &fields, 1).expect("an update");
    assert!(db.write(batch).await.expect("a report").is_complete());
    assert_eq!(get(&*db, "n.City.a").await.expect("a document").body.as_bytes(), fields);
}

pub async fn encoded_fields_that_are_none_do_not_harm_the_store(db: Arc<dyn Database>) {
    ops(&*db).insert("n.City.a", &doc! { "n": 1 }).done().await;
    let evil: [&[u8]; 7] = [
        b"",
        b"{",
        b"[1]",
        b"{}\n{}",
        b"{\"n\":\n1}",
        b"{}}\n{\"_commit\":1,\"count\":0}\n{}",
        b"{\"n\":1},\"source\":\"n.City.a\"",
    ];
    for fields in evil {
        ops(&*db).insert("n.City.evil", &doc! {}).done().await;
        let mut batch = WriteBatch::new(db.capabilities().encoding);
        // Refused when it is added or when it is written, or kept without a look at it.
        let written = match batch.update_encoded(id("n.City.evil"), Version::FIRST, fields, 1) {
            Ok(()) => db.write(batch).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        }
        assert_eq!(read(&*db, "n.City.a").await, (1, doc! { "n": 1 }));
        ops(&*db).delete("n.City.evil").done().await;
    }
    assert_eq!(find_all(&*db, Collection::Node).await, ["n.City.a"]);
}

pub async fn a_delete_removes_the_document(db: Arc<dyn Database>) {
    ops(&*db).nodes(&["n.City.a", "n.City.b"]).update("n.City.a", 1, &doc! {}).done().await;
    let report = ops(&*db).delete("n.City.a").write().await;
    assert_eq!(report, WriteReport { outcomes: vec![written(3)], detached: 0 });
    assert!(get(&*db, "n.City.a").await.is_none());
    assert_eq!(find_all(&*db, Collection::Node).await, ["n.City.b"]);
}

pub async fn a_delete_from_another_version_is_a_conflict(db: Arc<dyn Database>) {
    ops(&*db).nodes(&["n.City.a"]).update("n.City.a", 1, &doc! {}).done().await;
    for expected in [0, 1, 3, u64::MAX] {
        let outcomes = ops(&*db).remove("n.City.a", Some(expected), false).outcomes().await;
        assert_eq!(outcomes, [conflict(expected, 2)]);
    }
    assert_eq!(read(&*db, "n.City.a").await.0, 2);
    assert_eq!(ops(&*db).remove("n.City.a", Some(2), false).outcomes().await, [written(3)]);
    assert!(get(&*db, "n.City.a").await.is_none());
}

pub async fn a_delete_of_a_missing_document_is_missing(db: Arc<dyn Database>) {
    for detach in [false, true] {
        for expected in [None, Some(0), Some(1)] {
            let report = ops(&*db).remove("n.City.a", expected, detach).write().await;
            let outcomes = vec![missing("n.City.a")];
            assert_eq!(report, WriteReport { outcomes, detached: 0 });
        }
    }
    ops(&*db).nodes(&["n.City.a"]).delete("n.City.a").done().await;
    assert_eq!(ops(&*db).delete("n.City.a").outcomes().await, [missing("n.City.a")]);
}

pub async fn a_document_made_again_starts_at_version_one(db: Arc<dyn Database>) {
    ops(&*db).insert("n.City.a", &doc! { "n": 1 }).update("n.City.a", 1, &doc! {}).done().await;
    ops(&*db).delete("n.City.a").done().await;
    let outcomes = ops(&*db).insert("n.City.a", &doc! { "n": 2 }).outcomes().await;
    assert_eq!(outcomes, [written(1)]);
    assert_eq!(read(&*db, "n.City.a").await, (1, doc! { "n": 2 }));
}

pub async fn an_empty_batch_succeeds_and_does_nothing(db: Arc<dyn Database>) {
    assert_eq!(ops(&*db).write().await, WriteReport::default());
    ops(&*db).nodes(&["n.City.a"]).done().await;
    assert_eq!(ops(&*db).write().await, WriteReport::default());
    assert_eq!(read(&*db, "n.City.a").await, (1, doc! {}));
}

pub async fn a_batch_in_another_encoding_is_invalid(db: Arc<dyn Database>) {
    for fill in [true, false] {
        let mut batch = WriteBatch::new(other(db.capabilities().encoding));
        if fill {
            batch.insert(id("n.City.a"), &doc! {}).expect("an insert");
        }
        let error = db.write(batch).await.expect_err("another encoding");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert!(get(&*db, "n.City.a").await.is_none());
}

pub async fn the_report_has_one_outcome_for_each_operation_in_order(db: Arc<dyn Database>) {
    ops(&*db).nodes(&["n.City.a", "n.City.b"]).done().await;
    let outcomes = ops(&*db)
        .update("n.City.b", 4, &doc! {})
        .insert("n.City.c", &doc! {})
        .insert("n.City.a", &doc! {})
        .edge("e.Road.1", "n.City.x", "n.City.a")
        .update("n.City.a", 1, &doc! { "n": 1 })
        .delete("n.City.x")
        .edge("e.Road.2", "n.City.a", "n.City.c")
        .outcomes()
        .await;
    let expected = [
        conflict(4, 1),
        written(1),
        duplicate("_id", "n.City.a"),
        missing("n.City.x"),
        written(2),
        missing("n.City.x"),
        written(1),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(read(&*db, "n.City.a").await, (2, doc! { "n": 1 }));
    assert_eq!(find_all(&*db, Collection::Edge).await, ["e.Road.2"]);
}

pub async fn a_dropped_write_happens_whole_or_not_at_all(db: Arc<dyn Database>) {
    for round in 0..20 {
        let names = ["a", "b", "c"].map(|name| format!("n.City.{name}{round}"));
        let batch = names.iter().fold(ops(&*db), |ops, name| ops.insert(name, &doc! {}));
        {
            let mut writing = std::pin::pin!(db.write(batch.into_batch()));
            let _ = writing.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
        // A later write waits for the one before it, so by then its fate is settled.
        ops(&*db).insert(&format!("n.Mark.{round}"), &doc! {}).done().await;
        let mut there = 0;
        for name in &names {
            there += usize::from(get(&*db, name).await.is_some());
        }
        assert!(there == 0 || there == 3, "{there} of 3");
    }
}
