//! Random histories in the JSON database and in the memory database side by side: whatever is done
//! to both, both answer alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use jvspatial_db::conformance::Picture;
use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Collection, Cursor, Database, Direction, Ends, EntityName, EntitySet, Expansion, Filter,
    Handle, Id, JsonDb, JsonDbOptions, Link, MemoryDb, OrdinalPin, Outcome, Query, Version,
    WriteBatch, WriteReport, doc,
};
use proptest::prelude::*;

const NODES: u8 = 4;
const EDGES: u8 = 4;

/// Which document: a node, an edge, an object.
#[derive(Clone, Copy, Debug)]
enum Name {
    Node(u8),
    Edge(u8),
    Object(u8),
}

/// Which version an operation asks for.
#[derive(Clone, Copy, Debug)]
enum Expected {
    /// The one stored before the batch.
    Stored,
    Number(u64),
}

#[derive(Clone, Debug)]
enum Op {
    Insert { name: Name, ends: (u8, u8), undirected: bool, unique: bool },
    Update { name: Name, expected: Expected, size: usize },
    Delete { name: Name, expected: Option<Expected>, detach: bool },
}

#[derive(Clone, Debug)]
enum Step {
    Write { ops: Vec<Op>, atomic: bool },
    OpenCursor(usize),
    DrainCursor,
    Pin,
    Unpin,
    Reopen,
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![
        3 => (0..NODES).prop_map(Name::Node),
        4 => (0..EDGES).prop_map(Name::Edge),
        1 => (0..2_u8).prop_map(Name::Object),
    ]
}

fn expected() -> impl Strategy<Value = Expected> {
    prop_oneof![2 => Just(Expected::Stored), 1 => (0..4_u64).prop_map(Expected::Number)]
}

fn op() -> impl Strategy<Value = Op> {
    let insert = (name(), (0..NODES, 0..NODES), any::<bool>(), any::<bool>());
    let insert = insert.prop_map(|(name, ends, undirected, unique)| Op::Insert {
        name,
        ends,
        undirected,
        unique,
    });
    // A large body fills a segment of the journal.
    let size = prop_oneof![9 => 0..20_usize, 1 => Just(3_000)];
    let update = (name(), expected(), size);
    let update = update.prop_map(|(name, expected, size)| Op::Update { name, expected, size });
    let delete = (name(), proptest::option::of(expected()), any::<bool>());
    let delete = delete.prop_map(|(name, expected, detach)| Op::Delete { name, expected, detach });
    prop_oneof![5 => insert, 2 => update, 3 => delete]
}

const fn insert_node(node: u8) -> Op {
    Op::Insert { name: Name::Node(node), ends: (0, 0), undirected: false, unique: false }
}

fn step() -> impl Strategy<Value = Step> {
    let write = (proptest::collection::vec(op(), 0..8), proptest::bool::weighted(0.25));
    prop_oneof![
        12 => write.prop_map(|(ops, atomic)| Step::Write { ops, atomic }),
        2 => (0..4_usize).prop_map(Step::OpenCursor),
        1 => Just(Step::DrainCursor),
        1 => Just(Step::Pin),
        1 => Just(Step::Unpin),
        1 => Just(Step::Reopen),
    ]
}

/// Half of the keys are chosen, half generated; types differ, so that texts sort unlike creation.
fn id(name: Name) -> Id {
    let (collection, number, entities) = match name {
        Name::Node(number) => (Collection::Node, number, ["City", "Port"]),
        Name::Edge(number) => (Collection::Edge, number, ["Road", "Air"]),
        Name::Object(number) => (Collection::Object, number, ["Note", "Note"]),
    };
    let entity = EntityName::new(entities[usize::from(number / 2 % 2)]).unwrap();
    if number % 2 == 0 {
        return Id::with_key(collection, entity, &format!("key{number}")).unwrap();
    }
    let mut key = [0; 12];
    key[11] = number;
    Id::generated(collection, entity, key)
}

fn every_name() -> impl Iterator<Item = Name> {
    let nodes = (0..NODES + 1).map(Name::Node);
    nodes.chain((0..EDGES).map(Name::Edge)).chain((0..2).map(Name::Object))
}

/// Both databases, and what is held on to while they change.
struct Pair {
    disk: SimulatedDisk,
    json: Arc<JsonDb>,
    memory: MemoryDb,
    cursors: Vec<(Cursor, Cursor)>,
    pins: Vec<OrdinalPin>,
    /// Every hint that the JSON database ever gave out.
    hints: BTreeMap<(Id, Option<u32>), Handle>,
    written: i32,
}

impl Pair {
    fn new(cold: bool) -> Self {
        let disk = SimulatedDisk::new();
        disk.set_cold(cold);
        let json = Arc::new(open(&disk));
        Self {
            disk,
            json,
            memory: MemoryDb::new(),
            cursors: Vec::new(),
            pins: Vec::new(),
            hints: BTreeMap::new(),
            written: 0,
        }
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Write { ops, atomic } => self.write(ops, *atomic).await,
            Step::OpenCursor(collection) => {
                let query = Query::new(Collection::ALL[*collection], Filter::all());
                let json = self.json.find(query.clone()).await.unwrap();
                self.cursors.push((json, self.memory.find(query).await.unwrap()));
            }
            Step::DrainCursor => self.drain().await,
            Step::Pin => self.pins.push(self.json.pin_ordinals()),
            Step::Unpin => self.pins.clear(),
            Step::Reopen => {
                while !self.cursors.is_empty() {
                    self.drain().await;
                }
                self.pins.clear();
                self.json.close().await.unwrap();
                self.json = Arc::new(open(&self.disk));
                assert!(self.json.recovery().clean);
            }
        }
    }

    async fn write(&mut self, ops: &[Op], atomic: bool) {
        let mut reports = Vec::new();
        let mut stored = BTreeMap::new();
        for name in every_name() {
            let handles = [Handle::from(id(name))];
            let found = self.memory.get_many(&handles).await.unwrap().remove(0);
            stored.insert(id(name), found.map_or(Version::NONE, |found| found.version));
        }
        let databases: [&dyn Database; 2] = [&*self.json, &self.memory];
        for db in databases {
            let mut batch = WriteBatch::new(db.capabilities().encoding).atomic(atomic);
            for (number, op) in (self.written..).zip(ops) {
                add(&mut batch, op, number, &stored);
            }
            reports.push(comparable(db.write(batch).await.unwrap()));
        }
        self.written += ops.len() as i32;
        assert_eq!(reports[0], reports[1], "json, memory");
    }

    async fn drain(&mut self) {
        let Some((json, memory)) = self.cursors.pop() else { return };
        let mut seen = Vec::new();
        for cursor in [json, memory] {
            let mut documents: Vec<String> = Vec::new();
            for document in cursor.try_collect().await.unwrap() {
                let fields = document.body.to_bson().unwrap();
                let version = document.version;
                documents.push(format!("{} {version} {:?} {fields}", document.id, document.ends));
            }
            documents.sort_unstable();
            seen.push(documents);
        }
        assert_eq!(seen[0], seen[1], "a cursor of json, of memory");
    }

    async fn compare(&mut self) {
        assert_eq!(Picture::of(&*self.json).await, Picture::of(&self.memory).await);
        // Each twice, and not in the order of the ids.
        let mut all: Vec<Handle> = every_name().map(|name| Handle::from(id(name))).collect();
        all.extend_from_within(..);
        all.rotate_left(3);
        assert_eq!(versions(&*self.json, &all).await, versions(&self.memory, &all).await);
        let hints: Vec<Handle> = self.hints.values().cloned().collect();
        assert_eq!(versions(&*self.json, &hints).await, versions(&self.memory, &hints).await);
        for expansion in expansions() {
            let json = self.json.neighbors(&all, &expansion).await.unwrap();
            let memory = self.memory.neighbors(&all, &expansion).await.unwrap();
            for found in &json {
                let hints = [Some(&found.node), found.edge.as_ref()];
                for hint in hints.into_iter().flatten() {
                    self.hints.insert((hint.id().clone(), hint.ordinal()), hint.clone());
                }
            }
            let shown = |found: Vec<jvspatial_db::Adjacent>| {
                let edge = |edge: Option<Handle>| edge.map(Handle::into_id);
                let found = found.into_iter();
                found.map(|f| (f.origin, edge(f.edge), f.node.into_id())).collect::<Vec<_>>()
            };
            assert_eq!(shown(json), shown(memory), "{expansion:?}");
        }
        for filter in filters() {
            for collection in Collection::ALL {
                let json = self.json.count(collection, &filter).await.unwrap();
                let memory = self.memory.count(collection, &filter).await.unwrap();
                assert_eq!(json, memory, "{collection} {}", filter.to_document());
            }
        }
    }
}

fn open(disk: &SimulatedDisk) -> JsonDb {
    JsonDb::open_on(Arc::new(disk.clone()), JsonDbOptions::new().segment_bytes(4096)).unwrap()
}

fn add(batch: &mut WriteBatch, op: &Op, number: i32, stored: &BTreeMap<Id, Version>) {
    let version = |name: Name, expected: Expected| match expected {
        Expected::Stored => stored[&id(name)],
        Expected::Number(number) => Version::new(number),
    };
    match *op {
        Op::Insert { name: Name::Edge(edge), ends: (source, target), undirected, unique } => {
            let (source, target) = (id(Name::Node(source)), id(Name::Node(target)));
            let ends = Ends { source, target, bidirectional: undirected };
            let fields = doc! { "number": number };
            batch.insert_edge(id(Name::Edge(edge)), &fields, Link { ends, unique }).unwrap();
        }
        Op::Insert { name, .. } => batch.insert(id(name), &doc! { "number": number }).unwrap(),
        Op::Update { name, expected, size } => {
            let fields = doc! { "number": number, "text": "x".repeat(size) };
            batch.update(id(name), version(name, expected), &fields).unwrap();
        }
        Op::Delete { name, expected, detach } => {
            let expected = expected.map(|expected| version(name, expected));
            batch.delete(id(name), expected, detach).unwrap();
        }
    }
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

async fn versions(db: &dyn Database, handles: &[Handle]) -> Vec<Option<(Id, Version)>> {
    let found = db.get_many(handles).await.unwrap().into_iter();
    found.map(|found| found.map(|found| (found.id, found.version))).collect()
}

fn expansions() -> Vec<Expansion> {
    let mut expansions = Vec::new();
    for direction in [Direction::Out, Direction::In, Direction::Both] {
        for filtered in [false, true] {
            let mut expansion = Expansion::new(direction);
            expansion.with_edges = true;
            if filtered {
                expansion.edges = EntitySet::One(EntityName::new("Road").unwrap());
                expansion.nodes = EntitySet::One(EntityName::new("City").unwrap());
                expansion.edge_filter =
                    Filter::parse(&doc! { "context.number": { "$gt": 5 } }).unwrap();
            }
            expansions.push(expansion);
        }
    }
    expansions
}

fn filters() -> impl Iterator<Item = Filter> {
    let filters = [
        doc! { "entity": "Road" },
        doc! { "context.number": { "$gt": 9 } },
        doc! { "bidirectional": true },
        doc! { "_version": { "$gte": 2 } },
    ];
    filters.into_iter().map(|filter| Filter::parse(&filter).unwrap())
}

fn config() -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 128;
    }
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn both_databases_answer_alike_whatever_is_done(
        steps in proptest::collection::vec(step(), 1..20),
        cold in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut pair = Pair::new(cold);
            pair.write(&(0..NODES).map(insert_node).collect::<Vec<_>>(), false).await;
            for step in steps.iter().chain([&Step::Reopen]) {
                pair.take(step).await;
                pair.compare().await;
            }
            pair.json.close().await.unwrap();
        });
    }
}
