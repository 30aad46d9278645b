//! Random histories with indexes that come and go: whatever an index answers, a scan answers too.

use std::collections::BTreeMap;
use std::sync::Arc;

use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Bson, Collection, Cursor, Database, EntityName, Filter, Id, IndexSpec, JsonDb, JsonDbOptions,
    MemoryDb, Outcome, Position, Query, Sort, Version, WriteBatch, doc,
};
use proptest::prelude::*;

const DOCUMENTS: u8 = 60;

#[derive(Clone, Debug)]
enum Op {
    Insert(u8, Fields),
    Put(u8, Fields),
    Update(u8, Fields),
    Delete(u8),
}

#[derive(Clone, Debug)]
struct Fields {
    a: Bson,
    b: Bson,
}

#[derive(Clone, Debug)]
enum Step {
    Write { ops: Vec<Op>, atomic: bool },
    CreateIndex(usize),
    DropIndex(usize),
    OpenCursor(usize),
    DrainCursor,
    Reopen,
}

fn value() -> impl Strategy<Value = Bson> {
    let scalar = prop_oneof![
        6 => (0..8_i32).prop_map(Bson::Int32),
        2 => (0..8_i32).prop_map(|n| Bson::Double(f64::from(n) + 0.5)),
        1 => Just(Bson::Double(f64::NAN)),
        1 => Just(Bson::Null),
        2 => prop::sample::select(vec!["x", "y"]).prop_map(Bson::from),
        1 => Just(Bson::Document(doc! { "c": 1 })),
    ];
    prop_oneof![
        9 => scalar.clone(),
        1 => prop::collection::vec(scalar.clone(), 0..3).prop_map(Bson::Array),
        1 => scalar.prop_map(|c| Bson::Document(doc! { "c": c })),
        // Stands for a field that is missing.
        1 => Just(Bson::Undefined),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let fields = || (value(), value()).prop_map(|(a, b)| Fields { a, b });
    prop_oneof![
        4 => (0..DOCUMENTS, fields()).prop_map(|(name, fields)| Op::Insert(name, fields)),
        1 => (0..DOCUMENTS, fields()).prop_map(|(name, fields)| Op::Put(name, fields)),
        3 => (0..DOCUMENTS, fields()).prop_map(|(name, fields)| Op::Update(name, fields)),
        2 => (0..DOCUMENTS).prop_map(Op::Delete),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![3 => 0..6_usize, 1 => 40..90_usize];
    let ops = size.prop_flat_map(|size| prop::collection::vec(op(), size));
    prop_oneof![
        8 => (ops, prop::bool::weighted(0.2)).prop_map(|(ops, atomic)| Step::Write { ops, atomic }),
        3 => (0..specs().len()).prop_map(Step::CreateIndex),
        1 => (0..specs().len()).prop_map(Step::DropIndex),
        2 => (0..filters().len()).prop_map(Step::OpenCursor),
        1 => Just(Step::DrainCursor),
        1 => Just(Step::Reopen),
    ]
}

fn specs() -> Vec<(Option<&'static str>, IndexSpec)> {
    let of = |document| IndexSpec::parse(&document).unwrap();
    vec![
        (None, of(doc! { "key": { "context.a": 1 } })),
        (None, of(doc! { "key": { "context.a": -1, "context.b": 1 } })),
        (Some("City"), of(doc! { "key": { "context.b": 1, "context.a": -1 } })),
        (Some("City"), of(doc! { "key": { "context.a": 1, "context.b": 1 }, "unique": true })),
        (None, of(doc! { "key": { "context.a.c": 1 }, "sparse": true })),
        (
            None,
            of(doc! {
                "key": { "context.b": -1 },
                "partialFilterExpression": { "context.a": { "$gte": 3 } },
            }),
        ),
        (None, of(doc! { "key": { "_version": 1, "context.a": 1 } })),
    ]
}

fn filters() -> Vec<Filter> {
    let filters = vec![
        doc! { "context.a": 3 },
        doc! { "context.a": null },
        doc! { "entity": "City", "context.a": { "$gte": 2, "$lt": 6 } },
        doc! { "context.a": { "$gt": 1 }, "context.b": { "$lte": 5.5 } },
        doc! { "entity": "City", "context.b": 4, "context.a": { "$lt": 4 } },
        doc! { "entity": "City", "context.b": { "$in": [1, 2, "x", null] } },
        doc! { "context.a": { "$in": [1, 3, 5] }, "context.b": { "$in": [0, 2, "y"] } },
        doc! { "context.a.c": { "$exists": true } },
        doc! { "context.a.c": { "$gte": 0 } },
        doc! { "context.a.c": null },
        doc! { "context.a": { "$gte": 5 }, "context.b": { "$gt": 1 } },
        doc! { "context.a": f64::NAN },
        doc! { "context.a": { "$lte": f64::NAN } },
        doc! { "context.a": { "$ne": 3 }, "context.b": "x" },
        doc! { "_version": { "$gte": 2 }, "context.a": { "$gte": 1 } },
        doc! { "context.a": { "$lt": "y" } },
        doc! { "context.a": doc! { "c": 1 } },
        doc! { "context.a": [1] },
        doc! {},
    ];
    filters.iter().map(|filter| Filter::parse(filter).unwrap()).collect()
}

fn sorts() -> Vec<Sort> {
    let sorts = [
        doc! { "context.a": 1 },
        doc! { "context.a": -1, "context.b": 1 },
        doc! { "context.a": 1, "context.b": -1, "_id": -1 },
        doc! { "context.b": 1, "context.a": -1 },
        doc! { "context.b": -1 },
        doc! { "context.a.c": 1 },
        doc! { "_version": 1, "context.a": 1, "_id": 1 },
        doc! { "_id": -1 },
    ];
    sorts.iter().map(|sort| Sort::parse(sort).unwrap()).collect()
}

fn id(name: u8) -> Id {
    let entity = EntityName::new(if name.is_multiple_of(3) { "Port" } else { "City" }).unwrap();
    let mut key = [0; 12];
    key[11] = name;
    Id::generated(Collection::Node, entity, key)
}

fn fields(fields: &Fields) -> bson::Document {
    let mut document = doc! {};
    for (name, value) in [("a", &fields.a), ("b", &fields.b)] {
        if *value != Bson::Undefined {
            document.insert(name, value.clone());
        }
    }
    document
}

struct Pair {
    disk: SimulatedDisk,
    json: Arc<JsonDb>,
    memory: MemoryDb,
    /// Each with what it must show.
    cursors: Vec<(Cursor, Vec<String>)>,
    /// How many orders have been compared.
    orders: std::cell::Cell<usize>,
}

async fn shown(cursor: Cursor) -> Vec<String> {
    let documents = cursor.try_collect().await.unwrap().into_iter();
    let mut shown: Vec<String> =
        documents.map(|of| format!("{} {} {:?}", of.id, of.version, of.body.to_bson())).collect();
    shown.sort_unstable();
    shown
}

/// What a filter chooses of all documents, looked at one by one.
async fn scanned(db: &dyn Database, filter: &Filter) -> Vec<String> {
    let mut cursor = db.find(Query::new(Collection::Node, Filter::all())).await.unwrap();
    let mut shown = Vec::new();
    while let Some(of) = cursor.try_next().await.unwrap() {
        if filter.matches(&of.to_bson().unwrap()) {
            shown.push(format!("{} {} {:?}", of.id, of.version, of.body.to_bson()));
        }
    }
    shown.sort_unstable();
    shown
}

impl Pair {
    async fn take(&mut self, step: &Step) {
        let databases: [&dyn Database; 2] = [&*self.json, &self.memory];
        match step {
            Step::Write { ops, atomic } => self.write(ops, *atomic).await,
            Step::CreateIndex(place) => {
                let (entity, spec) = specs().swap_remove(*place);
                let entity = entity.map(|name| EntityName::new(name).unwrap());
                let mut outcomes = Vec::new();
                for db in databases {
                    let done = db.create_index(Collection::Node, entity, spec.clone()).await;
                    outcomes.push(done.map_err(|error| {
                        // Which of several documents is named is a backend's choice.
                        (error.kind(), error.context("violations").map(ToOwned::to_owned))
                    }));
                }
                assert_eq!(outcomes[0], outcomes[1], "json, memory: {spec:?}");
            }
            Step::DropIndex(place) => {
                let (entity, spec) = specs().swap_remove(*place);
                let entity = entity.map(|name| EntityName::new(name).unwrap());
                let mut outcomes = Vec::new();
                for db in databases {
                    // What reads it would be told so.
                    self.cursors.clear();
                    let name = spec.name();
                    outcomes.push(db.drop_index(Collection::Node, entity, &name).await.unwrap());
                }
                assert_eq!(outcomes[0], outcomes[1]);
            }
            Step::OpenCursor(place) => {
                let filter = filters().swap_remove(*place);
                let expected = scanned(&self.memory, &filter).await;
                let cursor = self.json.find(Query::new(Collection::Node, filter)).await.unwrap();
                self.cursors.push((cursor, expected));
            }
            Step::DrainCursor => self.drain().await,
            Step::Reopen => {
                while !self.cursors.is_empty() {
                    self.drain().await;
                }
                self.json.close().await.unwrap();
                self.json = Arc::new(open(&self.disk));
            }
        }
    }

    async fn drain(&mut self) {
        let Some((cursor, expected)) = self.cursors.pop() else { return };
        assert_eq!(shown(cursor).await, expected, "a cursor");
    }

    async fn write(&self, ops: &[Op], atomic: bool) {
        let mut versions: BTreeMap<Id, Version> = BTreeMap::new();
        let all = self.memory.find(Query::new(Collection::Node, Filter::all())).await.unwrap();
        for document in all.try_collect().await.unwrap() {
            versions.insert(document.id, document.version);
        }
        let version = |name: &u8| versions.get(&id(*name)).copied().unwrap_or(Version::new(1));
        let databases: [&dyn Database; 2] = [&*self.json, &self.memory];
        let mut reports = Vec::new();
        for db in databases {
            let mut batch = WriteBatch::new(db.capabilities().encoding).atomic(atomic);
            for op in ops {
                match op {
                    Op::Insert(name, values) => batch.insert(id(*name), &fields(values)).unwrap(),
                    Op::Put(name, values) => {
                        let envelope = jvspatial_db::Envelope {
                            version: Version::new(1),
                            schema: 1,
                            link: None,
                        };
                        batch.put(id(*name), &fields(values), envelope).unwrap();
                    }
                    Op::Update(name, values) => {
                        batch.update(id(*name), version(name), &fields(values)).unwrap();
                    }
                    Op::Delete(name) => batch.delete(id(*name), None, false).unwrap(),
                }
            }
            let report = db.write(batch).await.map_err(|error| error.kind());
            reports.push(report.map(|mut report| {
                for outcome in &mut report.outcomes {
                    // An array may meet several documents that stand in its way.
                    if let Outcome::Duplicate(duplicate) = outcome {
                        duplicate.id = Id::root();
                    }
                }
                report
            }));
        }
        assert_eq!(reports[0], reports[1], "json, memory");
    }

    async fn compare(&self, is_fresh: bool) {
        for filter in filters() {
            let expected = scanned(&self.memory, &filter).await;
            let databases: [(&str, &dyn Database); 2] =
                [("json", &*self.json), ("memory", &self.memory)];
            for (name, db) in databases {
                let query = Query::new(Collection::Node, filter.clone());
                let found = shown(db.find(query.clone()).await.unwrap()).await;
                let plan = db.explain(query).await.unwrap();
                assert_eq!(found, expected, "{name} {filter:?} {plan:?}");
                let count = db.count(Collection::Node, &filter).await.unwrap();
                assert_eq!(count, expected.len() as u64, "{name} {filter:?} {plan:?}");
            }
        }
        self.compare_orders().await;
        let keys = |infos: Vec<jvspatial_db::IndexInfo>| -> Vec<_> {
            let mut keys: Vec<_> = infos
                .into_iter()
                .map(|info| (info.spec.name(), format!("{:?}", info.entity), info.keys))
                .collect();
            keys.sort_unstable();
            keys
        };
        let memory = keys(self.memory.indexes(Collection::Node).await.unwrap());
        let json = keys(self.json.indexes(Collection::Node).await.unwrap());
        // What cursors have made it keep may not have been cleared up.
        if is_fresh {
            assert_eq!(json, memory, "keys of the indexes of json, of memory");
        }
    }
    /// Parts of sorted answers, each time some others.
    async fn compare_orders(&self) {
        let all = self.memory.find(Query::new(Collection::Node, Filter::all())).await.unwrap();
        let all = all.try_collect().await.unwrap();
        let (filters, sorts) = (filters(), sorts());
        for _ in 0..8 {
            let mut draw = self.orders.replace(self.orders.get() + 7919);
            let mut choose = |of: usize| {
                let chosen = draw % of;
                draw = draw / of * 31 + chosen;
                chosen
            };
            let sort = sorts[choose(sorts.len())].clone();
            let mut query = Query::new(Collection::Node, filters[choose(filters.len())].clone());
            query = query.sort(sort.clone());
            let Ok(whole) = query.answer(all.clone(), usize::MAX) else { continue };
            if choose(2) == 0 {
                query = query.reversed();
            }
            if choose(3) > 0 {
                query = query.limit(choose(9) as u64);
            }
            query = query.skip([0, 0, 1, 4][choose(4)]);
            for side in 0..2 {
                if choose(2) == 0 && !whole.is_empty() {
                    let document = &whole[choose(whole.len())];
                    let position = Position::of(&sort, document).unwrap();
                    let position = position.inclusive(choose(2) == 0);
                    query = if side == 0 { query.after(position) } else { query.before(position) };
                }
            }
            let expected = query.answer(all.clone(), usize::MAX).unwrap();
            let expected: Vec<_> = expected.into_iter().map(|found| found.id).collect();
            let databases: [(&str, &dyn Database); 2] =
                [("json", &*self.json), ("memory", &self.memory)];
            for (name, db) in databases {
                let found = db.find(query.clone()).await.unwrap().try_collect().await.unwrap();
                let found: Vec<_> = found.into_iter().map(|found| found.id).collect();
                let plan = db.explain(query.clone()).await.unwrap();
                assert_eq!(found, expected, "{name} {query:?} {plan:?}");
                assert_eq!(plan.returned, found.len() as u64, "{name} {query:?}");
            }
        }
    }
}

fn open(disk: &SimulatedDisk) -> JsonDb {
    JsonDb::open_on(Arc::new(disk.clone()), JsonDbOptions::new().segment_bytes(4096)).unwrap()
}

fn config() -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 24;
    }
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_index_answers_what_a_scan_answers_whatever_is_done(
        steps in prop::collection::vec(step(), 1..24),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let disk = SimulatedDisk::new();
            let json = Arc::new(open(&disk));
            let mut pair = Pair { disk, json, memory: MemoryDb::new(), cursors: Vec::new(), orders: 0.into() };
            for step in steps.iter().chain([&Step::Reopen]) {
                pair.take(step).await;
                pair.compare(matches!(step, Step::Reopen)).await;
            }
            pair.json.close().await.unwrap();
        });
    }
}
