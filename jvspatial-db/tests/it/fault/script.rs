//! Batches of every kind, and what the store must hold after each of them.

use std::collections::{BTreeMap, BTreeSet};

use jvspatial_db::codec;
use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Collection, Database as _, Direction, Encoding, Ends, Error, Expansion, Filter, Handle, Id,
    JsonDb, JsonDbOptions, Link, RecoveryReport, Version, WriteBatch, WriteReport,
};
use serde::Serialize;
use tokio::runtime::Runtime;

use super::figures::Random;

/// The largest number of any kind of document.
const MOST: u64 = 8;
const AMOUNT: i64 = 100;

/// A document as it must be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    version: u64,
    body: Vec<u8>,
    ends: Option<Ends>,
}

/// All that a store holds.
pub(super) type State = BTreeMap<Id, Stored>;

#[derive(Serialize)]
struct Account {
    amount: i64,
    serial: u64,
}

#[derive(Serialize)]
struct Note<'a> {
    text: &'a str,
}

/// A bank: every batch moves an amount between two accounts, and most do something else besides.
#[derive(Clone, Debug)]
pub(super) struct Script {
    random: Random,
    amounts: Vec<i64>,
    serial: u64,
    pub(super) state: State,
    before: Option<Box<Self>>,
}

/// A batch in the making and the state it leads to.
struct Draft {
    batch: WriteBatch,
    state: State,
}

impl Draft {
    fn put<T: Serialize>(&mut self, id: &Id, fields: &T, ends: Option<Ends>) {
        let mut body = Vec::new();
        codec::encode(Encoding::Json, fields, &mut body).unwrap();
        match self.state.get_mut(id) {
            Some(stored) => {
                self.batch.update(id.clone(), Version::new(stored.version), fields).unwrap();
                stored.version += 1;
                stored.body = body;
            }
            None => {
                let link = ends.clone().map(|ends| Link { ends, unique: false });
                self.batch.insert_with(id.clone(), fields, 1, link).unwrap();
                self.state.insert(id.clone(), Stored { version: 1, body, ends });
            }
        }
    }

    fn delete(&mut self, id: &Id, detach: bool) {
        let Some(stored) = self.state.remove(id) else { return };
        let expected = Some(Version::new(stored.version));
        self.batch.delete(id.clone(), expected, detach).unwrap();
        if !detach {
            return;
        }
        self.state.retain(|_, other| {
            other.ends.as_ref().is_none_or(|ends| ends.source != *id && ends.target != *id)
        });
    }
}

impl Script {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Random(seed),
            amounts: Vec::new(),
            serial: 0,
            state: State::new(),
            before: None,
        }
    }

    /// The script as it was before its last batch, to make the same batch again.
    pub(super) fn before_last(&self) -> Self {
        Self::clone(self.before.as_ref().unwrap())
    }

    /// The next batch; afterwards `state` is what must be stored once it is written.
    pub(super) fn next(&mut self) -> WriteBatch {
        self.before = None;
        self.before = Some(Box::new(self.clone()));
        let atomic = self.random.one_in(2);
        let mut draft = Draft {
            batch: WriteBatch::new(Encoding::Json).atomic(atomic),
            state: std::mem::take(&mut self.state),
        };
        self.serial += 1;
        if self.amounts.is_empty() {
            self.amounts = vec![AMOUNT; MOST as usize];
            for number in 0..MOST {
                self.put_account(&mut draft, number);
            }
        } else {
            self.transfer(&mut draft);
            for _ in 0..self.random.below(3) {
                self.vary(&mut draft);
            }
            if !atomic && self.random.one_in(4) {
                // A stale save: reported, without effect on the others.
                let fields = Account { amount: -1, serial: 0 };
                draft.batch.update(account(0), Version::new(1_000_000), &fields).unwrap();
            }
        }
        self.state = draft.state;
        draft.batch
    }

    fn put_account(&mut self, draft: &mut Draft, number: u64) {
        let amount = self.amounts[number as usize];
        draft.put(&account(number), &Account { amount, serial: self.serial }, None);
    }

    fn transfer(&mut self, draft: &mut Draft) {
        let from = self.random.below(MOST);
        let to = (from + 1 + self.random.below(MOST - 1)) % MOST;
        self.amounts[from as usize] -= 7;
        self.amounts[to as usize] += 7;
        self.put_account(draft, from);
        self.put_account(draft, to);
    }

    fn vary(&mut self, draft: &mut Draft) {
        let number = self.random.below(MOST);
        let text = "x".repeat(self.random.below(40) as usize);
        let note = Note { text: &text };
        match self.random.below(6) {
            0 => draft.put(&object(number), &note, None),
            1 => draft.delete(&object(number), false),
            2 => {
                let guest = guest(number);
                draft.put(&guest, &note, None);
                let ends = Ends { source: account(0), target: guest, bidirectional: true };
                if !draft.state.contains_key(&edge(number)) {
                    draft.put(&edge(number), &note, Some(ends));
                }
            }
            3 => draft.delete(&guest(number), self.random.one_in(2)),
            4 => {
                let other = account(self.random.below(MOST));
                let ends = Ends { source: account(number), target: other, bidirectional: false };
                draft.put(&edge(number), &note, Some(ends));
            }
            _ => draft.delete(&edge(number), false),
        }
    }
}

fn id(kind: &str, number: u64) -> Id {
    format!("{kind}.{number}").parse().unwrap()
}

fn account(number: u64) -> Id {
    id("n.Account", number)
}

fn guest(number: u64) -> Id {
    id("n.Guest", number)
}

fn object(number: u64) -> Id {
    id("o.Note", number)
}

fn edge(number: u64) -> Id {
    id("e.Link", number)
}

/// A runtime for one thread.
pub(super) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The options of all scripts: segments so small that some are sealed, and no thread that does things
/// in its own time.
pub(super) fn options() -> JsonDbOptions {
    JsonDbOptions::new().segment_bytes(4096).compaction(false)
}

/// Whether a batch of a script did what scripts expect: all but the stale save was written.
pub(super) fn check(report: &WriteReport) {
    let stale = |(_, outcome): (usize, &jvspatial_db::Outcome)| matches!(outcome, jvspatial_db::Outcome::Conflict { expected, .. } if expected.get() == 1_000_000);
    assert!(report.failures().all(stale), "{report:?}");
}

/// What a store was found to hold when it was opened.
#[derive(Debug)]
pub(super) enum Found {
    Holds(State, RecoveryReport),
    /// It was not opened.
    Refused(Error),
    /// Its answers do not fit together, or it cannot read what it says it holds.
    Incoherent(String),
}

/// Opens what is on `disk`, looks at all of it and closes it.
pub(super) fn inspect(runtime: &Runtime, disk: &SimulatedDisk, options: &JsonDbOptions) -> Found {
    let db = match JsonDb::open_on(std::sync::Arc::new(disk.clone()), options.clone()) {
        Ok(db) => db,
        Err(error) => return Found::Refused(error),
    };
    let found = runtime.block_on(contents(&db));
    let recovery = db.recovery().clone();
    // Some of these disks refuse to be closed; what they held is known by now.
    let _ = runtime.block_on(db.close());
    match found {
        Ok(state) => Found::Holds(state, recovery),
        Err(why) => Found::Incoherent(why),
    }
}

/// Everything in the store, read by every way of reading.
pub(super) async fn contents(db: &JsonDb) -> Result<State, String> {
    let numbers = || 0..MOST;
    let nodes: Vec<Handle> =
        numbers().map(account).chain(numbers().map(guest)).map(Handle::new).collect();
    let others = numbers().map(object).chain(numbers().map(edge)).map(Handle::new);
    let all: Vec<Handle> = nodes.iter().cloned().chain(others).collect();
    let documents = db.get_many(&all).await.map_err(|error| error.to_string())?;
    let mut state = State::new();
    for (handle, document) in all.iter().zip(documents) {
        let Some(document) = document else { continue };
        if document.id != *handle.id() {
            return Err(format!("{} answered for {}", document.id, handle.id()));
        }
        let body = document.body.as_bytes().to_vec();
        let stored = Stored { version: document.version.get(), body, ends: document.ends };
        state.insert(document.id, stored);
    }
    for collection in [Collection::Node, Collection::Edge, Collection::Object] {
        let counted = db.count(collection, &Filter::all()).await.map_err(|e| e.to_string())?;
        let listed = state.keys().filter(|id| id.collection() == collection).count() as u64;
        if counted != listed {
            return Err(format!("{counted} in {collection:?}, but {listed} can be read"));
        }
    }
    let mut expansion = Expansion::new(Direction::Out);
    expansion.with_edges = true;
    let reached = db.neighbors(&nodes, &expansion).await.map_err(|error| error.to_string())?;
    let reached: BTreeSet<Id> =
        reached.into_iter().filter_map(|hop| hop.edge.map(Handle::into_id)).collect();
    // An edge whose end was removed alone leads nowhere.
    let leads = |ends: &Ends| [&ends.source, &ends.target].map(|end| state.contains_key(end));
    let edges: BTreeSet<Id> = state
        .iter()
        .filter(|(_, stored)| stored.ends.as_ref().is_some_and(|ends| leads(ends) == [true; 2]))
        .map(|(id, _)| id.clone())
        .collect();
    if reached != edges {
        return Err(format!("edges {edges:?} exist, but {reached:?} are followed"));
    }
    Ok(state)
}
