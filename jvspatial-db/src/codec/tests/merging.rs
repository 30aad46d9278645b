//! What a save keeps, replaces and drops.

use std::collections::{BTreeMap, HashMap, HashSet};

use bson::{Bson, Document, doc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::{Encoding, decode, merge, to_bson_document};
use super::{BOTH, body};
use crate::ErrorKind;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct City {
    name: String,
    #[serde(default)]
    nick: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mayor: Option<String>,
    #[serde(default)]
    place: Place,
    #[serde(default)]
    tags: BTreeMap<String, i32>,
    #[serde(default)]
    list: Vec<i32>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Place {
    #[serde(default)]
    x: f64,
    #[serde(default)]
    y: f64,
}

/// Loads a `T` from the body, changes it, and merges it back.
fn save<T: Serialize + DeserializeOwned>(
    encoding: Encoding,
    base: &[u8],
    change: impl FnOnce(&mut T),
) -> Vec<u8> {
    let mut value: T = decode(encoding, base).unwrap();
    change(&mut value);
    let after = body(encoding, &value).unwrap();
    let mut out = b"kept".to_vec();
    merge(encoding, base, &after, reencode::<T>(encoding), &mut out).unwrap();
    out.drain(..4);
    let again: T = decode(encoding, &out).expect("a merged body can be read");
    let [expected, found] = [&value, &again]
        .map(|value| to_bson_document(encoding, &body(encoding, value).unwrap()).unwrap());
    assert_eq!(normal(&expected), normal(&found), "the value is what was saved");
    out
}

fn reencode<T: Serialize + DeserializeOwned>(
    encoding: Encoding,
) -> impl FnMut(&[u8]) -> crate::Result<Vec<u8>> {
    move |bytes| body(encoding, &decode::<T>(encoding, bytes)?)
}

/// A document in which the order of keys and of sets does not count.
fn normal(document: &Document) -> String {
    let mut lines: Vec<String> = document.iter().map(|(key, value)| line(key, value)).collect();
    lines.sort();
    lines.join(";")
}

fn line(key: &str, value: &Bson) -> String {
    match value {
        Bson::Document(map) => format!("{key}:{{{}}}", normal(map)),
        Bson::Array(list) => {
            let mut list: Vec<String> = list.iter().map(|value| line("", value)).collect();
            list.sort();
            format!("{key}:{list:?}")
        }
        other => format!("{key}:{other:?}"),
    }
}

/// Saves in both encodings, which must agree, and returns the JSON.
fn saved<T: Serialize + DeserializeOwned>(base: &str, change: impl Fn(&mut T)) -> String {
    let json = save(Encoding::Json, base.as_bytes(), &change);
    let stored =
        bson::serialize_to_vec(&to_bson_document(Encoding::Json, base.as_bytes()).unwrap());
    let bson = save(Encoding::Bson, &stored.unwrap(), &change);
    let [one, two] = [(Encoding::Json, &json), (Encoding::Bson, &bson)]
        .map(|(encoding, bytes)| to_bson_document(encoding, bytes).unwrap());
    assert_eq!(normal(&one), normal(&two));
    String::from_utf8(json).unwrap()
}

const FULL: &str = r#""nick":null,"place":{"x":0.0,"y":0.0},"tags":{},"list":[]"#;

#[test]
fn an_unknown_field_stays_where_it_was() {
    let base = format!(r#"{{"first":1,"name":"Oslo","after":[{{"z":1}}, 2 ],{FULL},"last":null}}"#);
    let saved = saved::<City>(&base, |city| city.name = "Bergen".into());
    assert_eq!(saved, base.replace("Oslo", "Bergen"));
}

#[test]
fn an_unknown_nested_field_stays() {
    let base =
        r#"{"name":"Oslo","nick":null,"place":{"x":0.0,"srid":4326,"y":0.0},"tags":{},"list":[]}"#;
    let saved = saved::<City>(base, |city| city.place.x = 5.5);
    assert_eq!(saved, base.replacen("0.0", "5.5", 1));
}

#[test]
fn an_unknown_number_keeps_every_digit() {
    let base = format!(r#"{{"name":"Oslo",{FULL},"big":2361183241434822606849,"odd":1.10}}"#);
    let bytes = save::<City>(Encoding::Json, base.as_bytes(), |city| city.name = "Bergen".into());
    assert_eq!(String::from_utf8(bytes).unwrap(), base.replace("Oslo", "Bergen"));
}

#[test]
fn a_cleared_option_that_is_skipped_is_gone() {
    let base = format!(r#"{{"name":"Oslo","mayor":"Anne","unknown":1,{FULL}}}"#);
    let saved = saved::<City>(&base, |city| city.mayor = None);
    assert_eq!(saved, format!(r#"{{"name":"Oslo","unknown":1,{FULL}}}"#));
}

#[test]
fn a_cleared_option_that_is_written_is_null() {
    let base = format!(r#"{{"name":"Oslo",{FULL}}}"#).replace("null", "\"Tiger City\"");
    let saved = saved::<City>(&base, |city| city.nick = None);
    assert_eq!(saved, format!(r#"{{"name":"Oslo",{FULL}}}"#));
}

#[test]
fn a_field_absent_in_the_store_is_added_in_the_order_of_the_struct() {
    let saved = saved::<City>(r#"{"name":"Oslo","list":[1]}"#, |city| city.list.push(2));
    assert_eq!(saved, format!(r#"{{"name":"Oslo",{FULL}}}"#).replace("[]", "[1,2]"));
}

#[test]
fn a_removed_entry_of_a_map_stays_removed() {
    let base = format!(r#"{{"name":"Oslo","unknown":1,{FULL}}}"#)
        .replace(r#""tags":{}"#, r#""tags":{"a":1,"b":2,"c":3}"#);
    let saved = saved::<City>(&base, |city| {
        city.tags.remove("b");
    });
    assert_eq!(saved, base.replace(r#""b":2,"#, ""));
}

#[test]
fn a_list_is_replaced_whole() {
    #[derive(Serialize, Deserialize)]
    struct Places {
        places: Vec<Place>,
    }
    let base = r#"{"places":[{"x":1.0,"y":1.0,"z":9}],"unknown":1}"#;
    let saved = saved::<Places>(base, |value| value.places[0].x = 2.0);
    assert_eq!(saved, r#"{"places":[{"x":2.0,"y":1.0}],"unknown":1}"#);
}

#[test]
fn an_alias_does_not_survive_beside_the_name() {
    #[derive(Serialize, Deserialize)]
    struct Paint {
        #[serde(alias = "colour", default, skip_serializing_if = "String::is_empty")]
        color: String,
    }
    let base = r#"{"u1":1,"colour":"red","u2":2}"#;
    let changed = saved::<Paint>(base, |paint| paint.color = "blue".into());
    assert_eq!(changed, r#"{"u1":1,"u2":2,"color":"blue"}"#);
    assert_eq!(saved::<Paint>(base, |paint| paint.color.clear()), r#"{"u1":1,"u2":2}"#);
    // Nothing in the value tells that the old name is read: it holds the default.
    let base = r#"{"u1":1,"colour":"","u2":2}"#;
    let changed = saved::<Paint>(base, |paint| paint.color = "blue".into());
    assert!(!changed.contains("colour"), "{changed}");
}

#[test]
fn an_alias_in_a_nested_struct_does_not_survive_either() {
    #[derive(Serialize, Deserialize)]
    struct Inner {
        #[serde(alias = "old")]
        new: i32,
    }
    #[derive(Serialize, Deserialize)]
    struct Outer {
        inner: Inner,
    }
    let saved = saved::<Outer>(r#"{"inner":{"old":1,"u":2}}"#, |value| value.inner.new = 3);
    assert!(!saved.contains("old") && saved.contains(r#""u":2"#), "{saved}");
}

#[test]
fn a_legacy_field_read_by_the_types_own_code_does_not_override_the_new_one() {
    #[derive(Serialize, Deserialize)]
    #[serde(from = "Stored")]
    struct Person {
        first: String,
    }
    #[derive(Deserialize)]
    struct Stored {
        full_name: Option<String>,
        first: Option<String>,
    }
    impl From<Stored> for Person {
        fn from(stored: Stored) -> Self {
            let first = stored.full_name.or(stored.first).unwrap_or_default();
            Self { first }
        }
    }
    let saved = saved::<Person>(r#"{"full_name":"Ada","u":1}"#, |value| value.first = "Eve".into());
    assert!(!saved.contains("full_name") && saved.contains(r#""u":1"#), "{saved}");
}

#[test]
fn a_flattened_map_owns_every_field_and_a_flattened_struct_its_own() {
    #[derive(Serialize, Deserialize)]
    struct WithMap {
        name: String,
        #[serde(flatten)]
        rest: HashMap<String, i32>,
    }
    let removed = saved::<WithMap>(r#"{"name":"x","a":1,"b":2}"#, |value| {
        value.rest.remove("a");
    });
    assert_eq!(removed, r#"{"name":"x","b":2}"#);

    #[derive(Serialize, Deserialize)]
    struct WithStruct {
        name: String,
        #[serde(flatten)]
        place: Place,
    }
    let base = r#"{"name":"x","u":7,"x":1.0,"y":2.0}"#;
    assert_eq!(saved::<WithStruct>(base, |value| value.place.y = 3.0), base.replace("2.0", "3.0"));
}

#[test]
fn a_field_that_is_never_written_keeps_its_stored_value() {
    #[derive(Serialize, Deserialize)]
    struct Account {
        name: String,
        #[serde(skip_serializing)]
        #[expect(dead_code, reason = "only stored")]
        secret: String,
    }
    let base = br#"{"name":"x","secret":"hash"}"#;
    let after = br#"{"name":"y"}"#;
    let mut out = Vec::new();
    let again = reencode::<Account>(Encoding::Json);
    merge(Encoding::Json, base, after, again, &mut out).unwrap();
    assert_eq!(out, br#"{"name":"y","secret":"hash"}"#);
}

#[test]
fn a_set_in_random_order_does_not_cost_the_unknown_fields() {
    #[derive(Serialize, Deserialize)]
    struct Sets {
        set: HashSet<u32>,
        #[serde(alias = "old")]
        new: i32,
    }
    let numbers: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    let base = format!(r#"{{"set":[{}],"old":1,"u":5}}"#, numbers.join(","));
    let saved = saved::<Sets>(&base, |value| {
        value.set.insert(99);
    });
    assert!(saved.contains(r#""u":5"#) && !saved.contains("old"), "{saved}");
}

#[test]
fn changing_the_variant_of_an_enum_leaves_nothing_of_the_old_one() {
    #[derive(Serialize, Deserialize)]
    enum Shape {
        Circle { r: f64 },
        Square { side: f64 },
    }
    #[derive(Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Circle { r: f64 },
        Square { side: f64 },
    }
    #[derive(Serialize, Deserialize)]
    struct Figure {
        shape: Shape,
        tagged: Tagged,
    }
    let base = r#"{"shape":{"Circle":{"r":1.0}},"tagged":{"kind":"Circle","r":1.0},"u":1}"#;
    let saved = saved::<Figure>(base, |figure| {
        figure.shape = Shape::Square { side: 2.0 };
        figure.tagged = Tagged::Square { side: 2.0 };
    });
    let expected =
        r#"{"shape":{"Square":{"side":2.0}},"tagged":{"kind":"Square","side":2.0},"u":1}"#;
    assert_eq!(saved, expected);
}

#[test]
fn wrappers_are_scalars() {
    #[derive(Serialize, Deserialize)]
    struct Times {
        at: bson::DateTime,
        value: f64,
    }
    let base = r#"{"at":{"$date":{"$numberLong":"5"}},"value":{"$numberDouble":"NaN"},"u":{"$date":{"$numberLong":"7"}}}"#;
    let bytes = save::<Times>(Encoding::Json, base.as_bytes(), |times| {
        times.at = bson::DateTime::from_millis(0);
        times.value = 1.0;
    });
    let expected =
        r#"{"at":{"$date":"1970-01-01T00:00:00Z"},"value":1.0,"u":{"$date":{"$numberLong":"7"}}}"#;
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
}

#[test]
fn names_are_compared_by_what_they_mean() {
    let base = format!("{{\"n\\u0061me\":\"Oslo\",\"\\u0075\":1,{FULL}}}");
    let saved = saved::<City>(&base, |city| city.name = "Bergen".into());
    assert_eq!(saved, format!("{{\"name\":\"Bergen\",\"\\u0075\":1,{FULL}}}"));
}

#[test]
fn reencode_is_called_only_when_a_stored_field_is_missing() {
    let never = |_: &[u8]| -> crate::Result<Vec<u8>> { panic!("called") };
    let cases = [
        (r#"{"a":1,"b":{"c":1}}"#, r#"{"a":2,"b":{"c":[1,2]}}"#),
        (r#"{"b":1}"#, r#"{"a":1,"b":1}"#),
        (r#"{"b":1,"a":1}"#, r#"{"a":1,"b":1}"#),
        (r#"{"a":{"b":1}}"#, r#"{"a":null}"#),
    ];
    for (base, after) in cases {
        for encoding in BOTH {
            let [base, after] = [base, after].map(|text| {
                let document = to_bson_document(Encoding::Json, text.as_bytes()).unwrap();
                body(encoding, &document).unwrap()
            });
            let mut out = Vec::new();
            merge(encoding, &base, &after, never, &mut out).unwrap();
            assert_eq!(out, after);
        }
    }
}

#[test]
fn bodies_that_are_none_are_corrupt() {
    for (encoding, base) in [(Encoding::Json, &b"{\"a\""[..]), (Encoding::Bson, b"\x09\0\0\0\0")] {
        let after = body(encoding, &doc! { "a": 1 }).unwrap();
        let mut out = b"kept".to_vec();
        let again = reencode::<City>(encoding);
        let error = merge(encoding, base, &after, again, &mut out).unwrap_err();
        assert_eq!((error.kind(), out.as_slice()), (ErrorKind::Corrupt, &b"kept"[..]));
    }
}

#[test]
fn a_document_that_outgrows_the_limit_by_what_it_keeps_is_refused() {
    let large = "x".repeat(crate::limits::MAX_DOCUMENT_BYTES / 2);
    let base = body(Encoding::Json, &doc! { "name": "a", "unknown": &large }).unwrap();
    let city = City { name: large.repeat(2)[1000..].to_owned(), ..City::default() };
    let after = body(Encoding::Json, &city).unwrap();
    let again = reencode::<City>(Encoding::Json);
    let mut out = Vec::new();
    let error = merge(Encoding::Json, &base, &after, again, &mut out).unwrap_err();
    assert_eq!((error.kind(), out.len()), (ErrorKind::Limit, 0));
}

#[test]
fn many_removed_and_unknown_keys_are_settled_in_few_calls() {
    let mut base = doc! { "name": "x", "old": 1 };
    for index in 0..2000 {
        base.insert(format!("u{index}"), index);
    }
    #[derive(Serialize, Deserialize)]
    struct Small {
        name: String,
        #[serde(alias = "old")]
        new: i32,
    }
    let base = body(Encoding::Json, &base).unwrap();
    let after = body(Encoding::Json, &Small { name: "y".into(), new: 2 }).unwrap();
    let mut calls = 0;
    let mut again = reencode::<Small>(Encoding::Json);
    let mut out = Vec::new();
    let counted = |bytes: &[u8]| {
        calls += 1;
        again(bytes)
    };
    merge(Encoding::Json, &base, &after, counted, &mut out).unwrap();
    let merged = to_bson_document(Encoding::Json, &out).unwrap();
    assert_eq!(merged.len(), 2002);
    assert!(calls < 40, "{calls} calls");
}

#[test]
fn an_unchanged_document_with_unknown_fields_is_written_as_it_was() {
    let base = format!(r#"{{"name":"Oslo","u":{{"deep":[1,{{"x":null}}]}},{FULL},"v":1e5}}"#);
    assert_eq!(saved::<City>(&base, |_| ()), base);
}
