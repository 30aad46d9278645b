//! Readers while segments are replaced under them: a cursor stays at its point in time, and everybody sees
//! batches whole.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;

use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Collection, Cursor, Database, Direction, Document, Encoding, Ends, Expansion, Filter, Handle,
    Id, JsonDb, Link, Query, Version, WriteBatch,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::figures::{Figures, Random, report, rounds, seed};
use super::super::script::runtime;
use super::{open, options};

fn note(number: u64) -> Id {
    format!("o.Note.{number}").parse().unwrap()
}

/// Documents by id, with version and body.
type Contents = BTreeMap<Id, (Version, Vec<u8>)>;

fn contents(documents: Vec<Document>) -> Contents {
    let body = |document: &Document| document.body.as_bytes().to_vec();
    documents.into_iter().map(|d| (d.id.clone(), (d.version, body(&d)))).collect()
}

async fn everything(db: &JsonDb) -> Cursor {
    db.find(Query::new(Collection::Object, Filter::all())).await.unwrap()
}

#[test]
fn a_cursor_sees_its_point_in_time_to_the_end_though_every_segment_is_replaced() {
    const DOCUMENTS: u64 = 1500;
    let seed = seed();
    let (mut figures, mut control) = (Figures::default(), Figures::default());
    runtime().block_on(async {
        let disk = SimulatedDisk::new();
        let db = open(&disk, &options());
        let mut random = Random(seed);
        let mut versions = BTreeMap::new();
        let mut cursors = Vec::new();
        for turn in 0..rounds(12) {
            let mut batch = WriteBatch::new(Encoding::Json);
            for number in 0..DOCUMENTS {
                let fields = json!({ "turn": turn, "text": "x".repeat(random.below(60) as usize) });
                let version = versions.get(&number).copied();
                match version {
                    None => batch.insert(note(number), &fields).unwrap(),
                    Some(_) if random.one_in(3) => {
                        batch.delete(note(number), None, false).unwrap();
                        versions.remove(&number);
                        continue;
                    }
                    Some(version) if random.one_in(2) => {
                        batch.update(note(number), Version::new(version), &fields).unwrap();
                    }
                    Some(_) => continue,
                }
                versions.insert(number, version.unwrap_or_default() + 1);
            }
            assert!(db.write(batch).await.unwrap().is_complete());
            figures.acknowledged += 1;
            db.compact().await.unwrap();
            let now = everything(&db).await.try_collect().await.unwrap();
            let mut cursor = everything(&db).await;
            // Some have been read in part when the files go.
            let mut seen = Vec::new();
            for _ in 0..random.below(3) * 300 {
                seen.extend(cursor.next().await.transpose().unwrap());
            }
            cursors.push((cursor, seen, contents(now), disk.paths()));
            if cursors.len() < 4 {
                continue;
            }
            let (cursor, mut seen, then, paths) = cursors.remove(random.below(3) as usize);
            let kept = disk.paths().iter().filter(|path| paths.contains(path)).count();
            assert!(kept <= 1, "only the manifest keeps its name: {kept}");
            seen.extend(cursor.try_collect().await.unwrap());
            figures.rounds += 1;
            figures.torn += u64::from(contents(seen) != then);
            let late = everything(&db).await.try_collect().await.unwrap();
            control.rounds += 1;
            control.torn += u64::from(contents(late) != then);
        }
    });
    let controls = [("a cursor that is opened afterwards", control)];
    report("compaction/cursors", seed, &figures, &controls);
    assert!(figures.is_sound(), "{figures}");
    assert!(!control.is_sound(), "{control}");
}

const PAIRS: u64 = 4;
const SUM: i64 = 1_000;

#[derive(Serialize, Deserialize)]
struct Account {
    amount: i64,
}

fn account(number: u64, side: char) -> Id {
    format!("n.Account.{number}{side}").parse().unwrap()
}

/// The edge between the sides of a pair, which is another one after every move.
fn edge(number: u64, turn: u64) -> Id {
    format!("e.Link.{number}-{}", turn % 3).parse().unwrap()
}

fn link(number: u64, turn: u64) -> Link {
    let (from, to) = if turn.is_multiple_of(2) { ('a', 'b') } else { ('b', 'a') };
    let (source, target) = (account(number, from), account(number, to));
    Link { ends: Ends { source, target, bidirectional: true }, unique: false }
}

/// Moves amounts from one side of a pair to the other and puts a new edge in the place of the old one, each
/// time in one batch with an unrelated document, until told to stop.
async fn move_amounts(db: &JsonDb, number: u64, stop: &AtomicBool) -> u64 {
    for turn in 0.. {
        if stop.load(Ordering::Relaxed) {
            return turn;
        }
        let mut batch = WriteBatch::new(Encoding::Json);
        let change = 7 * (turn as i64 % 50);
        for (side, amount) in [('a', SUM / 2 + change), ('b', SUM / 2 - change)] {
            let (id, fields) = (account(number, side), Account { amount });
            match turn {
                0 => batch.insert(id, &fields).unwrap(),
                _ => batch.update(id, Version::new(turn), &fields).unwrap(),
            }
        }
        if turn > 0 {
            batch.delete(edge(number, turn - 1), None, false).unwrap();
        }
        batch
            .insert_edge(edge(number, turn), &json!({ "live": true }), link(number, turn))
            .unwrap();
        let noise = format!("o.Noise.{number}-{turn}").parse().unwrap();
        batch.insert(noise, &json!({ "text": "x".repeat(50) })).unwrap();
        if turn > 5 {
            let old = format!("o.Noise.{number}-{}", turn - 5).parse().unwrap();
            batch.delete(old, None, false).unwrap();
        }
        assert!(db.write(batch).await.unwrap().is_complete());
        tokio::task::yield_now().await;
    }
    0
}

/// How a reader looks at a pair.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Look {
    Together,
    OneByOne,
    Find,
    Edges,
    EdgeLines,
}

/// Looks at pairs; returns how many of them did not add up.
async fn read(db: &JsonDb, look: Look, seed: u64, reads: u64) -> u64 {
    let mut random = Random(seed);
    let mut torn = 0;
    for turn in 0..reads {
        let number = random.below(PAIRS);
        let sides = ['a', 'b'].map(|side| Handle::new(account(number, side)));
        let sum = |documents: Vec<Document>| -> i64 {
            documents.iter().map(|document| document.decode::<Account>().unwrap().amount).sum()
        };
        let is_whole = match look {
            Look::Together => {
                let found = db.get_many(&sides).await.unwrap();
                sum(found.into_iter().flatten().collect()) == SUM
            }
            Look::OneByOne => {
                let mut found = db.get_many(&sides[..1]).await.unwrap();
                tokio::task::yield_now().await;
                found.extend(db.get_many(&sides[1..]).await.unwrap());
                sum(found.into_iter().flatten().collect()) == SUM
            }
            Look::Find => {
                let query = Query::new(Collection::Node, Filter::all());
                let found = db.find(query).await.unwrap().try_collect().await.unwrap();
                sum(found) == SUM * PAIRS.cast_signed()
            }
            Look::Edges | Look::EdgeLines => {
                let mut expansion = Expansion::new(Direction::Both);
                if look == Look::EdgeLines {
                    let filter = jvspatial_db::doc! { "context.live": true };
                    expansion.edge_filter = Filter::parse(&filter).unwrap();
                }
                db.neighbors(&sides, &expansion).await.unwrap().len() == 2
            }
        };
        torn += u64::from(!is_whole);
        if turn % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    torn
}

async fn race(look: Look, seed: u64, reads: u64) -> (Figures, u64) {
    const READERS: u64 = 2;
    let disk = SimulatedDisk::new();
    let db = Arc::new(open(&disk, &options()));
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..PAIRS)
        .map(|number| {
            let (db, stop) = (Arc::clone(&db), Arc::clone(&stop));
            tokio::spawn(async move { move_amounts(&db, number, &stop).await })
        })
        .collect();
    while db.count(Collection::Node, &Filter::all()).await.unwrap() < 2 * PAIRS {
        tokio::task::yield_now().await;
    }
    let compactor = {
        let (db, stop) = (Arc::clone(&db), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut segments = 0;
            while !stop.load(Ordering::Relaxed) {
                segments += db.compact().await.unwrap().segments;
            }
            segments
        })
    };
    let readers: Vec<_> = (0..READERS)
        .map(|reader| {
            let db = Arc::clone(&db);
            tokio::spawn(async move { read(&db, look, seed ^ reader, reads / READERS).await })
        })
        .collect();
    let mut figures = Figures { rounds: reads, ..Figures::default() };
    for reader in readers {
        figures.torn += reader.await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        figures.acknowledged += writer.await.unwrap();
    }
    let segments = compactor.await.unwrap();
    db.close().await.unwrap();
    (figures, segments)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_see_whole_batches_while_segments_are_replaced() {
    let seed = seed();
    let (control, _) = race(Look::OneByOne, seed, 20_000).await;
    let ways = [
        (Look::Together, "compaction/readers/get", 20_000),
        (Look::Find, "compaction/readers/find", 2_000),
        (Look::Edges, "compaction/readers/neighbors", 20_000),
        (Look::EdgeLines, "compaction/readers/neighbors filtered", 10_000),
    ];
    for (look, name, reads) in ways {
        let (figures, segments) = race(look, seed, rounds(reads)).await;
        let name = format!("{name}, {segments} segments compacted");
        report(&name, seed, &figures, &[("two reads instead of one", control)]);
        assert!(figures.is_sound(), "{look:?}: {figures}");
        assert!(segments > 10, "{look:?}: {segments} segments compacted");
        assert!(figures.acknowledged > 20, "too few writes to tell: {figures}");
    }
    assert!(control.torn > 0, "{control}");
}
