//! A batch on its way to the writer: its lines already spelled, on the caller's time.

use std::ops::Range;

use memchr::memchr;

use super::line;
use crate::error::{Error, Result};
use crate::id::{Collection, Id};
use crate::version::Version;
use crate::write::{Action, Link, WriteBatch};

/// The most bytes of fields in one batch; a batch is written and synced as a whole.
pub(super) const MAX_BATCH_BYTES: usize = 256 * 1024 * 1024;

/// A batch whose lines are spelled as far as its sender knows them.
#[derive(Debug)]
pub(super) struct Draft {
    pub lines: Vec<u8>,
    pub operations: Vec<DraftOperation>,
    pub atomic: bool,
}

#[derive(Debug)]
pub(super) struct DraftOperation {
    pub id: Id,
    pub action: DraftAction,
    /// The document's line in [`Draft::lines`]; empty when the writer has to spell it.
    pub line: Range<usize>,
    pub prefix: u16,
    pub suffix: u16,
    pub schema: u32,
    /// The checksum of the line; meaningless while it has no end.
    pub checksum: u64,
}

#[derive(Debug)]
pub(super) enum DraftAction {
    Insert {
        version: Version,
        link: Option<Box<Link>>,
    },
    Put {
        version: Version,
        link: Option<Box<Link>>,
    },
    /// The line of an edge lacks what stands after the fields: only the writer knows the ends.
    Update {
        expected: Version,
    },
    Delete {
        expected: Option<Version>,
        detach: bool,
    },
}

impl Draft {
    /// Spells the lines of `batch`.
    ///
    /// # Errors
    /// `Limit` when the batch is larger than one write may be, `Invalid` when fields that came encoded
    /// would not be one line of the journal.
    pub(super) fn new(batch: &WriteBatch) -> Result<Self> {
        if batch.bytes() > MAX_BATCH_BYTES {
            return Err(Error::limit("batch is too large")
                .with("bytes", batch.bytes())
                .with("limit", MAX_BATCH_BYTES));
        }
        // An envelope takes about 100 bytes with a generated id, an edge's about 100 more.
        let mut lines = Vec::with_capacity(batch.bytes() + batch.len() * 128);
        let mut operations = Vec::with_capacity(batch.len());
        for operation in batch.operations() {
            operations.push(DraftOperation::new(
                &mut lines,
                batch,
                &operation.id,
                &operation.action,
            )?);
        }
        Ok(Self { lines, operations, atomic: batch.is_atomic() })
    }
}

impl DraftOperation {
    fn new(lines: &mut Vec<u8>, batch: &WriteBatch, id: &Id, action: &Action) -> Result<Self> {
        let start = lines.len();
        let (action, version, schema, body, ends) = match action {
            Action::Insert { body, version, schema, link } => {
                let ends = link.as_ref().map(|link| &link.ends);
                let action = DraftAction::Insert { version: *version, link: link.clone() };
                (action, *version, *schema, *body, ends)
            }
            Action::Put { body, version, schema, link } => {
                let ends = link.as_ref().map(|link| &link.ends);
                let action = DraftAction::Put { version: *version, link: link.clone() };
                (action, *version, *schema, *body, ends)
            }
            Action::Update { expected, body, schema } => {
                let action = DraftAction::Update { expected: *expected };
                (action, expected.next(), *schema, *body, None)
            }
            Action::Delete { expected, detach } => {
                let action = DraftAction::Delete { expected: *expected, detach: *detach };
                let line = start..start;
                let id = id.clone();
                return Ok(Self { id, action, line, prefix: 0, suffix: 0, schema: 1, checksum: 0 });
            }
        };
        let fields = batch.body(body);
        // Anything else would stand in the way when the journal is read again.
        if !fields.starts_with(b"{")
            || !fields.ends_with(b"}")
            || fields.len() < 2
            || memchr(b'\n', fields).is_some()
        {
            return Err(
                Error::invalid("encoded fields are not an object on one line").with("id", id)
            );
        }
        let prefix = line::push_prefix(lines, id, version.get(), schema);
        lines.extend_from_slice(fields);
        let open = id.collection() == Collection::Edge && ends.is_none();
        let suffix = if open { 0 } else { line::push_suffix(lines, ends) };
        let line = start..lines.len();
        let checksum = line::line_checksum(lines.get(line.clone()).unwrap_or_default());
        Ok(Self { id: id.clone(), action, line, prefix, suffix, schema, checksum })
    }

    /// Whether the line is whole as it stands.
    pub(super) fn is_spelled(&self) -> bool {
        self.suffix != 0
    }
}
