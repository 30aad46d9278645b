//! Keys sort as their values do, and documents have the keys that MongoDB gives them.
#![allow(clippy::unwrap_used)]

use bson::{Bson, Document, doc};
use proptest::prelude::*;

use super::key::{invert, push_value};
use super::*;
use crate::codec::{Encoding, encode};
use crate::value;

fn key_of(value: &Bson) -> Vec<u8> {
    let mut key = Vec::new();
    push_value(&mut key, value);
    key
}

fn number() -> impl Strategy<Value = Bson> {
    let decimal =
        (any::<i64>(), -40_i32..40, prop::sample::select(vec!["", "5", "0", "000000001"]));
    let near = (any::<f64>(), -2_i64..3);
    prop_oneof![
        any::<i32>().prop_map(Bson::Int32),
        any::<i64>().prop_map(Bson::Int64),
        (-3_i64..4).prop_map(Bson::Int64),
        any::<f64>().prop_map(Bson::Double),
        (-8_i32..9).prop_map(|n| Bson::Double(f64::from(n) / 4.0)),
        (50_u32..64, -3_i64..4, any::<bool>()).prop_map(|(power, offset, floats)| {
            let whole = (1_i64 << power.min(62)) + offset;
            if floats { Bson::Double(whole as f64) } else { Bson::Int64(whole) }
        }),
        decimal.prop_map(|(digits, exponent, more)| {
            Bson::Decimal128(format!("{digits}{more}E{exponent}").parse().unwrap())
        }),
        near.prop_map(|(double, _)| {
            let text = if double.is_finite() { format!("{double:.20e}") } else { "NaN".to_owned() };
            Bson::Decimal128(text.parse().unwrap_or_else(|_| "0".parse().unwrap()))
        }),
        prop::sample::select(vec![
            "NaN",
            "Infinity",
            "-Infinity",
            "1E6111",
            "-1E6111",
            "1E-6176",
            "-1E-6176",
            "0",
            "-0",
            "0.1",
            "9.999999999999999999999999999999999E6144",
            "1E400",
            "1E-400",
            "0E100",
        ])
        .prop_map(|text| Bson::Decimal128(text.parse().unwrap())),
        prop::sample::select(vec![
            0.0,
            -0.0,
            f64::NAN,
            f64::MAX,
            f64::MIN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MIN_POSITIVE,
            5e-324,
            -5e-324,
            0.1
        ])
        .prop_map(Bson::Double),
    ]
}

fn any_bson() -> impl Strategy<Value = Bson> {
    let text =
        prop::sample::select(vec!["", "a", "a\0", "a\u{1}", "a\u{1}b", "ab", "é", "\u{10ffff}"]);
    let leaf = prop_oneof![
        4 => number(),
        2 => text.prop_map(|text| Bson::String(text.to_owned())),
        1 => Just(Bson::Null),
        1 => Just(Bson::Undefined),
        1 => Just(Bson::MinKey),
        1 => Just(Bson::MaxKey),
        1 => any::<bool>().prop_map(Bson::Boolean),
        1 => (-2_i64..3).prop_map(|ms| Bson::DateTime(bson::DateTime::from_millis(ms))),
        1 => any::<i64>().prop_map(|ms| Bson::DateTime(bson::DateTime::from_millis(ms))),
        1 => any::<[u8; 12]>().prop_map(|bytes| Bson::ObjectId(bytes.into())),
        1 => (prop::collection::vec(0_u8..3, 0..7), 0_u8..4).prop_map(|(bytes, subtype)| {
            Bson::Binary(bson::Binary { subtype: subtype.into(), bytes })
        }),
        1 => (0_u32..3, 0_u32..3).prop_map(|(time, increment)| {
            Bson::Timestamp(bson::Timestamp { time, increment })
        }),
        1 => Just(Bson::JavaScriptCode("a".to_owned())),
        1 => Just(Bson::Symbol("ab".to_owned())),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Bson::Array),
            prop::collection::vec((prop::sample::select(vec!["a", "ab", "b"]), inner), 0..3)
                .prop_map(|fields| {
                    Bson::Document(fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
                }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn keys_of_numbers_sort_as_the_numbers(a in number(), b in number()) {
        prop_assert_eq!(key_of(&a).cmp(&key_of(&b)), value::compare(&a, &b), "{:?} {:?}", a, b);
    }

    #[test]
    fn keys_sort_as_the_values(a in any_bson(), b in any_bson()) {
        let (left, right) = (key_of(&a), key_of(&b));
        prop_assert_eq!(left.cmp(&right), value::compare(&a, &b), "{:?} {:?}", a, b);
        prop_assert!(left == right || !right.starts_with(&left), "{:?} begins {:?}", a, b);
        let (mut left, mut right) = (left, right);
        let both = [left.as_slice(), &right].concat();
        prop_assert_eq!(prefix_len(&both, [false]), left.len(), "{:?}", a);
        invert(&mut left, 0);
        invert(&mut right, 0);
        let both = [left.as_slice(), &right].concat();
        prop_assert_eq!(prefix_len(&both, [true]), left.len(), "{:?}", a);
        prop_assert_eq!(right.cmp(&left), value::compare(&a, &b), "descending {:?} {:?}", a, b);
    }

    #[test]
    fn both_encodings_give_a_document_the_same_keys(
        a in any_bson(), b in any_bson(), c in any_bson(),
    ) {
        let fields = doc! { "z": 1, "a": { "b": a }, "c": [b.clone(), { "b": b }], "d": c };
        for paths in [vec!["a.b"], vec!["d"], vec!["c"], vec!["c.b", "d"], vec!["a", "z"]] {
            let spec = spec_on(&paths);
            let json = keys_in(Encoding::Json, &spec, &fields).map_err(|error| error.kind());
            let bson = keys_in(Encoding::Bson, &spec, &fields).map_err(|error| error.kind());
            prop_assert_eq!(json, bson);
        }
    }
}

#[test]
fn keys_of_old_binary_count_the_length_that_it_says_inside() {
    let binary = |subtype: u8, bytes: &[u8]| {
        Bson::Binary(bson::Binary { subtype: subtype.into(), bytes: bytes.to_vec() })
    };
    let old = binary(2, b"a");
    for other in [binary(0x80, b"a"), binary(0, b"abcde"), binary(0, b"abcdef"), binary(2, b"b")] {
        let order = value::compare(&old, &other);
        assert_eq!(key_of(&old).cmp(&key_of(&other)), order, "{other}");
        let both = [key_of(&old), key_of(&other)].concat();
        assert_eq!(prefix_len(&both, [false]), key_of(&old).len());
    }
}

fn spec_on(paths: &[&str]) -> IndexSpec {
    let path = |path: &&str| crate::FieldPath::parse(&format!("context.{path}")).unwrap();
    IndexSpec::new(paths.iter().map(path).map(IndexKey::ascending)).unwrap()
}

fn keys_in(encoding: Encoding, spec: &IndexSpec, fields: &Document) -> crate::Result<Option<Keys>> {
    let mut body = Vec::new();
    if let Err(error) = encode(encoding, fields, &mut body) {
        panic!("{error}: {fields}");
    }
    let id = "n.City.a".parse().unwrap();
    let version = crate::Version::new(1);
    Source { id: &id, version, schema: 1, ends: None, encoding, body: &body }.keys(spec)
}

/// The keys of a document, written as the values that they are the keys of.
#[track_caller]
fn assert_keys(paths: &[&str], fields: Document, expected: &[&[Bson]]) {
    let mut expected: Vec<Box<[u8]>> =
        expected.iter().map(|values| values.iter().flat_map(key_of).collect()).collect();
    expected.sort_unstable();
    let found = keys_in(Encoding::Json, &spec_on(paths), &fields).unwrap().unwrap();
    assert_eq!(found.keys, expected, "{fields}");
}

#[test]
fn missing_fields_are_null_and_empty_arrays_undefined() {
    assert_keys(&["a"], doc! {}, &[&[Bson::Null]]);
    assert_keys(&["a.b"], doc! { "a": 5 }, &[&[Bson::Null]]);
    assert_keys(&["a"], doc! { "a": [] }, &[&[Bson::Undefined]]);
    assert_keys(&["a.b"], doc! { "a": [] }, &[&[Bson::Null]]);
}

#[test]
fn arrays_have_a_key_for_each_element_and_each_once() {
    assert_keys(&["a"], doc! { "a": [3, 1, 3.0] }, &[&[1.into()], &[3.into()]]);
    assert_keys(&["a"], doc! { "a": [[1, 2]] }, &[&[Bson::Array(vec![1.into(), 2.into()])]]);
    let fields = doc! { "a": [{ "b": 1 }, { "b": [2, 3] }, 4] };
    assert_keys(&["a.b"], fields, &[&[1.into()], &[2.into()], &[3.into()], &[Bson::Null]]);
}

#[test]
fn fields_of_one_element_stay_together() {
    let fields = doc! { "a": [{ "b": 1, "c": 2 }, { "b": 3, "c": 4 }], "d": 5 };
    assert_keys(
        &["a.b", "d", "a.c"],
        fields,
        &[&[1.into(), 5.into(), 2.into()], &[3.into(), 5.into(), 4.into()]],
    );
}

#[test]
fn two_arrays_in_one_index_are_refused() {
    let spec = spec_on(&["a", "b"]);
    let error = keys_in(Encoding::Json, &spec, &doc! { "a": [1], "b": [2] }).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Invalid);
    assert!(keys_in(Encoding::Json, &spec, &doc! { "a": [1], "b": 2 }).is_ok());
}

#[test]
fn keys_that_are_too_long_or_too_many_are_refused_with_the_limit() {
    let long = doc! { "a": "x".repeat(MAX_KEY_BYTES) };
    let many = doc! { "a": (0..=MAX_KEYS_OF_DOCUMENT as i32).collect::<Vec<_>>() };
    for fields in [long, many] {
        let error = keys_in(Encoding::Bson, &spec_on(&["a"]), &fields).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Limit);
        assert!(error.context("limit").is_some());
    }
}

#[test]
fn a_declaration_survives_a_round_trip_and_is_named_as_mongodb_does() {
    let document = doc! {
        "key": { "context.state": 1, "context.latitude": -1 },
        "unique": true,
        "partialFilterExpression": { "context.state": { "$gt": "A" } },
    };
    let spec = IndexSpec::parse(&document).unwrap();
    assert_eq!(spec.name(), "context.state_1_context.latitude_-1");
    assert_eq!(IndexSpec::parse(&spec.to_document()).unwrap(), spec);
    assert!(spec.is_unique() && !spec.is_sparse());
}

#[test]
fn declarations_that_mean_nothing_are_refused() {
    for bad in [
        doc! {},
        doc! { "key": {} },
        doc! { "key": { "a": 2 } },
        doc! { "key": { "_id": 1 } },
        doc! { "key": { "a": "text" } },
        doc! { "key": { "a.$**": 1 } },
        doc! { "key": { "a.0": 1 } },
        doc! { "key": { "a..b": 1 } },
        doc! { "key": { "a": 1 }, "background": true },
        doc! { "key": { "a": 1 }, "name": "b_1" },
        doc! { "key": { "a": 1 }, "sparse": true, "partialFilterExpression": { "a": 1 } },
        doc! { "key": (0..33).map(|n| (format!("f{n}"), Bson::from(1))).collect::<Document>() },
    ] {
        assert!(IndexSpec::parse(&bad).is_err(), "{bad}");
    }
}
