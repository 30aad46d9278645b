//! Writes, with an outcome for each document.
//!
//! Operations that do not depend on one another go as statements that check by themselves, several to a command, which
//! is numbered so that a lost reply is asked for again. All others are judged here, one after the other, within a
//! transaction that holds what they rest on, and so are a great many saves.

mod bulk;
mod commands;
mod inside;
mod lanes;
mod locks;
mod model;
mod owner;
mod plain;
mod reply;
mod state;
mod statement;
mod transaction;
mod unique;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use bson::raw::{RawDocumentBuf, cstr};
use bson::{Bson, Document as Fields};
use foldhash::fast::RandomState;
use mongodb::ClientSession;
use mongodb::error::Result as DriverResult;

pub(super) use self::lanes::Lanes;
pub(super) use self::locks::COLLECTION as LOCKS;
pub(super) use self::transaction::{Committed, commit};

use super::client::{Client, Task};
use super::indexes::Catalog;
use super::live::Live;
use crate::codec::Encoding;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::limits::MAX_DOCUMENT_BYTES;
use crate::version::Version;
use crate::write::{Action, Operation, WriteBatch, WriteReport};

/// How many bytes of statements one command holds. A server takes one document of 16 MiB and some KiB as a command
/// of the driver, so a larger statement stands alone.
const MAX_BYTES: usize = 16_000_000;

/// No envelope takes more: three ids and a type of their greatest length, and names.
const MAX_ENVELOPE_BYTES: usize = 1024;

/// What the place of a statement in its command takes.
const PLACE_BYTES: usize = 8;

/// One batch on its way.
struct Work {
    task: Task,
    catalog: Arc<Catalog>,
    batch: WriteBatch,
}

impl Work {
    /// The operations of a part of the batch.
    fn operations(&self, part: &Range<usize>) -> &[Operation] {
        self.batch.operations().get(part.clone()).unwrap_or_default()
    }

    /// Runs a command in a transaction.
    async fn run(
        &self,
        session: &mut ClientSession,
        mut command: RawDocumentBuf,
    ) -> DriverResult<Fields> {
        command.append(cstr!("maxTimeMS"), self.task.max_time());
        self.task.database.run_raw_command(command).session(session).await
    }
}

/// Applies a batch.
pub(super) async fn write(
    client: &Client,
    catalog: &Arc<Catalog>,
    lanes: &Arc<Lanes>,
    batch: WriteBatch,
) -> Result<WriteReport> {
    batch.check_encoding(Encoding::Bson)?;
    let (catalog, lanes) = (Arc::clone(catalog), Arc::clone(lanes));
    client
        .change(|task| async move {
            check_sizes(&batch)?;
            catalog.check(&batch)?;
            let work = Work { task, catalog, batch };
            if !is_plain(&work.batch) {
                transaction::write(&work).await
            } else if bulk::suits(&work) {
                bulk::write(&work, &lanes).await
            } else {
                plain::write(&work, &lanes).await
            }
        })
        .await
}

/// Applies a batch in a transaction.
pub(super) async fn write_inside(
    live: &Arc<Live>,
    catalog: &Arc<Catalog>,
    batch: WriteBatch,
) -> Result<WriteReport> {
    batch.check_encoding(Encoding::Bson)?;
    live.check_open()?;
    check_sizes(&batch)?;
    catalog.check(&batch)?;
    let catalog = Arc::clone(catalog);
    live.call(move |open, task| {
        let work = Work { task: task.clone(), catalog, batch };
        Box::pin(async move { inside::write(&work, open).await })
    })
    .await
}

/// Refuses a batch with a document that is too large together with its envelope, as a server has it.
///
/// # Errors
/// `Limit` naming the document.
fn check_sizes(batch: &WriteBatch) -> Result<()> {
    for operation in batch.operations() {
        let (Action::Insert { body, version, schema, link }
        | Action::Put { body, version, schema, link }) = &operation.action
        else {
            continue;
        };
        if batch.body(*body).len() < MAX_DOCUMENT_BYTES - MAX_ENVELOPE_BYTES {
            continue;
        }
        let id = &operation.id;
        let document = statement::document(batch, id, *body, *version, *schema, link.as_deref())?;
        let bytes = document.as_bytes().len();
        if bytes > MAX_DOCUMENT_BYTES {
            return Err(Error::limit("document is too large with its envelope")
                .with("id", id)
                .with("bytes", bytes)
                .with("limit", MAX_DOCUMENT_BYTES));
        }
    }
    Ok(())
}

/// Whether no operation depends on another one, on other documents, or on being applied with the others.
fn is_plain(batch: &WriteBatch) -> bool {
    if batch.is_atomic() && batch.len() > 1 {
        return false;
    }
    let mut ids: HashSet<&Id, RandomState> = HashSet::default();
    batch.operations().iter().all(|operation| {
        let alone =
            matches!(operation.action, Action::Insert { link: None, .. } | Action::Update { .. });
        alone && ids.insert(&operation.id)
    })
}

/// The version that a stored document has.
fn version_of(stored: &Fields) -> Version {
    let number = match stored.get("_version") {
        Some(Bson::Int32(number)) => u64::try_from(*number).unwrap_or_default(),
        Some(Bson::Int64(number)) => u64::try_from(*number).unwrap_or_default(),
        Some(Bson::Double(number)) => *number as u64,
        _ => 0,
    };
    Version::new(number)
}
