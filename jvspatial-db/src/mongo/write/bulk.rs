//! Many saves at once: judged and applied in transactions of some hundreds.
//!
//! A server works half as long on a plain statement as on one that checks the version by itself, and in a transaction
//! it need not check, as it is refused as a whole if anybody wrote one of its documents meanwhile. What was refused so
//! goes statement by statement.

use std::ops::Range;

use futures_util::StreamExt as _;
use futures_util::stream::iter;

use super::lanes::Lanes;
use super::plain::{AT_ONCE, MAX_STATEMENTS, write_places};
use super::{MAX_BYTES, Work, transaction};
use crate::error::Result;
use crate::id::Collection;
use crate::write::{Action, Operation, Outcome, WriteBatch, WriteReport};

/// With fewer saves the round trips of a transaction cost more than the checks.
const LEAST: usize = 200;

/// Whether the batch, of operations that do not depend on one another, is written so. A unique index makes their order
/// matter, which a part that is refused would lose.
pub(super) fn suits(work: &Work) -> bool {
    let is_save = |operation: &Operation| matches!(operation.action, Action::Update { .. });
    work.batch.len() >= LEAST
        && work.batch.operations().iter().all(is_save)
        && !Collection::ALL.iter().any(|own| work.catalog.has_unique(*own))
}

/// Writes the batch.
///
/// # Errors
/// Those of `plain::write`.
pub(super) async fn write(work: &Work, lanes: &Lanes) -> Result<WriteReport> {
    let mut outcomes = vec![Outcome::Unknown; work.batch.len()];
    let mut left = Vec::new();
    let mut parts = iter(parts(&work.batch))
        .map(|part| async move { (transaction::try_part(work, &part).await, part) })
        .buffer_unordered(AT_ONCE);
    while let Some((tried, part)) = parts.next().await {
        match (tried, outcomes.get_mut(part.clone())) {
            (Ok(Some(report)), Some(own)) => own.clone_from_slice(&report.outcomes),
            _ => left.extend(part),
        }
    }
    let is_begun = left.len() < work.batch.len();
    write_places(work, lanes, left, &mut outcomes, is_begun).await?;
    Ok(WriteReport { outcomes, detached: 0 })
}

/// The parts that are transactions of their own.
fn parts(batch: &WriteBatch) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (place, operation) in batch.operations().iter().enumerate() {
        let own = match &operation.action {
            Action::Update { body, .. } => batch.body(*body).len(),
            _ => 0,
        };
        if place - start == MAX_STATEMENTS || place > start && bytes + own > MAX_BYTES {
            parts.push(start..place);
            (start, bytes) = (place, 0);
        }
        bytes += own;
    }
    parts.push(start..batch.len());
    parts
}
