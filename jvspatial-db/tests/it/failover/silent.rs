//! Nothing waits for ever: calls while no server answers.

use std::future::Future;
use std::time::{Duration, Instant};

use bson::doc;
use jvspatial_db::{
    Collection, Database, ErrorKind, Filter, Handle, Id, MongoDbOptions, Outcome, Query, Version,
    WriteBatch,
};

use super::controls::writes_by_default;
use super::figures::{Figures, report, seed, tell};
use super::set::{Set, open};

/// Long enough that a driver gives up the connections to its frozen servers before.
const DEADLINE: Duration = Duration::from_secs(4);
/// A change is waited for half a second longer, so that it can tell itself what became of it.
const BOUND: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts MongoDB servers"]
async fn every_call_ends_at_its_deadline_while_no_server_answers() {
    let set = Set::start().await;
    let options = MongoDbOptions::new().deadline(DEADLINE);
    let db = open(&set.url("silent", ""), options).await;
    let id: Id = "n.City.a".parse().unwrap();
    let batch = |atomic: bool| {
        let mut batch = WriteBatch::new(db.capabilities().encoding).atomic(atomic);
        batch.update(id.clone(), Version::FIRST, &doc! {}).unwrap();
        if atomic {
            batch.delete("n.City.b".parse().unwrap(), None, false).unwrap();
        }
        batch
    };
    let mut first = WriteBatch::new(db.capabilities().encoding);
    first.insert(id.clone(), &doc! {}).unwrap();
    assert!(db.write(first).await.unwrap().is_complete());
    let mut figures = Figures::default();
    let all = || Query::new(Collection::Node, Filter::all());
    let handles = [Handle::new(id.clone())];
    for n in 0..3 {
        set.freeze(n);
    }
    // Calls side by side, since one that went on without its caller would keep the next one waiting.
    let writes = async |atomic: bool| match db.write(batch(atomic)).await {
        Ok(report) => report.outcomes == [Outcome::Unknown],
        // A plain write was sent, so it may happen as soon as the server goes on.
        Err(error) if !atomic => error.kind() == ErrorKind::Unknown,
        Err(error) => matches!(error.kind(), ErrorKind::Unknown | ErrorKind::Unavailable),
    };
    let is_unavailable = |error: jvspatial_db::Error| error.kind() == ErrorKind::Unavailable;
    let ended = tokio::join!(
        timed("write", writes(false)),
        timed("atomic write", writes(true)),
        timed("get", async { db.get_many(&handles).await.is_err_and(is_unavailable) }),
        timed("count", async {
            db.count(Collection::Node, &Filter::all()).await.is_err_and(is_unavailable)
        }),
        timed("find", async {
            match db.find(all()).await {
                Ok(found) => found.try_collect().await.is_err_and(is_unavailable),
                Err(error) => is_unavailable(error),
            }
        }),
    );
    for in_time in [ended.0, ended.1, ended.2, ended.3, ended.4] {
        figures.rounds += 1;
        figures.misreported += u64::from(!in_time);
    }
    for n in 0..3 {
        set.thaw(n);
    }
    set.settle().await;
    // What was begun may have happened meanwhile, and the handle goes on.
    let read = db.get_many(&handles).await.unwrap();
    let version = read[0].as_ref().unwrap().version;
    let mut after = WriteBatch::new(db.capabilities().encoding);
    after.update(id.clone(), version, &doc! {}).unwrap();
    assert!(db.write(after).await.is_ok());
    figures.acknowledged += 1;
    let misreported = u64::from(!writes_by_default(&set, &[0, 1, 2], BOUND).await);
    let control = Figures { rounds: 1, misreported, ..Figures::default() };
    report("deadline", seed(), &figures, &[("defaults of the driver, frozen", control)]);
}

/// Whether a call ends in time, as it should.
async fn timed(what: &str, call: impl Future<Output = bool>) -> bool {
    let start = Instant::now();
    let is_right = call.await;
    let taken = start.elapsed();
    tell(format_args!("{what}: {taken:?}, {is_right}"));
    is_right && taken < BOUND
}
