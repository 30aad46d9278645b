//! What came of an export or an import.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::id::Id;

/// What was exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportReport {
    /// How many documents, and so lines.
    pub documents: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// What became of the lines of an import.
///
/// `read` is the sum of `written`, `replaced`, `skipped` and `failed`.
#[derive(Debug, Default)]
#[non_exhaustive]
#[must_use = "a report may hold failures"]
pub struct ImportReport {
    /// How many lines were looked at, blank ones apart.
    pub read: u64,
    /// How many documents are new.
    pub written: u64,
    /// How many documents were put in place of another.
    pub replaced: u64,
    /// How many were left out because their id was taken.
    pub skipped: u64,
    /// How many lines could not be imported.
    pub failed: u64,
    /// The first of those, in order, as many as
    /// [`ImportOptions::collect_failures`](super::ImportOptions::collect_failures) keeps.
    pub failures: Vec<ImportFailure>,
    /// Fields of the Python library that mean nothing here, and how many documents had each.
    pub ignored: BTreeMap<&'static str, u64>,
}

/// A line that could not be imported.
#[derive(Debug)]
#[non_exhaustive]
pub struct ImportFailure {
    /// The number of the line, from 1.
    pub line: u64,
    /// The byte of the input, from 0, where the text stops being JSON, otherwise where the line begins.
    pub offset: u64,
    /// The document's id, when it could be read.
    pub id: Option<Id>,
    /// Why, with `line` and `offset` among its facts.
    pub error: Error,
}
