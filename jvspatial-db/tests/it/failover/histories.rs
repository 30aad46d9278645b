//! Single documents are linearizable through one database handle.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use bson::{Document, doc};
use jvspatial_db::{
    Database, Effect, Handle, Id, MongoDb, MongoDbOptions, Outcome, Version, WriteBatch,
};
use tokio::task::JoinSet;

use super::controls::one_is_enough;
use super::figures::{Figures, Random, report, rounds_of, say, seed, tell, time_is_up};
use super::linear::{Call, Event, State, Told, is_linearizable};
use super::nemesis::Nemesis;
use super::set::{Set, open};

const PROCESSES: usize = 3;
const CALLS: usize = 6;
/// How many documents are written side by side.
const AT_ONCE: u64 = 50;

static VALUE: AtomicI64 = AtomicI64::new(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts MongoDB servers"]
async fn single_documents_are_linearizable_through_failovers() {
    let seed = seed();
    let mut random = Random(seed);
    let set = Arc::new(Set::start().await);
    let url = set.url("histories", "&maxPoolSize=50");
    let db = Arc::new(open(&url, MongoDbOptions::new()).await);
    let stop = Arc::new(AtomicBool::new(false));
    let faults = tokio::spawn(faults(Arc::clone(&set), Arc::clone(&stop), Random(random.next())));
    let mut figures = Figures::default();
    let wanted = rounds_of("histories", 500);
    let clock = Instant::now();
    while figures.rounds < wanted && !time_is_up() {
        let mut histories = JoinSet::new();
        for _ in 0..AT_ONCE.min(wanted - figures.rounds) {
            let db = Arc::clone(&db);
            histories.spawn(history(db, clock, Random(random.next())));
        }
        while let Some(history) = histories.join_next().await {
            judge(&history.unwrap(), &mut figures);
        }
    }
    stop.store(true, Ordering::Relaxed);
    let count = faults.await.unwrap();
    let control = read_alone(&set).await;
    let name = format!("histories, {count} failovers");
    report(&name, seed, &figures, &[("local reads of a primary that is cut off", control)]);
}

/// One fault after the other, until told to stop; how many there were.
async fn faults(set: Arc<Set>, stop: Arc<AtomicBool>, mut random: Random) -> u64 {
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        let nemesis = Nemesis::OF_PROCESSES[random.below(3) as usize];
        tell(format_args!("{nemesis:?}"));
        nemesis.strike(&set).await;
        set.settle().await;
        count += 1;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    count
}

/// What some processes were answered that read and write one document.
async fn history(db: Arc<MongoDb>, clock: Instant, mut random: Random) -> Vec<Call> {
    let id: Id = format!("n.Register.{:x}", random.next()).parse().unwrap();
    let mut processes = JoinSet::new();
    for process in 0..PROCESSES {
        let (db, id, mut random) = (Arc::clone(&db), id.clone(), Random(random.next()));
        processes.spawn(async move {
            let mut calls = Vec::new();
            let mut known = 1;
            while calls.len() < CALLS {
                let from = clock.elapsed().as_nanos() as u64;
                let event = act(&db, &id, &mut known, &mut random).await;
                let until = clock.elapsed().as_nanos() as u64;
                // What did not happen says nothing.
                if let Some(event) = event {
                    calls.push(Call { process, from, until, event });
                }
            }
            calls
        });
    }
    let mut calls = Vec::new();
    while let Some(own) = processes.join_next().await {
        calls.extend(own.unwrap());
    }
    calls
}

#[derive(serde::Deserialize)]
struct Register {
    value: i64,
}

/// One call. `known` is the version that this process has seen last.
async fn act(db: &MongoDb, id: &Id, known: &mut u64, random: &mut Random) -> Option<Event> {
    let choice = random.below(20);
    if choice < 9 {
        let read = db.get_many(&[Handle::new(id.clone())]).await.ok()?;
        let seen: State = read[0].as_ref().map(|document| {
            let Register { value } = document.decode().unwrap();
            (document.version.get(), value)
        });
        *known = seen.map_or(*known, |(version, _)| version);
        return Some(Event::Read(seen));
    }
    let value = VALUE.fetch_add(1, Ordering::Relaxed);
    let expected = if random.one_in(8) { known.saturating_sub(1).max(1) } else { *known };
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    let fields = doc! { "value": value };
    let version = Version::new(expected);
    let delete_at = if choice == 18 { Some(expected) } else { None };
    match choice {
        9..12 => batch.insert(id.clone(), &fields).unwrap(),
        12..18 => batch.update(id.clone(), version, &fields).unwrap(),
        _ => batch.delete(id.clone(), delete_at.map(Version::new), false).unwrap(),
    }
    let told = match db.write(batch).await {
        Ok(report) => match &report.outcomes[0] {
            Outcome::Written(version) => Told::Written(version.get()),
            Outcome::Conflict { found, .. } => Told::Conflict { found: found.get() },
            Outcome::Missing(_) => Told::Missing,
            Outcome::Duplicate(_) => Told::Taken,
            _ => Told::Unknown,
        },
        Err(error) if error.effect() == Effect::None => {
            tell(format_args!("a write failed: {error}"));
            return None;
        }
        Err(_) => Told::Unknown,
    };
    if let Told::Written(version) | Told::Conflict { found: version } = told {
        *known = version;
    }
    Some(match choice {
        9..12 => Event::Insert { value, told },
        12..18 => Event::Save { expected, value, told },
        _ => Event::Delete { expected: delete_at, told },
    })
}

fn judge(history: &[Call], figures: &mut Figures) {
    figures.rounds += 1;
    for call in history {
        match &call.event {
            Event::Read(_) => {}
            Event::Insert { told, .. } | Event::Save { told, .. } | Event::Delete { told, .. } => {
                figures.acknowledged += u64::from(matches!(told, Told::Written(_)));
                figures.unknown += u64::from(*told == Told::Unknown);
            }
        }
    }
    if !is_linearizable(history) {
        figures.misreported += 1;
        keep(history);
    }
}

/// Writes a history that could not have happened to a file, for a person to look at.
fn keep(history: &[Call]) {
    let file = tempfile::Builder::new().prefix("jvspatial-history-").suffix(".jsonl").tempfile();
    let (mut file, path) = file.unwrap().keep().unwrap();
    let mut calls = history.to_vec();
    calls.sort_by_key(|call| call.from);
    for Call { process, from, until, event } in calls {
        let line = serde_json::json!({
            "process": process, "from": from, "until": until, "event": format!("{event:?}"),
        });
        writeln!(file, "{line}").unwrap();
    }
    say(format_args!("not linearizable: {}", path.display()));
}

/// What is read from a primary whose word is enough while the others are dead, and then from one of these, who live again
/// while it is frozen.
async fn read_alone(set: &Set) -> Figures {
    set.settle().await;
    let primary = set.primary().await;
    let alone = one_is_enough(&set.direct(primary, "control"));
    let clock = Instant::now();
    let now = || clock.elapsed().as_nanos() as u64;
    let mut history = Vec::new();
    let mut call = |from, event| history.push(Call { process: 0, from, until: now(), event });
    let majority = mongodb::options::WriteConcern::majority();
    let from = now();
    let first = doc! { "_id": "a", "version": 1_i64, "value": 1_i64 };
    alone.insert_one(first).write_concern(majority).await.unwrap();
    call(from, Event::Insert { value: 1, told: Told::Written(1) });
    set.others(primary).for_each(|other| set.kill(other));
    let from = now();
    let save = doc! { "$set": { "version": 2_i64, "value": 2_i64 } };
    alone.update_one(doc! { "_id": "a" }, save).await.unwrap();
    call(from, Event::Save { expected: 1, value: 2, told: Told::Written(2) });
    let from = now();
    call(from, Event::Read(read_raw(&alone).await));
    set.freeze(primary);
    set.others(primary).for_each(|other| set.restart(other));
    let next = set.other_primary(primary).await;
    let from = now();
    call(from, Event::Read(read_raw(&one_is_enough(&set.direct(next, "control"))).await));
    set.thaw(primary);
    set.settle().await;
    let misreported = u64::from(!is_linearizable(&history));
    Figures { rounds: 1, acknowledged: 2, misreported, ..Figures::default() }
}

async fn read_raw(alone: &mongodb::Collection<Document>) -> State {
    let read = alone.find_one(doc! { "_id": "a" }).await.unwrap()?;
    let number = |name: &str| read.get_i64(name).unwrap();
    Some((number("version").cast_unsigned(), number("value")))
}
