//! Writes that do not depend on one another: one command for each collection, with an outcome for each document.

use std::collections::HashMap;

use bson::raw::{RawArrayBuf, RawDocumentBuf, cstr};
use bson::{Bson, Document as Fields, doc};

use super::reply::{Reason, Refusal, refusals};
use super::{MAX_BYTES, PLACE_BYTES, Work, owner, statement};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{Collection, Id};
use crate::mongo::error::{of_code, of_read};
use crate::mongo::sessions::{Sent, send};
use crate::version::Version;
use crate::write::{Action, Operation, Outcome, WriteReport};

/// How often a statement is sent again whose key was taken by a document that is then gone.
const MAX_ROUNDS: usize = 10;

/// Writes the batch.
///
/// # Errors
/// Those of a command that changed nothing, when nothing else of the batch was written before.
pub(super) async fn write(work: &Work) -> Result<WriteReport> {
    let operations = work.batch.operations();
    let mut outcomes = vec![Outcome::Unknown; operations.len()];
    let mut is_begun = false;
    for collection in Collection::ALL {
        let mut places: Vec<usize> = (0..operations.len())
            .filter(|place| operations[*place].id.collection() == collection)
            .collect();
        for _ in 0..MAX_ROUNDS {
            let sent = write_all(work, collection, &places, &mut outcomes, &mut is_begun).await;
            match sent {
                Ok(again) => places = again,
                // What was written before is written, so the report is worth more than the error.
                Err(error) if is_begun && error.kind() == ErrorKind::Unavailable => {
                    return Ok(WriteReport { outcomes, detached: 0 });
                }
                Err(error) => return Err(error),
            }
            if places.is_empty() {
                break;
            }
        }
    }
    Ok(WriteReport { outcomes, detached: 0 })
}

/// Sends the operations at `places`, all of one collection, and returns those that are to be sent again.
async fn write_all(
    work: &Work,
    collection: Collection,
    places: &[usize],
    outcomes: &mut [Outcome],
    is_begun: &mut bool,
) -> Result<Vec<usize>> {
    let operations = work.batch.operations();
    let only_inserts = places.iter().all(|place| {
        operations.get(*place).is_some_and(|own| matches!(own.action, Action::Insert { .. }))
    });
    let mut again = Vec::new();
    let mut rest = places;
    while !rest.is_empty() {
        let mut statements = RawArrayBuf::new();
        let mut bytes = 0;
        let mut count = 0;
        for place in rest {
            let Some(operation) = operations.get(*place) else { continue };
            let statement = statement_of(work, operation, only_inserts)?;
            let length = statement.as_bytes().len() + PLACE_BYTES;
            if count > 0 && bytes + length > MAX_BYTES {
                break;
            }
            bytes += length;
            count += 1;
            statements.push(statement);
        }
        let (sent, after) = rest.split_at(count);
        rest = after;
        let command = command(collection, only_inserts, statements);
        let reply = match send(&work.task, command).await? {
            Sent::Reply(reply) => reply,
            Sent::Lost => {
                *is_begun = true;
                continue;
            }
            Sent::Refused(error) => return Err(of_read(&error)),
        };
        *is_begun = true;
        again.extend(judge(work, collection, sent, &reply, outcomes).await?);
    }
    Ok(again)
}

fn statement_of(work: &Work, operation: &Operation, only_inserts: bool) -> Result<RawDocumentBuf> {
    let (batch, id) = (&work.batch, &operation.id);
    match &operation.action {
        Action::Insert { body, version, schema, link } => {
            let document =
                statement::document(batch, id, *body, *version, *schema, link.as_deref())?;
            Ok(if only_inserts { document } else { statement::create(id, document) })
        }
        Action::Update { expected, body, schema } => {
            statement::save(batch, id, *expected, *body, *schema)
        }
        _ => Err(Error::invalid("operation depends on others").with("id", id)),
    }
}

fn command(collection: Collection, inserts: bool, statements: RawArrayBuf) -> RawDocumentBuf {
    let mut command = RawDocumentBuf::new();
    if inserts {
        command.append(cstr!("insert"), collection.name());
        command.append(cstr!("documents"), statements);
    } else {
        command.append(cstr!("update"), collection.name());
        command.append(cstr!("updates"), statements);
    }
    command.append(cstr!("ordered"), false);
    command
}

/// The version that an operation leaves when it succeeds.
fn version_after(operation: &Operation) -> Version {
    match &operation.action {
        Action::Insert { version, .. } | Action::Put { version, .. } => *version,
        Action::Update { expected, .. } => expected.next(),
        Action::Delete { expected, .. } => expected.unwrap_or_default().next(),
    }
}

/// Takes the outcomes from a reply, and returns what is to be sent again.
async fn judge(
    work: &Work,
    collection: Collection,
    sent: &[usize],
    reply: &Fields,
    outcomes: &mut [Outcome],
) -> Result<Vec<usize>> {
    let operations = work.batch.operations();
    for place in sent {
        if let (Some(operation), Some(outcome)) = (operations.get(*place), outcomes.get_mut(*place))
        {
            *outcome = Outcome::Written(version_after(operation));
        }
    }
    let mut again = Vec::new();
    let mut unread = Vec::new();
    for Refusal { place, reason } in refusals(reply) {
        let Some(place) = sent.get(place).copied() else { continue };
        let (Some(operation), Some(outcome)) = (operations.get(place), outcomes.get_mut(place))
        else {
            continue;
        };
        let id = &operation.id;
        *outcome = match (reason, &operation.action) {
            (Reason::IdTaken, _) | (Reason::Found(_) | Reason::Other, Action::Insert { .. }) => {
                Outcome::duplicate("_id", id.clone())
            }
            (Reason::Found(found), Action::Update { expected, .. }) => {
                Outcome::Conflict { expected: *expected, found }
            }
            (Reason::Absent, _) => Outcome::Missing(id.clone()),
            (Reason::KeyTaken { index, pattern, key }, _) => {
                let index = work.catalog.name_of(index, &pattern, id);
                match owner::find(work, collection, id, &index, &key).await {
                    Ok(Some(taken)) => taken,
                    Ok(None) => {
                        again.push(place);
                        Outcome::Unknown
                    }
                    Err(error) => {
                        tracing::warn!(%id, %error, "owner of a taken key cannot be told");
                        Outcome::Unknown
                    }
                }
            }
            (Reason::Refused { code, name, message }, _) => {
                let error = of_code(code, &name, &message).with("id", id);
                if sent.len() == 1 {
                    return Err(error);
                }
                // The others are written, so the report is worth more than the error.
                tracing::warn!(%id, %error, "a document of a batch was refused");
                Outcome::Unknown
            }
            (Reason::Found(_) | Reason::Other, _) => {
                unread.push(place);
                Outcome::Unknown
            }
        };
    }
    if let Err(error) = read_versions(work, collection, &unread, outcomes).await {
        tracing::warn!(%error, "what writes conflicted with cannot be told");
    }
    Ok(again)
}

/// Reads what an operation conflicted with, where the server spared its words because there were too many.
async fn read_versions(
    work: &Work,
    collection: Collection,
    places: &[usize],
    outcomes: &mut [Outcome],
) -> Result<()> {
    let operations = work.batch.operations();
    for places in places.chunks(10_000) {
        let own: Vec<&Operation> =
            places.iter().filter_map(|place| operations.get(*place)).collect();
        let texts: Vec<Bson> = own.iter().map(|own| Bson::String(own.id.to_string())).collect();
        let command = doc! {
            "find": collection.name(),
            "filter": { "_id": { "$in": texts } },
            "projection": { "_version": 1 },
            "batchSize": 10_001,
            "maxTimeMS": work.task.max_time(),
        };
        let reply = work.task.database.run_command(command).await;
        let found = versions(&reply.map_err(|error| of_read(&error))?);
        for (place, own) in places.iter().zip(own) {
            let (Action::Update { expected, .. }, Some(outcome)) =
                (&own.action, outcomes.get_mut(*place))
            else {
                continue;
            };
            *outcome = match found.get(&own.id) {
                Some(found) => Outcome::Conflict { expected: *expected, found: *found },
                None => Outcome::Missing(own.id.clone()),
            };
        }
    }
    Ok(())
}

/// The versions in the first batch of a search.
fn versions(reply: &Fields) -> HashMap<Id, Version> {
    let batch = reply.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
    let batch = batch.map(Vec::as_slice).unwrap_or_default();
    let read = |found: &Fields| {
        let id = Id::parse_stored(found.get_str("_id").ok()?).ok()?;
        Some((id, super::version_of(found)))
    };
    batch.iter().filter_map(Bson::as_document).filter_map(read).collect()
}
