//! What the processes that are killed write, and how it is compared with what they told.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Collection, Database, Encoding, Filter, Handle, Id, JsonDb, Version, WriteBatch,
};
use serde_json::json;
use tokio::runtime::Runtime;

use super::child::tell;
use super::figures::{Figures, say};
use super::script::options;

/// The number of tasks that write at the same time.
pub(super) const WRITERS: usize = 3;
/// How many entries of a writer's log are kept.
const KEPT: u64 = 5;
/// How often a process that is to prove that it runs says so.
pub(super) const TICK: Duration = Duration::from_millis(5);

fn half(writer: usize, half: char) -> Id {
    format!("n.Half.{writer}{half}").parse().unwrap()
}

fn entry(writer: usize, batch: u64) -> Id {
    format!("o.Entry.{writer}-{batch}").parse().unwrap()
}

/// The batch numbered `number` of a writer: both halves of a pair, a new entry, and the end of an old one.
fn batch(writer: usize, number: u64) -> WriteBatch {
    let mut batch = WriteBatch::new(Encoding::Json).atomic(true);
    let fields = json!({ "number": number });
    for half in ['a', 'b'].map(|side| half(writer, side)) {
        match number {
            1 => batch.insert(half, &fields).unwrap(),
            _ => batch.update(half, Version::new(number - 1), &fields).unwrap(),
        }
    }
    batch.insert(entry(writer, number), &fields).unwrap();
    if number > KEPT {
        batch.delete(entry(writer, number - KEPT), None, false).unwrap();
    }
    batch
}

/// Writes `count` batches of one writer after those that are stored, and tells of each once it is
/// acknowledged.
pub(super) async fn write(db: &JsonDb, writer: usize, count: u64) {
    let stored = stored(db, writer).await.expect("what is stored can be read");
    for number in stored + 1..=stored + count {
        match db.write(batch(writer, number)).await {
            Ok(report) if report.is_complete() => {
                tell(&format!("ack {writer} {number} {}", micros()));
            }
            other => return tell(&format!("error {other:?}")),
        }
    }
}

/// The last batch of a writer that is stored, after a look at everything of it.
async fn stored(db: &JsonDb, writer: usize) -> Result<u64, String> {
    let halves = ['a', 'b'].map(|side| Handle::new(half(writer, side)));
    let halves = db.get_many(&halves).await.map_err(|error| error.to_string())?;
    let numbers: Vec<u64> =
        halves.iter().map(|half| half.as_ref().map_or(0, |half| half.version.get())).collect();
    let last = numbers[0];
    let bodies = halves.iter().flatten().map(|half| half.body.as_bytes());
    let expected = format!("{{\"number\":{last}}}");
    if numbers[1] != last || bodies.into_iter().any(|body| body != expected.as_bytes()) {
        return Err(format!("halves {halves:?}"));
    }
    let from = last.saturating_sub(KEPT);
    let entries: Vec<Handle> =
        (from..=last + 1).map(|number| Handle::new(entry(writer, number))).collect();
    let entries = db.get_many(&entries).await.map_err(|error| error.to_string())?;
    for (number, found) in (from..).zip(entries) {
        if found.is_some() != (number > from && number <= last) {
            return Err(format!("entry {number} after batch {last}: {found:?}"));
        }
    }
    Ok(last)
}

/// The time in microseconds, as two processes can compare it.
pub(super) fn micros() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_micros()).unwrap()
}

/// Which acknowledged batches may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grace {
    None,
    /// Those that were acknowledged at this time or later, see [`micros`].
    From(u64),
    /// Any, as long as they are the newest.
    Newest,
}

/// What the writers of one directory told, over several lives.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    acknowledged: [u64; WRITERS],
    /// When the batches of this life were acknowledged, by writer and number.
    times: BTreeMap<(usize, u64), u64>,
    /// When the syncs of this life were begun, and whether they came to their end.
    syncs: Vec<(u64, bool)>,
    /// When the process said that it runs.
    ticks: Vec<u64>,
}

impl Ledger {
    /// Takes down what a process told; panics when it told of an error.
    pub(super) fn note(&mut self, told: &str, figures: &mut Figures) {
        for line in told.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["ack", writer, number, time] => {
                    let (writer, number) = (writer.parse().unwrap(), number.parse().unwrap());
                    self.acknowledged[writer] = number;
                    self.times.insert((writer, number), time.parse().unwrap());
                    figures.acknowledged += 1;
                }
                ["syncing", time] => self.syncs.push((time.parse().unwrap(), false)),
                ["synced"] => self.syncs.last_mut().unwrap().1 = true,
                ["tick", time] => self.ticks.push(time.parse().unwrap()),
                ["ready"] => {}
                _ => panic!("the child told: {line}"),
            }
        }
    }

    /// Compares what was told with the files in `home` as they are now, which stay as they are.
    pub(super) fn compare(&mut self, runtime: &Runtime, home: &Path, figures: &mut Figures) {
        self.compare_with(Grace::None, runtime, home, figures);
    }

    /// As [`compare`](Self::compare), but what `grace` covers may be missing, if nothing that was begun
    /// later is there. Returns how many batches that were.
    pub(super) fn compare_with(
        &mut self,
        grace: Grace,
        runtime: &Runtime,
        home: &Path,
        figures: &mut Figures,
    ) -> u64 {
        figures.rounds += 1;
        let times = std::mem::take(&mut self.times);
        self.syncs.clear();
        self.ticks.clear();
        let disk = copy(home);
        let db = match JsonDb::open_on(Arc::new(disk), options()) {
            Ok(db) => db,
            Err(error) => {
                say(format_args!("after a fault: {error}"));
                figures.lost += 1;
                return 0;
            }
        };
        let mut forgiven = 0;
        runtime.block_on(async {
            for (writer, acknowledged) in self.acknowledged.iter_mut().enumerate() {
                match stored(&db, writer).await {
                    Ok(stored) => {
                        for number in stored + 1..=*acknowledged {
                            // What an earlier life acknowledged was there when it was last compared.
                            let time = times.get(&(writer, number));
                            let may = time.is_some_and(|time| grace.covers(*time));
                            if may { forgiven += 1 } else { figures.lost += 1 }
                        }
                        figures.unknown += stored.saturating_sub(*acknowledged);
                        *acknowledged = stored;
                    }
                    Err(why) => {
                        say(format_args!("after a fault: {why}"));
                        figures.torn += 1;
                    }
                }
            }
            let kept: u64 = self.acknowledged.iter().map(|last| (*last).min(KEPT)).sum();
            let entries = db.count(Collection::Object, &Filter::all()).await.unwrap();
            figures.torn += u64::from(entries != kept);
        });
        figures.torn += self.holes(&times);
        forgiven
    }

    /// What may be missing of a process that syncs within `micros` of a batch and was stopped at `end`: what
    /// was acknowledged after the last sync that ended had begun, and so late that the next one had not to
    /// be begun, for which the time counts in which the process could run.
    pub(super) fn grace_of_interval(&self, micros: u64, end: u64) -> Grace {
        let ended = self.syncs.iter().filter(|(_, has_ended)| *has_ended);
        let ended = ended.map(|(begun, _)| *begun).max().unwrap_or(0);
        let running = self.syncs.last().filter(|(_, has_ended)| !has_ended);
        let end = running.map_or(end, |(begun, _)| *begun);
        Grace::From(ended.max(end.saturating_sub(micros + self.longest_stall(end))))
    }

    /// The longest time in which the process should have run and did not, up to `end`.
    fn longest_stall(&self, end: u64) -> u64 {
        let later = self.ticks.iter().copied().skip(1).chain([end]);
        let gaps = self.ticks.iter().zip(later).map(|(tick, next)| next.saturating_sub(*tick));
        gaps.max().unwrap_or(0).saturating_sub(TICK.as_micros() as u64)
    }

    /// The last syncs and acknowledgements in microseconds before `end`, for who looks for the cause of a loss.
    pub(super) fn times_of_syncs(&self, end: u64) -> String {
        let before = |time: u64| end.saturating_sub(time);
        let syncs = self.syncs.iter().rev().take(3);
        let syncs: Vec<_> = syncs.map(|(begun, ended)| (before(*begun), *ended)).collect();
        let mut acks: Vec<_> = self.times.values().map(|time| before(*time)).collect();
        acks.sort_unstable();
        acks.truncate(40);
        format!(
            "syncs (begun, ended) {syncs:?}, acknowledged {acks:?}, stall {}",
            self.longest_stall(end)
        )
    }

    /// How many batches a directory that is gone should have held.
    pub(super) fn count_owed(&self, grace: Grace) -> u64 {
        let owed = |((writer, number), time): (&(usize, u64), &u64)| {
            !grace.covers(*time) && *number <= self.acknowledged[*writer]
        };
        self.times.iter().filter(|entry| owed(*entry)).count() as u64
    }

    /// How many batches are missing though one is there that was begun after they were acknowledged.
    fn holes(&self, times: &BTreeMap<(usize, u64), u64>) -> u64 {
        // A writer begins a batch after its last one was acknowledged.
        let begun =
            self.acknowledged.iter().enumerate().filter_map(|(writer, stored)| {
                times.get(&(writer, stored.checked_sub(1)?)).copied()
            });
        let Some(newest) = begun.max() else { return 0 };
        let is_hole = |((writer, number), time): (&(usize, u64), &u64)| {
            *number > self.acknowledged[*writer] && *time < newest
        };
        times.iter().filter(|entry| is_hole(*entry)).count() as u64
    }
}

impl Grace {
    fn covers(self, time: u64) -> bool {
        match self {
            Self::None => false,
            Self::From(from) => time >= from,
            Self::Newest => true,
        }
    }
}

/// The files of a database, in memory.
pub(super) fn copy(home: &Path) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    for name in ["", "journal", "quarantine"] {
        let Ok(entries) = std::fs::read_dir(home.join(name)) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_file() && !path.ends_with("LOCK") {
                let name = path.strip_prefix(home).unwrap().to_str().unwrap();
                disk.set_bytes(name, std::fs::read(&path).unwrap()).unwrap();
            }
        }
    }
    disk
}

#[test]
fn a_batch_that_is_there_though_an_earlier_one_is_missing_is_a_hole() {
    let mut ledger = Ledger::default();
    let told = "ready\nack 0 1 10\nack 1 1 20\nack 0 2 30\nack 1 2 40\n";
    ledger.note(told, &mut Figures::default());
    let times = std::mem::take(&mut ledger.times);
    // What is stored of each writer, and how many holes that leaves.
    for (stored, holes) in
        [([2, 2], 0), ([2, 1], 0), ([1, 1], 0), ([2, 0], 0), ([1, 2], 0), ([0, 2], 1)]
    {
        ledger.acknowledged = [stored[0], stored[1], 0];
        assert_eq!(ledger.holes(&times), holes, "{stored:?}");
    }
    assert!(Grace::From(30).covers(30) && !Grace::From(30).covers(29));
}

#[test]
fn an_interval_excuses_what_is_younger_than_the_last_sync_and_than_the_interval() {
    let grace = |told: &str| {
        let mut ledger = Ledger::default();
        ledger.note(told, &mut Figures::default());
        ledger.grace_of_interval(20, 100)
    };
    assert_eq!(grace(""), Grace::From(80));
    assert_eq!(grace("syncing 90\nsynced\n"), Grace::From(90));
    assert_eq!(grace("syncing 30\nsynced\n"), Grace::From(80));
    assert_eq!(grace("syncing 30\nsynced\ntick 10\ntick 5025\n"), Grace::From(65));
    // While a sync runs, no later one can be asked for.
    assert_eq!(grace("syncing 30\nsynced\nsyncing 70\n"), Grace::From(50));
}
