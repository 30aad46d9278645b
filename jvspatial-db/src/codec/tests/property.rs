//! Random documents of every kind of value.

use std::collections::BTreeSet;

use bson::oid::ObjectId;
use bson::spec::BinarySubtype;
use bson::{
    Binary, Bson, DateTime, Decimal128, Document, JavaScriptCodeWithScope, Regex, Timestamp,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::super::{
    Encoding, decode, merge, parse_json_document, same_shape, to_bson_document, transcode,
};
use super::{BOTH, body};

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-d]",
        1 => any::<String>().prop_map(|text| {
            let text: String = text.chars().filter(|c| !matches!(c, '\0' | '.')).collect();
            format!("x{text}")
        }),
    ]
}

/// An integer in the type that both encodings give it.
fn integer(value: i64) -> Bson {
    i32::try_from(value).map_or(Bson::Int64(value), Bson::Int32)
}

fn subtype() -> impl Strategy<Value = BinarySubtype> {
    (0_u8..=9).prop_map(BinarySubtype::from)
}

fn scalar() -> impl Strategy<Value = Bson> {
    let regex = ("[a-z^$.\"é]{0,6}", prop_oneof![Just(""), Just("im"), Just("x")]);
    prop_oneof![
        any::<f64>().prop_map(|value| Bson::Double(if value.is_nan() { f64::NAN } else { value })),
        prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0)]
            .prop_map(Bson::Double),
        any::<String>().prop_map(Bson::String),
        any::<bool>().prop_map(Bson::Boolean),
        Just(Bson::Null),
        any::<i64>().prop_map(integer),
        any::<i32>().prop_map(Bson::Int32),
        prop_oneof![Just(i64::MIN), Just(i64::MAX)].prop_map(Bson::Int64),
        any::<[u8; 12]>().prop_map(|bytes| Bson::ObjectId(ObjectId::from_bytes(bytes))),
        any::<i64>().prop_map(|millis| Bson::DateTime(DateTime::from_millis(millis))),
        (0..400_000_000_000_000_i64)
            .prop_map(|millis| Bson::DateTime(DateTime::from_millis(millis))),
        (subtype(), vec(any::<u8>(), 0..20))
            .prop_map(|(subtype, bytes)| Bson::Binary(Binary { subtype, bytes })),
        (any::<i64>(), -50_i32..50).prop_map(|(digits, exponent)| {
            let decimal: Decimal128 = format!("{digits}E{exponent}").parse().unwrap();
            Bson::Decimal128(decimal)
        }),
        (any::<u32>(), any::<u32>())
            .prop_map(|(time, increment)| Bson::Timestamp(Timestamp { time, increment })),
        regex.prop_map(|(pattern, options)| {
            let pattern = pattern.try_into().unwrap();
            Bson::RegularExpression(Regex { pattern, options: options.try_into().unwrap() })
        }),
        any::<String>().prop_map(Bson::Symbol),
        any::<String>().prop_map(Bson::JavaScriptCode),
        (any::<String>(), btree_map(name(), any::<i64>(), 0..3)).prop_map(|(code, scope)| {
            let scope = scope
                .into_iter()
                .map(|(name, value)| (name, Bson::DateTime(DateTime::from_millis(value))));
            Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope { code, scope: scope.collect() })
        }),
        Just(Bson::Undefined),
        Just(Bson::MinKey),
        Just(Bson::MaxKey),
    ]
}

/// Documents keep the order of their keys, so the order is random too.
fn map(values: BoxedStrategy<Bson>) -> BoxedStrategy<Document> {
    btree_map(name(), values, 0..5)
        .prop_map(|map| map.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
        .prop_map(|entries| entries.into_iter().collect())
        .boxed()
}

fn value() -> BoxedStrategy<Bson> {
    scalar()
        .prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Bson::Array),
                map(inner.boxed()).prop_map(Bson::Document),
            ]
        })
        .boxed()
}

fn document() -> BoxedStrategy<Document> {
    map(value())
}

/// Small documents that often share keys and differ in structure.
fn small_document() -> BoxedStrategy<Document> {
    let scalar = prop_oneof![
        (0..3).prop_map(Bson::Int32),
        Just(Bson::Double(f64::INFINITY)),
        "[a\"{,:\\\\]{0,3}".prop_map(Bson::String),
    ];
    let value = scalar.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            1 => vec(inner.clone(), 0..3).prop_map(Bson::Array),
            3 => map(inner.boxed()).prop_map(Bson::Document),
        ]
    });
    map(value.boxed())
}

/// Equal in every bit, NaN included, and in the order of keys.
fn same(one: &Document, two: &Document) -> bool {
    format!("{one:?}") == format!("{two:?}")
}

/// The merge as the rules say it, over documents.
fn model(base: &Document, before: &Document, after: &Document) -> Document {
    let mut merged = Document::new();
    for (name, value) in after {
        let value = match (base.get(name), value) {
            (Some(Bson::Document(base)), Bson::Document(after)) => {
                let before = before.get_document(name).cloned().unwrap_or_default();
                Bson::Document(model(base, &before, after))
            }
            _ => value.clone(),
        };
        merged.insert(name, value);
    }
    for (name, value) in base {
        if !after.contains_key(name) && !before.contains_key(name) {
            merged.insert(name, value.clone());
        }
    }
    merged
}

fn sorted(document: &Document) -> Document {
    let names: BTreeSet<&String> = document.keys().collect();
    let value = |name| match &document[name] {
        Bson::Document(inner) => Bson::Document(sorted(inner)),
        other => other.clone(),
    };
    names.into_iter().map(|name| (name.clone(), value(name))).collect()
}

fn naive_shape(one: &Document, two: &Document) -> bool {
    one.keys().eq(two.keys())
        && one.values().zip(two.values()).all(|values| match values {
            (Bson::Document(one), Bson::Document(two)) => naive_shape(one, two),
            _ => true,
        })
}

/// What is left of a document for a type that knows only some names.
fn known(document: &Document, names: &BTreeSet<String>) -> Document {
    let members = document.iter().filter(|(name, _)| names.contains(*name));
    let members = members.map(|(name, value)| match value {
        Bson::Document(inner) => (name.clone(), Bson::Document(known(inner, names))),
        other => (name.clone(), other.clone()),
    });
    members.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_document_comes_back_equal(document in document()) {
        for encoding in BOTH {
            let bytes = body(encoding, &document).unwrap();
            let read = to_bson_document(encoding, &bytes).unwrap();
            prop_assert!(same(&read, &document), "{read:?}\n{document:?}");
            let decoded: Document = decode(encoding, &bytes).unwrap();
            // Encoded again, since `serde_json` makes small negative integers an `Int64`.
            prop_assert_eq!(body(encoding, &decoded).unwrap(), bytes);
        }
    }

    #[test]
    fn json_is_one_line_that_others_read(document in document()) {
        let bytes = body(Encoding::Json, &document).unwrap();
        prop_assert!(!bytes.contains(&b'\n'));
        serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        prop_assert!(same(&parse_json_document(text).unwrap(), &document));
    }

    #[test]
    fn bytes_are_stable_over_two_trips(document in document()) {
        let json = body(Encoding::Json, &document).unwrap();
        let mut bson = Vec::new();
        transcode(Encoding::Json, Encoding::Bson, &json, &mut bson).unwrap();
        let mut again = Vec::new();
        transcode(Encoding::Bson, Encoding::Json, &bson, &mut again).unwrap();
        prop_assert_eq!(&again, &json);
        let mut third = Vec::new();
        transcode(Encoding::Json, Encoding::Bson, &again, &mut third).unwrap();
        prop_assert_eq!(&third, &bson);
        prop_assert_eq!(body(Encoding::Bson, &document).unwrap(), bson);
    }

    #[test]
    fn bson_is_what_the_bson_crate_writes(document in document()) {
        prop_assert_eq!(
            body(Encoding::Bson, &document).unwrap(),
            bson::serialize_to_vec(&document).unwrap()
        );
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[\\[\\]{}:,\"\\\\a$10.e u-]{0,40}") {
        let ours = parse_json_document(&text);
        if let Ok(document) = ours {
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
            let _ = body(Encoding::Json, &document);
        }
        let bytes = text.as_bytes();
        let _ = same_shape(Encoding::Json, bytes, b"{\"a\":1}");
        let again = |bytes: &[u8]| Ok(bytes.to_vec());
        let _ = merge(Encoding::Json, bytes, b"{\"a\":1}", again, &mut Vec::new());
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        document in small_document(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        for encoding in BOTH {
            let good = body(encoding, &document).unwrap();
            let mut bytes = good.clone();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = to_bson_document(encoding, &bytes);
            let _ = decode::<Document>(encoding, &bytes);
            let _ = same_shape(encoding, &bytes, &good);
            let again = |bytes: &[u8]| Ok(bytes.to_vec());
            let _ = merge(encoding, &bytes, &good, again, &mut Vec::new());
        }
    }

    #[test]
    fn shapes_are_those_of_the_documents(one in small_document(), two in small_document()) {
        for encoding in BOTH {
            let [a, b] = [&one, &two].map(|document| body(encoding, document).unwrap());
            prop_assert_eq!(same_shape(encoding, &a, &b), naive_shape(&one, &two));
            prop_assert!(same_shape(encoding, &a, &a));
        }
    }

    #[test]
    fn merge_follows_the_model(
        base in small_document(),
        changed in small_document(),
        names in proptest::collection::btree_set("[a-d]", 0..5),
    ) {
        // The type knows some of the names; a save may change, add and clear any of them.
        let before = known(&base, &names);
        let after = known(&changed, &names);
        let expected = model(&base, &before, &after);
        for encoding in BOTH {
            let [base, after] = [&base, &after].map(|document| body(encoding, document).unwrap());
            let again = |bytes: &[u8]| {
                body(encoding, &known(&to_bson_document(encoding, bytes)?, &names))
            };
            let mut out = Vec::new();
            merge(encoding, &base, &after, again, &mut out).unwrap();
            let merged = to_bson_document(encoding, &out).unwrap();
            prop_assert!(same(&sorted(&merged), &sorted(&expected)), "{merged:?}\n{expected:?}");
        }
    }
}
