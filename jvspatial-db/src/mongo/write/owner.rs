//! Who has a key that is taken.

use bson::{Bson, Document as Fields, doc};

use super::Work;
use crate::error::Result;
use crate::id::{Collection, Id};
use crate::mongo::error::of_read;
use crate::write::Outcome;

/// The outcome of an operation on `id` whose key belongs to another document; `None` when it does no longer.
pub(super) async fn find(
    work: &Work,
    collection: Collection,
    id: &Id,
    index: &str,
    key: &Fields,
) -> Result<Option<Outcome>> {
    let task = &work.task;
    if work.catalog.named(collection, index).is_none() {
        let refreshed = work.catalog.refresh_in(&task.database).await;
        refreshed.map_err(|error| of_read(&error))?;
    }
    let known = work.catalog.named(collection, index);
    let mut parts: Vec<Fields> =
        key.iter().map(|(path, value)| doc! { path: { "$eq": value } }).collect();
    parts.push(doc! { "_id": { "$ne": id.to_string() } });
    parts.extend(known.as_ref().and_then(|known| known.partial.clone()));
    let command = doc! {
        "find": collection.name(),
        "filter": { "$and": parts },
        "projection": { "_id": 1 },
        // In the index are only the documents that it refuses others for.
        "hint": index,
        "limit": 1,
        "maxTimeMS": task.max_time(),
    };
    let reply = task.ask(command).await?;
    let batch = reply.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
    let first = batch.ok().and_then(|batch| batch.first()).and_then(Bson::as_document);
    let Some(owner) = first.and_then(|first| first.get_str("_id").ok()) else { return Ok(None) };
    let owner = Id::parse_stored(owner)?;
    let name = known.map_or_else(|| index.to_owned(), |known| known.definition.name);
    Ok(Some(Outcome::duplicate(name, owner)))
}
