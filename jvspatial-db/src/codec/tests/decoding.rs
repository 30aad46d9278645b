//! What is read back, and what the errors say.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use bson::oid::ObjectId;
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Decimal128, doc};
use serde::{Deserialize, Serialize};

use super::super::{Encoding, decode, to_bson_document, transcode};
use super::{BOTH, body, on_small_stack, there_and_back};
use crate::ErrorKind;

/// Bytes that serialize as bytes.
#[derive(Debug, PartialEq)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
enum Color {
    Red,
    Blue,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Unit,
    Newtype(f64),
    Tuple(i32, bool),
    Struct { radius: f64 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    date: DateTime,
    far: DateTime,
    id: ObjectId,
    decimal: Decimal128,
    uuid: bson::Uuid,
    bytes: Bytes,
    binary: Binary,
    address: IpAddr,
    any: Bson,
    floats: Vec<f64>,
    bounds: (i64, i64, u64),
    text: String,
    letter: char,
    by_number: HashMap<u32, f64>,
    by_color: BTreeMap<Color, bool>,
    shapes: Vec<Shape>,
    option: Option<Option<i32>>,
    unit: Unit,
    long: i128,
}

fn everything() -> Everything {
    Everything {
        date: DateTime::from_millis(1_700_000_000_001),
        far: DateTime::from_millis(i64::MIN),
        id: ObjectId::from_bytes([7; 12]),
        decimal: "-12345678901234567890.12345".parse().unwrap(),
        uuid: bson::Uuid::from_bytes([9; 16]),
        bytes: Bytes(vec![0, 1, 2, 255]),
        binary: Binary { subtype: BinarySubtype::Md5, bytes: vec![1; 16] },
        address: "2001:db8::1".parse().unwrap(),
        any: Bson::Array(vec![Bson::MinKey, Bson::Null, Bson::Document(doc! { "a": -5 })]),
        floats: vec![f64::INFINITY, f64::NEG_INFINITY, 3.0, 1e300, -1.5e-300, f64::MAX],
        bounds: (i64::MIN, i64::MAX, i64::MAX as u64),
        text: "\0\u{1}\"\\ é \u{2028} 東京 \u{e000} 🛫 \u{10ffff}".into(),
        letter: '🛫',
        by_number: [(7, 1.0), (u32::MAX, f64::INFINITY)].into(),
        by_color: [(Color::Red, true), (Color::Blue, false)].into(),
        shapes: vec![
            Shape::Unit,
            Shape::Newtype(f64::INFINITY),
            Shape::Tuple(1, true),
            Shape::Struct { radius: -1.0 },
        ],
        option: Some(Some(3)),
        unit: Unit,
        long: -5,
    }
}

#[test]
fn everything_comes_back_equal() {
    for encoding in BOTH {
        assert_eq!(there_and_back(encoding, &everything()), everything());
    }
}

#[test]
fn a_float_keeps_its_sign_and_its_nature() {
    let back: HashMap<String, f64> = there_and_back(
        Encoding::Json,
        &HashMap::from([("zero".to_owned(), -0.0), ("nan".to_owned(), f64::NAN)]),
    );
    assert!(back["nan"].is_nan());
    assert!(back["zero"].is_sign_negative());
    let wrapped: f64 =
        decode::<HashMap<String, f64>>(Encoding::Json, br#"{"a":{"$numberDouble":"-Infinity"}}"#)
            .unwrap()["a"];
    assert_eq!(wrapped, f64::NEG_INFINITY);
}

#[test]
fn the_types_of_the_bson_crate_are_read_without_a_detour() {
    #[derive(Deserialize)]
    struct Borrowing<'a> {
        at: DateTime,
        name: &'a str,
    }
    let json = br#"{"at":{"$date":"2023-11-14T22:13:20.123Z"},"name":"x"}"#;
    let value: Borrowing<'_> = decode(Encoding::Json, json).unwrap();
    assert_eq!((value.at.timestamp_millis(), value.name), (1_700_000_000_123, "x"));
}

#[test]
fn a_date_after_the_year_9999_keeps_its_millisecond() {
    for millis in [253_402_300_799_999, 253_402_300_800_000, i64::MAX] {
        let date = doc! { "date": DateTime::from_millis(millis) };
        for encoding in BOTH {
            assert_eq!(there_and_back(encoding, &date), date);
        }
    }
}

#[test]
fn a_unit_struct_is_read_from_any_map() {
    for encoding in BOTH {
        assert_eq!(there_and_back(encoding, &Unit), Unit);
        let other = body(encoding, &doc! { "a": 1 }).unwrap();
        assert_eq!(decode::<Unit>(encoding, &other).unwrap(), Unit);
    }
}

#[test]
fn a_type_that_accepts_anything_sees_a_float_and_not_its_wrapper() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(f64),
        Map(HashMap<String, String>),
    }
    for encoding in BOTH {
        let value = HashMap::from([("a".to_owned(), Either::Number(f64::INFINITY))]);
        assert_eq!(there_and_back(encoding, &value), value);
    }
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only read")]
struct Outer {
    inner: Vec<Inner>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only read")]
struct Inner {
    count: u8,
}

#[test]
fn a_misfit_names_path_type_expected_and_found() {
    for encoding in BOTH {
        let bytes = body(encoding, &doc! { "inner": [{ "count": 1 }, { "count": "x" }] }).unwrap();
        let error = decode::<Outer>(encoding, &bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.context("field"), Some("inner.1.count"));
        assert!(error.context("type").unwrap().ends_with("Outer"));
        assert_eq!(error.context("reason"), Some("invalid type: string \"x\", expected u8"));
        let bytes = body(encoding, &doc! { "inner": [{ "count": 300 }] }).unwrap();
        let error = decode::<Outer>(encoding, &bytes).unwrap_err();
        assert!(error.context("reason").unwrap().contains("300"), "{error}");
        let bytes = body(encoding, &doc! { "inner": [{}] }).unwrap();
        let error = decode::<Outer>(encoding, &bytes).unwrap_err();
        assert_eq!(error.context("field"), Some("inner.0"));
        assert_eq!(error.context("reason"), Some("missing field `count`"));
    }
}

#[test]
fn bytes_of_no_encoding_are_corrupt() {
    let cases: [(Encoding, &[u8]); 10] = [
        (Encoding::Json, b""),
        (Encoding::Json, b"{"),
        (Encoding::Json, b"{\"inner\":[}"),
        (Encoding::Json, b"{\"inner\":[]} x"),
        (Encoding::Json, b"{\"inner\":\"\xff\"}"),
        (Encoding::Json, b"[]"),
        (Encoding::Bson, b""),
        (Encoding::Bson, b"\x05\0\0\0"),
        (Encoding::Bson, b"\x06\0\0\0\0"),
        (Encoding::Bson, b"\x08\0\0\0\x63a\0\0"),
    ];
    for (encoding, bytes) in cases {
        let error = decode::<Outer>(encoding, bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        let error = to_bson_document(encoding, bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
}

/// BSON of maps inside one another.
fn deep_bson(levels: usize) -> Vec<u8> {
    let mut bytes = vec![5, 0, 0, 0, 0];
    for _ in 1..levels {
        let length = i32::try_from(bytes.len() + 8).unwrap();
        let mut outer = length.to_le_bytes().to_vec();
        outer.extend_from_slice(&[3, b'd', 0]);
        outer.append(&mut bytes);
        outer.push(0);
        bytes = outer;
    }
    bytes
}

#[test]
fn deep_bodies_are_refused_on_a_small_stack() {
    on_small_stack(|| {
        to_bson_document(Encoding::Bson, &deep_bson(100)).unwrap();
        for levels in [101, 2_000, 20_000] {
            let bytes = deep_bson(levels);
            for error in [
                to_bson_document(Encoding::Bson, &bytes).unwrap_err(),
                decode::<Unit>(Encoding::Bson, &bytes).unwrap_err(),
            ] {
                assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
            }
        }
        let json = format!("{}{}", "{\"d\":".repeat(100_000), "1");
        let error = decode::<HashMap<String, Bson>>(Encoding::Json, json.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
    });
}

#[test]
fn a_body_moves_between_the_encodings() {
    let json = body(Encoding::Json, &everything()).unwrap();
    let mut bson = Vec::new();
    transcode(Encoding::Json, Encoding::Bson, &json, &mut bson).unwrap();
    assert_eq!(decode::<Everything>(Encoding::Bson, &bson).unwrap(), everything());
    let mut again = Vec::new();
    transcode(Encoding::Bson, Encoding::Json, &bson, &mut again).unwrap();
    assert_eq!(String::from_utf8(again).unwrap(), String::from_utf8(json).unwrap());
}

#[test]
fn transcoding_refuses_names_that_json_would_take_for_wrappers() {
    let foreign = bson::serialize_to_vec(&doc! { "a": { "$oid": 1 } }).unwrap();
    let error = transcode(Encoding::Bson, Encoding::Json, &foreign, &mut Vec::new()).unwrap_err();
    assert_eq!(error.context("field"), Some("a.$oid"));
}
