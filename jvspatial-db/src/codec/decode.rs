//! From stored bytes back to a value.

use std::any::type_name;

use ::bson::serde_helpers::HumanReadable;
use ::bson::{Bson, Document, RawDocument};
use memchr::memchr_iter;
use serde::Deserialize;

use super::fault::Fault;
use super::tree::Tree;
use super::{Encoding, raw, text};
use crate::{Error, Result};

/// Reads a value from a stored body.
///
/// Most bodies go straight from the bytes into the value. What that path does not understand (a
/// float that is not finite, binary data in JSON, integer keys in BSON) is read again by way of a
/// [`Document`]; a type that borrows from the bytes cannot be read on that way.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid) when the value does not fit the type, with the dotted
/// path as `field`, the `type`, and the `reason`, which says what was expected and found;
/// [`Corrupt`](crate::ErrorKind::Corrupt) when the bytes are not of this encoding at all.
pub fn decode<'de, T: Deserialize<'de>>(encoding: Encoding, bytes: &'de [u8]) -> Result<T> {
    let value = match encoding {
        Encoding::Json if needs_tree(bytes) => None,
        // One check of the whole text is faster than one of each string.
        Encoding::Json => {
            std::str::from_utf8(bytes).ok().and_then(|text| serde_json::from_str(text).ok())
        }
        Encoding::Bson => {
            raw::check_depth(bytes).map_err(Fault::into_error)?;
            ::bson::deserialize_from_slice(bytes).ok().map(|HumanReadable(value)| value)
        }
    };
    match value {
        Some(value) => Ok(value),
        None => decode_tree(encoding, bytes),
    }
}

/// Reads a stored body as a document, for code that does not know its type.
///
/// Under [`Encoding::Json`] an integer beyond `i64`, which no encoder writes, becomes a float.
///
/// # Errors
/// [`Corrupt`](crate::ErrorKind::Corrupt) when the bytes are not of this encoding,
/// [`Limit`](crate::ErrorKind::Limit) when they are deeper than 100 levels.
pub fn to_bson_document(encoding: Encoding, bytes: &[u8]) -> Result<Document> {
    match encoding {
        Encoding::Json => {
            let text = std::str::from_utf8(bytes)
                .map_err(|error| Error::corrupt("stored body is not UTF-8").with_source(error))?;
            text::read_stored(text).map_err(|fault| {
                if fault.kind() == crate::ErrorKind::Limit {
                    return fault.into_error();
                }
                fault.into_reason_of(Error::corrupt("stored body is not a document"))
            })
        }
        Encoding::Bson => {
            raw::check_depth(bytes).map_err(Fault::into_error)?;
            // Not from a reader, which would trust the length that the bytes claim.
            RawDocument::from_bytes(bytes)
                .and_then(Document::try_from)
                .map_err(|error| Error::corrupt("stored body is not a document").with_source(error))
        }
    }
}

#[cold]
fn decode_tree<'de, T: Deserialize<'de>>(encoding: Encoding, bytes: &'de [u8]) -> Result<T> {
    let root = Bson::Document(to_bson_document(encoding, bytes)?);
    T::deserialize(Tree::root(&root)).map_err(|fault| {
        let error = Error::invalid("stored value does not fit its type");
        fault.into_reason_of(error.with("type", type_name::<T>()))
    })
}

/// Whether the text holds a wrapper that a JSON reader takes for a map although a float or bytes
/// are meant; a type that accepts any value would not notice. The other wrappers are maps for
/// `bson`'s own types, which read them as such.
pub(super) fn needs_tree(bytes: &[u8]) -> bool {
    memchr_iter(b'$', bytes).any(|at| {
        let opened = bytes.get(..at).is_some_and(|before| before.ends_with(b"{\""));
        opened && matches!(bytes.get(at + 1), Some(b'n' | b'b'))
    })
}
