//! The order of BSON values: the one in which MongoDB sorts and compares them.

mod key;
pub(crate) mod measure;
pub(crate) mod number;

use std::cmp::Ordering;

use bson::spec::BinarySubtype;
use bson::{Bson, DbPointer, Document};

/// The class of a value in MongoDB's type order; values of one class compare by content.
///
/// All numeric types share a class, and so do strings and symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    MinKey,
    Undefined,
    Null,
    Number,
    String,
    Document,
    Array,
    Binary,
    ObjectId,
    Boolean,
    DateTime,
    Timestamp,
    RegularExpression,
    DbPointer,
    Code,
    CodeWithScope,
    MaxKey,
}

impl Class {
    /// The class of `value`.
    pub(crate) fn of(value: &Bson) -> Self {
        match value {
            Bson::MinKey => Self::MinKey,
            Bson::Undefined => Self::Undefined,
            Bson::Null => Self::Null,
            Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => Self::Number,
            Bson::String(_) | Bson::Symbol(_) => Self::String,
            Bson::Document(_) => Self::Document,
            Bson::Array(_) => Self::Array,
            Bson::Binary(_) => Self::Binary,
            Bson::ObjectId(_) => Self::ObjectId,
            Bson::Boolean(_) => Self::Boolean,
            Bson::DateTime(_) => Self::DateTime,
            Bson::Timestamp(_) => Self::Timestamp,
            Bson::RegularExpression(_) => Self::RegularExpression,
            Bson::DbPointer(_) => Self::DbPointer,
            Bson::JavaScriptCode(_) => Self::Code,
            Bson::JavaScriptCodeWithScope(_) => Self::CodeWithScope,
            Bson::MaxKey => Self::MaxKey,
        }
    }
}

/// Compares two values in MongoDB's total order: by class first, then by content.
///
/// NaN equals NaN and stands before every other number; `-0.0` equals `0.0`; strings compare by
/// bytes; documents compare field by field in their order (type, name, value), arrays element by
/// element, and a prefix stands before what it is a prefix of. The recursion is as deep as the
/// shallower of the two values.
pub(crate) fn compare(left: &Bson, right: &Bson) -> Ordering {
    match (left, right) {
        (Bson::String(a) | Bson::Symbol(a), Bson::String(b) | Bson::Symbol(b)) => a.cmp(b),
        (Bson::Document(a), Bson::Document(b)) => compare_documents(a, b),
        (Bson::Array(a), Bson::Array(b)) => compare_arrays(a, b),
        (Bson::Binary(a), Bson::Binary(b)) => (binary_length(a), u8::from(a.subtype))
            .cmp(&(binary_length(b), u8::from(b.subtype)))
            .then_with(|| a.bytes.cmp(&b.bytes)),
        (Bson::ObjectId(a), Bson::ObjectId(b)) => a.bytes().cmp(&b.bytes()),
        (Bson::Boolean(a), Bson::Boolean(b)) => a.cmp(b),
        (Bson::DateTime(a), Bson::DateTime(b)) => a.timestamp_millis().cmp(&b.timestamp_millis()),
        (Bson::Timestamp(a), Bson::Timestamp(b)) => {
            (a.time, a.increment).cmp(&(b.time, b.increment))
        }
        (Bson::RegularExpression(a), Bson::RegularExpression(b)) => a
            .pattern
            .as_str()
            .cmp(b.pattern.as_str())
            .then_with(|| a.options.as_str().cmp(b.options.as_str())),
        (Bson::DbPointer(a), Bson::DbPointer(b)) => compare_pointers(a, b),
        (Bson::JavaScriptCode(a), Bson::JavaScriptCode(b)) => a.cmp(b),
        (Bson::JavaScriptCodeWithScope(a), Bson::JavaScriptCodeWithScope(b)) => {
            a.code.cmp(&b.code).then_with(|| compare_documents(&a.scope, &b.scope))
        }
        _ => match (number::Number::of(left), number::Number::of(right)) {
            (Some(a), Some(b)) => a.compare(b),
            _ => Class::of(left).cmp(&Class::of(right)),
        },
    }
}

/// The length by which binary values are ordered: the old subtype says its length once more inside.
fn binary_length(binary: &bson::Binary) -> usize {
    let inner = if binary.subtype == BinarySubtype::BinaryOld { 4 } else { 0 };
    binary.bytes.len() + inner
}

fn compare_documents(left: &Document, right: &Document) -> Ordering {
    let mut rest = right.iter();
    for (name, value) in left {
        let Some((other_name, other)) = rest.next() else {
            return Ordering::Greater;
        };
        let order = Class::of(value)
            .cmp(&Class::of(other))
            .then_with(|| name.cmp(other_name))
            .then_with(|| compare(value, other));
        if order.is_ne() {
            return order;
        }
    }
    if rest.next().is_some() { Ordering::Less } else { Ordering::Equal }
}

fn compare_arrays(left: &[Bson], right: &[Bson]) -> Ordering {
    left.iter()
        .zip(right)
        .map(|(a, b)| compare(a, b))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| left.len().cmp(&right.len()))
}

/// Compares the encoded forms, because the type hides its parts: the shorter first, then by bytes.
fn compare_pointers(left: &DbPointer, right: &DbPointer) -> Ordering {
    let (left, right) = (pointer_bytes(left), pointer_bytes(right));
    left.len().cmp(&right.len()).then_with(|| left.cmp(&right))
}

/// The encoded form of a pointer.
pub(crate) fn pointer_bytes(pointer: &DbPointer) -> Vec<u8> {
    let mut holder = Document::new();
    holder.insert("", pointer.clone());
    holder.to_vec().unwrap_or_default()
}

/// Appends bytes that sort as the numbers do that they are made of; nothing for what is no number.
pub(crate) fn push_number_key(out: &mut Vec<u8>, value: &Bson) {
    match value {
        Bson::Int32(integer) => key::push_integer(out, i64::from(*integer)),
        Bson::Int64(integer) => key::push_integer(out, *integer),
        Bson::Double(double) => key::push_double(out, *double),
        other => {
            if let Some(number) = number::Number::of(other) {
                key::push(out, number);
            }
        }
    }
}

/// As [`push_number_key`].
pub(crate) fn push_integer_key(out: &mut Vec<u8>, integer: i64) {
    key::push_integer(out, integer);
}

/// As [`push_number_key`].
pub(crate) fn push_double_key(out: &mut Vec<u8>, double: f64) {
    key::push_double(out, double);
}

/// Whether two values are the same in type, content, field order and the bits of every number.
///
/// Unlike `==` of [`Bson`], which forgets the order of fields and holds NaN different from itself.
pub(crate) fn identical(left: &Bson, right: &Bson) -> bool {
    match (left, right) {
        (Bson::Double(a), Bson::Double(b)) => a.to_bits() == b.to_bits(),
        (Bson::Document(a), Bson::Document(b)) => identical_documents(a, b),
        (Bson::Array(a), Bson::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| identical(a, b))
        }
        (Bson::JavaScriptCodeWithScope(a), Bson::JavaScriptCodeWithScope(b)) => {
            a.code == b.code && identical_documents(&a.scope, &b.scope)
        }
        _ => left == right,
    }
}

fn identical_documents(left: &Document, right: &Document) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|((a, x), (b, y))| a == b && identical(x, y))
}

/// Whether `value` is a NaN of either floating type.
pub(crate) fn is_nan(value: &Bson) -> bool {
    number::Number::of(value).is_some_and(number::Number::is_nan)
}

/// Whether MongoDB takes `value` for true where it wants a flag: all but null, undefined, false
/// and zero.
pub(crate) fn is_truthy(value: &Bson) -> bool {
    match value {
        Bson::Null | Bson::Undefined => false,
        Bson::Boolean(value) => *value,
        other => number::Number::of(other).is_none_or(|number| !number.is_zero()),
    }
}

/// The integer that `value` is exactly, whatever its numeric type.
pub(crate) fn exact_integer(value: &Bson) -> Option<i64> {
    number::Number::of(value)?.exact_integer()
}

/// The integer that is left of `value` without its fraction; `None` for what is no number or too
/// large for one.
pub(crate) fn truncated_integer(value: &Bson) -> Option<i64> {
    number::Number::of(value)?.truncated_integer()
}

#[cfg(test)]
mod tests;
