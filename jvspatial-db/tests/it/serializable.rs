//! Random transactions, several at a time, beside the same ones run one after the other in the order of their
//! commits: each call must have had the answer that it has there, and the stores must end up the same.

use std::sync::Arc;

use jvspatial_db::conformance::Picture;
use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Collection, Database, Direction, Document, Durability, Ends, Expansion, Filter, Handle, Id,
    IndexSpec, JsonDb, JsonDbOptions, Link, MemoryDb, Outcome, Query, Result, Sort, Transaction,
    Version, WriteBatch, doc,
};

pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A call; the numbers name documents and values.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    Get(u64),
    Find(u64),
    First,
    Last,
    Count(u64),
    Neighbors(u64),
    Insert(u64, u64),
    /// With the version that is found right before.
    Update(u64, u64),
    UpdateAt(u64, u64),
    Connect(u64, u64, u64),
    Delete(u64),
}

impl Call {
    pub(crate) fn random(random: &mut Random) -> Self {
        const NODES: u64 = 7;
        let (node, other, value) = (random.below(NODES), random.below(NODES), random.below(4));
        match random.below(11) {
            0 => Self::Get(node),
            1 => Self::Find(value),
            2 => Self::First,
            3 => Self::Count(value),
            4 => Self::Neighbors(node),
            5 => Self::Insert(node, value),
            6 => Self::Update(node, value),
            7 => Self::UpdateAt(node, 1 + random.below(3)),
            8 => Self::Last,
            9 => Self::Connect(random.below(3), node, other),
            _ => Self::Delete(node),
        }
    }
}

/// What a call was told, and whether it has written.
pub(crate) type Answer = (String, bool);

fn node(number: u64) -> Id {
    format!("n.City.{number}").parse().unwrap()
}

fn with_value(value: u64) -> Filter {
    Filter::parse(&doc! { "context.n": value as i64 }).unwrap()
}

pub(crate) async fn make(db: &dyn Database, call: Call) -> Result<Answer> {
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    match call {
        Call::Get(number) => {
            let found = db.get_many(&[Handle::from(node(number))]).await?;
            return Ok((
                format!("{:?}", found.iter().flatten().map(shown).collect::<Vec<_>>()),
                false,
            ));
        }
        Call::Find(value) => {
            return find(db, Query::new(Collection::Node, with_value(value))).await;
        }
        Call::First => return find(db, Query::new(Collection::Node, Filter::all()).limit(1)).await,
        Call::Last => {
            let sort = Sort::parse(&doc! { "context.n": -1 })?;
            let last = Query::new(Collection::Node, Filter::all()).sort(sort).skip(1).limit(2);
            return find(db, last).await;
        }
        Call::Count(value) => {
            let count = db.count(Collection::Node, &with_value(value)).await?;
            return Ok((count.to_string(), false));
        }
        Call::Neighbors(number) => {
            let from = [Handle::from(node(number))];
            let found = db.neighbors(&from, &Expansion::new(Direction::Both)).await?;
            let ids: Vec<_> = found.iter().map(|found| found.node.id().to_string()).collect();
            return Ok((ids.join(" "), false));
        }
        Call::Insert(number, value) => {
            batch.insert(node(number), &doc! { "n": value as i64 })?;
        }
        Call::Update(number, value) => {
            let found = db.get_many(&[Handle::from(node(number))]).await?.remove(0);
            let version = found.map_or(Version::FIRST, |found| found.version);
            batch.update(node(number), version, &doc! { "n": value as i64 })?;
        }
        Call::UpdateAt(number, version) => {
            batch.update(node(number), Version::new(version), &doc! { "n": 9 })?;
        }
        Call::Connect(edge, source, target) => {
            let ends =
                Ends { source: node(source), target: node(target), bidirectional: edge == 0 };
            let id = format!("e.Road.{edge}").parse().unwrap();
            batch.insert_edge(id, &doc! {}, Link { ends, unique: edge == 1 })?;
        }
        Call::Delete(number) => batch.delete(node(number), None, true)?,
    }
    let report = db.write(batch).await?;
    let has_written = report.outcomes.iter().any(Outcome::is_written);
    Ok((format!("{report:?}"), has_written))
}

async fn find(db: &dyn Database, query: Query) -> Result<Answer> {
    // Backends choose an order where none is asked for, and a transaction another one.
    let query = if query.sort.is_none() { query.sort(Sort::by_id()) } else { query };
    let found = db.find(query).await?.try_collect().await?;
    Ok((format!("{:?}", found.iter().map(shown).collect::<Vec<_>>()), false))
}

/// A document as every backend has it.
fn shown(document: &Document) -> String {
    let Document { id, version, schema, ends, body } = document;
    format!("{id} {version} {schema} {ends:?} {:?}", body.to_bson().unwrap())
}

/// A transaction that goes on, and what it was told so far.
type Open = (Arc<dyn Transaction>, Vec<(Call, Answer)>);

/// Plays `steps` random steps on `db`, and the same on `serial` in the order of the commits; returns how many
/// transactions that wrote committed, and how many were outrun.
async fn play(seed: u64, steps: usize, db: &dyn Database, serial: &dyn Database) -> [u64; 2] {
    let mut random = Random(seed);
    let mut open: [Option<Open>; 4] = [const { None }; 4];
    let (mut committed, mut outrun) = (0, 0);
    for step in 0..steps {
        let place = random.below(5) as usize;
        let Some(slot) = open.get_mut(place) else {
            // Somebody without a transaction.
            let call = Call::random(&mut random);
            let alone = make(serial, call).await.unwrap();
            assert_eq!(make(db, call).await.unwrap(), alone, "{call:?} in step {step}");
            continue;
        };
        let Some((tx, calls)) = slot else {
            *slot = Some((db.begin().await.unwrap(), Vec::new()));
            continue;
        };
        if random.below(4) > 0 {
            let call = Call::random(&mut random);
            match make(&**tx, call).await {
                Ok(told) => calls.push((call, told)),
                Err(error) => {
                    assert!(tx.is_outrun(), "{error}");
                    outrun += 1;
                    *slot = None;
                }
            }
            continue;
        }
        let Some((tx, calls)) = slot.take() else { continue };
        let has_written = calls.iter().any(|(_, (_, has_written))| *has_written);
        if let Err(error) = tx.commit().await {
            assert!(tx.is_outrun() && has_written, "{error}");
            outrun += 1;
        } else if has_written {
            for (call, told) in calls {
                assert_eq!(make(serial, call).await.unwrap(), told, "{call:?} in step {step}");
            }
            committed += 1;
        }
        if step % 16 == 0 {
            assert_eq!(Picture::of(db).await, Picture::of(serial).await, "step {step}");
        }
    }
    assert_eq!(Picture::of(db).await, Picture::of(serial).await);
    [committed, outrun]
}

#[tokio::test]
async fn transactions_are_as_if_run_one_after_the_other_in_the_order_of_their_commits() {
    let (db, serial) = (MemoryDb::new(), MemoryDb::new());
    let [committed, outrun] = play(5, 20_000, &db, &serial).await;
    assert!(committed > 300 && outrun > 300, "{committed} committed, {outrun} outrun");
}

/// A store whose files are in memory.
fn open_json() -> JsonDb {
    let options = JsonDbOptions::new().durability(Durability::Os).segment_bytes(64 * 1024);
    JsonDb::open_on(Arc::new(SimulatedDisk::new()), options).unwrap()
}

#[tokio::test]
async fn transactions_on_the_json_database_are_as_if_run_one_after_the_other() {
    let (db, serial) = (open_json(), MemoryDb::new());
    let [committed, outrun] = play(6, 12_000, &db, &serial).await;
    assert!(committed > 150 && outrun > 150, "{committed} committed, {outrun} outrun");
}

#[tokio::test]
async fn transactions_on_indexed_documents_are_as_if_run_one_after_the_other() {
    let (db, serial) = (open_json(), MemoryDb::new());
    let unique = IndexSpec::parse(&doc! { "key": { "context.n": 1 }, "unique": true }).unwrap();
    let ends = IndexSpec::parse(&doc! { "key": { "source": 1, "target": 1 } }).unwrap();
    for (collection, spec) in [(Collection::Node, unique), (Collection::Edge, ends)] {
        for db in [&db as &dyn Database, &serial] {
            db.create_index(collection, None, spec.clone()).await.unwrap();
        }
    }
    let [committed, outrun] = play(7, 12_000, &db, &serial).await;
    assert!(committed > 150 && outrun > 150, "{committed} committed, {outrun} outrun");
}
