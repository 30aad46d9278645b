//! Decodes one field of a body.

use std::any::type_name;

use ::bson::Bson;
use ::bson::serde_helpers::HumanReadable;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

use super::bson::MAP;
use super::decode::needs_tree;
use super::fault::{Fault, Result as FaultResult};
use super::pick::{Members, broken, holding, is_name, spelling, value_of};
use super::raw::{Element, Elements};
use super::shape::is_map;
use super::tree::Tree;
use super::{Encoding, plain, text};
use crate::{Error, Result};

/// Reads the field at the dotted `path` of a stored body; `None` when it is missing.
///
/// The path leads through maps only, and the rest of the body is not decoded.
///
/// # Errors
/// `Invalid` naming the `field`, the `type` and the `reason` when the value does not fit; `Corrupt`
/// when the bytes, as far as they are read, are not of this encoding.
pub fn decode_field<T: DeserializeOwned>(
    encoding: Encoding,
    bytes: &[u8],
    path: &str,
) -> Result<Option<T>> {
    match encoding {
        Encoding::Json => find_json(bytes, path)?.map(|found| decode_json(found, path)).transpose(),
        Encoding::Bson => {
            let Some(found) = find_bson(bytes, path)? else { return Ok(None) };
            let held = ::bson::deserialize_from_slice(&holding(&found));
            if let Ok(HumanReadable(Holder { v })) = held {
                return Ok(Some(v));
            }
            read(&value_of(&found)?, path).map(Some)
        }
    }
}

fn decode_json<T: DeserializeOwned>(found: &[u8], path: &str) -> Result<T> {
    if let Some(value) = plain::read(found) {
        return Ok(value);
    }
    if !needs_tree(found)
        && let Some(value) = serde_json::from_slice(found).ok()
    {
        return Ok(value);
    }
    let value = text::read_stored_value(found);
    read(&value.map_err(|fault| fault.into_reason_of(broken()))?, path)
}

/// How many fields are found in one pass.
const TOGETHER: usize = 8;

/// The fields at some paths of a stored body, found in one pass and not decoded yet.
#[derive(Clone, Copy, Debug)]
pub struct FoundFields<'a> {
    encoding: Encoding,
    bytes: &'a [u8],
    /// Those that were looked for.
    paths: &'a [&'a str],
    found: [Option<&'a [u8]>; TOGETHER],
}

impl<'a> FoundFields<'a> {
    /// Finds the fields at the dotted `paths`, which lead through maps only. The rest of the body is not
    /// decoded.
    ///
    /// # Errors
    /// `Corrupt` when the bytes, as far as they are read, are not of this encoding.
    #[inline]
    pub fn find(encoding: Encoding, bytes: &'a [u8], paths: &'a [&'a str]) -> Result<Self> {
        let paths = match encoding {
            Encoding::Json => paths.get(..TOGETHER).unwrap_or(paths),
            Encoding::Bson => &[],
        };
        let mut fields = Self { encoding, bytes, paths, found: [None; TOGETHER] };
        let mut missing = paths.len();
        if missing == 0 || !is_map(bytes) {
            return Ok(fields);
        }
        let mut wanted = [true; TOGETHER];
        let mut members = Members::of(bytes).ok_or_else(broken)?;
        while missing > 0
            && let Some((spelled, value)) = members.next().ok_or_else(broken)?
        {
            let name = spelling(spelled)?;
            for (at, path) in paths.iter().enumerate() {
                let (Some(is_missing), Some(found)) =
                    (wanted.get_mut(at), fields.found.get_mut(at))
                else {
                    break;
                };
                let Some(rest) = path.as_bytes().strip_prefix(&*name) else { continue };
                // A name with a dot in it is not what a path leads through.
                if !*is_missing || !matches!(rest, [] | [b'.', ..]) || name.contains(&b'.') {
                    continue;
                }
                *is_missing = false;
                missing -= 1;
                *found = match path.get(name.len() + 1..) {
                    Some(rest) => find_json(value, rest)?,
                    None => Some(value),
                };
            }
        }
        Ok(fields)
    }

    /// Decodes the field at `path`; `None` when it is missing.
    ///
    /// # Errors
    /// As [`decode_field`].
    pub fn decode<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>> {
        // Mostly it is the very text that was looked for.
        let is_it = |known: &str| std::ptr::eq(known, path) || known == path;
        match self.paths.iter().zip(&self.found).find(|(known, _)| is_it(known)) {
            Some((_, found)) => found.map(|found| decode_json(found, path)).transpose(),
            None => decode_field(self.encoding, self.bytes, path),
        }
    }
}

/// What stands for the missing field at `path`, as serde has it: `None` for an `Option`.
///
/// # Errors
/// `Invalid` naming the `field` and the `type` when the type must have a value.
pub fn missing_field<T: DeserializeOwned>(path: &str) -> Result<T> {
    T::deserialize(Missing).map_err(|fault| misfit::<T>(fault, path))
}

/// A value alone in a map.
#[derive(serde::Deserialize)]
struct Holder<T> {
    v: T,
}

#[cold]
fn read<T: DeserializeOwned>(value: &Bson, path: &str) -> Result<T> {
    T::deserialize(Tree::inner(value)).map_err(|fault| misfit::<T>(fault, path))
}

fn misfit<T>(fault: Fault, path: &str) -> Error {
    let error = Error::invalid("stored value does not fit its type");
    fault.at(path).into_reason_of(error.with("type", type_name::<T>()))
}

fn find_json<'a>(bytes: &'a [u8], path: &str) -> Result<Option<&'a [u8]>> {
    let mut value = bytes;
    for name in path.split('.') {
        if !is_map(value) {
            return Ok(None);
        }
        let mut members = Members::of(value).ok_or_else(broken)?;
        value = loop {
            match members.next().ok_or_else(broken)? {
                Some((spelled, value)) if is_name(spelled, name)? => break value,
                Some(_) => {}
                None => return Ok(None),
            }
        };
    }
    Ok(Some(value))
}

fn find_bson<'a>(bytes: &'a [u8], path: &str) -> Result<Option<Element<'a>>> {
    let mut found: Option<Element<'a>> = None;
    for name in path.split('.') {
        let map = match found {
            None => bytes,
            Some(Element { kind: MAP, value, .. }) => value,
            Some(_) => return Ok(None),
        };
        let mut elements = Elements::of(map).ok_or_else(broken)?;
        found = loop {
            match elements.next().map_err(|()| broken())? {
                Some(element) if element.name == name.as_bytes() => break Some(element),
                Some(_) => {}
                None => return Ok(None),
            }
        };
    }
    Ok(found)
}

/// A field that is not there.
struct Missing;

impl<'de> Deserializer<'de> for Missing {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> FaultResult<V::Value> {
        Err(Fault::custom("field is missing"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> FaultResult<V::Value> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf seq
        tuple tuple_struct map struct identifier unit unit_struct newtype_struct enum ignored_any
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn fields_found_together_are_those_found_one_by_one() {
        let bodies: [&[u8]; 6] = [
            br#"{"a":1,"a.b":2,"ab":3,"b":{"c":4,"c.d":5},"d":"x","e":[1],"\u0066":7,"g":null}"#,
            br#" { "d" : "x" , "b" : { "c" : { "d" : 8 } } , "a" : { "b" : 9 } } "#,
            br#"{"a":1,"a":2,"b":3,"b":{"c":4}}"#,
            br#"{"b":{"c":4}}"#,
            b"{}",
            b"[]",
        ];
        let paths = ["a", "a.b", "ab", "b.c", "b.c.d", "d", "e", "f", "g", "missing"];
        for body in bodies {
            for count in 0..=paths.len() {
                let fields = FoundFields::find(Encoding::Json, body, &paths[..count]).unwrap();
                for path in paths {
                    let alone: Option<Bson> = decode_field(Encoding::Json, body, path).unwrap();
                    assert_eq!(fields.decode::<Bson>(path).unwrap(), alone, "{path}");
                }
            }
        }
    }
}
