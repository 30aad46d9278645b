//! Updates of many tasks at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bson::doc;

use super::concurrency::at_once;
use super::support::{fields, find_all, id, ops, read};
use super::update::{counts, one};
use crate::database::Database;
use crate::error::ErrorKind;
use crate::id::Collection;
use crate::update::{Returning, UpdateRequest, Upsert};
use crate::write::Outcome;

/// Adds one by reading and saving, as a rival of updates does.
async fn save_one_more(db: &dyn Database, document: &str, field: &str) {
    loop {
        let (version, mut found) = read(db, document).await;
        let n = found.get_i32(field).unwrap_or(0);
        found.insert(field, n + 1);
        let saved = ops(db).update(document, version, &found).outcomes().await.remove(0);
        if let Outcome::Written(_) = saved {
            return;
        }
        tokio::task::yield_now().await;
    }
}

pub async fn no_increment_is_lost_among_updates_and_saves(db: Arc<dyn Database>) {
    const TASKS: u64 = 24;
    const ROUNDS: i32 = 5;
    ops(&*db).insert("n.Count.1", &doc! { "n": 0, "saved": 0 }).done().await;
    at_once(TASKS, |task| {
        let db = Arc::clone(&db);
        async move {
            for _ in 0..ROUNDS {
                if task % 3 == 0 {
                    save_one_more(&*db, "n.Count.1", "saved").await;
                    continue;
                }
                // Some by id, some by what they find.
                let found = if task % 3 == 1 {
                    doc! { "_id": "n.Count.1" }
                } else {
                    doc! { "entity": "Count" }
                };
                let request = one(&found, &doc! { "$inc": { "context.n": 1 } });
                assert_eq!(counts(&*db, request).await, (1, 1));
            }
        }
    })
    .await;
    let tasks = TASKS as i32;
    let expected = doc! { "n": tasks / 3 * 2 * ROUNDS, "saved": tasks / 3 * ROUNDS };
    assert_eq!(read(&*db, "n.Count.1").await, (TASKS * ROUNDS as u64 + 1, expected));
}

pub async fn an_update_of_many_loses_no_save(db: Arc<dyn Database>) {
    const DOCUMENTS: usize = 600;
    let mut batch = ops(&*db);
    for number in 0..DOCUMENTS {
        batch = batch.insert(&format!("n.City.{number:03}"), &doc! { "n": 0, "saved": 0 });
    }
    batch.done().await;
    at_once(4, |task| {
        let db = Arc::clone(&db);
        async move {
            if task < 2 {
                for number in (0..DOCUMENTS).filter(|number| number % 2 == task as usize) {
                    save_one_more(&*db, &format!("n.City.{number:03}"), "saved").await;
                }
                return;
            }
            let mut request = one(&doc! {}, &doc! { "$inc": { "context.n": 1 } });
            request.many = true;
            for _ in 0..3 {
                assert_eq!(
                    counts(&*db, request.clone()).await,
                    (DOCUMENTS as u64, DOCUMENTS as u64)
                );
            }
        }
    })
    .await;
    for number in 0..DOCUMENTS {
        let expected = (8, doc! { "n": 6, "saved": 1 });
        assert_eq!(read(&*db, &format!("n.City.{number:03}")).await, expected);
    }
}

pub async fn what_stops_matching_meanwhile_is_not_changed(db: Arc<dyn Database>) {
    const DOCUMENTS: usize = 300;
    let mut batch = ops(&*db);
    for number in 0..DOCUMENTS {
        batch = batch.insert(&format!("n.Job.{number:03}"), &doc! { "state": "new" });
    }
    batch.done().await;
    // Each job can leave its state once, so the two updates share them out.
    let changed = at_once(2, |task| {
        let db = Arc::clone(&db);
        async move {
            let update = doc! { "$set": { "context.state": "taken" }, "$push": { "context.by": task as i32 } };
            let mut request = one(&doc! { "context.state": "new" }, &update);
            request.many = true;
            counts(&*db, request).await.1
        }
    })
    .await;
    assert_eq!(changed.iter().sum::<u64>(), DOCUMENTS as u64, "{changed:?}");
    for number in 0..DOCUMENTS {
        let (version, job) = read(&*db, &format!("n.Job.{number:03}")).await;
        let takers = job.get_array("by").expect("takers").len();
        assert_eq!((version, takers), (2, 1), "job {number} was taken twice");
    }
}

pub async fn tasks_that_take_from_a_queue_never_take_the_same(db: Arc<dyn Database>) {
    const JOBS: usize = 60;
    let mut batch = ops(&*db);
    for number in 0..JOBS {
        batch = batch.insert(&format!("n.Job.{number:02}"), &doc! { "state": "new" });
    }
    batch.done().await;
    let taken = at_once(6, |_| {
        let db = Arc::clone(&db);
        async move {
            let mut taken = Vec::new();
            loop {
                let update = doc! { "$set": { "context.state": "taken" } };
                let request = one(&doc! { "context.state": "new" }, &update);
                let report = db.update(request.returning(Returning::After)).await;
                match report.expect("an update").document {
                    Some(job) => {
                        assert_eq!(fields(&job), doc! { "state": "taken" });
                        taken.push(job.id.to_string());
                    }
                    None => return taken,
                }
            }
        }
    })
    .await;
    let all: Vec<String> = taken.into_iter().flatten().collect();
    let distinct: BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len(), distinct.len()), (JOBS, JOBS));
}

pub async fn of_many_upserts_of_one_id_one_makes_the_document(db: Arc<dyn Database>) {
    const TASKS: u64 = 16;
    let made = at_once(TASKS, |task| {
        let db = Arc::clone(&db);
        async move {
            let update = doc! {
                "$inc": { "context.n": 1 },
                "$setOnInsert": { "context.by": task as i32 },
            };
            let request = one(&doc! { "_id": "n.Count.1" }, &update);
            let request = request.upsert(Upsert::new(id("n.Count.other")));
            let report = db.update(request).await.expect("an upsert");
            assert_eq!(report.matched + report.inserted.iter().len() as u64, 1);
            report.inserted.map(|_| task as i32)
        }
    })
    .await;
    let makers: Vec<i32> = made.into_iter().flatten().collect();
    assert_eq!(makers.len(), 1, "{makers:?}");
    let expected = doc! { "n": TASKS as i32, "by": makers[0] };
    let (version, mut found) = read(&*db, "n.Count.1").await;
    let by = found.remove("by");
    found.insert("by", by);
    assert_eq!((version, found), (TASKS, expected));
    assert_eq!(find_all(&*db, Collection::Node).await, ["n.Count.1"]);
}

pub async fn an_update_without_time_left_still_tries_once(db: Arc<dyn Database>) {
    ops(&*db).insert("n.Count.1", &doc! { "n": 0 }).done().await;
    let request = || -> UpdateRequest {
        one(&doc! { "_id": "n.Count.1" }, &doc! { "$inc": { "context.n": 1 } })
            .deadline(Duration::ZERO)
    };
    let results = at_once(8, |_| {
        let (db, request) = (Arc::clone(&db), request());
        async move { db.update(request).await }
    })
    .await;
    let mut done = 0;
    for result in results {
        match result {
            Ok(report) => done += report.modified,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
        }
    }
    assert!(done >= 1);
    assert_eq!(read(&*db, "n.Count.1").await, (done + 1, doc! { "n": done as i32 }));
}
