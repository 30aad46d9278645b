#![allow(clippy::unwrap_used)]

use bson::{Binary, Bson, Decimal128, Document, doc, oid::ObjectId};
use proptest::prelude::*;

use super::*;

/// Few names and few numbers, so that paths meet fields and values meet each other.
fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "0", "1"]).prop_map(String::from)
}

fn field_path() -> impl Strategy<Value = String> {
    prop::collection::vec(name(), 1..4).prop_map(|names| names.join("."))
}

fn scalar() -> impl Strategy<Value = Bson> {
    prop_oneof![
        (-2..3_i32).prop_map(Bson::from),
        Just(Bson::Null),
        Just(Bson::MinKey),
        Just(Bson::MaxKey),
        any::<bool>().prop_map(Bson::from),
        any::<i64>().prop_map(Bson::from),
        any::<f64>().prop_map(Bson::from),
        (-2..3_i32).prop_map(|value| Bson::from(f64::from(value) / 2.0)),
        any::<[u8; 16]>().prop_map(|bytes| Bson::Decimal128(Decimal128::from_bytes(bytes))),
        "[a-c]{0,2}".prop_map(Bson::from),
        "[a-c]{0,2}".prop_map(Bson::Symbol),
        any::<[u8; 12]>().prop_map(|bytes| ObjectId::from_bytes(bytes).into()),
        prop::collection::vec(any::<u8>(), 0..3).prop_map(|bytes| Binary {
            subtype: bson::spec::BinarySubtype::Generic,
            bytes
        }
        .into()),
    ]
}

fn value() -> impl Strategy<Value = Bson> {
    scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Bson::from),
            prop::collection::vec((name(), inner), 0..3)
                .prop_map(|fields| fields.into_iter().collect::<Document>().into()),
        ]
    })
}

fn document() -> impl Strategy<Value = Document> {
    prop::collection::vec((name(), value()), 0..4).prop_map(|fields| fields.into_iter().collect())
}

fn operators() -> impl Strategy<Value = Document> {
    let comparison = prop::sample::select(vec!["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]);
    let list = prop::sample::select(vec!["$in", "$nin"]);
    let types = prop::sample::subsequence(vec!["int", "array", "number", "null", "object"], 1..4);
    let texts = prop::sample::select(vec!["a", "^a", "b$", "[^a]", "a|B", "", "."]);
    let single = prop_oneof![
        1 => texts.prop_map(|pattern| ("$regex", pattern.into())),
        1 => (0..4_i32).prop_map(|size| ("$size", size.into())),
        1 => (1..4_i32, -2..3_i32)
            .prop_map(|(divisor, remainder)| ("$mod", vec![divisor, remainder].into())),
        1 => prop::collection::vec(value(), 0..3).prop_map(|values| ("$all", values.into())),
        4 => (comparison, value()).prop_map(|(name, value)| (name, value)),
        2 => (list, prop::collection::vec(value(), 0..4))
            .prop_map(|(name, values)| (name, values.into())),
        1 => any::<bool>().prop_map(|exists| ("$exists", exists.into())),
        1 => types.prop_map(|types| ("$type", types.into())),
    ];
    prop::collection::vec(single, 1..3)
        .prop_map(|operators| {
            operators
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<Document>()
        })
        .prop_recursive(2, 4, 2, |inner| {
            prop_oneof![
                inner.clone().prop_map(|operators| doc! { "$not": operators }),
                inner.clone().prop_map(|operators| doc! { "$elemMatch": operators }),
                (field_path(), inner)
                    .prop_map(|(path, operators)| doc! { "$elemMatch": { path: operators } }),
            ]
        })
}

fn filter() -> impl Strategy<Value = Document> {
    let leaf = prop_oneof![
        Just(doc! {}),
        (field_path(), value()).prop_map(|(path, value)| doc! { path: value }),
        (field_path(), operators()).prop_map(|(path, operators)| doc! { path: operators }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let logical = prop::sample::select(vec!["$and", "$or", "$nor"]);
        prop_oneof![
            (logical, prop::collection::vec(inner.clone(), 1..4))
                .prop_map(|(name, members)| doc! { name: members }),
            prop::collection::vec(inner, 1..3)
                .prop_map(|members| members.into_iter().flatten().collect()),
        ]
    })
}

/// Documents with names from the language in all the wrong places.
fn nonsense() -> impl Strategy<Value = Document> {
    let name = prop_oneof![
        name(),
        prop::sample::select(vec![
            "$and",
            "$or",
            "$nor",
            "$not",
            "$eq",
            "$in",
            "$exists",
            "$type",
            "$size",
            "$",
            "",
            ".",
            "$ref",
            "$id",
            "$all",
            "$elemMatch",
            "$regex",
            "$options",
            "$mod",
        ])
        .prop_map(String::from),
    ];
    let value = scalar().prop_recursive(5, 30, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Bson::from),
            prop::collection::vec((name.clone(), inner), 0..4)
                .prop_map(|fields| fields.into_iter().collect::<Document>().into()),
        ]
    });
    value.prop_map(|value| match value {
        Bson::Document(document) => document,
        other => doc! { "a": other },
    })
}

proptest! {
    #[test]
    fn a_printed_filter_parses_back_to_itself(source in filter()) {
        let filter = Filter::parse(&source).unwrap();
        prop_assert_eq!(Filter::parse(&filter.to_document()).unwrap(), filter);
    }

    #[test]
    fn not_is_the_negation(source in filter(), document in document()) {
        let filter = Filter::parse(&source).unwrap();
        let negated = filter.clone().not().unwrap();
        prop_assert_eq!(negated.matches(&document), !filter.matches(&document));
        prop_assert_eq!(negated.not().unwrap(), filter);
    }

    #[test]
    fn joining_filters_joins_their_answers(
        left in filter(),
        right in filter(),
        document in document(),
    ) {
        let (left, right) = (Filter::parse(&left).unwrap(), Filter::parse(&right).unwrap());
        let (a, b) = (left.matches(&document), right.matches(&document));
        let both = left.clone().and(right.clone()).unwrap();
        let either = left.or(right).unwrap();
        prop_assert_eq!(both.matches(&document), a && b);
        prop_assert_eq!(either.matches(&document), a || b);
        prop_assert_eq!(&Filter::parse(&both.to_document()).unwrap(), &both);
        prop_assert_eq!(&Filter::parse(&either.to_document()).unwrap(), &either);
    }

    #[test]
    fn a_list_matches_when_one_of_its_values_does(
        path in field_path(),
        values in prop::collection::vec(value(), 0..6),
        document in document(),
    ) {
        let path = FieldPath::parse(&path).unwrap();
        let list = Filter::one_of(path.clone(), values.clone()).unwrap();
        let single = |value| {
            Filter::compare(path.clone(), Comparison::Eq, value).unwrap().matches(&document)
        };
        prop_assert_eq!(list.matches(&document), values.into_iter().any(single));
    }

    #[test]
    fn the_order_of_members_makes_no_difference(
        members in prop::collection::vec(filter(), 2..5),
        document in document(),
    ) {
        let parse = |members: Vec<Document>| {
            Filter::parse(&doc! { "$or": [{ "$and": members }, { "x": 1 }] }).unwrap()
        };
        let forwards = parse(members.clone());
        let backwards = parse(members.into_iter().rev().collect());
        prop_assert_eq!(forwards.matches(&document), backwards.matches(&document));
        prop_assert_eq!(forwards.shape(), backwards.shape());
        prop_assert_eq!(forwards, backwards);
    }

    #[test]
    fn comparing_is_a_total_order(a in value(), b in value(), c in value()) {
        use crate::value::compare;
        prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
            prop_assert!(compare(&a, &c).is_le());
        }
    }

    #[test]
    fn nonsense_is_refused_or_printed_back(source in nonsense(), document in document()) {
        if let Ok(filter) = Filter::parse(&source) {
            filter.matches(&document);
            prop_assert_eq!(Filter::parse(&filter.to_document()).unwrap(), filter);
        }
    }
}
