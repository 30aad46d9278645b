//! Through the driver alone.

use std::collections::{HashSet, VecDeque};

use bson::raw::{RawArrayBuf, RawDocumentBuf};
use bson::{doc, rawdoc};
use futures_util::TryStreamExt as _;
use mongodb::{Collection, Database};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::{CHUNK, database, empty, network, runtime, shares};
use crate::Result;
use crate::data::{City, cities, id};
use crate::measure::{Contender, timed};
use crate::operations::Operation;
use crate::setup::Setup;

/// A city as ours stores it.
#[derive(Serialize, Deserialize)]
struct Stored {
    _id: String,
    _version: i64,
    entity: String,
    context: City,
}

impl Stored {
    fn new(id: String, context: City) -> Self {
        Self { _id: id, _version: 1, entity: "City".to_owned(), context }
    }
}

/// Updates 10,000 cities by one unordered command that checks no version; the answer is how many were updated.
pub(crate) fn update_10k(setup: &Setup) -> Result<Contender> {
    let runtime = runtime()?;
    let mut fresh: Vec<City> = cities().take(setup.size(10_000)).collect();
    let database = runtime.block_on(async {
        let database = empty("driver_save").await?;
        let stored = fresh.iter().cloned().enumerate();
        let stored = stored.map(|(number, city)| Stored::new(id(number), city));
        database.collection("node").insert_many(stored).await?;
        Result::<_>::Ok(database)
    })?;
    let mut version = 1;
    Ok(Box::new(move || {
        version += 1;
        fresh.iter_mut().for_each(|city| city.population += 1);
        timed(|| runtime.block_on(update(&database, &fresh, version)))
    }))
}

async fn update(database: &Database, cities: &[City], version: i64) -> Result<u64> {
    let mut updates = RawArrayBuf::new();
    for (number, city) in cities.iter().enumerate() {
        let context: RawDocumentBuf = bson::serialize_to_raw_document_buf(city)?;
        updates.push(rawdoc! {
            "q": { "_id": id(number) },
            "u": { "$set": { "_version": version, "context": context } },
        });
    }
    let command = rawdoc! {
        "update": "node",
        "updates": updates,
        "ordered": false,
        "writeConcern": { "w": "majority" },
    };
    let reply = database.run_raw_command(command).await?;
    Ok(u64::try_from(reply.get_i32("n")?)?)
}

/// The same 10,000 operations as ours by as many tasks.
pub(crate) fn mixed_10k(setup: &Setup) -> Result<Contender> {
    let runtime = runtime()?;
    let shares = shares(setup);
    Ok(Box::new(move || {
        let nodes = runtime.block_on(empty("driver_mixed"))?.collection::<Stored>("node");
        let shares = shares.clone();
        timed(|| {
            runtime.block_on(async {
                let mut tasks = JoinSet::new();
                for (number, (operations, fresh)) in shares.into_iter().enumerate() {
                    let nodes = nodes.clone();
                    tasks.spawn(async move { mixed(&nodes, number, operations, fresh).await });
                }
                let mut check = 0_u64;
                while let Some(task) = tasks.join_next().await {
                    check = check.wrapping_add(task??);
                }
                Ok(check)
            })
        })
    }))
}

async fn mixed(
    nodes: &Collection<Stored>,
    task: usize,
    operations: Vec<Operation>,
    mut cities: Vec<City>,
) -> Result<u64> {
    let first = task * cities.len();
    let mut versions = vec![1_i64; cities.len()];
    let mut check = 0_u64;
    for operation in operations {
        match operation {
            Operation::Create(number) => {
                nodes.insert_one(Stored::new(id(first + number), cities[number].clone())).await?;
            }
            Operation::Get(number) => {
                let got = nodes.find_one(doc! { "_id": id(first + number) }).await?;
                check = check.wrapping_add(got.ok_or("a city is missing")?.context.check());
            }
            Operation::Save(number) => {
                cities[number].population += 1;
                let context = bson::serialize_to_bson(&cities[number])?;
                let filter = doc! { "_id": id(first + number), "_version": versions[number] };
                versions[number] += 1;
                let change = doc! { "$set": { "_version": versions[number], "context": context } };
                if nodes.update_one(filter, change).await?.matched_count != 1 {
                    return Err("a city was changed by someone else".into());
                }
            }
            Operation::Delete(number) => {
                if nodes.delete_one(doc! { "_id": id(first + number) }).await?.deleted_count != 1 {
                    return Err("a city was deleted before".into());
                }
            }
        }
    }
    Ok(check)
}

/// Breadth first by two searches for each chunk: its cities, and the ends of the edges that leave them.
pub(crate) fn walk_10k(setup: &Setup) -> Result<Contender> {
    const NAME: &str = "driver_walk";
    let runtime = runtime()?;
    let (database, start) = runtime.block_on(async {
        let start = network(setup, NAME).await?;
        Result::<_>::Ok((database(NAME).await?, start.to_string()))
    })?;
    Ok(Box::new(move || timed(|| runtime.block_on(walk(&database, &start)))))
}

#[derive(Deserialize)]
struct End {
    target: String,
}

async fn walk(database: &Database, start: &str) -> Result<u64> {
    let nodes = database.collection::<Stored>("node");
    let edges = database.collection::<End>("edge");
    let mut seen = HashSet::from([start.to_owned()]);
    let mut waiting = VecDeque::from([start.to_owned()]);
    let mut check = 0_u64;
    while !waiting.is_empty() {
        let chunk: Vec<String> = waiting.drain(..waiting.len().min(CHUNK)).collect();
        let found = nodes.find(doc! { "_id": { "$in": &chunk } }).batch_size(CHUNK as u32).await?;
        for city in found.try_collect::<Vec<Stored>>().await? {
            check = check.wrapping_add(city.context.check());
        }
        let roads = edges
            .find(doc! { "source": { "$in": chunk }, "entity": "Road" })
            .projection(doc! { "_id": 0, "target": 1 })
            .batch_size(100_000);
        for End { target } in roads.await?.try_collect::<Vec<End>>().await? {
            if seen.insert(target.clone()) {
                waiting.push_back(target);
            }
        }
    }
    Ok(check)
}
