//! Documents that share a key.

use std::collections::BTreeMap;

use bson::doc;

use super::super::batches::Batches;
use super::super::reader::Reader;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::indexes::{Definition, Source};

/// How many pairs of documents are named.
const NAMED: usize = 10;

/// The error that names documents with a key that another one has; `None` when there are none.
///
/// It holds the keys of all documents of the index, since it is for the one who has to clear them up.
pub(super) async fn violations(reader: &Reader, definition: &Definition) -> Result<Option<Error>> {
    let filter = definition.entity.map_or_else(bson::Document::new, |entity| {
        doc! { "entity": entity.as_str() }
    });
    let command = doc! { "find": definition.collection.name(), "filter": filter };
    let mut batches = Batches::begin(reader, command, None).await?;
    let mut owners: BTreeMap<Box<[u8]>, Vec<Id>> = BTreeMap::new();
    while let Some(batch) = batches.next(reader).await? {
        for document in batch.documents(definition.collection)? {
            let Some(keys) = definition.keys(&Source::from(&document))? else { continue };
            for key in keys.keys {
                owners.entry(key).or_default().push(document.id.clone());
            }
        }
    }
    let mut named = Vec::new();
    let mut count = 0;
    for owners in owners.values_mut().filter(|owners| owners.len() > 1) {
        owners.sort_unstable();
        count += owners.len() - 1;
        for pair in owners.windows(2).take(NAMED.saturating_sub(named.len())) {
            if let [first, second] = pair {
                named.push(format!("{first} and {second}"));
            }
        }
    }
    Ok((count > 0).then(|| {
        Error::new(ErrorKind::Duplicate, "documents share a key that is to be unique")
            .with("index", &definition.name)
            .with("violations", count)
            .with("documents", named.join(", "))
    }))
}
