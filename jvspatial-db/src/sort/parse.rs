//! Reads a sort in MongoDB's form.

use bson::{Bson, Document};

use super::{Direction, Sort, SortKey};
use crate::error::{Error, ErrorKind, Result};
use crate::filter::FieldPath;
use crate::limits::MAX_SORT_KEYS;
use crate::value;

pub(super) fn parse(sort: &Document) -> Result<Sort> {
    if sort.len() > MAX_SORT_KEYS {
        return Err(Error::limit("sort has too many keys")
            .with("keys", sort.len())
            .with("limit", MAX_SORT_KEYS));
    }
    let keys = sort.iter().map(|(path, direction)| {
        let path = FieldPath::parse(path)?;
        let direction = parse_direction(direction).map_err(|error| error.with("path", &path))?;
        Ok(SortKey { path, direction })
    });
    Sort::new(keys.collect::<Result<Vec<_>>>()?)
}

fn parse_direction(value: &Bson) -> Result<Direction> {
    if let Bson::Document(_) = value {
        return Err(Error::new(ErrorKind::Unsupported, "sort cannot be by an expression"));
    }
    match value::exact_integer(value) {
        Some(1) => Ok(Direction::Ascending),
        Some(-1) => Ok(Direction::Descending),
        _ => Err(Error::invalid("sort direction is neither 1 nor -1")),
    }
}
