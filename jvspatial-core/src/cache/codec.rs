//! How answers are written for other processes.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How an answer becomes bytes and back: what serde says of it, with the names of fields, as MessagePack.
pub struct Codec<T> {
    #[cfg(feature = "redis")]
    write: fn(&T) -> Result<Vec<u8>, rmp_serde::encode::Error>,
    #[cfg(feature = "redis")]
    read: fn(&[u8]) -> Result<T, rmp_serde::decode::Error>,
    answer: PhantomData<fn(T) -> T>,
}

impl<T> Clone for Codec<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Codec<T> {}

impl<T> std::fmt::Debug for Codec<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Codec").finish_non_exhaustive()
    }
}

impl<T: Serialize + DeserializeOwned> Codec<T> {
    /// That of a type.
    #[allow(clippy::new_without_default, reason = "generated code names it")]
    pub const fn new() -> Self {
        Self {
            #[cfg(feature = "redis")]
            write: |value| rmp_serde::to_vec_named(value),
            #[cfg(feature = "redis")]
            read: |bytes| rmp_serde::from_slice(bytes),
            answer: PhantomData,
        }
    }
}

#[cfg(feature = "redis")]
impl<T> Codec<T> {
    /// The bytes of an answer of `query`; nothing for one that says of itself that it has none.
    pub(super) fn write(&self, value: &T, query: &str) -> Option<bytes::Bytes> {
        (self.write)(value)
            .inspect_err(|error| {
                tracing::warn!(query, %error, "answer is not kept in Redis");
            })
            .ok()
            .map(bytes::Bytes::from)
    }

    /// The answer in `bytes`; nothing for what is none of this type.
    pub(super) fn read(&self, bytes: &[u8]) -> Option<T> {
        (self.read)(bytes).ok()
    }
}

#[cfg(all(test, feature = "redis"))]
mod tests {
    use std::collections::BTreeMap;

    use jvspatial_db::Id;
    use serde::Deserialize;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Point,
        Line { from: (i32, i32), to: Option<(i32, i32)> },
        Named(String, Box<Self>),
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Everything {
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        none: Vec<u8>,
        numbers: (u64, i64, f64, u128, char),
        by_id: BTreeMap<Id, u32>,
        by_number: BTreeMap<i32, Vec<Shape>>,
        unit: (),
        result: Result<u8, String>,
    }

    fn back<T: Serialize + DeserializeOwned>(value: &T) -> Option<T> {
        let codec = Codec::new();
        codec.read(&codec.write(value, "back")?)
    }

    #[test]
    fn an_answer_comes_back_as_it_was() {
        let line = Shape::Line { from: (-1, 2), to: None };
        let everything = Everything {
            none: Vec::new(),
            numbers: (u64::MAX, i64::MIN, 0.1, u128::MAX, 'å'),
            by_id: [(Id::root(), 7)].into(),
            by_number: [(-5, vec![Shape::Point, Shape::Named("a".into(), Box::new(line))])].into(),
            unit: (),
            result: Err("no".into()),
        };
        assert_eq!(back(&everything), Some(everything));
        for number in [f64::NAN, f64::INFINITY, -0.0] {
            assert_eq!(back(&Some(number)).flatten().map(f64::to_bits), Some(number.to_bits()));
        }
    }

    #[test]
    fn what_is_no_answer_of_the_type_is_none() {
        let codec = Codec::<Vec<u32>>::new();
        for bytes in [&[][..], b"\x93\x01\x02", b"\xdd\xff\xff\xff\xff", b"\xc1", &[0x91; 5_000]] {
            assert_eq!(codec.read(bytes), None, "{bytes:?}");
        }
        assert_eq!(Codec::<String>::new().read(b"\x01"), None);
    }
}
