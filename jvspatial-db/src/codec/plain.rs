//! Reads a text or a number in JSON without a reader of whole documents.

use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::scalar::{Scalar, short_number};
use super::scan::Scan;

/// A text without escapes, or a number.
#[derive(Clone, Copy, Debug)]
enum Plain<'a> {
    Text(&'a str),
    Natural(u64),
    Negative(i64),
    Double(f64),
}

/// What `value` reads, when it is plain text or a number that fits `T`; `None` when it is to be read
/// otherwise, which may come to the same.
#[inline]
pub(super) fn read<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    T::deserialize(Plain::of(value)?).ok()
}

impl<'a> Plain<'a> {
    fn of(value: &'a [u8]) -> Option<Self> {
        match value {
            [b'"', inner @ .., b'"'] => {
                // Without a way out of the loop it takes many bytes at once.
                let is_plain =
                    |plain, byte: &u8| plain & (*byte >= b' ') & (*byte != b'\\') & (*byte != b'"');
                let plain = inner.iter().fold(true, is_plain);
                plain.then(|| std::str::from_utf8(inner).ok().map(Self::Text)).flatten()
            }
            [b'-' | b'0'..=b'9', ..] => match short_number(value) {
                Some(Scalar::Double(number)) => Some(Self::Double(number)),
                Some(Scalar::Integer(number)) => Self::integer(value, number),
                _ => Self::number(value),
            },
            _ => None,
        }
    }

    #[inline]
    fn integer(value: &[u8], number: i64) -> Option<Self> {
        match value.first() {
            // That below zero without being negative is a float.
            Some(b'-') => (number != 0).then_some(Self::Negative(number)),
            _ => Some(Self::Natural(number.unsigned_abs())),
        }
    }

    #[cold]
    fn number(value: &[u8]) -> Option<Self> {
        let mut scan = Scan::new(value);
        let has_fraction = scan.number()?;
        if scan.position() != value.len() {
            return None;
        }
        let text = std::str::from_utf8(value).ok()?;
        if has_fraction {
            return text.parse().ok().filter(|it: &f64| it.is_finite()).map(Self::Double);
        }
        if value.first() == Some(&b'-') {
            return text.parse().ok().and_then(|number| Self::integer(value, number));
        }
        text.parse().ok().map(Self::Natural)
    }
}

impl<'de> Deserializer<'de> for Plain<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Text(text) => visitor.visit_str(text),
            Self::Natural(number) => visitor.visit_u64(number),
            Self::Negative(number) => visitor.visit_i64(number),
            Self::Double(number) => visitor.visit_f64(number),
        }
    }

    /// Not read here: to round twice is not to round once.
    fn deserialize_f32<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom("a short float is read from its text"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Self::Text(text) = self else { return Err(Error::custom("a variant is a text")) };
        let text: StrDeserializer<'_, Error> = text.into_deserializer();
        text.deserialize_enum(name, variants, visitor)
    }

    /// Not read here: what becomes of bytes is the business of the reader of documents.
    fn deserialize_bytes<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom("bytes are no scalar"))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f64 char str string seq tuple tuple_struct map
        struct identifier unit unit_struct ignored_any
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fmt::Debug;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "compared by their spelling")]
    enum Kind {
        Large,
        Other(u8),
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "compared by their spelling")]
    struct Wrapped(Option<f64>);

    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "compared by their spelling")]
    enum Any {
        Number(i8),
        Float(f64),
        Text(String),
    }

    const VALUES: [&[u8]; 29] = [
        br#""Large""#,
        br#""""#,
        br#""x""#,
        "\"Trondheim å\"".as_bytes(),
        br#""a\nb""#,
        br#""a"b""#,
        b"\"a\nb\"",
        b"\"\xff\"",
        b"\"",
        b"0",
        b"-0",
        b"-0.0",
        b"7",
        b"-7",
        b"255",
        b"256",
        b"18446744073709551615",
        b"18446744073709551616",
        b"-9223372036854775808",
        b"-9223372036854775809",
        b"59.913868",
        b"1.00000017881393421514957253748434595763683319091796875001",
        b"1e999",
        b"1e5",
        b"01",
        b"1.",
        b"+1",
        b"1 ",
        b"null",
    ];

    /// Returns how many of the values are read.
    fn agrees<T: DeserializeOwned + Debug>() -> usize {
        let both = VALUES.iter().filter_map(|value| {
            let read = format!("{:?}", read::<T>(value)?);
            let expected = serde_json::from_slice::<T>(value);
            assert_eq!(read, format!("{:?}", expected.unwrap()), "{}", value.escape_ascii());
            Some(())
        });
        both.count()
    }

    #[test]
    fn what_is_read_is_what_a_reader_of_json_reads() {
        assert_eq!(agrees::<String>(), 4);
        assert_eq!(agrees::<Option<String>>(), 4);
        assert_eq!(agrees::<char>(), 1);
        assert_eq!(agrees::<Kind>(), 1);
        assert_eq!(agrees::<f64>(), 11);
        assert_eq!(agrees::<Wrapped>(), 11);
        assert_eq!(agrees::<u8>(), 3);
        assert_eq!(agrees::<i64>(), 6);
        assert_eq!(agrees::<u64>(), 5);
        assert_eq!(agrees::<i128>(), 7);
        assert_eq!(agrees::<serde_json::Value>(), 15);
        assert_eq!(agrees::<Any>(), 15);
        for never in [agrees::<f32>(), agrees::<bool>(), agrees::<()>(), agrees::<Vec<u8>>()] {
            assert_eq!(never, 0);
        }
    }
}
