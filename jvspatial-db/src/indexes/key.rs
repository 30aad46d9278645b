//! Values as bytes that sort as the values do: what stands in an index.
//!
//! A key is a tag for the class of the value, then its content. No key is the beginning of another, so the
//! keys of a compound index are simply put one behind the other, and a descending part is inverted.

use bson::spec::BinarySubtype;
use bson::{Bson, Document};

use crate::codec::Scalar;
use crate::value::{self, Class};

/// The byte with which the keys of a class begin; none is 0, which ends documents and arrays.
pub(crate) const fn tag(class: Class) -> u8 {
    class as u8 * 8 + 8
}

/// Appends the key of `value`.
pub(crate) fn push_value(out: &mut Vec<u8>, value: &Bson) {
    out.push(tag(Class::of(value)));
    match value {
        Bson::Null | Bson::Undefined | Bson::MinKey | Bson::MaxKey => {}
        Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => {
            value::push_number_key(out, value);
        }
        Bson::String(text) | Bson::Symbol(text) | Bson::JavaScriptCode(text) => {
            push_bytes(out, text.as_bytes());
        }
        Bson::Document(document) => push_document(out, document),
        Bson::Array(items) => {
            items.iter().for_each(|item| push_value(out, item));
            out.push(0);
        }
        Bson::Binary(binary) => {
            // The old subtype has its length once more inside, and that counts.
            let is_old = binary.subtype == BinarySubtype::BinaryOld;
            let length = binary.bytes.len();
            push_length(out, length + if is_old { 4 } else { 0 });
            out.push(binary.subtype.into());
            if is_old {
                push_length(out, length);
            }
            out.extend_from_slice(&binary.bytes);
        }
        Bson::ObjectId(id) => out.extend_from_slice(&id.bytes()),
        Bson::Boolean(value) => out.push(u8::from(*value)),
        Bson::DateTime(date) => push_i64(out, date.timestamp_millis()),
        Bson::Timestamp(stamp) => {
            out.extend_from_slice(&stamp.time.to_be_bytes());
            out.extend_from_slice(&stamp.increment.to_be_bytes());
        }
        Bson::RegularExpression(regex) => {
            push_bytes(out, regex.pattern.as_str().as_bytes());
            push_bytes(out, regex.options.as_str().as_bytes());
        }
        Bson::DbPointer(pointer) => {
            let encoded = value::pointer_bytes(pointer);
            push_length(out, encoded.len());
            out.extend_from_slice(&encoded);
        }
        Bson::JavaScriptCodeWithScope(code) => {
            push_bytes(out, code.code.as_bytes());
            push_document(out, &code.scope);
        }
    }
}

/// Appends the key of a text or a number.
pub(crate) fn push_scalar(out: &mut Vec<u8>, scalar: &Scalar<'_>) {
    match scalar {
        Scalar::Text(text) => {
            out.push(tag(Class::String));
            push_bytes(out, text);
        }
        Scalar::Integer(integer) => {
            out.push(tag(Class::Number));
            value::push_integer_key(out, *integer);
        }
        Scalar::Double(double) => {
            out.push(tag(Class::Number));
            value::push_double_key(out, *double);
        }
    }
}

/// Appends the key of a missing field, which is that of null.
pub(crate) fn push_missing(out: &mut Vec<u8>) {
    out.push(tag(Class::Null));
}

/// Inverts what stands in `out` from `start` on, which turns its order around.
pub(crate) fn invert(out: &mut [u8], start: usize) {
    out.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
}

fn push_document(out: &mut Vec<u8>, document: &Document) {
    for (name, value) in document {
        // The class comes before the name, and once more with the value.
        out.push(tag(Class::of(value)));
        push_bytes(out, name.as_bytes());
        push_value(out, value);
    }
    out.push(0);
}

/// Appends bytes and their end, which sorts before every byte; the two lowest bytes are escaped.
fn push_bytes(out: &mut Vec<u8>, mut bytes: &[u8]) {
    while let Some(at) = memchr::memchr2(0, 1, bytes) {
        let (plain, rest) = bytes.split_at(at);
        out.extend_from_slice(plain);
        if let Some((low, rest)) = rest.split_first() {
            out.extend_from_slice(&[1, low + 1]);
            bytes = rest;
        }
    }
    out.extend_from_slice(bytes);
    out.push(0);
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    // Values are bounded by the size of a document, so this never cuts anything off.
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

fn push_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&(value.cast_unsigned() ^ (1 << 63)).to_be_bytes());
}
