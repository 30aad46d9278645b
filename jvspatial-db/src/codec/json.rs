//! The writer of relaxed Extended JSON.

use std::ops::Range;

use ::bson::Bson;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::fault::{Fault, Result};
use super::format::{Format, Out};
use super::names::{self, NameText};

/// Relaxed Extended JSON on one line.
pub(super) struct Json;

/// The first millisecond of the year 10000: from there on a date is written as a number.
const YEAR_10000: i64 = 253_402_300_800_000;

impl Format for Json {
    #[inline]
    fn null(out: &mut Out<'_>) {
        out.buf.extend_from_slice(b"null");
    }

    #[inline]
    fn boolean(out: &mut Out<'_>, value: bool) {
        out.buf.extend_from_slice(if value { b"true" } else { b"false" });
    }

    #[inline]
    fn integer(out: &mut Out<'_>, value: i64) {
        out.buf.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    #[inline]
    fn double(out: &mut Out<'_>, value: f64) {
        if value.is_finite() {
            out.buf.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
        } else {
            let word = if value.is_nan() {
                "NaN"
            } else if value > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            };
            wrap(out.buf, "$numberDouble", word);
        }
    }

    #[inline]
    fn string(out: &mut Out<'_>, value: &str) {
        quote(out.buf, value);
    }

    fn binary(out: &mut Out<'_>, subtype: u8, bytes: &[u8]) {
        out.buf.extend_from_slice(br#"{"$binary":{"base64":""#);
        let start = out.buf.len();
        // Base64 writes four bytes for each three begun.
        out.buf.resize(start + bytes.len().div_ceil(3) * 4, b'=');
        if let Some(room) = out.buf.get_mut(start..) {
            let written = STANDARD.encode_slice(bytes, room);
            debug_assert!(written.is_ok());
        }
        out.buf.extend_from_slice(br#"","subType":""#);
        out.buf.extend_from_slice(&hex(subtype));
        out.buf.extend_from_slice(br#""}}"#);
    }

    fn special(out: &mut Out<'_>, value: &Bson) -> Result {
        let buf = &mut *out.buf;
        match value {
            Bson::ObjectId(id) => wrap(buf, "$oid", &id.to_hex()),
            Bson::DateTime(date) => match date.try_to_rfc3339_string() {
                Ok(text) if (0..YEAR_10000).contains(&date.timestamp_millis()) => {
                    wrap(buf, "$date", &text);
                }
                _ => {
                    buf.extend_from_slice(br#"{"$date":"#);
                    wrap(buf, "$numberLong", &date.timestamp_millis().to_string());
                    buf.push(b'}');
                }
            },
            Bson::Binary(binary) => Self::binary(out, binary.subtype.into(), &binary.bytes),
            Bson::Decimal128(decimal) => wrap(buf, "$numberDecimal", &decimal.to_string()),
            Bson::Symbol(symbol) => wrap(buf, "$symbol", symbol),
            Bson::JavaScriptCode(code) => wrap(buf, "$code", code),
            Bson::JavaScriptCodeWithScope(code) => {
                buf.extend_from_slice(br#"{"$code":"#);
                quote(buf, &code.code);
                buf.extend_from_slice(br#","$scope":"#);
                super::encode::append_json(&code.scope, buf)?;
                buf.push(b'}');
            }
            Bson::Timestamp(stamp) => {
                let text =
                    format!(r#"{{"$timestamp":{{"t":{},"i":{}}}}}"#, stamp.time, stamp.increment);
                buf.extend_from_slice(text.as_bytes());
            }
            Bson::RegularExpression(regex) => {
                buf.extend_from_slice(br#"{"$regularExpression":{"pattern":"#);
                quote(buf, regex.pattern.as_str());
                buf.extend_from_slice(br#","options":"#);
                quote(buf, regex.options.as_str());
                buf.extend_from_slice(b"}}");
            }
            Bson::DbPointer(_) => return db_pointer(buf, value),
            Bson::Undefined => buf.extend_from_slice(br#"{"$undefined":true}"#),
            Bson::MinKey => buf.extend_from_slice(br#"{"$minKey":1}"#),
            Bson::MaxKey => buf.extend_from_slice(br#"{"$maxKey":1}"#),
            Bson::Double(number) => Self::double(out, *number),
            Bson::Int32(number) => Self::integer(out, i64::from(*number)),
            Bson::Int64(number) => Self::integer(out, *number),
            Bson::String(text) => quote(buf, text),
            Bson::Boolean(value) => Self::boolean(out, *value),
            Bson::Null => Self::null(out),
            Bson::Document(_) | Bson::Array(_) => {
                return Err(Fault::invalid("extended JSON wrapper holds a map or a list"));
            }
        }
        Ok(())
    }

    #[inline]
    fn open_map(out: &mut Out<'_>) -> usize {
        out.buf.push(b'{');
        0
    }

    #[inline]
    fn close_map(out: &mut Out<'_>, _mark: usize) {
        out.buf.push(b'}');
    }

    #[inline]
    fn open_list(out: &mut Out<'_>) -> usize {
        out.buf.push(b'[');
        0
    }

    #[inline]
    fn close_list(out: &mut Out<'_>, _mark: usize) {
        out.buf.push(b']');
    }

    #[inline]
    fn name(out: &mut Out<'_>, position: usize, name: &str) -> Result<Range<usize>> {
        let text = names::check(name)?;
        let buf = &mut *out.buf;
        buf.reserve(name.len() + 4);
        if position > 0 {
            buf.push(b',');
        }
        buf.push(b'"');
        let start = buf.len();
        match text {
            NameText::Plain => buf.extend_from_slice(name.as_bytes()),
            NameText::Escaped => escape(buf, name.as_bytes()),
        }
        let end = buf.len();
        buf.extend_from_slice(b"\":");
        Ok(start..end)
    }

    #[inline]
    fn element(out: &mut Out<'_>, position: usize) {
        if position > 0 {
            out.buf.push(b',');
        }
    }
}

/// The fields of a DB pointer are private to their crate; only its serializer shows them.
fn db_pointer(buf: &mut Vec<u8>, value: &Bson) -> Result {
    let text = serde_json::to_vec(value).map_err(|error| Fault::invalid(error.to_string()))?;
    buf.extend_from_slice(&text);
    Ok(())
}

fn wrap(buf: &mut Vec<u8>, key: &str, text: &str) {
    buf.extend_from_slice(b"{\"");
    buf.extend_from_slice(key.as_bytes());
    buf.extend_from_slice(b"\":");
    quote(buf, text);
    buf.push(b'}');
}

fn hex(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// Writes a string with its quotes.
#[inline]
pub(super) fn quote(buf: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    buf.reserve(bytes.len() + 2);
    buf.push(b'"');
    if is_plain(bytes) {
        buf.extend_from_slice(bytes);
    } else {
        escape(buf, bytes);
    }
    buf.push(b'"');
}

/// Whether no byte needs an escape; eight bytes at a time.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let mut odd = 0;
    for chunk in chunks {
        odd |= odd_bytes(u64::from_le_bytes(*chunk));
    }
    odd == 0 && rest.iter().all(|byte| !needs_escape(*byte))
}

#[inline]
fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The high bit of some byte is set when, and only when, one of the eight bytes needs an escape.
/// A borrow may mark a byte next to such a one, which does not change the answer.
#[inline]
fn odd_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let control = word.wrapping_sub(ONES * 0x20);
    let quote = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
    let slash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    (control | quote | slash) & !word & HIGHS
}

/// Writes the text with the escapes that JSON asks for.
#[cold]
fn escape(buf: &mut Vec<u8>, bytes: &[u8]) {
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate().filter(|(_, byte)| needs_escape(**byte)) {
        buf.extend_from_slice(&bytes[from..at]);
        from = at + 1;
        match byte {
            b'"' | b'\\' => buf.extend_from_slice(&[b'\\', *byte]),
            0x08 => buf.extend_from_slice(b"\\b"),
            0x09 => buf.extend_from_slice(b"\\t"),
            0x0a => buf.extend_from_slice(b"\\n"),
            0x0c => buf.extend_from_slice(b"\\f"),
            0x0d => buf.extend_from_slice(b"\\r"),
            _ => {
                buf.extend_from_slice(b"\\u00");
                buf.extend_from_slice(&hex(*byte));
            }
        }
    }
    buf.extend_from_slice(&bytes[from..]);
}
