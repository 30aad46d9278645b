//! What is written, and what is refused with which words.

use std::collections::BTreeMap;

use bson::{Bson, doc};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::super::{Encoding, encode, to_bson_document};
use super::{BOTH, body, json, on_small_stack, one, refused};
use crate::ErrorKind;
use crate::limits::{MAX_DOCUMENT_BYTES, MAX_DOCUMENT_DEPTH};

/// Maps inside one another, `levels` with the outermost.
struct Deep(usize);

impl Serialize for Deep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        if self.0 > 1 {
            map.serialize_entry("d", &Self(self.0 - 1))?;
        }
        map.end()
    }
}

#[derive(Serialize)]
enum Shape {
    Unit,
    Newtype(i32),
    Tuple(i32, bool),
    Struct { radius: f64 },
}

#[derive(Serialize)]
struct Newtype(String);

#[derive(Serialize)]
struct UnitStruct;

#[derive(Serialize)]
struct Everything {
    shapes: Vec<Shape>,
    none: Option<i32>,
    some: Option<i32>,
    unit: (),
    unit_struct: UnitStruct,
    newtype: Newtype,
    tuple: (i8, u16, char),
    text: &'static str,
    small: f64,
    large: f64,
    negative_zero: f64,
    by_number: BTreeMap<i64, bool>,
    by_char: BTreeMap<char, u8>,
    by_bool: BTreeMap<bool, u8>,
    #[serde(rename = "quo\"te")]
    quote: Vec<f32>,
}

fn everything() -> Everything {
    Everything {
        shapes: vec![
            Shape::Unit,
            Shape::Newtype(-1),
            Shape::Tuple(7, true),
            Shape::Struct { radius: 3.0 },
        ],
        none: None,
        some: Some(5),
        unit: (),
        unit_struct: UnitStruct,
        newtype: Newtype("n".into()),
        tuple: (-8, 65_535, 'é'),
        text: "q\" s\\ /\u{8}\u{c}\n\r\t\u{1} \u{2028} Ōslo 東京 🛫 \u{7f}",
        small: 1e-7,
        large: 1e21,
        negative_zero: -0.0,
        by_number: [(i64::MIN, true), (2, false)].into(),
        by_char: [('x', 1)].into(),
        by_bool: [(false, 1), (true, 2)].into(),
        quote: vec![0.5],
    }
}

#[test]
fn json_is_what_serde_json_writes() {
    let value = everything();
    assert_eq!(json(&value), serde_json::to_string(&value).unwrap());
}

#[test]
fn both_encodings_hold_the_same_document() {
    let value = everything();
    let [json, bson] =
        BOTH.map(|encoding| to_bson_document(encoding, &body(encoding, &value).unwrap()).unwrap());
    assert_eq!(json, bson);
}

#[test]
fn encode_appends() {
    let mut out = b"before".to_vec();
    encode(Encoding::Json, &one(1), &mut out).unwrap();
    assert_eq!(out, b"before{\"value\":1}");
}

#[test]
fn an_error_leaves_what_was_there() {
    for encoding in BOTH {
        let mut out = b"before".to_vec();
        encode(encoding, &one(u64::MAX), &mut out).unwrap_err();
        assert_eq!(out, b"before");
    }
}

#[test]
fn numbers_that_are_not_finite_are_wrapped() {
    let value = one([f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
    let expected = r#"{"value":[{"$numberDouble":"NaN"},{"$numberDouble":"Infinity"},{"$numberDouble":"-Infinity"}]}"#;
    assert_eq!(json(&value), expected);
    assert_eq!(json(&one(f32::NEG_INFINITY)), r#"{"value":{"$numberDouble":"-Infinity"}}"#);
}

#[test]
fn a_short_float_is_written_as_the_long_one_it_equals() {
    assert_eq!(json(&one(0.1_f32)), r#"{"value":0.10000000149011612}"#);
}

#[test]
fn integers_outside_i64_are_refused_with_value_path_and_bounds() {
    let error = refused(&one(one([0, u64::MAX])));
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.context("field"), Some("value.value.1"));
    assert_eq!(error.context("value"), Some("18446744073709551615"));
    assert_eq!(error.context("most"), Some("9223372036854775807"));
    refused(&one(i128::from(i64::MIN) - 1));
    refused(&one(u128::MAX));
    assert_eq!(json(&one(i128::from(i64::MIN))), format!(r#"{{"value":{}}}"#, i64::MIN));
    assert_eq!(json(&one(i64::MAX as u64)), format!(r#"{{"value":{}}}"#, i64::MAX));
}

#[test]
fn an_integer_has_the_same_type_under_both_encodings() {
    let document = doc! { "value": [1_i64, i64::from(i32::MAX) + 1] };
    let expected = doc! { "value": [1_i32, i64::from(i32::MAX) + 1] };
    for encoding in BOTH {
        let bytes = body(encoding, &document).unwrap();
        assert_eq!(to_bson_document(encoding, &bytes).unwrap(), expected);
    }
}

#[test]
fn the_root_is_a_map() {
    assert_eq!(json(&UnitStruct), "{}");
    assert_eq!(json(&()), "{}");
    assert_eq!(json(&Some(one(1))), r#"{"value":1}"#);
    assert_eq!(json(&Shape::Newtype(2)), r#"{"Newtype":2}"#);
    for error in [
        refused(&1),
        refused("text"),
        refused(&[1, 2]),
        refused(&[one(1)]),
        refused(&Option::<i32>::None),
        refused(&Shape::Unit),
        refused(&bson::oid::ObjectId::new()),
        refused(&bson::DateTime::now()),
    ] {
        assert_eq!(error.to_string(), "document is not a map or a struct");
    }
    assert_eq!(body(Encoding::Bson, &()).unwrap(), [5, 0, 0, 0, 0]);
}

#[test]
fn a_hundred_levels_are_kept_and_one_more_refused() {
    for encoding in BOTH {
        body(encoding, &Deep(MAX_DOCUMENT_DEPTH)).unwrap();
    }
    let error = refused(&Deep(MAX_DOCUMENT_DEPTH + 1));
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.context("limit"), Some("100"));
}

#[test]
fn very_deep_values_are_refused_on_a_small_stack() {
    /// A newtype around itself writes nothing between its levels.
    #[derive(Serialize)]
    struct Chain(Option<Box<Chain>>);

    on_small_stack(|| {
        assert_eq!(refused(&Deep(100_000)).kind(), ErrorKind::Limit);
        let mut chain = Chain(None);
        for _ in 0..100_000 {
            chain = Chain(Some(Box::new(chain)));
        }
        let value = one(chain);
        assert_eq!(refused(&value).kind(), ErrorKind::Limit);
        // Dropping such a value is what would overflow.
        std::mem::forget(value);
        let mut list = Bson::Array(vec![]);
        for _ in 0..100_000 {
            list = Bson::Array(vec![list]);
        }
        let value = one(list);
        assert_eq!(refused(&value).kind(), ErrorKind::Limit);
        std::mem::forget(value);
    });
}

#[test]
fn a_document_over_the_limit_is_refused() {
    let error = refused(&one("x".repeat(MAX_DOCUMENT_BYTES + 1)));
    assert_eq!(error.kind(), ErrorKind::Limit);
    let half = "x".repeat(MAX_DOCUMENT_BYTES / 2);
    let error = refused_limit(&one([half.as_str(), half.as_str(), half.as_str()]));
    assert!(error.context("bytes").is_some());
    for encoding in BOTH {
        body(encoding, &one("x".repeat(MAX_DOCUMENT_BYTES - 100))).unwrap();
    }
}

fn refused_limit<T: Serialize>(value: &T) -> crate::Error {
    let [json, bson] = BOTH.map(|encoding| body(encoding, value).unwrap_err());
    assert_eq!(json.kind(), ErrorKind::Limit);
    assert_eq!(bson.kind(), ErrorKind::Limit);
    json
}

#[test]
fn an_error_of_the_value_itself_is_the_applications() {
    struct Failing;
    impl Serialize for Failing {
        fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no luck"))
        }
    }
    let error = refused(&one(BTreeMap::from([("key", Failing)])));
    assert_eq!(error.kind(), ErrorKind::Application);
    assert_eq!(error.to_string(), "no luck (field: value.key)");
}

#[test]
fn only_the_types_of_bson_may_write_wrappers() {
    let date = bson::DateTime::from_millis(1_700_000_000_123);
    assert_eq!(json(&one(date)), r#"{"value":{"$date":"2023-11-14T22:13:20.123Z"}}"#);
    let before_1970 = one(bson::DateTime::from_millis(-1));
    assert_eq!(json(&before_1970), r#"{"value":{"$date":{"$numberLong":"-1"}}}"#);
    let id = bson::oid::ObjectId::from_bytes([0xab; 12]);
    assert_eq!(json(&one(id)), r#"{"value":{"$oid":"abababababababababababab"}}"#);

    refused(&one(BTreeMap::from([("$oid", "abababababababababababab")])));
    refused(&one(doc! { "$date": "2023-11-14T22:13:20.123Z" }));

    #[derive(Serialize)]
    #[serde(rename = "$oid")]
    struct Pretender {
        #[serde(rename = "$oid")]
        oid: String,
    }
    let error = refused(&one(Pretender { oid: "x".into() }));
    assert_eq!(error.message(), "struct claims to be a BSON value and is not");

    #[derive(Serialize)]
    #[serde(rename = "$date")]
    struct DeepPretender {
        #[serde(rename = "$date")]
        date: Deep,
    }
    refused(&one(DeepPretender { date: Deep(100_000) }));
}

#[test]
fn the_scope_of_code_obeys_the_rules_of_documents() {
    let code = |scope: bson::Document| {
        one(Bson::JavaScriptCodeWithScope(bson::JavaScriptCodeWithScope {
            code: "f()".into(),
            scope,
        }))
    };
    assert_eq!(json(&code(doc! { "a": 1 })), r#"{"value":{"$code":"f()","$scope":{"a":1}}}"#);
    let error = refused(&code(doc! { "a": { "b.c": 1 } }));
    assert_eq!(error.context("field"), Some("value.$scope.a.b.c"));
    let mut deep = doc! {};
    for _ in 0..MAX_DOCUMENT_DEPTH {
        deep = doc! { "d": deep };
    }
    assert_eq!(refused(&code(deep)).kind(), ErrorKind::Limit);
}
