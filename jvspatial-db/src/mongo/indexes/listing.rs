//! What is told of the indexes of a collection.

use std::collections::HashMap;

use bson::{Bson, Document as Fields, doc};
use mongodb::Database;
use mongodb::error::{ErrorKind as DriverErrorKind, Result as DriverResult};

use super::super::client::Client;
use super::catalog::{Catalog, Known};
use crate::error::Result;
use crate::id::Collection;
use crate::indexes::IndexInfo;

/// The indexes of a collection, in the order in which they were made.
///
/// A server tells how large an index is and how often it was used, not how many keys it holds: that is 0.
pub(in crate::mongo) async fn list(
    client: &Client,
    catalog: &Catalog,
    collection: Collection,
) -> Result<Vec<IndexInfo>> {
    catalog.refresh(client).await?;
    let known = catalog.known();
    let own: Vec<Known> =
        known.iter().filter(|known| known.definition.collection == collection).cloned().collect();
    if own.is_empty() {
        return Ok(Vec::new());
    }
    let asked = own.clone();
    let told = client.call(|database| async move {
        let uses = uses(&database, collection).await?;
        let sizes = sizes(&database, collection).await?;
        let mut multikey = Vec::new();
        for known in &asked {
            multikey.push(is_multikey(&database, known).await?);
        }
        Ok((uses, sizes, multikey))
    });
    let (uses, sizes, multikey) = told.await?;
    let infos = own.iter().zip(multikey).map(|(known, is_multikey)| {
        let name = &known.server_name;
        IndexInfo {
            bytes: sizes.get(name).copied().unwrap_or_default(),
            uses: uses.get(name).copied().unwrap_or_default() + catalog.explained(collection, name),
            is_multikey,
            ..IndexInfo::new(&known.definition)
        }
    });
    Ok(infos.collect())
}

fn number(value: Option<&Bson>) -> u64 {
    match value {
        Some(Bson::Int32(number)) => u64::try_from(*number).unwrap_or_default(),
        Some(Bson::Int64(number)) => u64::try_from(*number).unwrap_or_default(),
        Some(Bson::Double(number)) => *number as u64,
        _ => 0,
    }
}

async fn first_batch(
    database: &Database,
    collection: Collection,
    stage: Fields,
) -> DriverResult<Vec<Fields>> {
    let command = doc! {
        "aggregate": collection.name(), "pipeline": [stage], "cursor": { "batchSize": 1_000 },
    };
    let reply = database.run_command(command).await?;
    let batch = reply.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
    let batch = batch.map(Vec::as_slice).unwrap_or_default();
    Ok(batch.iter().filter_map(Bson::as_document).cloned().collect())
}

/// How often each index was used, on all shards.
async fn uses(database: &Database, collection: Collection) -> DriverResult<HashMap<String, u64>> {
    let mut uses = HashMap::new();
    for stats in first_batch(database, collection, doc! { "$indexStats": {} }).await? {
        let (Ok(name), Ok(accesses)) = (stats.get_str("name"), stats.get_document("accesses"))
        else {
            continue;
        };
        *uses.entry(name.to_owned()).or_default() += number(accesses.get("ops"));
    }
    Ok(uses)
}

/// How many bytes each index takes, on all shards.
async fn sizes(database: &Database, collection: Collection) -> DriverResult<HashMap<String, u64>> {
    let mut sizes = HashMap::new();
    let stage = doc! { "$collStats": { "storageStats": {} } };
    for stats in first_batch(database, collection, stage).await? {
        let of_indexes =
            stats.get_document("storageStats").and_then(|stats| stats.get_document("indexSizes"));
        for (name, size) in of_indexes.into_iter().flatten() {
            *sizes.entry(name.clone()).or_default() += number(Some(size));
        }
    }
    Ok(sizes)
}

/// Whether a document has several keys in the index, which the plan of a search by it tells.
async fn is_multikey(database: &Database, known: &Known) -> DriverResult<bool> {
    let command = doc! {
        "explain": {
            "find": known.definition.collection.name(),
            "filter": known.partial.clone().unwrap_or_default(),
            "hint": &known.server_name,
        },
        "verbosity": "queryPlanner",
    };
    match database.run_command(command).await {
        Ok(plan) => Ok(says_multikey(&Bson::Document(plan))),
        // A server that refuses the hint has dropped the index meanwhile.
        Err(error) if matches!(&*error.kind, DriverErrorKind::Command(refused) if refused.code == 2) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn says_multikey(plan: &Bson) -> bool {
    match plan {
        Bson::Document(plan) => {
            plan.get_bool("isMultiKey").unwrap_or(false) || plan.values().any(says_multikey)
        }
        Bson::Array(plans) => plans.iter().any(says_multikey),
        _ => false,
    }
}
