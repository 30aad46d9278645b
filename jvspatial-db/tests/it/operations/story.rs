//! A store that was written batch by batch, and what it held after each.

use std::collections::BTreeMap;
use std::sync::Arc;

use jvspatial_db::json::disk::{Fault, OpKind, SimulatedDisk};
use jvspatial_db::{
    Collection, Database as _, Encoding, Ends, Filter, Id, JsonDb, JsonDbOptions, Link, Query,
    Version, WriteBatch,
};
use serde_json::json;
use tokio::runtime::Runtime;

/// A document as it must be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) version: u64,
    pub(super) schema: u32,
    pub(super) body: Vec<u8>,
    pub(super) ends: Option<Ends>,
}

/// All that a store holds.
pub(super) type State = BTreeMap<Id, Stored>;

/// What a store held after each of its commits.
pub(super) struct Story {
    pub(super) disk: SimulatedDisk,
    pub(super) states: Vec<State>,
}

/// How many bytes lie between those that are damaged; `JVSPATIAL_TEST_FAULT_SCALE` divides it.
pub(super) fn step(quick: usize) -> usize {
    let scale = std::env::var("JVSPATIAL_TEST_FAULT_SCALE").ok();
    let scale: usize = scale.map_or(1, |scale| scale.parse().unwrap());
    (quick / scale).max(1)
}

pub(super) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Segments so small that some are sealed.
pub(super) fn options() -> JsonDbOptions {
    JsonDbOptions::new().segment_bytes(4096)
}

pub(super) fn open(disk: &SimulatedDisk) -> JsonDb {
    JsonDb::open_on(Arc::new(disk.clone()), options()).unwrap()
}

pub(super) fn id(text: &str) -> Id {
    text.parse().unwrap()
}

/// Everything in a store, as a search finds it.
pub(super) async fn contents(db: &JsonDb) -> State {
    let mut state = State::new();
    for collection in Collection::ALL {
        let query = Query::new(collection, Filter::all());
        for document in db.find(query).await.unwrap().try_collect().await.unwrap() {
            let stored = Stored {
                version: document.version.get(),
                schema: document.schema,
                body: document.body.as_bytes().to_vec(),
                ends: document.ends,
            };
            state.insert(document.id, stored);
        }
    }
    state
}

/// What a store that was closed holds.
pub(super) fn contents_of(disk: &SimulatedDisk) -> State {
    let runtime = runtime();
    let db = open(disk);
    assert!(db.recovery().clean, "it was not closed: {:?}", db.recovery());
    let state = runtime.block_on(contents(&db));
    runtime.block_on(db.close()).unwrap();
    state
}

/// All files and their bytes.
pub(super) fn files(disk: &SimulatedDisk) -> BTreeMap<String, Vec<u8>> {
    disk.paths().into_iter().map(|path| (path.clone(), disk.bytes(&path).unwrap())).collect()
}

/// The segments, in order.
pub(super) fn segments(disk: &SimulatedDisk) -> Vec<String> {
    disk.paths().into_iter().filter(|path| path.starts_with("journal/")).collect()
}

/// Writes batches of every kind until the journal has three segments, the last half full.
///
/// Every batch changes several documents and some remove others, so most lines end up replaced. Until the disk
/// is healed there is no room for compaction, which would take them away.
pub(super) fn write_story(db: &JsonDb, disk: &SimulatedDisk) -> Vec<State> {
    for number in 1..4 {
        let compacted = format!("journal/0000000{number}-");
        disk.fail(Fault::full(OpKind::CreateFile).under(&compacted).from_then_on());
    }
    let runtime = runtime();
    let mut state = State::new();
    let mut states = vec![state.clone()];
    for turn in 0_u64.. {
        let segments = segments(disk);
        if segments.len() == 3 && disk.bytes(&segments[2]).unwrap().len() > 2000 {
            break;
        }
        let batch = next_batch(turn, &mut state);
        let report = runtime.block_on(db.write(batch)).unwrap();
        assert!(report.is_complete(), "{report:?}");
        // What the batch made of the documents is taken from the store itself.
        let found = runtime.block_on(contents(db));
        assert!(found.keys().eq(state.keys()), "turn {turn}");
        state = found;
        states.push(state.clone());
    }
    states
}

fn next_batch(turn: u64, state: &mut State) -> WriteBatch {
    let mut batch = WriteBatch::new(Encoding::Json).atomic(true);
    let text = format!("turn {turn} {}", "x".repeat((turn % 7) as usize * 9));
    let mut put = |text_id: String, link: Option<Link>| {
        let id = id(&text_id);
        let fields = json!({ "text": text, "turn": turn });
        match state.get(&id) {
            Some(stored) => batch.update(id, Version::new(stored.version), &fields).unwrap(),
            None => {
                let schema = 1 + (turn % 3) as u32;
                batch.insert_with(id.clone(), &fields, schema, link).unwrap();
                let stored = Stored { version: 1, schema, body: Vec::new(), ends: None };
                state.insert(id, stored);
            }
        }
    };
    put(format!("n.City.c{}", turn % 5), None);
    put(format!("n.Town.t{}", turn % 11), None);
    put(format!("o.Note.only{turn}"), None);
    if turn > 11 {
        let ends = Ends {
            source: id(&format!("n.City.c{}", turn % 5)),
            target: id(&format!("n.Town.t{}", (turn + 3) % 11)),
            bidirectional: turn.is_multiple_of(2),
        };
        put(format!("e.Road.r{}", turn % 6), Some(Link { ends, unique: false }));
    }
    if turn % 3 == 2 {
        let gone = id(&format!("o.Note.only{}", turn - 1));
        let stored = state.remove(&gone).unwrap();
        batch.delete(gone, Some(Version::new(stored.version)), false).unwrap();
    }
    batch
}

/// A store that was written and closed.
pub(super) fn closed() -> Story {
    let disk = SimulatedDisk::new();
    let db = open(&disk);
    let states = write_story(&db, &disk);
    runtime().block_on(db.close()).unwrap();
    Story { disk: disk.kill_state(), states }
}

/// A store that was written and killed.
pub(super) fn killed() -> Story {
    let disk = SimulatedDisk::new();
    let db = open(&disk);
    let states = write_story(&db, &disk);
    let killed = disk.kill_state();
    runtime().block_on(db.close()).unwrap();
    Story { disk: killed, states }
}

impl Story {
    pub(super) fn last(&self) -> &State {
        self.states.last().unwrap()
    }
}
