//! Outcomes are exact though replies are lost and the primary changes in the midst of a batch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bson::{Document, doc};
use futures_util::TryStreamExt;
use jvspatial_db::{
    Collection, Database, EntityName, Id, IndexSpec, MongoDb, MongoDbOptions, Outcome, Version,
    WriteBatch,
};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::figures::{Figures, Random, report, rounds_of, say, seed, time_is_up};
use super::proxy::Proxies;
use super::set::{Set, open};

/// Whoever writes batches side by side, each its own documents by a database handle of its own: after each lost reply a driver
/// leaves its server alone for half a second.
const LANES: u64 = 12;
/// One batch in so many sees the primary step down while its reply is lost.
const STEPDOWN: u64 = 72;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts MongoDB servers"]
async fn outcomes_are_exact_though_replies_are_lost_and_the_primary_changes() {
    let seed = seed();
    let mut random = Random(seed);
    let set = Arc::new(Set::start().await);
    let db = open(&set.url("outcomes", ""), MongoDbOptions::new()).await;
    let city = Some(EntityName::new("City").unwrap());
    let spec = doc! { "key": { "context.code": 1 }, "unique": true };
    db.create_index(Collection::Node, city, IndexSpec::parse(&spec).unwrap()).await.unwrap();
    let wanted = rounds_of("outcomes", 200);
    let begun = Arc::new(AtomicU64::new(0));
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let proxies = Proxies::start(set.hosts(), &["txnNumber"]).await;
        let url = format!("mongodb://{}/outcomes?replicaSet=rs", proxies.hosts());
        let db = Arc::new(open(&url, MongoDbOptions::new()).await);
        let own = Lane {
            set: Arc::clone(&set),
            proxies,
            db,
            begun: Arc::clone(&begun),
            random: Random(random.next()),
            model: Model { lane, next: 0, documents: BTreeMap::new() },
            figures: Figures::default(),
            stepdowns: 0,
        };
        lanes.spawn(own.run(wanted));
    }
    let (mut figures, mut stepdowns, mut swallowed) = (Figures::default(), 0, 0);
    let mut models = Vec::new();
    while let Some(lane) = lanes.join_next().await {
        let lane = lane.unwrap();
        figures.add(&lane.figures);
        stepdowns += lane.stepdowns;
        swallowed += lane.proxies.swallowed();
        models.push(lane.model);
    }
    compare(&set, &models, &mut figures).await;
    let control = plain_resend(&set).await;
    let name = format!("outcomes, {swallowed} replies lost, {stepdowns} stepdowns");
    report(&name, seed, &figures, &[("plain resend", control)]);
}

struct Lane {
    set: Arc<Set>,
    proxies: Proxies,
    db: Arc<MongoDb>,
    begun: Arc<AtomicU64>,
    random: Random,
    model: Model,
    figures: Figures,
    stepdowns: u64,
}

/// The documents as they must be.
struct Model {
    lane: u64,
    next: u64,
    /// The number of each document, which is its unique code, and its version.
    documents: BTreeMap<u64, u64>,
}

impl Model {
    fn id(&self, number: u64) -> Id {
        format!("n.City.{}-{number}", self.lane).parse().unwrap()
    }

    fn code(&self, number: u64) -> i64 {
        (self.lane << 40 | number).cast_signed()
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A document that is there and that `taken` does not hold.
    fn choose(&self, random: &mut Random, taken: &mut Vec<u64>) -> Option<(u64, u64)> {
        let from = random.below(self.next + 1);
        let mut found = self.documents.range(from..).chain(self.documents.range(..from));
        let (number, version) = found.find(|(number, _)| !taken.contains(number))?;
        taken.push(*number);
        Some((*number, *version))
    }
}

/// A batch, what is to become of it, and the versions that its documents then have; `None` for one that is gone.
struct Expected {
    batch: WriteBatch,
    outcomes: Vec<Outcome>,
    after: Vec<(u64, Option<u64>)>,
}

impl Lane {
    async fn run(mut self, wanted: u64) -> Self {
        while self.begun.fetch_add(1, Ordering::SeqCst) < wanted && !time_is_up() {
            let Expected { batch, outcomes, after } = self.batch();
            // At least one, early on.
            let is_first = self.figures.rounds == 4;
            let is_stepdown =
                self.model.lane == 0 && (is_first || self.random.one_in(STEPDOWN / LANES));
            let db = Arc::clone(&self.db);
            let write = || tokio::spawn(async move { db.write(batch).await });
            let told = if is_stepdown {
                self.stepdowns += 1;
                let before = self.proxies.swallowed();
                self.proxies.silence(true);
                let written = write();
                while self.proxies.swallowed() == before && !written.is_finished() {
                    sleep(Duration::from_millis(1)).await;
                }
                let old = self.set.step_down().await;
                self.set.other_primary(old).await;
                self.proxies.silence(false);
                written.await.unwrap()
            } else {
                self.proxies.swallow(self.random.below(3) as u32);
                write().await.unwrap()
            };
            self.figures.rounds += 1;
            match told {
                Ok(told) => self.judge(&outcomes, &told.outcomes),
                Err(error) => {
                    say(format_args!("a batch failed: {error}"));
                    self.figures.misreported += outcomes.len() as u64;
                    // What is there now is not known any more.
                    return self;
                }
            }
            for (number, version) in after {
                match version {
                    Some(version) => self.model.documents.insert(number, version),
                    None => self.model.documents.remove(&number),
                };
            }
        }
        self
    }

    fn judge(&mut self, expected: &[Outcome], told: &[Outcome]) {
        for (expected, told) in expected.iter().zip(told) {
            self.figures.acknowledged += u64::from(told.is_written());
            // A server answers before the deadline, so nothing need be unknown.
            self.figures.unknown += u64::from(*told == Outcome::Unknown);
            if told != expected {
                self.figures.misreported += 1;
                say(format_args!("told {told:?}, expected {expected:?}"));
            }
        }
    }

    /// A batch in which anything may happen.
    fn batch(&mut self) -> Expected {
        let (random, model) = (&mut self.random, &mut self.model);
        let in_transaction = random.one_in(5);
        let is_atomic = in_transaction && random.one_in(2);
        // An atomic batch is taken whole now and then.
        let kinds: &[u64] = match (in_transaction, is_atomic && random.one_in(2)) {
            (false, _) => &[0, 0, 1, 2, 3, 4, 5],
            (true, false) => &[0, 0, 1, 2, 3, 4, 5, 6, 7],
            (true, true) => &[0, 3, 6],
        };
        let mut batch = WriteBatch::new(self.db.capabilities().encoding).atomic(is_atomic);
        let (mut outcomes, mut after, mut taken) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..3 + random.below(20) {
            let kind = kinds[random.below(kinds.len() as u64) as usize];
            let there = match kind {
                2 | 3 => None,
                _ => model.choose(random, &mut taken),
            };
            let (number, version) = there.unwrap_or_else(|| (model.fresh(), 0));
            let (id, fields) = (model.id(number), doc! { "code": model.code(number) });
            let stale = version + 1 + random.below(3);
            let conflict =
                Outcome::Conflict { expected: Version::new(stale), found: Version::new(version) };
            let next = Outcome::Written(Version::new(version + 1));
            let outcome = match (kind, there.is_some()) {
                (0, true) => {
                    batch.update(id, Version::new(version), &fields).unwrap();
                    after.push((number, Some(version + 1)));
                    next
                }
                (1, true) => {
                    batch.update(id, Version::new(stale), &fields).unwrap();
                    conflict
                }
                (2, _) => {
                    batch.update(id.clone(), Version::new(stale), &fields).unwrap();
                    Outcome::Missing(id)
                }
                (4, true) => {
                    // Of a code that nobody has, since one reason is enough.
                    let free = model.fresh();
                    let fields = doc! { "code": model.code(free) };
                    batch.insert(id.clone(), &fields).unwrap();
                    Outcome::duplicate("_id", id)
                }
                (5, true) => {
                    let number = model.fresh();
                    batch.insert(model.id(number), &fields).unwrap();
                    Outcome::duplicate("context.code_1", id)
                }
                (6, true) => {
                    batch.delete(id, Some(Version::new(version)), false).unwrap();
                    after.push((number, None));
                    next
                }
                (7, true) => {
                    batch.delete(id, Some(Version::new(stale)), false).unwrap();
                    conflict
                }
                _ => {
                    batch.insert(id, &fields).unwrap();
                    after.push((number, Some(1)));
                    Outcome::Written(Version::FIRST)
                }
            };
            outcomes.push(outcome);
        }
        if is_atomic && outcomes.iter().any(|outcome| !outcome.is_written()) {
            after.clear();
            for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_written()) {
                *outcome = Outcome::Skipped;
            }
        }
        Expected { batch, outcomes, after }
    }
}

/// Compares what is stored with what must be.
async fn compare(set: &Set, models: &[Model], figures: &mut Figures) {
    set.settle().await;
    let nodes = set.raw("outcomes").await.collection::<Document>("node");
    let stored: Vec<Document> = nodes.find(doc! {}).await.unwrap().try_collect().await.unwrap();
    let stored: BTreeMap<&str, i64> = stored
        .iter()
        .map(|stored| (stored.get_str("_id").unwrap(), stored.get_i64("_version").unwrap()))
        .collect();
    let mut count = 0;
    for model in models {
        for (number, version) in &model.documents {
            let found = stored.get(model.id(*number).to_string().as_str()).copied();
            let expected = version.cast_signed();
            count += 1;
            figures.lost += u64::from(found.is_none_or(|found| found < expected));
            figures.double += u64::from(found.is_some_and(|found| found > expected));
        }
    }
    figures.double += (stored.len() as u64).saturating_sub(count);
}

/// The same save sent again without a number when its reply is lost.
async fn plain_resend(set: &Set) -> Figures {
    const DOCUMENTS: i32 = 20;
    let proxies = Proxies::start(set.hosts(), &["plainly"]).await;
    let url = format!("mongodb://{}/?replicaSet=rs", proxies.hosts());
    let database = mongodb::Client::with_uri_str(url).await.unwrap().database("control");
    let documents = (0..DOCUMENTS).map(|n| doc! { "_id": n, "version": 1 });
    database.collection::<Document>("plainly").insert_many(documents).await.unwrap();
    let updates: Vec<Document> = (0..DOCUMENTS)
        .map(|n| doc! { "q": { "_id": n, "version": 1 }, "u": { "$inc": { "version": 1 } } })
        .collect();
    let update = doc! { "update": "plainly", "updates": updates, "ordered": false };
    proxies.swallow(1);
    let reply = loop {
        if let Ok(reply) = database.run_command(update.clone()).await {
            break reply;
        }
    };
    let told = reply.get_i32("n").unwrap();
    let all = doc! { "version": 2 };
    let written = database.collection::<Document>("plainly").count_documents(all).await.unwrap();
    let misreported = written - u64::from(told.cast_unsigned());
    Figures { rounds: 1, acknowledged: written, misreported, ..Figures::default() }
}
