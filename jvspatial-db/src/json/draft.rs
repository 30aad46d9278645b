//! A batch on its way to the writer: its lines already spelled, on the caller's time.

use std::ops::Range;

use memchr::memchr;

use super::index::Definitions;
use super::keys::DraftKeys;
use crate::document::Ends;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::version::Version;
use crate::write::{Action, Link, Operation, WriteBatch};

/// The most bytes of fields in one batch; a batch is written and synced as a whole.
pub(super) const MAX_BATCH_BYTES: usize = 256 * 1024 * 1024;

/// A batch whose lines are spelled as far as its sender knows them.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub lines: Vec<u8>,
    pub operations: Vec<DraftOperation>,
    pub atomic: bool,
    /// The keys that its documents have in the indexes.
    pub keys: DraftKeys,
}

#[derive(Clone, Debug)]
pub(super) struct DraftOperation {
    pub id: Id,
    pub action: DraftAction,
    /// The document's line in [`Draft::lines`]; empty for a removal.
    pub line: Range<usize>,
    pub prefix: u16,
    pub suffix: u16,
    pub schema: u32,
    /// The checksum of the line; meaningless while it has no end.
    pub checksum: u64,
}

#[derive(Clone, Debug)]
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
    /// Checks what `batch` has spelled.
    ///
    /// # Errors
    /// `Limit` when the batch is larger than one write may be, `Invalid` when fields that came encoded
    /// would not be one line of the journal.
    pub(super) fn new(batch: WriteBatch) -> Result<Self> {
        if batch.bytes() > MAX_BATCH_BYTES {
            return Err(Error::limit("batch is too large")
                .with("bytes", batch.bytes())
                .with("limit", MAX_BATCH_BYTES));
        }
        let atomic = batch.is_atomic();
        let (operations, lines) = batch.into_lines();
        let operations = operations
            .into_iter()
            .map(|operation| DraftOperation::new(&lines, operation))
            .collect::<Result<_>>()?;
        Ok(Self { lines, operations, atomic, keys: DraftKeys::default() })
    }

    /// Adds an operation of another draft.
    pub(super) fn push(&mut self, operation: &DraftOperation, of: &Self) {
        let start = self.lines.len();
        self.lines.extend_from_slice(of.lines.get(operation.line.clone()).unwrap_or_default());
        self.operations.push(DraftOperation { line: start..self.lines.len(), ..operation.clone() });
    }

    /// Works out the keys of its documents in the indexes that there are.
    ///
    /// # Errors
    /// `Invalid`, `Limit` for a document that an index cannot hold; nothing is written then.
    pub(super) fn find_keys(
        &mut self,
        definitions: &Definitions,
        stored_ends: impl Fn(&Id) -> Option<Ends>,
    ) -> Result<()> {
        self.keys = DraftKeys::of(self, definitions, stored_ends)?;
        Ok(())
    }
}

impl DraftOperation {
    fn new(lines: &[u8], Operation { id, action }: Operation) -> Result<Self> {
        let (action, schema, body) = match action {
            Action::Insert { body, version, schema, link } => {
                (DraftAction::Insert { version, link }, schema, body)
            }
            Action::Put { body, version, schema, link } => {
                (DraftAction::Put { version, link }, schema, body)
            }
            Action::Update { expected, body, schema } => {
                (DraftAction::Update { expected }, schema, body)
            }
            Action::Delete { expected, detach } => {
                let action = DraftAction::Delete { expected, detach };
                return Ok(Self {
                    id,
                    action,
                    line: 0..0,
                    prefix: 0,
                    suffix: 0,
                    schema: 1,
                    checksum: 0,
                });
            }
        };
        let (prefix, suffix) = (body.prefix(), body.suffix());
        let text = lines.get(body.line()).unwrap_or_default();
        let after = if suffix == 0 { 0 } else { usize::from(suffix) + 1 };
        let fields = text.get(usize::from(prefix)..text.len() - after).unwrap_or_default();
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
        let checksum = body.checksum();
        Ok(Self { id, action, line: body.line(), prefix, suffix, schema, checksum })
    }

    /// The encoded fields of the document, in the lines of its draft.
    pub(super) fn fields<'l>(&self, lines: &'l [u8]) -> &'l [u8] {
        let line = lines.get(self.line.clone()).unwrap_or_default();
        // An edge that is updated lacks what stands after its fields.
        let after = if self.is_spelled() { usize::from(self.suffix) + 1 } else { 0 };
        line.get(usize::from(self.prefix)..line.len().saturating_sub(after)).unwrap_or_default()
    }

    /// Whether the line is whole as it stands.
    pub(super) fn is_spelled(&self) -> bool {
        self.suffix != 0
    }
}
