//! What the processes that are killed write, and how it is compared with what they told.

use std::path::Path;
use std::sync::Arc;

use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Collection, Database, Encoding, Filter, Handle, Id, JsonDb, Version, WriteBatch,
};
use serde_json::json;
use tokio::runtime::Runtime;

use super::child::tell;
use super::figures::Figures;
use super::script::options;

/// The number of tasks that write at the same time.
pub(super) const WRITERS: usize = 3;
/// How many entries of a writer's log are kept.
const KEPT: u64 = 5;

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
            Ok(report) if report.is_complete() => tell(&format!("ack {writer} {number}")),
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

/// What the writers of one directory told, over several lives.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    acknowledged: [u64; WRITERS],
}

impl Ledger {
    /// Takes down what a process told; panics when it told of an error.
    pub(super) fn note(&mut self, told: &str, figures: &mut Figures) {
        for line in told.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["ack", writer, number] => {
                    let last = &mut self.acknowledged[writer.parse::<usize>().unwrap()];
                    *last = number.parse().unwrap();
                    figures.acknowledged += 1;
                }
                ["ready"] => {}
                _ => panic!("the child told: {line}"),
            }
        }
    }

    /// Compares what was told with the files in `home` as they are now, which stay as they are.
    pub(super) fn compare(&mut self, runtime: &Runtime, home: &Path, figures: &mut Figures) {
        figures.rounds += 1;
        let disk = copy(home);
        let db = match JsonDb::open_on(Arc::new(disk), options()) {
            Ok(db) => db,
            Err(error) => {
                super::figures::say(format_args!("after a kill: {error}"));
                figures.lost += 1;
                return;
            }
        };
        runtime.block_on(async {
            for (writer, acknowledged) in self.acknowledged.iter_mut().enumerate() {
                match stored(&db, writer).await {
                    Ok(stored) => {
                        figures.lost += acknowledged.saturating_sub(stored);
                        figures.unknown += stored.saturating_sub(*acknowledged);
                        *acknowledged = stored;
                    }
                    Err(why) => {
                        super::figures::say(format_args!("after a kill: {why}"));
                        figures.torn += 1;
                    }
                }
            }
            let kept: u64 = self.acknowledged.iter().map(|last| (*last).min(KEPT)).sum();
            let entries = db.count(Collection::Object, &Filter::all()).await.unwrap();
            figures.torn += u64::from(entries != kept);
        });
    }
}

/// The files of a database, in memory.
fn copy(home: &Path) -> SimulatedDisk {
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
