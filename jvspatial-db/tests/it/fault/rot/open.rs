//! Rot under an open store: what is read later is verified again.

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Collection, Database as _, Direction, Document, Encoding, Ends, Error, ErrorKind, Expansion,
    Filter, Handle, Id, JsonDb, Link, Query, WriteBatch, doc,
};
use tokio::runtime::Runtime;

use super::super::super::room::without_room;
use super::damage::lines;
use super::{Figures, Random, report, rounds, runtime, say, seed};
use crate::fault::script::{Script, check, options};

/// Every so manieth byte is changed in a quick run; a prime, so that all parts of a line are met.
const STEP: u64 = 7;

/// The line of a document that exists.
struct Line {
    id: Id,
    path: String,
    start: usize,
    end: usize,
}

/// Version and fields of documents by id.
type Documents = BTreeMap<Id, (u64, Vec<u8>)>;

/// An open store and how to change its files behind its back.
struct Open<'a> {
    runtime: Runtime,
    db: &'a JsonDb,
    files: BTreeMap<String, Vec<u8>>,
    lines: Vec<Line>,
    put: &'a dyn Fn(&str, usize, u8),
}

/// A filter that lets everything pass and has to look at the fields for it.
fn looks() -> Filter {
    Filter::parse(&doc! { "context.absent": null }).unwrap()
}

/// The error has to say which document it is about, and where that stands.
fn names(error: &Error, line: &Line) -> bool {
    let start = line.start.to_string();
    error.kind() == ErrorKind::Corrupt
        && error.context("file") == Some(&line.path)
        && error.context("offset") == Some(&start)
        && error.context("id") == Some(&line.id.to_string())
}

fn keep(documents: &mut Documents, document: Document) {
    let body = document.body.as_bytes().to_vec();
    documents.insert(document.id, (document.version.get(), body));
}

impl<'a> Open<'a> {
    fn new(
        db: &'a JsonDb,
        files: BTreeMap<String, Vec<u8>>,
        put: &'a dyn Fn(&str, usize, u8),
    ) -> Self {
        let mut last = BTreeMap::new();
        for (path, bytes) in &files {
            let mut end = 0;
            for line in lines(bytes) {
                let start = end;
                end += line.len();
                let value: serde_json::Value = serde_json::from_slice(line).unwrap();
                let Some(id) = value["_id"].as_str().map(|id| id.parse::<Id>().unwrap()) else {
                    continue;
                };
                if value["_deleted"] == true {
                    last.remove(&id);
                } else {
                    last.insert(id.clone(), Line { id, path: path.clone(), start, end });
                }
            }
        }
        Self { runtime: runtime(), db, files, lines: last.into_values().collect(), put }
    }

    fn get(&self, lines: &[&Line]) -> Result<Documents, Error> {
        let handles: Vec<_> = lines.iter().map(|line| Handle::new(line.id.clone())).collect();
        let mut documents = Documents::new();
        for document in self.runtime.block_on(self.db.get_many(&handles))? {
            keep(&mut documents, document.expect("it exists"));
        }
        Ok(documents)
    }

    fn find(&self, collection: Collection) -> Result<Documents, Error> {
        self.runtime.block_on(async {
            let mut documents = Documents::new();
            let mut found = self.db.find(Query::new(collection, looks())).await?;
            while let Some(document) = found.try_next().await? {
                keep(&mut documents, document);
            }
            Ok(documents)
        })
    }

    fn count(&self, collection: Collection) -> Result<u64, Error> {
        self.runtime.block_on(self.db.count(collection, &looks()))
    }

    fn edges(&self) -> Result<Vec<Id>, Error> {
        let nodes = self.lines.iter().filter(|line| line.id.collection() == Collection::Node);
        let nodes: Vec<_> = nodes.map(|line| Handle::new(line.id.clone())).collect();
        let mut expansion = Expansion::new(Direction::Out);
        expansion.edge_filter = looks();
        expansion.with_edges = true;
        let reached = self.runtime.block_on(self.db.neighbors(&nodes, &expansion))?;
        Ok(reached.into_iter().map(|hop| hop.edge.unwrap().into_id()).collect())
    }

    /// Turns bits of bytes of all segments, one at a time; counts answers that are wrong, errors that say
    /// too little, and errors where none should be. The second figures are those of a reader that takes
    /// any line of JSON for true.
    fn turn_bits(&self, random: &mut Random) -> [Figures; 2] {
        let all: Vec<&Line> = self.lines.iter().collect();
        let sound = self.get(&all).unwrap();
        let found = Collection::ALL.map(|collection| self.find(collection).unwrap());
        let edges = self.edges().unwrap();
        assert!(!edges.is_empty());
        let [mut figures, mut control] = [Figures::default(); 2];
        let step = STEP.div_ceil(rounds(1)) as usize;
        for (path, bytes) in &self.files {
            for offset in (0..bytes.len()).step_by(step) {
                let turned = bytes[offset] ^ (1 << random.below(8));
                (self.put)(path, offset, turned);
                figures.rounds += 1;
                let is_hit =
                    |line: &&&Line| line.path == *path && (line.start..line.end).contains(&offset);
                let victim = all.iter().find(is_hit).copied();
                let mut see = |what: &str, is_right: bool| {
                    if !is_right {
                        say(format_args!("{path} at {offset}: {what}"));
                        figures.torn += 1;
                    }
                };
                let is_told = |error: Option<Error>| {
                    error.is_some_and(|error| victim.is_some_and(|line| names(&error, line)))
                };
                let others: Vec<&Line> = all.iter().filter(|line| !is_hit(line)).copied().collect();
                let mut rest = sound.clone();
                if let Some(victim) = victim {
                    rest.remove(&victim.id);
                    see("get", is_told(self.get(&[victim]).err()));
                    let mut line = bytes[victim.start..victim.end].to_vec();
                    line[offset - victim.start] = turned;
                    let is_json = serde_json::from_slice::<serde_json::Value>(&line).is_ok();
                    control.rounds += 1;
                    control.torn += u64::from(is_json);
                }
                see("get others", self.get(&others).is_ok_and(|others| others == rest));
                for (collection, found) in Collection::ALL.into_iter().zip(&found) {
                    let is_in = victim.is_some_and(|line| line.id.collection() == collection);
                    let (again, count) = (self.find(collection), self.count(collection));
                    if is_in {
                        see("find", is_told(again.err()));
                        see("count", is_told(count.err()));
                    } else {
                        see("find", again.is_ok_and(|again| again == *found));
                        see("count", count.is_ok_and(|count| count == found.len() as u64));
                    }
                }
                let again = self.edges();
                if victim.is_some_and(|line| edges.contains(&line.id)) {
                    see("neighbors", is_told(again.err()));
                } else {
                    see("neighbors", again.is_ok_and(|again| again == edges));
                }
                (self.put)(path, offset, bytes[offset]);
            }
        }
        assert_eq!(self.get(&all).unwrap(), sound, "all is as before");
        [figures, control]
    }
}

/// Writes until two segments are sealed and the third holds something.
fn write(db: &JsonDb, seed: u64, len: impl Fn(&str) -> Option<usize>) {
    let (runtime, mut script) = (runtime(), Script::new(seed));
    while len("journal/00000003.jsonl").is_none_or(|len| len < 1500) {
        check(&runtime.block_on(db.write(script.next())).unwrap());
    }
    // A script may have removed all its edges.
    let [source, target] = ["n.Sure.1", "n.Sure.2"].map(|id| id.parse::<Id>().unwrap());
    let mut batch = WriteBatch::new(Encoding::Json);
    batch.insert(source.clone(), &doc! {}).unwrap();
    batch.insert(target.clone(), &doc! { "a": 1 }).unwrap();
    let link = Link { ends: Ends { source, target, bidirectional: false }, unique: false };
    batch.insert_edge("e.Sure.1".parse().unwrap(), &doc! { "km": 7 }, link).unwrap();
    assert!(runtime.block_on(db.write(batch)).unwrap().is_complete());
}

fn paths() -> impl Iterator<Item = String> {
    (1..=3).map(|number| format!("journal/0000000{number}.jsonl"))
}

fn look(name: &str, seed: u64, open: &Open<'_>) {
    let [figures, control] = open.turn_bits(&mut Random(seed));
    report(name, seed, &figures, &[("take any JSON", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(control.torn > 0, "{control}");
}

#[test]
fn rot_under_an_open_store_is_an_error_for_its_document_alone() {
    let (disk, seed) = (SimulatedDisk::new(), seed());
    let db = JsonDb::open_on(Arc::new(disk.clone()), options()).unwrap();
    write(&db, seed, |path| disk.bytes(path).map(|bytes| without_room(&bytes).len()));
    let files = paths().map(|path| (path.clone(), disk.bytes(&path).unwrap())).collect();
    let put = |path: &str, offset: usize, byte: u8| {
        let changed = disk.bytes(path).unwrap()[offset] ^ byte;
        for bit in (0..8).filter(|bit| changed >> bit & 1 == 1) {
            disk.flip(path, offset, bit).unwrap();
        }
    };
    look("rot/open/simulated", seed, &Open::new(&db, files, &put));
}

#[test]
fn rot_of_real_files_under_an_open_store_is_an_error_for_its_document_alone() {
    let (home, seed) = (tempfile::tempdir().unwrap(), seed());
    let db = runtime().block_on(JsonDb::open(home.path(), options())).unwrap();
    let read = |path: &str| std::fs::read(home.path().join(path)).ok();
    write(&db, seed, |path| read(path).map(|bytes| without_room(&bytes).len()));
    let files = paths().map(|path| (path.clone(), read(&path).unwrap())).collect();
    let put = |path: &str, offset: usize, byte: u8| {
        let file = std::fs::File::options().write(true).open(home.path().join(path)).unwrap();
        file.write_all_at(&[byte], offset as u64).unwrap();
    };
    look("rot/open/real", seed, &Open::new(&db, files, &put));
}
