//! Which field names and map keys are kept.

use std::collections::{BTreeMap, HashMap};

use bson::doc;
use serde::{Serialize, Serializer};

use super::super::to_bson_document;
use super::{BOTH, body, json, one, refused};
use crate::ErrorKind;
use crate::limits::MAX_FIELD_NAME_BYTES;

#[test]
fn names_that_a_backend_could_not_keep_are_refused() {
    let map = |key: &str| one(HashMap::from([(key.to_owned(), 1)]));
    let cases = [
        ("", "field name is empty"),
        ("$date", "field name starts with a dollar sign"),
        ("$", "field name starts with a dollar sign"),
        ("a\0b", "field name holds a NUL"),
        ("a.b", "field name holds a dot"),
    ];
    for (key, message) in cases {
        let error = refused(&map(key));
        assert_eq!((error.kind(), error.message()), (ErrorKind::Invalid, message));
        assert!(error.context("field").unwrap().starts_with("value"), "{error}");
    }
    for key in ["a$", "ключ", "a b", "\"", "\\", "\n", &"x".repeat(MAX_FIELD_NAME_BYTES)] {
        for encoding in BOTH {
            let bytes = body(encoding, &map(key)).unwrap();
            assert_eq!(to_bson_document(encoding, &bytes).unwrap(), doc! { "value": { key: 1 } });
        }
    }
    let error = refused(&map(&"x".repeat(MAX_FIELD_NAME_BYTES + 1)));
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.context("limit"), Some("1024"));
}

#[test]
fn names_of_structs_and_variants_are_checked_too() {
    #[derive(Serialize)]
    struct Renamed {
        #[serde(rename = "a.b")]
        field: i32,
    }
    #[derive(Serialize)]
    enum Variants {
        #[serde(rename = "$set")]
        Newtype(i32),
        #[serde(rename = "$tuple")]
        Tuple(i32, i32),
        #[serde(rename = "x.y")]
        Struct { a: i32 },
    }
    assert_eq!(refused(&Renamed { field: 1 }).context("field"), Some("a.b"));
    refused(&one(Variants::Newtype(1)));
    refused(&one(Variants::Tuple(1, 1)));
    assert_eq!(refused(&one(Variants::Struct { a: 1 })).context("name"), Some("\"x.y\""));
}

/// A map that says its keys in the order given.
struct Keys<'a>(&'a [String]);

impl Serialize for Keys<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|key| (key, 1)))
    }
}

#[test]
fn a_repeated_key_is_refused_in_small_maps_and_large() {
    for count in [2_usize, 3, 8, 9, 10, 1000] {
        let distinct: Vec<String> =
            (0..count).map(|index| format!("k{}", index * 7919 % 10_007)).collect();
        for encoding in BOTH {
            body(encoding, &one(Keys(&distinct))).unwrap();
        }
        for (from, to) in [(0, count - 1), (count / 2, 0), (count - 1, 0)] {
            let mut repeated = distinct.clone();
            repeated[to] = distinct[from].clone();
            if from == to {
                continue;
            }
            let error = refused(&one(Keys(&repeated)));
            assert_eq!(error.message(), "map repeats a key");
            assert_eq!(error.context("field"), Some(format!("value.{}", distinct[from]).as_str()));
        }
    }
}

#[test]
fn a_flattened_map_cannot_repeat_a_field() {
    #[derive(Serialize)]
    struct Flat {
        name: i32,
        #[serde(flatten)]
        rest: BTreeMap<String, i32>,
    }
    let flat = |key: &str| Flat { name: 1, rest: [(key.to_owned(), 2)].into() };
    assert_eq!(json(&flat("other")), r#"{"name":1,"other":2}"#);
    assert_eq!(refused(&flat("name")).context("field"), Some("name"));
}

#[test]
fn a_key_that_is_no_text_is_refused() {
    refused(&one(BTreeMap::from([(vec![1], 1)])));
    refused(&one(BTreeMap::from([((), 1)])));
    refused(&one(BTreeMap::from([(Option::<i32>::None, 1)])));
}

#[test]
fn a_message_never_holds_a_whole_long_name_or_a_control_character() {
    let error = refused(&one(HashMap::from([(format!("\n{}", "y".repeat(5000)), 1)])));
    let text = error.to_string();
    assert!(text.len() < 600, "{text}");
    assert!(!text.contains('\n'), "{text}");
}
