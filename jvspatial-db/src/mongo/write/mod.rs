//! Writes, with an outcome for each document.
//!
//! Operations that do not depend on one another go as the statements of one command for each collection, numbered
//! so that a lost reply is asked for again. All others are judged here, one after the other, within a transaction
//! that holds what they rest on.

mod locks;
mod model;
mod owner;
mod plain;
mod reply;
mod state;
mod statement;
mod transaction;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use bson::{Bson, Document as Fields};
use foldhash::fast::RandomState;

use super::client::{Client, Task};
use super::indexes::Catalog;
use crate::codec::Encoding;
use crate::error::Result;
use crate::id::Id;
use crate::version::Version;
use crate::write::{Action, Operation, WriteBatch, WriteReport};

/// How many bytes of statements one command holds. A server takes one document of 16 MiB and some KiB as a command
/// of the driver, so a larger statement stands alone.
const MAX_BYTES: usize = 16_000_000;

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
}

/// Applies a batch.
pub(super) async fn write(
    client: &Client,
    catalog: &Arc<Catalog>,
    batch: WriteBatch,
) -> Result<WriteReport> {
    batch.check_encoding(Encoding::Bson)?;
    let catalog = Arc::clone(catalog);
    client
        .change(|task| async move {
            catalog.check(&batch)?;
            let work = Work { task, catalog, batch };
            if is_plain(&work.batch) {
                plain::write(&work).await
            } else {
                transaction::write(&work).await
            }
        })
        .await
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
