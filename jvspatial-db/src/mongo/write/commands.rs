//! The statements of a transaction, put together to as few commands as keep their order.

use std::vec;

use bson::raw::{RawArrayBuf, RawDocumentBuf, cstr};

use super::model::Effect;
use super::{MAX_BYTES, PLACE_BYTES, Work, statement};
use crate::error::Result;
use crate::id::{Collection, Id};
use crate::write::Operation;

/// The commands of a transaction, in order.
#[derive(Default)]
pub(super) struct Commands(Vec<Command>);

/// Statements of one kind for one collection.
pub(super) struct Command {
    collection: Collection,
    deletes: bool,
    statements: RawArrayBuf,
    bytes: usize,
    /// The operation that each statement is of.
    places: Vec<usize>,
}

impl Commands {
    /// Adds the statements of an operation and returns how many edges go with it.
    ///
    /// # Errors
    /// `Invalid` when its fields are not BSON.
    pub(super) fn add(
        &mut self,
        work: &Work,
        place: usize,
        operation: &Operation,
        effect: Effect<'_>,
    ) -> Result<u64> {
        let (batch, id) = (&work.batch, &operation.id);
        match effect {
            Effect::Whole { body, version, schema, link } => {
                let document = statement::document(batch, id, body, version, schema, link)?;
                self.push(place, id, false, statement::put(id, document));
            }
            Effect::Fields { body, version, schema } => {
                let statement = statement::replace(batch, id, version, body, schema)?;
                self.push(place, id, false, statement);
            }
            Effect::Gone { edges } => {
                self.push(place, id, true, statement::delete(id));
                for edge in &edges {
                    self.push(place, edge, true, statement::delete(edge));
                }
                return Ok(edges.len() as u64);
            }
        }
        Ok(0)
    }

    /// Adds a statement to the last command of its collection, if that is of its kind and has room. What is done
    /// to one collection does not depend on what is done to another.
    fn push(&mut self, place: usize, id: &Id, deletes: bool, statement: RawDocumentBuf) {
        let collection = id.collection();
        let bytes = statement.as_bytes().len() + PLACE_BYTES;
        let last = self.0.iter_mut().rev().find(|command| command.collection == collection);
        let command = match last {
            Some(last) if last.deletes == deletes && last.bytes + bytes <= MAX_BYTES => last,
            _ => {
                self.0.push(Command {
                    collection,
                    deletes,
                    statements: RawArrayBuf::new(),
                    bytes: 0,
                    places: Vec::new(),
                });
                let Some(last) = self.0.last_mut() else { return };
                last
            }
        };
        command.bytes += bytes;
        command.statements.push(statement);
        command.places.push(place);
    }
}

impl Command {
    /// The collection that it changes.
    pub(super) const fn collection(&self) -> Collection {
        self.collection
    }

    /// The place in the batch of the operation that a statement is of.
    pub(super) fn operation_of(&self, statement: usize) -> usize {
        self.places.get(statement).copied().unwrap_or_default()
    }

    /// The command as a server takes it.
    pub(super) fn spell(&self) -> RawDocumentBuf {
        let mut command = RawDocumentBuf::new();
        let name = self.collection.name();
        if self.deletes {
            command.append(cstr!("delete"), name);
            command.append(cstr!("deletes"), self.statements.clone());
        } else {
            command.append(cstr!("update"), name);
            command.append(cstr!("updates"), self.statements.clone());
        }
        command
    }
}

impl IntoIterator for Commands {
    type Item = Command;
    type IntoIter = vec::IntoIter<Command>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
