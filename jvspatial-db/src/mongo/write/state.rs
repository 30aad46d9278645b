//! What a batch rests on, as it is when its transaction begins.

use std::collections::BTreeSet;

use bson::{Bson, Document as Fields, doc};
use mongodb::ClientSession;
use mongodb::error::Result as DriverResult;

use super::model::{Model, Stored};
use super::{Work, version_of};
use crate::document::Ends;
use crate::id::{Collection, Id};
use crate::write::{Action, Operation};

/// How many ids one command names.
const IDS: usize = 10_000;

/// Reads the documents that the operations name, the nodes that they join, and the edges that they may delete or
/// that may stand in their way; of all of them the envelope alone.
pub(super) async fn read(
    work: &Work,
    operations: &[Operation],
    session: &mut ClientSession,
) -> DriverResult<Model> {
    let mut named: BTreeSet<&Id> = BTreeSet::new();
    let mut detached: BTreeSet<&Id> = BTreeSet::new();
    let mut joined: BTreeSet<&Id> = BTreeSet::new();
    for operation in operations {
        named.insert(&operation.id);
        match &operation.action {
            Action::Insert { link: Some(link), .. } | Action::Put { link: Some(link), .. } => {
                let ends = [&link.ends.source, &link.ends.target];
                named.extend(ends);
                if link.unique {
                    joined.extend(ends);
                }
            }
            Action::Delete { detach: true, .. }
                if operation.id.collection() == Collection::Node =>
            {
                detached.insert(&operation.id);
            }
            _ => {}
        }
    }
    let mut model = Model::default();
    for collection in Collection::ALL {
        let own: Vec<&Id> =
            named.iter().copied().filter(|id| id.collection() == collection).collect();
        for ids in own.chunks(IDS) {
            let filter = doc! { "_id": { "$in": texts(ids) } };
            search(work, session, collection, filter, &mut model).await?;
        }
    }
    let detached: Vec<&Id> = detached.into_iter().collect();
    for ids in detached.chunks(IDS) {
        let ids = texts(ids);
        let touching = doc! { "$or": [
            { "source": { "$in": ids.clone() } }, { "target": { "$in": ids } },
        ] };
        search(work, session, Collection::Edge, touching, &mut model).await?;
    }
    let joined: Vec<&Id> = joined.into_iter().collect();
    for sources in joined.chunks(1_000) {
        for targets in joined.chunks(1_000) {
            let between = doc! {
                "source": { "$in": texts(sources) }, "target": { "$in": texts(targets) },
            };
            search(work, session, Collection::Edge, between, &mut model).await?;
        }
    }
    Ok(model)
}

fn texts(ids: &[&Id]) -> Vec<Bson> {
    ids.iter().map(|id| Bson::String(id.to_string())).collect()
}

/// Adds all documents that match to the model.
async fn search(
    work: &Work,
    session: &mut ClientSession,
    collection: Collection,
    filter: Fields,
    model: &mut Model,
) -> DriverResult<()> {
    let shown = doc! { "_version": 1, "source": 1, "target": 1, "bidirectional": 1 };
    each(work, session, collection, filter, shown, |found| {
        if let Some((id, stored)) = stored(found, collection) {
            model.add(id, stored);
        }
    })
    .await
}

/// Shows the documents that match, as far as `projection` goes; all of them if it is empty.
pub(super) async fn each(
    work: &Work,
    session: &mut ClientSession,
    collection: Collection,
    filter: Fields,
    projection: Fields,
    mut show: impl FnMut(&Fields),
) -> DriverResult<()> {
    let database = &work.task.database;
    let command = doc! {
        "find": collection.name(),
        "filter": filter,
        "projection": projection,
        "batchSize": 10_001,
        "maxTimeMS": work.task.max_time(),
    };
    let mut reply = database.run_command(command).session(&mut *session).await?;
    loop {
        let Ok(cursor) = reply.get_document("cursor") else { return Ok(()) };
        let batch = cursor.get_array("firstBatch").or_else(|_| cursor.get_array("nextBatch"));
        batch.into_iter().flatten().filter_map(Bson::as_document).for_each(&mut show);
        match cursor.get_i64("id") {
            Ok(id) if id != 0 => {
                let command = doc! {
                    "getMore": id, "collection": collection.name(), "batchSize": 10_001,
                };
                reply = database.run_command(command).session(&mut *session).await?;
            }
            _ => return Ok(()),
        }
    }
}

/// The envelope of a document; `None` for one that is not ours.
fn stored(found: &Fields, collection: Collection) -> Option<(Id, Stored)> {
    let id = Id::parse_stored(found.get_str("_id").ok()?).ok()?;
    let ends = if collection == Collection::Edge { ends(found) } else { None };
    (id.collection() == collection).then(|| (id, Stored { version: version_of(found), ends }))
}

fn ends(found: &Fields) -> Option<Ends> {
    let end = |name| Id::parse_stored(found.get_str(name).ok()?).ok();
    Some(Ends {
        source: end("source")?,
        target: end("target")?,
        // An edge of the Python library that says nothing can be followed from either end.
        bidirectional: found.get_bool("bidirectional").unwrap_or(true),
    })
}
