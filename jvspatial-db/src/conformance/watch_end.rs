//! The change feed at the end of a database's opening, and after the next.

use std::time::Duration;

use bson::doc;
use tokio::time::timeout;

use super::harness::Harness;
use super::support::ops;
use super::watch::{PATIENCE, next, nothing_else, take, tell, told, watch};
use crate::error::ErrorKind;
use crate::watch::ChangeKind::{Created, Deleted, Updated};
use crate::watch::{ResumeToken, WatchOptions};

pub async fn a_watch_ends_when_the_database_is_closed(harness: Harness) {
    let db = harness.open().await;
    let Some(mut changes) = watch(&*db, WatchOptions::new()).await else { return };
    let closing = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        db.close().await.expect("closed");
    };
    let ended = timeout(PATIENCE, changes.try_next());
    let (ended, ()) = futures_util::future::join(ended, closing).await;
    let error = ended.expect("an end in time").expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    assert!(changes.try_next().await.expect("the end").is_none());
    let error = db.watch(WatchOptions::new()).await.expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
}

pub async fn a_watch_goes_on_when_the_database_has_been_opened_again(harness: Harness) {
    let db = harness.open().await;
    let Some(mut changes) = watch(&*db, WatchOptions::new()).await else { return };
    ops(&*db).insert("o.Note.1", &doc! {}).done().await;
    let token = next(&mut changes).await.token.to_string();
    ops(&*db).update("o.Note.1", 1, &doc! { "n": 1 }).insert("o.Note.2", &doc! {}).done().await;
    let db = harness.reopen(db).await;
    let token: ResumeToken = token.parse().expect("a token");
    let again = db.watch(WatchOptions::new().after(token)).await;
    if !db.capabilities().persistent {
        assert_eq!(again.expect_err("another database").kind(), ErrorKind::Invalid);
        return;
    }
    let mut again = again.expect("a watch");
    ops(&*db).delete("o.Note.2").insert("o.Note.3", &doc! {}).done().await;
    let rest = told(&take(&mut again, 4).await);
    let expected = [
        tell("o.Note.1", Updated, 2),
        tell("o.Note.2", Created, 1),
        tell("o.Note.2", Deleted, 0),
        tell("o.Note.3", Created, 1),
    ];
    assert_eq!(rest, expected);
    nothing_else(&*db, &mut again).await;
    db.close().await.expect("closed");
}
