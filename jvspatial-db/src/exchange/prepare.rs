//! From lines to a batch, on a thread that may be kept busy.

use std::cell::RefCell;

use serde::Serialize;

use super::entry::{Entry, Fields, Refusal};
use super::lines::{Line, MAX_LINE_BYTES, Slice};
use super::options::Existing;
use super::report::ImportFailure;
use super::text::{SMALL, Text};
use crate::codec::Encoding;
use crate::error::{Error, Result};
use crate::id::{Collection, Id};
use crate::write::{Envelope, WriteBatch};

/// What an import makes of its lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub collection: Collection,
    pub encoding: Encoding,
    pub existing: Existing,
    /// How many bytes of encoded fields fill a batch.
    pub batch_bytes: usize,
    /// Whether the first bad line is the last one to be looked at.
    pub stops: bool,
}

/// The lines of a slice that make one batch.
#[derive(Debug)]
pub(super) struct Prepared {
    pub batch: WriteBatch,
    /// The line and the id of each operation of the batch.
    pub places: Vec<Place>,
    /// The lines that are none.
    pub failures: Vec<ImportFailure>,
    pub ignored: Vec<&'static str>,
    /// How many lines of the slice are done, this batch and those before it.
    pub done: usize,
}

#[derive(Debug)]
pub(super) struct Place {
    pub line: u64,
    pub offset: u64,
    pub id: Id,
}

/// Reads the lines from number `done` of the slice on, until they fill a batch. Blocks.
pub(super) fn prepare(plan: Plan, slice: &Slice, mut done: usize) -> Prepared {
    let mut batch = WriteBatch::new(plan.encoding);
    let (mut places, mut failures, mut ignored) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(line) = slice.lines.get(done)
        && batch.bytes() < plan.batch_bytes
    {
        done += 1;
        match add(&mut batch, plan, &slice.text, line) {
            Ok((id, passed_over)) => {
                places.push(Place { line: line.number, offset: line.offset, id });
                ignored.extend(passed_over);
            }
            Err(Refusal { error, at, id }) => {
                failures.push(failure(line.number, line.offset + at as u64, id, error));
                if plan.stops {
                    done = slice.lines.len();
                }
            }
        }
    }
    Prepared { batch, places, failures, ignored, done }
}

fn add(
    batch: &mut WriteBatch,
    plan: Plan,
    text: &[u8],
    line: &Line,
) -> Result<(Id, Vec<&'static str>), Refusal> {
    let Some(place) = line.place.clone() else {
        return Err(Error::limit("line is too long").with("limit", MAX_LINE_BYTES).into());
    };
    let entry = Entry::parse(text.get(place).unwrap_or_default(), plan.collection)?;
    let Entry { id, envelope, fields, ignored } = entry;
    let refused = RefCell::new(None);
    let added = match fields {
        Fields::Tree(fields) => write(batch, plan.existing, &id, &fields, envelope),
        Fields::Text { text, start } => {
            let text = Text { text, start, small: SMALL, refused: &refused };
            write(batch, plan.existing, &id, &text, envelope)
        }
    };
    match (added, refused.into_inner()) {
        (Ok(()), _) => Ok((id, ignored)),
        (Err(error), None) => Err(Refusal { error, at: 0, id: Some(id) }),
        (Err(error), Some(Refusal { error: cause, at, .. })) => {
            Err(Refusal { error: join(&error, &cause), at, id: Some(id) })
        }
    }
}

fn write<T: Serialize>(
    batch: &mut WriteBatch,
    existing: Existing,
    id: &Id,
    fields: &T,
    envelope: Envelope,
) -> Result<()> {
    match existing {
        Existing::Replace => batch.put(id.clone(), fields, envelope),
        Existing::Fail | Existing::Skip => batch.insert_as(id.clone(), fields, envelope),
    }
}

/// The error that refused a piece of the fields, with the path of the piece from the error of the whole.
fn join(whole: &Error, piece: &Error) -> Error {
    let mut error = Error::new(piece.kind(), piece.message().to_owned());
    for fact in ["reason", "value", "least", "most", "bytes", "limit"] {
        if let Some(value) = piece.context(fact) {
            error = error.with(fact, value);
        }
    }
    // A piece is parsed as the only member of a map, whose name begins its path.
    let inside = piece.context("field").and_then(|path| path.split_once('.')).map(|(_, path)| path);
    let path: Vec<&str> = whole.context("field").into_iter().chain(inside).collect();
    let error = if path.is_empty() { error } else { error.with("field", path.join(".")) };
    whole.context("id").into_iter().fold(error, |error, id| error.with("id", id))
}

/// The failure of a line, with its place in the error too.
pub(super) fn failure(line: u64, offset: u64, id: Option<Id>, error: Error) -> ImportFailure {
    ImportFailure { line, offset, id, error: error.with("line", line).with("offset", offset) }
}
