//! Documents by id.

use std::collections::HashMap;

use bson::{Bson, Document as Fields, doc};
use foldhash::fast::RandomState;

use super::batches::Batches;
use super::reader::Reader;
use crate::document::Document;
use crate::error::Result;
use crate::id::{Collection, Handle, Id};

/// How many ids one command names, so that none of them is larger than a server takes.
const IDS: usize = 10_000;

/// The documents of `handles` in their order, all of one point in time.
pub(super) async fn get_many(reader: &Reader, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
    if handles.is_empty() {
        reader.check_open().await?;
    }
    let mut places: HashMap<&Id, Vec<usize>, RandomState> = HashMap::default();
    let mut wanted: Vec<&Id> = Vec::with_capacity(handles.len());
    for (place, handle) in handles.iter().enumerate() {
        let known = places.entry(handle.id()).or_default();
        if known.is_empty() {
            wanted.push(handle.id());
        }
        known.push(place);
    }
    let mut found: Vec<Option<Document>> = vec![None; handles.len()];
    let mut time = None;
    for collection in Collection::ALL {
        let own: Vec<&Id> =
            wanted.iter().filter(|id| id.collection() == collection).copied().collect();
        for ids in own.chunks(IDS) {
            let command = by_ids(reader, collection, ids);
            let mut batches = Batches::begin(reader, command, time).await?;
            time = batches.time();
            while let Some(batch) = batches.next(reader).await? {
                for document in batch.documents(collection)? {
                    let places = places.get(&document.id).map(Vec::as_slice).unwrap_or_default();
                    for &place in places {
                        found[place] = Some(document.clone());
                    }
                }
            }
        }
    }
    Ok(found)
}

/// The command that finds the documents with these ids, in whichever order.
pub(super) fn by_ids(reader: &Reader, collection: Collection, ids: &[&Id]) -> Fields {
    let wanted = match ids {
        // The way of a server to a single document leads past its planner.
        [id] => Bson::String(id.to_string()),
        ids => {
            let texts: Vec<Bson> = ids.iter().map(|id| Bson::String(id.to_string())).collect();
            Bson::Document(doc! { "$in": texts })
        }
    };
    doc! {
        "find": collection.name(),
        "filter": { "_id": wanted },
        "singleBatch": ids.len() == 1,
        // All of them at once, as far as one reply can hold them; with room for one more the server sees the end, and
        // need not be asked for it.
        "batchSize": i32::try_from(ids.len().saturating_add(1)).unwrap_or(i32::MAX),
        "maxTimeMS": reader.max_time(),
    }
}
