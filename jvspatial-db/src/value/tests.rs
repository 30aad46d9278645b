#![allow(clippy::unwrap_used)]

use std::cmp::Ordering;

use bson::{Bson, bson, doc};

use super::*;

/// The order in which a MongoDB 6.0.5 server sorts values; those in one list are equal to it.
fn recorded_order() -> Vec<Vec<Bson>> {
    serde_json::from_str(include_str!("../../tests/data/value_order.json")).unwrap()
}

#[test]
fn every_pair_of_values_compares_as_the_server_sorts_it() {
    let ranks = recorded_order();
    let ranked =
        || ranks.iter().enumerate().flat_map(|(rank, equal)| equal.iter().map(move |v| (rank, v)));
    let mut pairs = 0;
    for (left_rank, left) in ranked() {
        for (right_rank, right) in ranked() {
            assert_eq!(compare(left, right), left_rank.cmp(&right_rank), "{left} and {right}");
            pairs += 1;
        }
    }
    assert!(pairs > 10_000, "only {pairs} pairs were compared");
}

#[test]
fn integers_and_doubles_compare_without_rounding() {
    let limit = 1_i64 << 53;
    assert_eq!(compare(&bson!(limit + 1), &bson!(limit as f64)), Ordering::Greater);
    assert_eq!(compare(&bson!(limit as f64), &bson!(limit)), Ordering::Equal);
    assert_eq!(compare(&bson!(i64::MAX), &bson!(i64::MAX as f64)), Ordering::Less);
    assert_eq!(compare(&bson!(i64::MIN), &bson!(i64::MIN as f64)), Ordering::Equal);
    assert_eq!(compare(&bson!(-1), &bson!(-1.5)), Ordering::Greater);
}

#[test]
fn the_order_of_fields_makes_documents_different() {
    let (left, right) = (bson!({ "a": 1, "b": 2 }), bson!({ "b": 2, "a": 1 }));
    assert_eq!(left, right);
    assert_eq!(compare(&left, &right), Ordering::Less);
    assert!(!identical(&left, &right));
}

#[test]
fn identical_tells_types_and_signs_apart_and_knows_nan() {
    assert!(identical(&bson!(f64::NAN), &bson!(f64::NAN)));
    assert!(!identical(&bson!(0.0), &bson!(-0.0)));
    assert!(!identical(&bson!(1), &bson!(1_i64)));
    assert!(identical(&bson!([{ "a": f64::NAN }]), &bson!([{ "a": f64::NAN }])));
}

#[test]
fn exact_integers_are_read_from_every_numeric_type() {
    let decimal = |text: &str| Bson::Decimal128(text.parse().unwrap());
    for (value, expected) in [
        (bson!(7), Some(7)),
        (bson!(7.0), Some(7)),
        (bson!(7.5), None),
        (bson!(f64::NAN), None),
        (bson!(1e300), None),
        (decimal("7"), Some(7)),
        (decimal("700E-2"), Some(7)),
        (decimal("7E+2"), Some(700)),
        (decimal("0E+6000"), Some(0)),
        (decimal("7E+6000"), None),
        (decimal("7E-6000"), None),
        (decimal("NaN"), None),
        (decimal("-Infinity"), None),
        (bson!("7"), None),
    ] {
        assert_eq!(exact_integer(&value), expected, "{value}");
    }
}

#[test]
fn the_depth_of_a_comparison_is_that_of_the_shallower_value() {
    let mut deep = doc! {};
    for _ in 0..200 {
        deep = doc! { "a": deep };
    }
    assert_eq!(compare(&Bson::Document(deep), &bson!({ "a": {} })), Ordering::Greater);
}

#[test]
fn old_binary_counts_the_length_that_it_says_inside() {
    let binary =
        |subtype, bytes: &[u8]| Bson::Binary(bson::Binary { subtype, bytes: bytes.to_vec() });
    let old = binary(BinarySubtype::BinaryOld, b"a");
    assert_eq!(compare(&old, &binary(BinarySubtype::UserDefined(0x80), b"a")), Ordering::Greater);
    assert_eq!(compare(&old, &binary(BinarySubtype::Generic, b"abcde")), Ordering::Greater);
    assert_eq!(compare(&old, &binary(BinarySubtype::Generic, b"abcdef")), Ordering::Less);
}
