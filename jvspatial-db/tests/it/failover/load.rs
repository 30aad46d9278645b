//! Writers that append tokens to documents under the version check, and the check that every token is where it was told to be.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bson::{Document, doc};
use futures_util::TryStreamExt;
use jvspatial_db::{Database, Effect, Handle, Id, MongoDb, Outcome, WriteBatch};
use mongodb::options::{ReadConcern, WriteConcern};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::figures::{Figures, Random, tell};
use super::set::Set;

/// How many documents the writers share.
pub(super) const DOCUMENTS: usize = 64;
const WRITERS: u64 = 8;
/// How many writes there are before a fault and after it.
const WARM: u64 = 40;

/// Tokens are unique among all rounds of a run.
static TOKEN: AtomicI64 = AtomicI64::new(1);

/// What a writer was told of a token.
enum Told {
    /// It is in the document, and made it this version.
    Written(u64),
    /// It is not there.
    Refused,
    /// It may be there.
    Unknown,
}

/// Writers at work on documents of their own.
pub(super) struct Load {
    log: Arc<Log>,
    writers: JoinSet<()>,
    documents: Vec<Id>,
}

struct Log {
    told: Mutex<Vec<(Id, i64, Told)>>,
    written: AtomicU64,
    stop: AtomicBool,
    start: Instant,
    /// When a write was last acknowledged, and the longest time between two, in microseconds since the start.
    last: AtomicU64,
    longest: AtomicU64,
}

impl Load {
    /// Makes documents and begins to write them.
    pub(super) async fn begin(db: &Arc<MongoDb>, random: &mut Random) -> Self {
        let key = random.next();
        let documents: Vec<Id> = (0..DOCUMENTS).map(|n| id(&format!("{key:x}-{n}"))).collect();
        let mut batch = WriteBatch::new(db.capabilities().encoding);
        for document in &documents {
            batch.insert(document.clone(), &doc! { "tokens": [] }).unwrap();
        }
        assert!(db.write(batch).await.unwrap().is_complete());
        let log = Arc::new(Log {
            told: Mutex::default(),
            written: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            start: Instant::now(),
            last: AtomicU64::new(0),
            longest: AtomicU64::new(0),
        });
        let mut writers = JoinSet::new();
        for _ in 0..WRITERS {
            let (db, log, documents) = (Arc::clone(db), Arc::clone(&log), documents.clone());
            let mut random = Random(random.next());
            writers.spawn(async move {
                while !log.stop.load(Ordering::Relaxed) {
                    write_some(&db, &log, &documents, &mut random).await;
                }
            });
        }
        let load = Self { log, writers, documents };
        load.warm().await;
        load
    }

    /// Waits until some more was written.
    pub(super) async fn warm(&self) {
        let before = self.log.written.load(Ordering::Relaxed);
        let end = Instant::now() + Duration::from_secs(60);
        while self.log.written.load(Ordering::Relaxed) < before + WARM {
            assert!(Instant::now() < end, "nothing is written any more");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends the writers, and says what they were told untruly and how long none of them was answered.
    pub(super) async fn end(mut self, set: &Set, database: &str) -> (Figures, Duration) {
        self.log.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.writers.join_next().await {
            ended.unwrap();
        }
        let told = std::mem::take(&mut *self.log.told.lock());
        let stored = stored(set, database, &self.documents).await;
        let longest = Duration::from_micros(self.log.longest.load(Ordering::Relaxed));
        (judge(&told, &stored), longest)
    }
}

fn id(key: &str) -> Id {
    format!("n.Token.{key}").parse().unwrap()
}

/// Appends tokens to some of the documents, as they were read, and makes a document of its own now and then.
async fn write_some(db: &MongoDb, log: &Log, documents: &[Id], random: &mut Random) {
    let count = 1 + random.below(8);
    let own: HashSet<usize> =
        (0..count).map(|_| random.below(documents.len() as u64) as usize).collect();
    let handles: Vec<Handle> = own.iter().map(|n| Handle::new(documents[*n].clone())).collect();
    let Ok(read) = db.get_many(&handles).await else {
        sleep(Duration::from_millis(10)).await;
        return;
    };
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    let mut sent = Vec::new();
    for document in read.iter().flatten() {
        let token = TOKEN.fetch_add(1, Ordering::Relaxed);
        let Tokens { mut tokens } = document.decode().unwrap();
        tokens.push(token);
        batch.update(document.id.clone(), document.version, &doc! { "tokens": tokens }).unwrap();
        sent.push((document.id.clone(), token));
    }
    if random.one_in(2) {
        let token = TOKEN.fetch_add(1, Ordering::Relaxed);
        // Its key begins as those of the others, by which they are found.
        let own = format!("{}-{token}", documents[0].to_string().trim_start_matches("n.Token."));
        batch.insert(id(&own), &doc! { "tokens": [token] }).unwrap();
        sent.push((id(&own), token));
    }
    match db.write(batch).await {
        Ok(report) => {
            let mut told = log.told.lock();
            for ((id, token), outcome) in sent.into_iter().zip(report.outcomes) {
                let outcome = match outcome {
                    Outcome::Written(version) => Told::Written(version.get()),
                    Outcome::Unknown => Told::Unknown,
                    _ => Told::Refused,
                };
                if matches!(outcome, Told::Written(_)) {
                    log.acknowledge();
                }
                told.push((id, token, outcome));
            }
        }
        Err(error) => {
            let told = || match error.effect() {
                Effect::None => Told::Refused,
                Effect::Unknown => Told::Unknown,
            };
            tell(format_args!("a batch failed: {error}"));
            log.told.lock().extend(sent.into_iter().map(|(id, token)| (id, token, told())));
        }
    }
}

impl Log {
    fn acknowledge(&self) {
        let now = self.start.elapsed().as_micros() as u64;
        let last = self.last.swap(now, Ordering::Relaxed);
        self.longest.fetch_max(now.saturating_sub(last), Ordering::Relaxed);
        self.written.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(serde::Deserialize)]
struct Tokens {
    tokens: Vec<i64>,
}

/// Every document of the round, as a majority of the servers has it: its version and its tokens.
async fn stored(set: &Set, database: &str, documents: &[Id]) -> HashMap<String, (u64, Vec<i64>)> {
    set.settle().await;
    let database = set.raw(database).await;
    let nodes = database.collection::<Document>("node");
    // What is acknowledged now was acknowledged by a majority after all else.
    let marker = database.collection::<Document>("marker");
    let concern = WriteConcern::majority();
    marker.insert_one(doc! {}).write_concern(concern).await.unwrap();
    let first = documents[0].to_string();
    let (key, _) = first.split_once('-').unwrap();
    let own = doc! { "_id": { "$gte": format!("{key}-"), "$lt": format!("{key}.") } };
    let found = nodes.find(own).read_concern(ReadConcern::majority()).await.unwrap();
    let found: Vec<Document> = found.try_collect().await.unwrap();
    let read = |document: &Document| {
        let version = document.get_i64("_version").unwrap().cast_unsigned();
        let context = document.get_document("context").unwrap().clone();
        let Tokens { tokens } = bson::deserialize_from_document(context).unwrap();
        (document.get_str("_id").unwrap().to_owned(), (version, tokens))
    };
    found.iter().map(read).collect()
}

fn judge(told: &[(Id, i64, Told)], stored: &HashMap<String, (u64, Vec<i64>)>) -> Figures {
    let mut figures = Figures::default();
    let nothing = (0, Vec::new());
    for (id, token, told) in told {
        let (version, tokens) = stored.get(&id.to_string()).unwrap_or(&nothing);
        let count = tokens.iter().filter(|own| *own == token).count();
        // A document that was made with a token has no version without one.
        let made_with = tokens.len() as u64 == *version;
        let place = |version: u64| version.checked_sub(if made_with { 1 } else { 2 });
        let before = figures;
        match told {
            Told::Written(told) => {
                figures.acknowledged += 1;
                figures.lost += u64::from(count == 0);
                let at = place(*told).and_then(|place| tokens.get(place as usize));
                figures.misreported += u64::from(count > 0 && at != Some(token));
            }
            Told::Refused => figures.misreported += u64::from(count > 0),
            Told::Unknown => figures.unknown += 1,
        }
        figures.double += u64::from(count > 1);
        if (figures.lost, figures.double, figures.misreported)
            != (before.lost, before.double, before.misreported)
        {
            tell(format_args!("{id} at {version} has token {token} {count} times: {tokens:?}"));
        }
    }
    for (version, tokens) in stored.values() {
        let is_whole = [0, 1].contains(&version.saturating_sub(tokens.len() as u64));
        figures.double += u64::from(!is_whole);
    }
    figures
}
