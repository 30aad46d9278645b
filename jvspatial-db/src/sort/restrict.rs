//! The filter that what comes after a place in an order must pass.

use bson::spec::ElementType;
use bson::{Bson, doc};

use super::{Direction, Sort, SortKey};
use crate::error::Result;
use crate::filter::{Comparison, FieldPath, Filter};
use crate::id::Id;
use crate::value::{self, Class};

/// Either the first key is past its value, or it is at it and the second is past its own, and so on.
pub(super) fn after(sort: &Sort, values: &[Bson], id: &Id) -> Result<Filter> {
    let mut ways = Vec::new();
    let mut ties = Vec::new();
    for (key, value) in sort.deciding_keys().iter().zip(values) {
        ways.push(Filter::every(ties.iter().cloned().chain([past(key, value)?]))?);
        ties.push(at(key, value)?);
    }
    let comparison = match sort.id_direction() {
        Direction::Ascending => Comparison::Gte,
        Direction::Descending => Comparison::Lte,
    };
    let ids = Filter::compare(FieldPath::parse("_id")?, comparison, id.to_string())?;
    ways.push(Filter::every(ties.into_iter().chain([ids]))?);
    Filter::any(ways)
}

/// What a document passes whose value stands beyond `value`.
fn past(key: &SortKey, value: &Bson) -> Result<Filter> {
    let class = Class::of(value);
    let (comparison, is_past): (_, fn(Class, Class) -> bool) = match key.direction {
        Direction::Ascending => (Comparison::Gt, |other, class| other > class),
        Direction::Descending => (Comparison::Lt, |other, class| other < class),
    };
    // Beyond the lowest values stands nearly everything, so nothing is gained by naming it.
    if class <= Class::Null || matches!(class, Class::MaxKey) {
        return Ok(Filter::all());
    }
    let types = TYPES.iter().filter(|(_, other)| is_past(*other, class)).map(|(of, _)| *of);
    let same_class = if value::is_nan(value) {
        Filter::type_is(key.path.clone(), NUMBERS)
    } else {
        comparable(&key.path, comparison, value)?
    };
    let mut ways = vec![same_class, Filter::type_is(key.path.clone(), types)];
    if key.direction == Direction::Descending {
        // NaN stands before all numbers, but no comparison says so.
        ways.push(Filter::compare(key.path.clone(), Comparison::Eq, f64::NAN)?);
        // Among what stands before is the lack of a value, for which a filter has several forms.
        ways.push(Filter::compare(key.path.clone(), Comparison::Eq, Bson::Null)?);
        ways.push(Filter::compare(key.path.clone(), Comparison::Eq, Bson::Array(Vec::new()))?);
        ways.extend(arrays_on_the_way(&key.path)?);
    }
    Filter::any(ways)
}

/// What a document passes whose value equals `value`.
fn at(key: &SortKey, value: &Bson) -> Result<Filter> {
    if Class::of(value) <= Class::Null {
        return Ok(Filter::all());
    }
    comparable(&key.path, Comparison::Eq, value)
}

/// The comparison with `value`, or any value of its type where a filter would not compare.
fn comparable(path: &FieldPath, comparison: Comparison, value: &Bson) -> Result<Filter> {
    match value {
        Bson::RegularExpression(_) => {
            Ok(Filter::type_is(path.clone(), [ElementType::RegularExpression]))
        }
        value => Filter::compare(path.clone(), comparison, value.clone()),
    }
}

/// Arrays before the end of a path, of which a filter sees only the documents in them.
fn arrays_on_the_way(path: &FieldPath) -> Result<Vec<Filter>> {
    let mut filters = Vec::new();
    // The fields of the envelope are no arrays, so the first segment alone cannot be one.
    for (end, _) in path.as_str().match_indices('.').skip(1) {
        let before = path.as_str().get(..end).unwrap_or_default();
        filters.push(Filter::parse(&doc! { before: { "$type": "array" } })?);
    }
    Ok(filters)
}

const NUMBERS: [ElementType; 4] =
    [ElementType::Double, ElementType::Int32, ElementType::Int64, ElementType::Decimal128];

/// The types whose values are sorted by their class.
const TYPES: [(ElementType, Class); 21] = [
    (ElementType::MinKey, Class::MinKey),
    (ElementType::Undefined, Class::Undefined),
    (ElementType::Null, Class::Null),
    (ElementType::Double, Class::Number),
    (ElementType::Int32, Class::Number),
    (ElementType::Int64, Class::Number),
    (ElementType::Decimal128, Class::Number),
    (ElementType::String, Class::String),
    (ElementType::Symbol, Class::String),
    (ElementType::EmbeddedDocument, Class::Document),
    (ElementType::Array, Class::Array),
    (ElementType::Binary, Class::Binary),
    (ElementType::ObjectId, Class::ObjectId),
    (ElementType::Boolean, Class::Boolean),
    (ElementType::DateTime, Class::DateTime),
    (ElementType::Timestamp, Class::Timestamp),
    (ElementType::RegularExpression, Class::RegularExpression),
    (ElementType::DbPointer, Class::DbPointer),
    (ElementType::JavaScriptCode, Class::Code),
    (ElementType::JavaScriptCodeWithScope, Class::CodeWithScope),
    (ElementType::MaxKey, Class::MaxKey),
];
