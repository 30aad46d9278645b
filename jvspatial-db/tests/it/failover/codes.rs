//! What is told of a call is true for each way in which a server may fail it.

use std::time::Duration;

use bson::{Document, doc};
use jvspatial_db::{
    Database, Effect, ErrorKind, Handle, Id, MongoDb, MongoDbOptions, Outcome, Version, WriteBatch,
};

use super::figures::{Figures, report, rounds_of, say, seed, time_is_up};
use super::proxy::Proxies;
use super::set::{Set, open};

/// Interrupted, shutting down, stepped down, waited in vain for others, not the primary.
const CODES: [i32; 6] = [11602, 11600, 91, 189, 64, 10107];

/// How long a call may take whose servers fail for good.
const SHORT: Duration = Duration::from_millis(300);

/// How a server fails a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// With this code, before it does anything.
    Refuses(i32),
    /// It does what was asked, and then tells of a concern with this code.
    Doubts(i32),
    /// By closing the connection before it does anything.
    Hangs,
}

/// What is written, by the command that a server fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    Save,
    Insert,
    Commit,
}

impl Write {
    const fn command(self) -> &'static str {
        match self {
            Self::Save => "update",
            Self::Insert => "insert",
            Self::Commit => "commitTransaction",
        }
    }

    fn batch(self, db: &MongoDb, id: &Id) -> WriteBatch {
        let mut batch = WriteBatch::new(db.capabilities().encoding).atomic(self == Self::Commit);
        match self {
            Self::Insert => batch.insert(id.clone(), &doc! {}).unwrap(),
            Self::Save | Self::Commit => {
                batch.update(id.clone(), Version::FIRST, &doc! {}).unwrap();
            }
        }
        if self == Self::Commit {
            batch.insert(format!("{id}x").parse().unwrap(), &doc! {}).unwrap();
        }
        batch
    }

    /// The version of the document before.
    const fn before(self) -> u64 {
        match self {
            Self::Insert => 0,
            Self::Save | Self::Commit => 1,
        }
    }
}

fn hows() -> impl Iterator<Item = How> {
    let refused = CODES.into_iter().map(How::Refuses);
    refused.chain(CODES.into_iter().map(How::Doubts)).chain([How::Hangs])
}

/// Makes the primary fail a command of the programs of a name, once or from now on.
async fn arm(set: &Set, command: &str, program: &str, how: How, labelled: bool, once: bool) {
    let mut data = doc! { "failCommands": [command], "appName": program };
    match how {
        How::Refuses(code) => data.insert("errorCode", code),
        How::Doubts(code) => {
            data.insert("writeConcernError", doc! { "code": code, "errmsg": "on purpose" })
        }
        How::Hangs => data.insert("closeConnection", true),
    };
    if labelled {
        data.insert("errorLabels", ["RetryableWriteError"].as_slice());
    }
    let mode = if once { bson::bson!({ "times": 1 }) } else { "alwaysOn".into() };
    let point = doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data };
    set.command(set.primary().await, point).await;
}

async fn disarm(set: &Set) {
    let point = doc! { "configureFailPoint": "failCommand", "mode": "off" };
    set.command(set.primary().await, point).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts MongoDB servers"]
async fn what_is_told_of_a_call_is_true_for_each_way_to_fail() {
    let set = Set::start().await;
    let url = set.url("codes", "");
    let db = open(&url, MongoDbOptions::new()).await;
    let short = open(&url, MongoDbOptions::new().deadline(SHORT)).await;
    let mut figures = Figures::default();
    // A label changes nothing, which the second turn shows.
    for labelled in [false, true].into_iter().cycle() {
        for write in [Write::Save, Write::Insert, Write::Commit] {
            for how in hows() {
                figures.add(&fail_write(&set, &db, write, how, labelled, true).await);
                figures.add(&fail_write(&set, &short, write, how, labelled, false).await);
            }
        }
        if figures.rounds >= rounds_of("codes", 1) || time_is_up() {
            break;
        }
    }
    for code in CODES {
        figures.add(&fail_read(&set, &db, How::Refuses(code), true).await);
        figures.add(&fail_read(&set, &short, How::Refuses(code), false).await);
    }
    figures.add(&fail_read(&set, &db, How::Hangs, true).await);
    figures.add(&fail_read(&set, &short, How::Hangs, false).await);
    figures.add(&swallowed(&set).await);
    let control = all_failed(&set).await;
    report("codes", seed(), &figures, &[("every error as a failure", control)]);
}

/// A write that fails, and whether what is told of it is true.
async fn fail_write(
    set: &Set,
    db: &MongoDb,
    write: Write,
    how: How,
    labelled: bool,
    once: bool,
) -> Figures {
    let case = format!("{write:?} {how:?}, labelled {labelled}, once {once}");
    let id: Id = format!("n.City.{}", bson::oid::ObjectId::new().to_hex()).parse().unwrap();
    let nodes = set.raw("codes").await.collection::<Document>("node");
    if write.before() > 0 {
        let stored = doc! { "_id": id.to_string(), "_version": 1_i64, "entity": "City" };
        nodes.insert_one(stored).await.unwrap();
    }
    arm(set, write.command(), "jvspatial", how, labelled, once).await;
    let told = db.write(write.batch(db, &id)).await;
    disarm(set).await;
    let mut figures = Figures { rounds: 1, ..Figures::default() };
    let stored = nodes.find_one(doc! { "_id": id.to_string() }).await.unwrap();
    let version = stored.map_or(0, |stored| stored.get_i64("_version").unwrap().cast_unsigned());
    let is_applied = version > write.before();
    figures.double += u64::from(version > write.before() + 1);
    let is_true = match &told {
        Ok(report) => match &report.outcomes[0] {
            Outcome::Written(told) => {
                figures.acknowledged += 1;
                is_applied && told.get() == version
            }
            // A server that fails once is there for the resend.
            Outcome::Unknown => {
                figures.unknown += 1;
                !once
            }
            _ => false,
        },
        Err(error) if error.effect() == Effect::Unknown => {
            figures.unknown += 1;
            !once
        }
        Err(error) => !once && !is_applied && error.is_retryable(),
    };
    if !is_true {
        figures.misreported += 1;
        say(format_args!("{case}: told {told:?}, applied {is_applied}"));
    }
    figures
}

/// A read that fails.
async fn fail_read(set: &Set, db: &MongoDb, how: How, once: bool) -> Figures {
    arm(set, "find", "jvspatial", how, false, once).await;
    let read = db.get_many(&[Handle::new("n.City.none".parse::<Id>().unwrap())]).await;
    disarm(set).await;
    let is_right = match &read {
        Ok(_) => once,
        Err(error) => !once && error.kind() == ErrorKind::Unavailable,
    };
    if !is_right {
        say(format_args!("find {how:?}, once {once}: {read:?}"));
    }
    Figures { rounds: 1, misreported: u64::from(!is_right), ..Figures::default() }
}

/// Writes whose connections are closed after they were applied.
async fn swallowed(set: &Set) -> Figures {
    let proxies = Proxies::start(set.hosts(), &["txnNumber"]).await;
    let url = format!("mongodb://{}/codes?replicaSet=rs", proxies.hosts());
    let db = open(&url, MongoDbOptions::new()).await;
    let mut figures = Figures::default();
    for key in ["a", "b", "c"] {
        let mut batch = WriteBatch::new(db.capabilities().encoding);
        batch.insert(format!("n.Lost.{key}").parse().unwrap(), &doc! {}).unwrap();
        proxies.swallow(1);
        let told = db.write(batch).await.unwrap().outcomes;
        figures.rounds += 1;
        figures.acknowledged += 1;
        figures.misreported += u64::from(told != [Outcome::Written(Version::FIRST)]);
    }
    assert_eq!(proxies.swallowed(), 3);
    figures
}

/// The same failures of a driver's own update, each taken for a failure of the write.
async fn all_failed(set: &Set) -> Figures {
    let url = set.url("control", "&appName=control");
    let database = mongodb::Client::with_uri_str(url).await.unwrap().database("control");
    let all = database.collection::<Document>("codes");
    let mut figures = Figures::default();
    for (how, n) in hows().zip(0_i32..) {
        all.insert_one(doc! { "_id": n, "n": 0 }).await.unwrap();
        arm(set, "update", "control", how, false, true).await;
        let update = doc! { "q": { "_id": n }, "u": { "$inc": { "n": 1 } } };
        let told = database.run_command(doc! { "update": "codes", "updates": [update] }).await;
        disarm(set).await;
        let failed = told.map_or(true, |reply| reply.contains_key("writeConcernError"));
        let stored = all.find_one(doc! { "_id": n }).await.unwrap().unwrap();
        let is_applied = stored.get_i32("n").unwrap() == 1;
        figures.rounds += 1;
        figures.misreported += u64::from(failed == is_applied);
    }
    figures
}
