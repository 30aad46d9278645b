//! What can be said of many documents without returning them: their number, the values of a field.

use bson::{Bson, doc};

use super::batches::Batches;
use super::filters::for_server;
use super::reader::Reader;
use crate::distinct::Distinct;
use crate::error::{Error, Result};
use crate::filter::{FieldPath, Filter};
use crate::id::Collection;

/// How many documents match.
pub(super) async fn count(reader: &Reader, collection: Collection, filter: &Filter) -> Result<u64> {
    let command = doc! {
        "aggregate": collection.name(),
        "pipeline": [{ "$match": for_server(filter) }, { "$count": "count" }],
        "cursor": {},
        "maxTimeMS": reader.max_time(),
    };
    let mut batches = Batches::begin(reader, command, None).await?;
    let mut count = 0;
    while let Some(batch) = batches.next(reader).await? {
        for counted in batch.values()? {
            count += number(counted.get("count"))?;
        }
    }
    Ok(count)
}

fn number(counted: Option<&Bson>) -> Result<u64> {
    let number = match counted {
        Some(Bson::Int32(number)) => u64::try_from(*number).ok(),
        Some(Bson::Int64(number)) => u64::try_from(*number).ok(),
        _ => None,
    };
    number.ok_or_else(|| Error::corrupt("reply of the server holds no count"))
}

/// The distinct values at `field`.
///
/// The server finds the documents and returns that part of them; which of equal values stands for all is decided
/// here, since a server keeps the one that it happens to meet first.
pub(super) async fn distinct(
    reader: &Reader,
    collection: Collection,
    field: &FieldPath,
    filter: &Filter,
) -> Result<Vec<Bson>> {
    let command = doc! {
        "find": collection.name(),
        "filter": for_server(filter),
        "projection": { shown(field): 1, "_id": i32::from(field.as_str() == "_id") },
        "maxTimeMS": reader.max_time(),
    };
    let mut distinct = Distinct::new(field.clone());
    let mut batches = Batches::begin(reader, command, None).await?;
    while let Some(batch) = batches.next(reader).await? {
        for document in batch.values()? {
            distinct.add(&document)?;
        }
    }
    Ok(distinct.into_values())
}

/// The part of a document that the path leads into. It ends before the first number, which is a place in an array
/// to the path and a name to a projection, by which an array would lose the elements that count.
fn shown(field: &FieldPath) -> String {
    let is_number = |segment: &str| segment.bytes().all(|byte| byte.is_ascii_digit());
    let segments = field.as_str().split('.').enumerate();
    let shown = segments.take_while(|(at, segment)| *at == 0 || !is_number(segment));
    shown.map(|(_, segment)| segment).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_place_in_an_array_is_not_shown_alone() {
        for (path, expected) in [
            ("context.name", "context.name"),
            ("context.legs.0.km", "context.legs"),
            ("context.2024.km", "context"),
            ("_id", "_id"),
        ] {
            assert_eq!(shown(&FieldPath::parse(path).unwrap()), expected);
        }
    }
}
