//! The hash of arguments, the same in every process and build.

use std::fmt::{self, Display};

use serde::ser::{self, Serialize, Serializer};
use xxhash_rust::xxh3::Xxh3;

/// The hash of `name` and of what serde says of `arguments`.
///
/// A number counts by its value and not by its type, a text however it is kept, and the entries of a map in whichever order
/// they come. A set comes as a list, so only one that has an order of its own has always the same hash.
///
/// # Errors
/// The value's own.
pub(super) fn hash<T: Serialize + ?Sized>(name: &str, arguments: &T) -> Result<u128, HashError> {
    let mut pieces = Pieces::default();
    pieces.add(b's', name.as_bytes());
    arguments.serialize(&mut pieces)?;
    Ok(pieces.hash.digest128())
}

/// About how many bytes `value` takes, by what serde says of it.
pub(super) fn weight<T: Serialize + ?Sized>(value: &T) -> usize {
    let mut pieces = Pieces::default();
    // What cannot be serialized is counted as far as it could.
    let _ = value.serialize(&mut pieces);
    pieces.len
}

/// Why arguments have no hash: what their own `Serialize` said.
#[derive(Debug)]
pub(super) struct HashError(String);

impl Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HashError {}

impl ser::Error for HashError {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// What a value says of itself, a piece at a time.
#[derive(Default)]
struct Pieces {
    hash: Xxh3,
    len: usize,
}

impl Pieces {
    fn add(&mut self, kind: u8, bytes: &[u8]) {
        self.hash.update(&[kind]);
        self.hash.update(&(bytes.len() as u64).to_le_bytes());
        self.hash.update(bytes);
        self.len += bytes.len() + size_of::<usize>();
    }

    fn integer(&mut self, value: i128) {
        self.add(b'i', &value.to_le_bytes());
    }
}

macro_rules! integers {
    ($($name:ident $type:ty),* $(,)?) => {
        $(fn $name(self, value: $type) -> Result<(), HashError> {
            self.integer(i128::from(value));
            Ok(())
        })*
    };
}

impl<'a> Serializer for &'a mut Pieces {
    type Ok = ();
    type Error = HashError;
    type SerializeSeq = &'a mut Pieces;
    type SerializeTuple = &'a mut Pieces;
    type SerializeTupleStruct = &'a mut Pieces;
    type SerializeTupleVariant = &'a mut Pieces;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = &'a mut Pieces;
    type SerializeStructVariant = &'a mut Pieces;

    integers! {
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_i128 i128,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64,
    }

    fn serialize_u128(self, value: u128) -> Result<(), HashError> {
        match i128::try_from(value) {
            Ok(value) => self.integer(value),
            Err(_) => self.add(b'u', &value.to_le_bytes()),
        }
        Ok(())
    }

    fn serialize_bool(self, value: bool) -> Result<(), HashError> {
        self.add(b'b', &[u8::from(value)]);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), HashError> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), HashError> {
        // Two zeros are equal, and so are all that are no number.
        let value = match value {
            value if value.is_nan() => f64::NAN,
            0.0 => 0.0,
            value => value,
        };
        self.add(b'f', &value.to_bits().to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), HashError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), HashError> {
        self.add(b's', value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), HashError> {
        self.add(b'y', value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), HashError> {
        self.add(b'n', &[]);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), HashError> {
        self.add(b'o', &[]);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), HashError> {
        self.add(b'0', &[]);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), HashError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), HashError> {
        self.add(b'v', variant.as_bytes());
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), HashError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), HashError> {
        self.add(b'v', variant.as_bytes());
        value.serialize(self)
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Self, HashError> {
        self.add(b'[', &[]);
        Ok(self)
    }

    fn serialize_tuple(self, len: usize) -> Result<Self, HashError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<Self, HashError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self, HashError> {
        self.add(b'v', variant.as_bytes());
        self.serialize_seq(Some(len))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Entries<'a>, HashError> {
        self.add(b'{', &[]);
        Ok(Entries { pieces: self, entries: Vec::new(), key: None })
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Self, HashError> {
        self.add(b'{', &[]);
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self, HashError> {
        self.add(b'v', variant.as_bytes());
        self.serialize_struct(name, len)
    }
}

/// The entries of a map, gathered to be put in order.
struct Entries<'a> {
    pieces: &'a mut Pieces,
    entries: Vec<(u128, u128)>,
    key: Option<u128>,
}

impl Entries<'_> {
    fn hash<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<u128, HashError> {
        let mut pieces = Pieces::default();
        value.serialize(&mut pieces)?;
        self.pieces.len += pieces.len;
        Ok(pieces.hash.digest128())
    }
}

impl ser::SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = HashError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), HashError> {
        self.key = Some(self.hash(key)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), HashError> {
        let value = self.hash(value)?;
        self.entries.push((self.key.take().unwrap_or_default(), value));
        Ok(())
    }

    fn end(mut self) -> Result<(), HashError> {
        self.entries.sort_unstable();
        for (key, value) in self.entries {
            self.pieces.hash.update(&key.to_le_bytes());
            self.pieces.hash.update(&value.to_le_bytes());
        }
        self.pieces.add(b'}', &[]);
        Ok(())
    }
}

/// What has parts in an order: each is added as it comes.
macro_rules! parts {
    ($($trait:ident $method:ident),* $(,)?) => {
        $(impl ser::$trait for &mut Pieces {
            type Ok = ();
            type Error = HashError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), HashError> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), HashError> {
                self.add(b']', &[]);
                Ok(())
            }
        })*
    };
}

/// What has parts with names.
macro_rules! fields {
    ($($trait:ident),* $(,)?) => {
        $(impl ser::$trait for &mut Pieces {
            type Ok = ();
            type Error = HashError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), HashError> {
                self.add(b's', name.as_bytes());
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), HashError> {
                self.add(b'}', &[]);
                Ok(())
            }
        })*
    };
}

parts! {
    SerializeSeq serialize_element, SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field, SerializeTupleVariant serialize_field,
}
fields! { SerializeStruct, SerializeStructVariant }

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::{BTreeMap, HashMap};

    use super::*;

    fn of<T: Serialize>(value: T) -> u128 {
        hash("query", &value).unwrap()
    }

    #[test]
    fn the_hash_of_the_same_arguments_is_the_same_in_every_build() {
        let arguments = ("Norway", 3_u8, Some(1.5), [true, false], 'x');
        assert_eq!(of(arguments), GOLDEN);
    }

    const GOLDEN: u128 = 245_847_974_826_038_945_268_410_583_183_538_443_505;

    #[test]
    fn numbers_count_by_value_and_texts_by_their_characters() {
        assert_eq!(of(7_u8), of(7_i64));
        assert_eq!(of("a"), of(String::from("a")));
        assert_eq!(of("a"), of('a'));
        assert_eq!(of(0.0), of(-0.0));
        assert_ne!(of(7_u8), of(7.0));
        assert_ne!(of("7"), of(7));
    }

    #[test]
    fn where_one_argument_ends_and_the_next_begins_counts() {
        assert_ne!(of(("ab", "c")), of(("a", "bc")));
        assert_ne!(of((vec![1], vec![2, 3])), of((vec![1, 2], vec![3])));
        assert_ne!(of(None::<u8>), of(()));
        assert_ne!(of(Some(1)), of(1));
        assert_ne!(hash("a", &1).unwrap(), hash("b", &1).unwrap());
    }

    #[test]
    fn the_order_of_a_map_does_not_count_and_its_entries_do() {
        let entries = (0..50).map(|n| (format!("key {n}"), n));
        let sorted: BTreeMap<_, _> = entries.clone().collect();
        let hashed: HashMap<_, _> = entries.collect();
        assert_eq!(of(&sorted), of(&hashed));
        let mut other = hashed;
        other.insert("key 7".into(), 8);
        assert_ne!(of(&sorted), of(&other));
    }
}
