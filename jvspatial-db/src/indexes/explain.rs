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
    /// The explanation of a query that has not run: the name of its index and the bounds in there.
    pub(crate) fn of(index: Option<(&str, &[(FieldPath, FieldBounds)])>) -> Self {
        let bounds = index.map(|(_, bounds)| bounds.iter()).into_iter().flatten();
        let bounds = bounds.map(|(path, bounds)| FieldInterval {
            path: path.to_string(),
            intervals: bounds.intervals.iter().map(ToString::to_string).collect(),
        });
        Self {
            stage: if index.is_some() { Stage::IndexScan } else { Stage::CollectionScan },
            index: index.map(|(name, _)| name.to_owned()),
            bounds: bounds.collect(),
            keys_examined: 0,
            documents_examined: 0,
            returned: 0,
            sorted_in_memory: false,
            elapsed: Duration::ZERO,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CollectionScan => "collection scan",
            Self::IndexScan => "index scan",
        })
    }
}
