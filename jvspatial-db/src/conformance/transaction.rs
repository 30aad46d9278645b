//! Transactions: apart from everybody until they commit, and then whole or not at all.
//!
//! Nothing outside is written here that an open transaction has written: a backend may let such a write wait for
//! the transaction. For the same reason a conflict may show at a write or at the commit.

use std::sync::Arc;
use std::time::Duration;

use bson::{Bson, doc};

use super::concurrency::at_once;
use super::support::{
    fields, filter, find, find_all, follow, get, handles, ops, reached, read, written,
};
use crate::capabilities::Isolation;
use crate::database::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::expansion::{Direction, Expansion};
use crate::filter::{FieldPath, Filter};
use crate::id::Collection;
use crate::indexes::IndexSpec;
use crate::query::Query;
use crate::transaction::Transaction;
use crate::write::{Outcome, WriteBatch, WriteReport};

/// A transaction; on a backend without any, a check that it says so.
async fn begin(db: &dyn Database) -> Option<Arc<dyn Transaction>> {
    match (db.capabilities().transactions, db.begin().await) {
        (Some(_), tx) => Some(tx.expect("a transaction")),
        (None, tx) => {
            let error = tx.expect_err("no transaction");
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            None
        }
    }
}

fn is_serializable(db: &dyn Database) -> bool {
    db.capabilities().transactions == Some(Isolation::Serializable)
}

/// Writes a last batch and commits; `None` when others got ahead.
async fn finish(tx: &dyn Transaction, batch: WriteBatch) -> Option<WriteReport> {
    let result = async {
        let report = tx.write(batch).await?;
        tx.commit().await.map(|()| report)
    };
    settled(tx, result.await)
}

/// `None` for a transaction that others got ahead of; no other failure is expected.
fn settled<T>(tx: &dyn Transaction, result: Result<T>) -> Option<T> {
    match result {
        Ok(done) => {
            assert!(!tx.is_outrun());
            Some(done)
        }
        Err(error) => {
            assert!(tx.is_outrun(), "{error}");
            assert!(matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Closed), "{error}");
            None
        }
    }
}

async fn balance(db: &dyn Database, id: &str) -> Result<(u64, i32)> {
    let mut found = db.get_many(&handles(&[id])).await?;
    let document = found.remove(0).expect("an account");
    Ok((document.version.get(), fields(&document).get_i32("balance").expect("a balance")))
}

pub async fn a_transaction_reads_what_it_wrote_and_nobody_else_does(db: Arc<dyn Database>) {
    ops(&*db).nodes(&["n.City.a", "n.City.b"]).insert("o.Note.1", &doc! { "n": 1 }).done().await;
    let Some(tx) = begin(&*db).await else { return };
    let batch = ops(&*tx)
        .insert("o.Note.2", &doc! { "n": 2 })
        .update("o.Note.1", 1, &doc! { "n": 10 })
        .edge("e.Road.1", "n.City.a", "n.City.b")
        .delete("n.City.c");
    let outcomes = batch.outcomes().await;
    assert_eq!(outcomes.get(..3), Some(&[written(1), written(2), written(1)][..]));
    assert_eq!(outcomes.get(3), Some(&super::support::missing("n.City.c")));
    // A write sees the ones before it.
    assert_eq!(ops(&*tx).update("o.Note.2", 1, &doc! { "n": 3 }).outcomes().await, [written(2)]);

    let large = filter(&doc! { "context.n": { "$gte": 3 } });
    let n = FieldPath::parse("context.n").expect("a path");
    assert_eq!(read(&*tx, "o.Note.1").await, (2, doc! { "n": 10 }));
    assert_eq!(
        find(&*tx, Query::new(Collection::Object, large.clone())).await,
        ["o.Note.1", "o.Note.2"]
    );
    assert_eq!(tx.count(Collection::Object, &large).await.expect("a count"), 2);
    let values = tx.distinct(Collection::Object, &n, &Filter::all()).await.expect("values");
    assert_eq!(values, [Bson::Int32(3), Bson::Int32(10)]);
    assert_eq!(reached(&*tx, "n.City.a", Direction::Out).await, ["b"]);

    assert_eq!(read(&*db, "o.Note.1").await, (1, doc! { "n": 1 }));
    assert!(get(&*db, "o.Note.2").await.is_none());
    assert_eq!(db.count(Collection::Object, &large).await.expect("a count"), 0);
    assert!(reached(&*db, "n.City.a", Direction::Out).await.is_empty());

    tx.commit().await.expect("nobody is in the way");
    assert_eq!(read(&*db, "o.Note.1").await, (2, doc! { "n": 10 }));
    assert_eq!(read(&*db, "o.Note.2").await, (2, doc! { "n": 3 }));
    assert_eq!(reached(&*db, "n.City.a", Direction::Out).await, ["b"]);
}

pub async fn a_transaction_sees_one_point_in_time(db: Arc<dyn Database>) {
    ops(&*db).nodes(&["n.City.a", "n.City.b"]).insert("o.Note.1", &doc! {}).done().await;
    ops(&*db).edge("e.Road.1", "n.City.a", "n.City.b").done().await;
    let Some(tx) = begin(&*db).await else { return };
    assert_eq!(read(&*tx, "o.Note.1").await.0, 1);
    ops(&*db).update("o.Note.1", 1, &doc! { "n": 1 }).insert("o.Note.2", &doc! {}).done().await;
    ops(&*db).detach("n.City.b").done().await;
    // A backend may give up what it can no longer show, and nothing else.
    let later = async {
        let found = tx.get_many(&handles(&["o.Note.1", "o.Note.2", "n.City.b"])).await?;
        let versions: Vec<_> =
            found.iter().map(|document| Some(document.as_ref()?.version.get())).collect();
        assert_eq!(versions, [Some(1), None, Some(1)]);
        assert_eq!(tx.count(Collection::Object, &Filter::all()).await?, 1);
        let adjacent =
            tx.neighbors(&handles(&["n.City.a"]), &Expansion::new(Direction::Out)).await?;
        assert_eq!(adjacent.len(), 1);
        tx.commit().await
    };
    settled(&*tx, later.await);
}

pub async fn a_transaction_that_is_given_up_leaves_nothing(db: Arc<dyn Database>) {
    ops(&*db).insert("o.Note.1", &doc! { "n": 1 }).done().await;
    for is_closed in [true, false] {
        let Some(tx) = begin(&*db).await else { return };
        ops(&*tx).update("o.Note.1", 1, &doc! {}).insert("o.Note.2", &doc! {}).done().await;
        if is_closed {
            tx.close().await.expect("given up");
            tx.close().await.expect("given up already");
        }
        drop(tx);
        assert_eq!(find_all(&*db, Collection::Object).await, ["o.Note.1"]);
        // It is in nobody's way either.
        let outcomes =
            ops(&*db).update("o.Note.1", 7, &doc! {}).delete("o.Note.2").outcomes().await;
        assert_eq!(outcomes, [super::support::conflict(7, 1), super::support::missing("o.Note.2")]);
    }
    assert_eq!(read(&*db, "o.Note.1").await, (1, doc! { "n": 1 }));
}

pub async fn calls_after_the_end_of_a_transaction_are_closed(db: Arc<dyn Database>) {
    for is_committed in [true, false] {
        let Some(tx) = begin(&*db).await else { return };
        if is_committed {
            tx.commit().await.expect("committed");
        } else {
            tx.close().await.expect("given up");
        }
        let closed = |call: &str, result: Result<(), Error>| {
            let error = result.expect_err(call);
            assert_eq!(error.kind(), ErrorKind::Closed, "{call}: {error}");
        };
        let all = Query::new(Collection::Object, Filter::all());
        closed("get_many", tx.get_many(&handles(&["o.Note.1"])).await.map(drop));
        closed("find", tx.find(all).await.map(drop));
        closed("count", tx.count(Collection::Object, &Filter::all()).await.map(drop));
        closed("write", ops(&*tx).insert("o.Note.1", &doc! {}).try_write().await.map(drop));
        closed("commit", tx.commit().await);
        assert!(!tx.is_outrun());
        tx.close().await.expect("closed already");
    }
    assert!(get(&*db, "o.Note.1").await.is_none());
}

pub async fn a_transaction_makes_neither_transactions_nor_indexes(db: Arc<dyn Database>) {
    let Some(tx) = begin(&*db).await else { return };
    let unsupported = |call: &str, result: Result<(), Error>| {
        let error = result.expect_err(call);
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{call}: {error}");
    };
    assert_eq!(tx.capabilities().transactions, None);
    unsupported("begin", tx.begin().await.map(drop));
    let spec = IndexSpec::parse(&doc! { "key": { "context.n": 1 } }).expect("an index");
    unsupported("create_index", tx.create_index(Collection::Object, None, spec).await);
    let dropped = tx.drop_index(Collection::Object, None, "n").await;
    unsupported("drop_index", dropped.map(drop));
    ops(&*tx).insert("o.Note.1", &doc! {}).done().await;
    tx.commit().await.expect("refusals do not harm it");
    assert_eq!(read(&*db, "o.Note.1").await.0, 1);
}

pub async fn a_document_that_was_read_and_changed_meanwhile_is_noticed(db: Arc<dyn Database>) {
    ops(&*db).insert("o.Note.1", &doc! { "n": 1 }).done().await;
    let Some(tx) = begin(&*db).await else { return };
    assert_eq!(read(&*tx, "o.Note.1").await.0, 1);
    // Made again it has the version that was read.
    ops(&*db).delete("o.Note.1").insert("o.Note.1", &doc! { "n": 5 }).done().await;
    let batch = ops(&*tx).update("o.Note.1", 1, &doc! { "n": 2 }).into_batch();
    assert_eq!(finish(&*tx, batch).await, None);
    assert_eq!(read(&*db, "o.Note.1").await, (1, doc! { "n": 5 }));
}

pub async fn write_skew_is_noticed_where_transactions_are_serializable(db: Arc<dyn Database>) {
    ops(&*db)
        .insert("o.Doctor.a", &doc! { "on_call": true })
        .insert("o.Doctor.b", &doc! { "on_call": true })
        .done()
        .await;
    let (Some(one), Some(two)) = (begin(&*db).await, begin(&*db).await) else { return };
    let on_call = filter(&doc! { "context.on_call": true });
    let leave = doc! { "on_call": false };
    for tx in [&one, &two] {
        assert_eq!(tx.count(Collection::Object, &on_call).await.expect("a count"), 2);
    }
    let batch = ops(&*one).update("o.Doctor.a", 1, &leave).into_batch();
    assert!(finish(&*one, batch).await.is_some());
    let batch = ops(&*two).update("o.Doctor.b", 1, &leave).into_batch();
    let committed = finish(&*two, batch).await.is_some();
    assert_eq!(committed, !is_serializable(&*db));
    let left = db.count(Collection::Object, &on_call).await.expect("a count");
    assert_eq!(left, u64::from(is_serializable(&*db)));
}

pub async fn a_phantom_in_a_search_is_noticed_where_transactions_are_serializable(
    db: Arc<dyn Database>,
) {
    for (round, seen) in [false, true].into_iter().enumerate() {
        let Some(tx) = begin(&*db).await else { return };
        let own = filter(&doc! { "context.round": round as i32 });
        assert!(find(&*tx, Query::new(Collection::Object, own)).await.is_empty());
        let fields = doc! { "round": if seen { round as i32 } else { 100 } };
        ops(&*db).insert(&format!("o.Note.{round}"), &fields).done().await;
        let batch = ops(&*tx).insert(&format!("o.Sum.{round}"), &doc! { "n": 0 }).into_batch();
        let committed = finish(&*tx, batch).await.is_some();
        // One that the search does not find is in nobody's way.
        assert_eq!(committed, !(seen && is_serializable(&*db)), "{round}");
    }
}

pub async fn a_phantom_among_neighbours_is_noticed_where_transactions_are_serializable(
    db: Arc<dyn Database>,
) {
    ops(&*db).nodes(&["n.City.a", "n.City.b", "n.City.c"]).done().await;
    for (round, (from, seen)) in [("n.City.b", false), ("n.City.a", true)].into_iter().enumerate() {
        let Some(tx) = begin(&*db).await else { return };
        let out = Expansion::new(Direction::Out);
        assert!(follow(&*tx, &["n.City.a"], &out).await.is_empty());
        ops(&*db).edge(&format!("e.Road.{round}"), from, "n.City.c").done().await;
        let batch = ops(&*tx).insert(&format!("o.Sum.{round}"), &doc! { "n": 0 }).into_batch();
        let committed = finish(&*tx, batch).await.is_some();
        assert_eq!(committed, !(seen && is_serializable(&*db)), "{from}");
    }
}

pub async fn what_a_write_was_told_is_still_true_at_the_commit(db: Arc<dyn Database>) {
    ops(&*db).nodes(&["n.City.hub", "n.City.end"]).insert("o.Note.1", &doc! {}).done().await;
    // An id that was free.
    let Some(tx) = begin(&*db).await else { return };
    assert!(get(&*tx, "o.Note.2").await.is_none());
    ops(&*db).insert("o.Note.2", &doc! { "n": 1 }).done().await;
    let batch = ops(&*tx).insert("o.Note.2", &doc! { "n": 2 }).into_batch();
    assert_eq!(finish(&*tx, batch).await, None);
    assert_eq!(read(&*db, "o.Note.2").await, (1, doc! { "n": 1 }));

    // A node without edges.
    let tx = db.begin().await.expect("a transaction");
    assert!(get(&*tx, "n.City.hub").await.is_some());
    ops(&*db).edge("e.Road.1", "n.City.hub", "n.City.end").done().await;
    let batch = ops(&*tx).detach("n.City.hub").into_batch();
    let done = finish(&*tx, batch).await;
    // A backend may let it see the edge, since all that it has read is as it was.
    assert!(done.as_ref().is_none_or(|report| report.detached == 1), "{done:?}");
    let left = reached(&*db, "n.City.hub", Direction::Out).await;
    assert_eq!(left.is_empty(), done.is_some());

    // A node to lead to.
    let tx = db.begin().await.expect("a transaction");
    assert!(get(&*tx, "n.City.end").await.is_some());
    ops(&*db).detach("n.City.end").done().await;
    let batch = ops(&*tx).edge("e.Road.2", "n.City.hub", "n.City.end").into_batch();
    let done = finish(&*tx, batch).await;
    assert!(done.is_none_or(|report| !report.is_complete()));
    assert!(get(&*db, "e.Road.2").await.is_none());
}

pub async fn transactions_on_different_documents_do_not_meet(db: Arc<dyn Database>) {
    ops(&*db).insert("o.Note.1", &doc! {}).insert("o.Note.2", &doc! {}).done().await;
    let (Some(one), Some(two)) = (begin(&*db).await, begin(&*db).await) else { return };
    for (tx, id) in [(&one, "o.Note.1"), (&two, "o.Note.2")] {
        let (version, _) = read(&**tx, id).await;
        ops(&**tx).update(id, version, &doc! { "n": 1 }).done().await;
    }
    two.commit().await.expect("nobody is in the way");
    one.commit().await.expect("nobody is in the way");
    for id in ["o.Note.1", "o.Note.2"] {
        assert_eq!(read(&*db, id).await, (2, doc! { "n": 1 }));
    }
}

pub async fn a_transaction_that_wrote_nothing_is_in_nobodys_way(db: Arc<dyn Database>) {
    ops(&*db).insert("o.Note.1", &doc! {}).done().await;
    let Some(tx) = begin(&*db).await else { return };
    assert_eq!(read(&*tx, "o.Note.1").await.0, 1);
    let refused = ops(&*tx).insert("o.Note.1", &doc! {}).outcomes().await;
    assert!(matches!(&*refused, [Outcome::Duplicate(_)]), "{refused:?}");
    ops(&*db).update("o.Note.1", 1, &doc! {}).done().await;
    tx.commit().await.expect("nothing was written");
    assert_eq!(read(&*db, "o.Note.1").await.0, 2);
}

pub async fn an_atomic_batch_that_fails_leaves_the_transaction_as_it_was(db: Arc<dyn Database>) {
    let Some(tx) = begin(&*db).await else { return };
    ops(&*tx).insert("o.Note.1", &doc! { "n": 1 }).done().await;
    let failing = ops(&*tx).atomic().update("o.Note.1", 1, &doc! {}).delete("o.Note.2");
    let outcomes = failing.outcomes().await;
    assert_eq!(outcomes, [Outcome::Skipped, super::support::missing("o.Note.2")]);
    assert_eq!(read(&*tx, "o.Note.1").await, (1, doc! { "n": 1 }));
    tx.commit().await.expect("nobody is in the way");
    assert_eq!(read(&*db, "o.Note.1").await, (1, doc! { "n": 1 }));
}

pub async fn transfers_between_accounts_keep_their_sum(db: Arc<dyn Database>) {
    const ACCOUNTS: u64 = 5;
    const ROUNDS: u64 = 12;
    let account = |number: u64| format!("o.Account.{}", number % ACCOUNTS);
    let Some(_) = begin(&*db).await else { return };
    for number in 0..ACCOUNTS {
        ops(&*db).insert(&account(number), &doc! { "balance": 100 }).done().await;
    }
    let moved = at_once(8, |task| {
        let db = Arc::clone(&db);
        async move {
            let mut moved = 0;
            for round in 0..ROUNDS {
                let (from, to) = (account(task + round), account(task * 3 + round * 2 + 1));
                if from == to {
                    continue;
                }
                while !transfer(&*db, &from, &to).await {
                    tokio::time::sleep(Duration::from_millis(task)).await;
                }
                moved += 2;
            }
            moved
        }
    })
    .await;
    let mut versions = 0;
    for number in 0..ACCOUNTS {
        versions += balance(&*db, &account(number)).await.expect("a balance").0;
    }
    // Each transfer has written two documents, once.
    assert_eq!(versions, ACCOUNTS + moved.iter().sum::<u64>());
}

/// Moves 1 from one account to another, and finds all of them in balance on the way.
async fn transfer(db: &dyn Database, from: &str, to: &str) -> bool {
    let tx = db.begin().await.expect("a transaction");
    let moved = async {
        let all = Query::new(Collection::Object, Filter::all());
        let accounts = tx.find(all).await?.try_collect().await?;
        let balances =
            accounts.iter().map(|account| fields(account).get_i32("balance").expect("a balance"));
        assert_eq!(balances.sum::<i32>(), 500, "the sum of what was read");
        let (source, target) = (balance(&*tx, from).await?, balance(&*tx, to).await?);
        tokio::task::yield_now().await;
        let batch = ops(&*tx).update(from, source.0, &doc! { "balance": source.1 - 1 }).update(
            to,
            target.0,
            &doc! { "balance": target.1 + 1 },
        );
        let report = batch.try_write().await?;
        assert!(report.is_complete(), "{report:?}");
        tx.commit().await
    };
    settled(&*tx, moved.await).is_some()
}
