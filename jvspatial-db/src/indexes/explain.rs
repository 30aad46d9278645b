//! How a query was answered.

use std::fmt;
use std::time::Duration;

use super::bounds::FieldBounds;
use crate::filter::FieldPath;

/// How documents were looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// One after the other, all of the collection.
    CollectionScan,
    /// By the keys of an index.
    IndexScan,
    /// By the edges that lead to them.
    Edges,
}

/// The parts of one field of an index that were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldInterval {
    /// The path of the field.
    pub path: String,
    /// Intervals in the order of the values, such as `[5, 8)`; an end without a value is that of its type.
    pub intervals: Vec<String>,
}

/// How a query was answered, in the same shape from every backend.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// How documents were looked for.
    pub stage: Stage,
    /// The name of the index, if there was one.
    pub index: Option<String>,
    /// The fields of the index that had bounds, in the order of the index.
    pub bounds: Vec<FieldInterval>,
    /// How many keys of the index were looked at.
    pub keys_examined: u64,
    /// How many documents were read.
    pub documents_examined: u64,
    /// How many documents were returned.
    pub returned: u64,
    /// Whether documents had to be put into the order that was asked for.
    pub sorted_in_memory: bool,
    /// How long it took.
    pub elapsed: Duration,
}

impl Explanation {
    /// The explanation of a query that looks for documents like this, without an index, and has not run.
    pub const fn new(stage: Stage) -> Self {
        Self {
            stage,
            index: None,
            bounds: Vec::new(),
            keys_examined: 0,
            documents_examined: 0,
            returned: 0,
            sorted_in_memory: false,
            elapsed: Duration::ZERO,
        }
    }

    /// The explanation of a query that has not run: the name of its index and the bounds in there.
    pub(crate) fn of(index: Option<(&str, &[(FieldPath, FieldBounds)])>) -> Self {
        let Some((name, bounds)) = index else { return Self::new(Stage::CollectionScan) };
        let bounds = bounds.iter().map(|(path, bounds)| FieldInterval {
            path: path.to_string(),
            intervals: bounds.intervals.iter().map(ToString::to_string).collect(),
        });
        Self {
            index: Some(name.to_owned()),
            bounds: bounds.collect(),
            ..Self::new(Stage::IndexScan)
        }
    }
}

/// The way to the documents on the first line, a line for each field that had bounds, the figures on the
/// last.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stage)?;
        if let Some(index) = &self.index {
            write!(f, " of {index}")?;
        }
        for FieldInterval { path, intervals } in &self.bounds {
            write!(f, "\n  {path} in {}", intervals.join(", "))?;
        }
        let sorted = if self.sorted_in_memory { ", sorted in memory" } else { "" };
        let Self { keys_examined, documents_examined, returned, elapsed, .. } = self;
        write!(
            f,
            "\n{keys_examined} keys and {documents_examined} documents examined, {returned} returned\
             {sorted}, in {elapsed:?}"
        )
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CollectionScan => "collection scan",
            Self::IndexScan => "index scan",
            Self::Edges => "nodes behind edges",
        })
    }
}
