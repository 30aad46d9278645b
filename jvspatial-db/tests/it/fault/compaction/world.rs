//! A model in memory of what the store must hold, and random batches that change both.

use std::collections::{BTreeMap, BTreeSet};

use jvspatial_db::codec;
use jvspatial_db::{
    Collection, Database as _, Direction, Encoding, Ends, EntityName, Expansion, Filter, Handle,
    Id, JsonDb, Link, Query, Version, WriteBatch,
};
use serde::Serialize;

use super::super::figures::Random;

/// What a document looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stored {
    version: u64,
    body: Vec<u8>,
    ends: Option<Ends>,
}

#[derive(Serialize)]
struct Fields<'a> {
    serial: u64,
    text: &'a str,
}

/// Everything that the store must hold.
#[derive(Clone, Debug)]
pub(super) struct World {
    random: Random,
    documents: BTreeMap<Id, Stored>,
    /// How many documents of each kind there may be.
    most: u64,
    serial: u64,
    /// Of ten operations, how many take something away.
    deletes: u64,
    /// The operations of all batches so far.
    pub(super) operations: u64,
}

/// A batch, and how many of its operations must be written.
pub(super) struct Planned {
    pub(super) batch: WriteBatch,
    pub(super) written: usize,
}

fn id(collection: Collection, number: u64) -> Id {
    let entities = match collection {
        Collection::Node => ["City", "Port"],
        Collection::Edge => ["Road", "Air"],
        _ => ["Note", "Memo"],
    };
    let entity = EntityName::new(entities[number as usize % 2]).unwrap();
    let mut key = [0; 12];
    key[4..].copy_from_slice(&number.to_be_bytes());
    Id::generated(collection, entity, key)
}

impl World {
    pub(super) fn new(seed: u64, most: u64) -> Self {
        let (random, documents) = (Random(seed), BTreeMap::new());
        Self { random, documents, most, serial: 0, deletes: 3, operations: 0 }
    }

    /// The next batch: mostly a few operations, now and then one or very many, or nothing but deletions.
    pub(super) fn next(&mut self) -> Planned {
        if self.random.one_in(100) {
            self.deletes = [1, 3, 5, 8][self.random.below(4) as usize];
        }
        let batch = WriteBatch::new(Encoding::Json);
        let mut planned = Planned { batch, written: 0 };
        let (operations, only_deletes) = match self.random.below(40) {
            0 => (1 + self.random.below(self.most), false),
            1 => (1 + self.random.below(self.most / 2), true),
            2..10 => (1, false),
            _ => (1 + self.random.below(12), false),
        };
        for _ in 0..operations {
            self.operate(&mut planned, only_deletes);
        }
        self.operations += planned.batch.operations().len() as u64;
        planned
    }

    fn operate(&mut self, planned: &mut Planned, deletes: bool) {
        let collection =
            [Collection::Node, Collection::Edge, Collection::Object][self.random.below(3) as usize];
        let id = id(collection, self.random.below(self.most));
        if deletes || self.random.below(10) < self.deletes {
            let detach = self.random.one_in(2);
            self.delete(planned, &id, detach);
        } else if self.random.one_in(25) {
            // A document that goes and comes back at once, an edge with other ends.
            self.delete(planned, &id, false);
            self.put(planned, id);
        } else if self.random.one_in(25) {
            let stale = Version::new(1_000_000 + self.random.below(9));
            planned.batch.update(id, stale, &Fields { serial: 0, text: "stale" }).unwrap();
        } else {
            self.put(planned, id);
        }
    }

    fn put(&mut self, planned: &mut Planned, id: Id) {
        self.serial += 1;
        let len = if self.random.one_in(20) { 600 } else { 40 };
        let text = "x".repeat(self.random.below(len) as usize);
        let fields = Fields { serial: self.serial, text: &text };
        let mut body = Vec::new();
        codec::encode(Encoding::Json, &fields, &mut body).unwrap();
        if let Some(stored) = self.documents.get_mut(&id) {
            let expected = Version::new(stored.version);
            planned.batch.update(id, expected, &fields).unwrap();
            stored.version += 1;
            stored.body = body;
            planned.written += 1;
            return;
        }
        let ends = (id.collection() == Collection::Edge).then(|| self.draw_ends());
        let can = ends.as_ref().is_none_or(|ends| self.leads(ends));
        let link = ends.clone().map(|ends| Link { ends, unique: false });
        planned.batch.insert_with(id.clone(), &fields, 1, link).unwrap();
        if can {
            planned.written += 1;
            self.documents.insert(id, Stored { version: 1, body, ends });
        }
    }

    fn draw_ends(&mut self) -> Ends {
        let mut node = || {
            // A few hubs, and many nodes with few edges.
            let most = if self.random.one_in(3) { 5 } else { self.most };
            id(Collection::Node, self.random.below(most))
        };
        let (source, target) = (node(), node());
        Ends { source, target, bidirectional: self.random.one_in(3) }
    }

    fn delete(&mut self, planned: &mut Planned, id: &Id, detach: bool) {
        planned.batch.delete(id.clone(), None, detach).unwrap();
        if self.documents.remove(id).is_none() {
            return;
        }
        planned.written += 1;
        if detach && id.collection() == Collection::Node {
            let touches = |ends: &Ends| ends.source == *id || ends.target == *id;
            self.documents.retain(|_, other| !other.ends.as_ref().is_some_and(touches));
        }
    }

    /// Whether both ends of an edge exist.
    fn leads(&self, ends: &Ends) -> bool {
        [&ends.source, &ends.target].into_iter().all(|end| self.documents.contains_key(end))
    }

    fn every_id(&self, collection: Collection) -> impl Iterator<Item = Id> {
        (0..self.most).map(move |number| id(collection, number))
    }

    /// What is different in the store, by every way of reading.
    pub(super) async fn compare(&self, db: &JsonDb) -> Result<(), String> {
        for collection in [Collection::Node, Collection::Edge, Collection::Object] {
            self.compare_documents(db, collection).await?;
        }
        for direction in [Direction::Out, Direction::In, Direction::Both] {
            self.compare_neighbors(db, direction).await?;
        }
        Ok(())
    }

    async fn compare_documents(&self, db: &JsonDb, collection: Collection) -> Result<(), String> {
        let show = |error: jvspatial_db::Error| error.to_string();
        let handles: Vec<Handle> = self.every_id(collection).map(Handle::new).collect();
        let found = db.get_many(&handles).await.map_err(show)?;
        let query = Query::new(collection, Filter::all());
        let listed = db.find(query).await.map_err(show)?.try_collect().await.map_err(show)?;
        let listed_count = listed.len();
        for documents in [found.into_iter().flatten().collect(), listed] {
            let stored: BTreeMap<Id, Stored> = documents
                .into_iter()
                .map(|document| {
                    let (version, body) = (document.version.get(), document.body.as_bytes());
                    let body = body.to_vec();
                    (document.id, Stored { version, body, ends: document.ends })
                })
                .collect();
            let expected = self.documents.iter().filter(|(id, _)| id.collection() == collection);
            if !stored.iter().eq(expected.clone()) {
                let expected: BTreeMap<_, _> = expected.collect();
                let ids: BTreeSet<&Id> = stored.keys().chain(expected.keys().copied()).collect();
                let id = ids.into_iter().find(|id| stored.get(*id) != expected.get(*id).copied());
                let of = |id: &Id| (stored.get(id), self.documents.get(id));
                return Err(format!("found, expected of {id:?}: {:?}", id.map(of)));
            }
        }
        let count = db.count(collection, &Filter::all()).await.map_err(show)?;
        if count != listed_count as u64 {
            return Err(format!("{count} {collection} counted, {listed_count} listed"));
        }
        Ok(())
    }

    async fn compare_neighbors(&self, db: &JsonDb, direction: Direction) -> Result<(), String> {
        let nodes: Vec<Id> = self.every_id(Collection::Node).collect();
        let numbers: BTreeMap<&Id, u32> = nodes.iter().zip(0..).collect();
        let mut expected = vec![Vec::new(); nodes.len()];
        let mut edges: Vec<(&Id, &Ends)> = (self.documents.iter())
            .filter_map(|(id, stored)| Some((id, stored.ends.as_ref()?)))
            .filter(|(_, ends)| self.leads(ends))
            .collect();
        edges.sort_unstable_by_key(|(edge, _)| edge.generated_key());
        for (edge, Ends { source, target, bidirectional }) in edges {
            let is_loop = source == target;
            let out = *bidirectional || direction != Direction::In;
            let into = *bidirectional || direction != Direction::Out;
            if out || is_loop {
                expected[numbers[source] as usize].push((edge.clone(), target.clone()));
            }
            if into && !is_loop {
                expected[numbers[target] as usize].push((edge.clone(), source.clone()));
            }
        }
        let mut expansion = Expansion::new(direction);
        expansion.with_edges = true;
        let handles: Vec<Handle> = nodes.iter().cloned().map(Handle::new).collect();
        let reached = db.neighbors(&handles, &expansion).await.map_err(|e| e.to_string())?;
        let mut found = vec![Vec::new(); nodes.len()];
        for hop in reached {
            let edge = hop.edge.map(Handle::into_id).ok_or("a hop without its edge")?;
            found[hop.origin as usize].push((edge, hop.node.into_id()));
        }
        match (0..nodes.len()).find(|&number| found[number] != expected[number]) {
            None => Ok(()),
            Some(at) => Err(format!(
                "{direction:?} of {}: found {:?}, expected {:?}",
                nodes[at], found[at], expected[at]
            )),
        }
    }
}
