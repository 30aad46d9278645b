//! One write of a walk: what it waits as, and what became of it.

use jvspatial_db::{Body, Id, Link, Outcome, Version, WriteBatch};

use super::frontier::Pending;
use crate::error::{Error, Result};

/// One write.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) id: Id,
    pub(super) operation: Operation,
    /// When it was last changed.
    pub(super) touched: u64,
    /// The visit that asked for it, where a conflict leads back to it.
    pub(super) by: Option<Box<Pending>>,
}

#[derive(Debug)]
pub(super) enum Operation {
    Save { expected: Version, schema: u32, body: Body },
    Create { schema: u32, body: Body, link: Option<Box<Link>> },
    Delete { expected: Option<Version> },
}

/// The save of a document, as it is asked for.
pub(super) struct Save<'a> {
    pub(super) id: &'a Id,
    pub(super) expected: Version,
    pub(super) schema: u32,
    pub(super) body: &'a Body,
}

/// What was written of a document since the chunk was loaded.
#[derive(Debug)]
pub(super) struct Recent {
    pub(super) touched: u64,
    /// Nothing when it was removed.
    pub(super) saved: Option<(Version, u32, Body)>,
}

/// What became of writes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) written: u64,
    pub(super) lost: u64,
    pub(super) uncertain: u64,
    /// Connections of nodes that were joined already, and removals of what was gone.
    pub(super) unchanged: u64,
    pub(super) batches: u64,
}

/// A write that was not made because the document is another than it was read.
#[derive(Debug)]
pub(super) struct Unwritten {
    pub(super) error: Error,
    /// The visit that asked for it, if it may be repeated.
    pub(super) by: Option<Box<Pending>>,
    /// Whether others changed or removed the document, as opposed to a key that is taken.
    pub(super) is_outdated: bool,
}

impl Staged {
    /// What a document is after it, if it was one before.
    pub(super) fn written(&self) -> Option<Recent> {
        let saved = match &self.operation {
            Operation::Save { expected, schema, body } => {
                Some((expected.next(), *schema, body.clone()))
            }
            Operation::Delete { .. } => None,
            Operation::Create { .. } => return None,
        };
        Some(Recent { touched: self.touched, saved })
    }
}

impl Operation {
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Save { body, .. } | Self::Create { body, .. } => body.as_bytes().len(),
            Self::Delete { .. } => 0,
        }
    }

    pub(super) const fn is_structural(&self) -> bool {
        !matches!(self, Self::Save { .. })
    }

    pub(super) fn add_to(&self, batch: &mut WriteBatch, id: &Id) -> Result<()> {
        let id = id.clone();
        match self {
            Self::Save { expected, schema, body } => {
                batch.update_encoded(id, *expected, body.as_bytes(), *schema)?;
            }
            Self::Create { schema, body, link } => {
                batch.insert_encoded(id, body.as_bytes(), *schema, link.as_deref().cloned())?;
            }
            Self::Delete { expected } => {
                let detaches = crate::graph::detaches(&id);
                batch.delete(id, *expected, detaches)?;
            }
        }
        Ok(())
    }
}

impl Counts {
    /// All that was written is taken back.
    pub(super) const fn roll_back(&mut self) {
        self.lost += self.written;
        self.written = 0;
    }

    /// Counts what became of a write, and returns it when it came to nothing.
    pub(super) fn note(
        &mut self,
        Staged { id, operation, by, .. }: Staged,
        outcome: Outcome,
    ) -> Option<Unwritten> {
        let is_outdated = match (&outcome, &operation) {
            (Outcome::Written(_) | Outcome::Replaced { .. }, _) => {
                self.written += 1;
                return None;
            }
            // Two nodes are joined by one edge of a type, and what is gone need not be removed.
            (Outcome::Duplicate(duplicate), Operation::Create { link: Some(_), .. })
                if duplicate.index == "connection" =>
            {
                self.unchanged += 1;
                return None;
            }
            (Outcome::Missing(_), Operation::Delete { expected: None }) => {
                self.unchanged += 1;
                return None;
            }
            (Outcome::Unknown, _) => {
                self.uncertain += 1;
                false
            }
            (Outcome::Conflict { .. }, _) => true,
            (Outcome::Missing(missing), _) => *missing == id,
            _ => false,
        };
        if !matches!(outcome, Outcome::Unknown) {
            self.lost += 1;
        }
        let error = outcome.into_result(&id).map(drop).err()?;
        Some(Unwritten { error: error.into(), by, is_outdated })
    }
}
