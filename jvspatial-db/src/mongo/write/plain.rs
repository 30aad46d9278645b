//! Writes that do not depend on one another: statements, each of which has an outcome of its own.

use std::collections::HashMap;

use bson::raw::{RawArrayBuf, RawDocumentBuf, cstr};
use bson::{Bson, Document as Fields, doc};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::lanes::{Fate, Lanes};
use super::reply::{Reason, Refusal, refusals};
use super::{MAX_BYTES, PLACE_BYTES, Work, owner, statement};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{Collection, Id};
use crate::mongo::error::{of_code, of_read};
use crate::mongo::sessions::{Sent, send};
use crate::version::Version;
use crate::write::{Action, Operation, Outcome, WriteReport};

/// How many commands of one write are under way at once.
pub(super) const AT_ONCE: usize = 4;

/// How many statements a command holds at most: enough that its round trip costs little, and few enough that the
/// server begins while the next ones are put together.
pub(super) const MAX_STATEMENTS: usize = 1_000;

/// How often a statement is sent again whose key was taken by a document that is then gone.
const MAX_ROUNDS: usize = 10;

/// As few statements as this wait for those of other callers, to share a command with them.
const SMALL: usize = 100;

/// Statements that can share a command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) collection: Collection,
    pub(super) inserts: bool,
}

impl Kind {
    /// The command of these statements.
    pub(super) fn command(self, statements: RawArrayBuf) -> RawDocumentBuf {
        let mut command = RawDocumentBuf::new();
        if self.inserts {
            command.append(cstr!("insert"), self.collection.name());
            command.append(cstr!("documents"), statements);
        } else {
            command.append(cstr!("update"), self.collection.name());
            command.append(cstr!("updates"), statements);
        }
        command.append(cstr!("ordered"), false);
        command
    }
}

/// Writes the batch.
///
/// # Errors
/// Those of a command that changed nothing, when nothing else of the batch was written before.
pub(super) async fn write(work: &Work, lanes: &Lanes) -> Result<WriteReport> {
    let count = work.batch.len();
    let mut outcomes = vec![Outcome::Unknown; count];
    write_places(work, lanes, (0..count).collect(), &mut outcomes, false).await?;
    Ok(WriteReport { outcomes, detached: 0 })
}

/// Writes the operations at `places`; `is_begun` says that others of the batch were written before.
///
/// # Errors
/// As for [`write`].
pub(super) async fn write_places(
    work: &Work,
    lanes: &Lanes,
    places: Vec<usize>,
    outcomes: &mut [Outcome],
    mut is_begun: bool,
) -> Result<()> {
    let operations = work.batch.operations();
    for collection in Collection::ALL {
        let of_collection = |place: &usize| operations[*place].id.collection() == collection;
        let mut places: Vec<usize> = places.iter().copied().filter(of_collection).collect();
        for _ in 0..MAX_ROUNDS {
            if places.is_empty() {
                break;
            }
            let is_insert =
                |place: &usize| matches!(operations[*place].action, Action::Insert { .. });
            let kind = Kind { collection, inserts: places.iter().all(is_insert) };
            let sent = if places.len() <= SMALL {
                write_few(work, lanes, kind, &places, outcomes, &mut is_begun).await
            } else {
                write_many(work, kind, &places, outcomes, &mut is_begun).await
            };
            match sent {
                Ok(again) => places = again,
                // What was written before is written, so the report is worth more than the error.
                Err(error) if is_begun && error.kind() == ErrorKind::Unavailable => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// Sends a few operations, together with those of other callers, and returns those that are to be sent again.
async fn write_few(
    work: &Work,
    lanes: &Lanes,
    kind: Kind,
    places: &[usize],
    outcomes: &mut [Outcome],
    is_begun: &mut bool,
) -> Result<Vec<usize>> {
    let operations = work.batch.operations();
    let mut statements = Vec::with_capacity(places.len());
    for operation in places.iter().map(|place| &operations[*place]) {
        statements.push((operation.id.clone(), statement_of(work, operation, kind.inserts)?));
    }
    let (mut answered, mut refused) = (Vec::new(), Vec::new());
    let mut failed = None;
    let fates = lanes.send(&work.task, kind, statements).await;
    for (place, fate) in places.iter().zip(fates) {
        *is_begun |= !matches!(fate, Fate::Failed(_));
        match fate {
            Fate::Applied => answered.push(*place),
            Fate::Refused(reason) => {
                refused.push(Refusal { place: answered.len(), reason });
                answered.push(*place);
            }
            Fate::Lost => {}
            Fate::Failed(error) => drop(failed.get_or_insert(error)),
        }
    }
    let again = judge(work, kind.collection, &answered, refused, outcomes).await?;
    match failed {
        Some(error) => Err(error),
        None => Ok(again),
    }
}

/// Sends many operations, and returns those that are to be sent again.
///
/// Several commands are under way at once, unless a unique index makes the order of the operations matter.
async fn write_many(
    work: &Work,
    kind: Kind,
    places: &[usize],
    outcomes: &mut [Outcome],
    is_begun: &mut bool,
) -> Result<Vec<usize>> {
    let at_once = if work.catalog.has_unique(kind.collection) { 1 } else { AT_ONCE };
    let mut again = Vec::new();
    let mut rest = places;
    let mut failed = None;
    let mut under_way = FuturesUnordered::new();
    loop {
        // What is under way is waited for even after a failure: its outcomes are known only then.
        while failed.is_none() && under_way.len() < at_once && !rest.is_empty() {
            match statements(work, rest, kind.inserts) {
                Ok((count, statements)) => {
                    let (sent, after) = rest.split_at(count);
                    rest = after;
                    let command = kind.command(statements);
                    under_way.push(async move { (sent, send(&work.task, command).await) });
                }
                Err(error) => failed = Some(error),
            }
        }
        let Some((sent, reply)) = under_way.next().await else { break };
        let judged = match reply {
            Ok(Sent::Reply(reply)) => {
                *is_begun = true;
                judge(work, kind.collection, sent, refusals(&reply), outcomes).await
            }
            Ok(Sent::Lost) => {
                *is_begun = true;
                continue;
            }
            Ok(Sent::Refused(error)) => Err(of_read(&error)),
            Err(error) => Err(error),
        };
        match judged {
            Ok(more) => again.extend(more),
            Err(error) => drop(failed.get_or_insert(error)),
        }
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(again),
    }
}

/// The statements of one command for the first of `places`, and for how many they are.
fn statements(work: &Work, places: &[usize], only_inserts: bool) -> Result<(usize, RawArrayBuf)> {
    let mut statements = RawArrayBuf::new();
    let (mut count, mut bytes) = (0, 0);
    for place in places.iter().take(MAX_STATEMENTS) {
        let statement = statement_of(work, &work.batch.operations()[*place], only_inserts)?;
        let length = statement.as_bytes().len() + PLACE_BYTES;
        if count > 0 && bytes + length > MAX_BYTES {
            break;
        }
        bytes += length;
        count += 1;
        statements.push(statement);
    }
    Ok((count, statements))
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

/// The version that an operation leaves when it succeeds.
fn version_after(operation: &Operation) -> Version {
    match &operation.action {
        Action::Insert { version, .. } | Action::Put { version, .. } => *version,
        Action::Update { expected, .. } => expected.next(),
        Action::Delete { expected, .. } => expected.unwrap_or_default().next(),
    }
}

/// Takes the outcomes of what was sent from its refusals, and returns what is to be sent again.
async fn judge(
    work: &Work,
    collection: Collection,
    sent: &[usize],
    refused: Vec<Refusal>,
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
    for Refusal { place, reason } in refused {
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
        let found = versions(&work.task.ask(command).await?);
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
