//! Random batches of puts among other writes: both backends answer alike, also after a reopening.

use std::sync::Arc;

use jvspatial_db::conformance::Picture;
use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Collection, Database, Ends, Envelope, Filter, Id, JsonDb, JsonDbOptions, Link, MemoryDb,
    Outcome, Query, Version, WriteBatch, WriteReport, doc,
};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Do {
    Insert,
    Put,
    Update(u64),
    Delete,
    Detach,
}

/// What to do to which document: nodes are 0 to 2, edges 3 to 5.
#[derive(Clone, Copy, Debug)]
struct Op {
    what: Do,
    number: usize,
    ends: (usize, usize),
    undirected: bool,
    unique: bool,
    version: u64,
}

fn op() -> impl Strategy<Value = Op> {
    let what = prop_oneof![
        3 => Just(Do::Insert),
        6 => Just(Do::Put),
        1 => (0..4_u64).prop_map(Do::Update),
        2 => Just(Do::Delete),
        2 => Just(Do::Detach),
    ];
    let ends = (0..3_usize, 0..3_usize);
    (what, 0..6_usize, ends, any::<bool>(), any::<bool>(), 0..4_u64).prop_map(
        |(what, number, ends, undirected, unique, version)| Op {
            what,
            number,
            ends,
            undirected,
            unique,
            version,
        },
    )
}

fn id(number: usize) -> Id {
    let ids = ["n.City.a", "n.City.b", "n.City.c", "e.Road.1", "e.Road.2", "e.Rail.3"];
    ids[number].parse().unwrap()
}

fn add(batch: &mut WriteBatch, op: Op, mark: i32) {
    let fields = doc! { "mark": mark };
    let link = (op.number > 2).then(|| {
        let (source, target) = (id(op.ends.0), id(op.ends.1));
        Link { ends: Ends { source, target, bidirectional: op.undirected }, unique: op.unique }
    });
    let envelope = Envelope { version: Version::new(op.version), schema: 1, link };
    let id = id(op.number);
    let added = match op.what {
        Do::Insert => batch.insert_as(id, &fields, envelope),
        Do::Put => batch.put(id, &fields, envelope),
        Do::Update(version) => batch.update(id, Version::new(version), &fields),
        Do::Delete => batch.delete(id, None, false),
        Do::Detach => batch.delete(id, None, true),
    };
    added.unwrap();
}

/// Of several edges that stand in the way of a unique one, a backend may name any.
fn comparable(mut report: WriteReport) -> WriteReport {
    for outcome in &mut report.outcomes {
        if let Outcome::Duplicate(duplicate) = outcome
            && duplicate.index == "connection"
        {
            duplicate.id = Id::root();
        }
    }
    report
}

fn open(disk: &SimulatedDisk) -> JsonDb {
    JsonDb::open_on(Arc::new(disk.clone()), JsonDbOptions::new().segment_bytes(4096)).unwrap()
}

async fn edges(db: &dyn Database) -> Vec<String> {
    let cursor = db.find(Query::new(Collection::Edge, Filter::all())).await.unwrap();
    let found = cursor.try_collect().await.unwrap().into_iter();
    found.map(|edge| format!("{} {} {:?}", edge.id, edge.version, edge.ends)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn both_databases_answer_alike_whatever_is_put(
        batches in proptest::collection::vec(
            (proptest::collection::vec(op(), 1..8), proptest::bool::weighted(0.2)), 1..12,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let disk = SimulatedDisk::new();
            let (mut json, memory) = (open(&disk), MemoryDb::new());
            let mut mark = 0;
            for (ops, atomic) in &batches {
                let mut reports = Vec::new();
                let before = edges(&memory).await;
                let query = Query::new(Collection::Edge, Filter::all());
                let cursor = json.find(query).await.unwrap();
                for db in [&json as &dyn Database, &memory] {
                    let mut batch = WriteBatch::new(db.capabilities().encoding).atomic(*atomic);
                    for (number, op) in (mark..).zip(ops) {
                        add(&mut batch, *op, number);
                    }
                    reports.push(comparable(db.write(batch).await.unwrap()));
                }
                mark += 10;
                assert_eq!(reports[0], reports[1], "json, memory");
                assert_eq!(Picture::of(&json).await, Picture::of(&memory).await);
                let mut seen: Vec<String> = cursor.try_collect().await.unwrap().into_iter()
                    .map(|edge| format!("{} {} {:?}", edge.id, edge.version, edge.ends))
                    .collect();
                seen.sort_unstable();
                let mut before = before;
                before.sort_unstable();
                assert_eq!(seen, before, "a cursor from before the batch");
            }
            json.close().await.unwrap();
            json = open(&disk);
            assert_eq!(Picture::of(&json).await, Picture::of(&memory).await);
            json.close().await.unwrap();
        });
    }
}
