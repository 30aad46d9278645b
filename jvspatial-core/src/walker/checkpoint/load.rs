//! Reading checkpoints, and removing them.

use jvspatial_db::limits::MAX_BATCH_OPERATIONS;
use jvspatial_db::{Collection, Database, Document, Filter, Handle, Query, WriteBatch, doc};
use serde::de::DeserializeOwned;

use super::head::{FORMAT, Head, Headed, Stated};
use super::name::{head_entity, head_id};
use super::part::Part;
use super::saver::Stored;
use crate::error::{Error, ErrorKind, Result};
use crate::walker::Walker;

/// How many parts are read at once.
const PARTS_AT_ONCE: usize = 16;

/// A checkpoint that is stored; [`Graph::checkpoints`](crate::Graph::checkpoints) lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The name that it was given.
    pub name: String,
    /// The name of the walker's type.
    pub walker: String,
    /// The [version](crate::Walker::VERSION) of the walker.
    pub version: u32,
    /// How many visits there were until it was written.
    pub visited: u64,
    /// How much waited to be visited then, besides what the last hooks had asked for.
    pub waiting: u64,
    /// How many documents the walk has written with it and before.
    pub written: u64,
}

/// A checkpoint from which a walk is to go on.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(super) head: Head,
    pub(super) stored: Stored,
    pub(super) parts: Vec<Part>,
}

/// Reads the checkpoint called `name` with its walker.
pub(crate) async fn load<W: Walker + DeserializeOwned>(
    database: &dyn Database,
    name: &str,
) -> Result<(W, Box<Loaded>)> {
    let Some((document, head)) = read_head(database, name).await? else {
        return Err(Error::new(ErrorKind::NotFound, "there is no checkpoint of that name")
            .with("checkpoint", format_args!("{name:?}")));
    };
    check_walker::<W>(&head)?;
    let stored = stored(&document, &head)?;
    let ids = stored.part_ids(&head.token, true)?;
    let handles: Vec<Handle> = ids.into_iter().map(Handle::new).collect();
    let mut parts = Vec::with_capacity(handles.len().min(PARTS_AT_ONCE));
    for handles in handles.chunks(PARTS_AT_ONCE) {
        for document in database.get_many(handles).await? {
            let Some(document) = document else {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    "checkpoint was changed while it was read: another walk uses it",
                )
                .with("checkpoint", format_args!("{name:?}")));
            };
            parts.push(read::<Part>(&document)?);
        }
    }
    // A walker that has changed without another version says so best by itself.
    let Stated { state } = document.decode::<Stated<W>>()?;
    Ok((state, Box::new(Loaded { head, stored, parts })))
}

/// The checkpoints, by their names.
pub(crate) async fn list(database: &dyn Database) -> Result<Vec<Checkpoint>> {
    let entity = doc! { "entity": head_entity().as_str() };
    let mut found = database.find(Query::new(Collection::System, Filter::parse(&entity)?)).await?;
    let mut checkpoints = Vec::new();
    while let Some(document) = found.try_next().await? {
        checkpoints.push(Checkpoint::from(read::<Headed>(&document)?.head));
    }
    checkpoints.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(checkpoints)
}

/// Removes the checkpoint called `name`; `false` when there is none.
pub(crate) async fn discard(database: &dyn Database, name: &str) -> Result<bool> {
    let Some((document, head)) = read_head(database, name).await? else { return Ok(false) };
    let stored = stored(&document, &head)?;
    let mut batch = WriteBatch::new(database.capabilities().encoding).atomic(true);
    batch.delete(document.id, Some(document.version), false)?;
    for part in stored.part_ids(&head.token, true)? {
        batch.delete(part, None, false)?;
    }
    if database.write(batch).await?.is_complete() {
        return Ok(true);
    }
    Err(Error::new(ErrorKind::Conflict, "checkpoint is used by a walk")
        .with("checkpoint", format_args!("{name:?}")))
}

async fn read_head(database: &dyn Database, name: &str) -> Result<Option<(Document, Head)>> {
    let found = database.get_many(&[Handle::new(head_id(name)?)]).await?;
    let Some(document) = found.into_iter().flatten().next() else { return Ok(None) };
    let head = read::<Headed>(&document)?.head;
    Ok(Some((document, head)))
}

fn read<T: DeserializeOwned>(document: &Document) -> Result<T> {
    document.decode().map_err(|error| {
        Error::new(ErrorKind::Corrupt, "checkpoint cannot be read").with("error", error)
    })
}

fn stored(document: &Document, head: &Head) -> Result<Stored> {
    let Head { past_parts, generation, parts, .. } = *head;
    // They are removed by one batch, so a walk has no more.
    if u64::from(past_parts) + u64::from(parts) > MAX_BATCH_OPERATIONS as u64 {
        return Err(Error::new(ErrorKind::Corrupt, "checkpoint has more parts than there can be")
            .with("checkpoint", format_args!("{:?}", head.name))
            .with("parts", u64::from(past_parts) + u64::from(parts))
            .with("limit", MAX_BATCH_OPERATIONS));
    }
    Ok(Stored { version: document.version, past_parts, generation, parts })
}

fn check_walker<W: Walker>(head: &Head) -> Result<()> {
    let refused = |what| {
        Err(Error::new(ErrorKind::Unsupported, what)
            .with("checkpoint", format_args!("{:?}", head.name)))
    };
    if head.format != FORMAT {
        return refused("checkpoint was written by another version of the library").map_err(
            |error| error.with("expected format", FORMAT).with("found format", head.format),
        );
    }
    if head.walker != W::NAME {
        return refused("checkpoint is of another walker").map_err(|error| {
            error.with("expected walker", W::NAME).with("found walker", &head.walker)
        });
    }
    if head.walker_version != W::VERSION {
        return refused("checkpoint is of another version of the walker").map_err(|error| {
            let error = error.with("walker", W::NAME);
            error.with("expected version", W::VERSION).with("found version", head.walker_version)
        });
    }
    Ok(())
}

impl From<Head> for Checkpoint {
    fn from(head: Head) -> Self {
        Self {
            name: head.name,
            walker: head.walker,
            version: head.walker_version,
            visited: head.progress.step,
            waiting: head.progress.waiting,
            written: head.progress.stats.written,
        }
    }
}
