#![allow(clippy::unwrap_used)]

use bson::doc;

use super::*;
use crate::error::ErrorKind;

fn path(text: &str) -> FieldPath {
    FieldPath::parse(text).unwrap()
}

fn key(sort: &Sort, document: &Document) -> Vec<Bson> {
    sort.key(document).unwrap().0.iter().map(Value::to_bson).collect()
}

#[test]
fn a_sort_reads_what_the_server_reads() {
    let sort = Sort::parse(&doc! { "a": 1, "b.c": -1_i64, "d": 1.0 }).unwrap();
    let keys: Vec<_> = sort.keys().iter().map(|key| (key.path.as_str(), key.direction)).collect();
    use Direction::{Ascending, Descending};
    assert_eq!(keys, [("a", Ascending), ("b.c", Descending), ("d", Ascending)]);
    assert_eq!(Sort::parse(&doc! {}).unwrap(), Sort::none());
}

#[test]
fn what_is_no_sort_is_refused_with_its_path() {
    for (sort, kind) in [
        (doc! { "a": 2 }, ErrorKind::Invalid),
        (doc! { "a": 0 }, ErrorKind::Invalid),
        (doc! { "a": true }, ErrorKind::Invalid),
        (doc! { "a": "1" }, ErrorKind::Invalid),
        (doc! { "a": Bson::Null }, ErrorKind::Invalid),
        (doc! { "a": { "$meta": "textScore" } }, ErrorKind::Unsupported),
        (doc! { "": 1 }, ErrorKind::Invalid),
        (doc! { "a..b": 1 }, ErrorKind::Invalid),
        (doc! { "$a": 1 }, ErrorKind::Invalid),
    ] {
        let error = Sort::parse(&sort).unwrap_err();
        assert_eq!(error.kind(), kind, "{sort}");
        assert!(error.context("path").is_some(), "{sort}");
    }
    let twice = Sort::new([SortKey::ascending(path("a")), SortKey::descending(path("a"))]);
    assert_eq!(twice.unwrap_err().kind(), ErrorKind::Invalid);
    let many: Document = (0..=MAX_SORT_KEYS).map(|n| (format!("a{n}"), Bson::Int32(1))).collect();
    assert_eq!(Sort::parse(&many).unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn what_follows_the_id_decides_nothing() {
    let sort = Sort::parse(&doc! { "a": 1, "_id": -1, "b": 1 }).unwrap();
    assert_eq!(sort.deciding_keys().len(), 1);
    assert_eq!(sort.id_direction(), Direction::Descending);
    assert_eq!(sort.to_document(), doc! { "a": 1, "_id": -1, "b": 1 });
}

#[test]
fn an_array_counts_as_its_smallest_or_largest_element() {
    let document = doc! { "a": [2, 9, 4] };
    assert_eq!(key(&Sort::parse(&doc! { "a": 1 }).unwrap(), &document), [Bson::Int64(2)]);
    assert_eq!(key(&Sort::parse(&doc! { "a": -1 }).unwrap(), &document), [Bson::Int64(9)]);
}

#[test]
fn keys_through_one_array_are_taken_from_one_element() {
    let document = doc! { "a": [{ "x": 1, "y": 9 }, { "x": 2, "y": 3 }] };
    let sort = Sort::parse(&doc! { "a.x": -1, "a.y": 1 }).unwrap();
    assert_eq!(key(&sort, &document), [Bson::Int64(2), Bson::Int64(3)]);
}

#[test]
fn two_arrays_at_once_are_refused() {
    let sort = Sort::parse(&doc! { "a": 1, "b": 1 }).unwrap();
    let error = sort.key(&doc! { "a": [1], "b": [1] }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(sort.key(&doc! { "a": [1], "b": 1 }).is_ok());
}

#[test]
fn arrays_within_arrays_are_followed_no_deeper_than_the_path() {
    let mut deep = Bson::Array(Vec::new());
    for _ in 0..90 {
        deep = Bson::Array(vec![deep]);
    }
    let sort = Sort::parse(&doc! { "a.b.c.d.e.f.0.0.0.0.0.0": 1 }).unwrap();
    assert_eq!(key(&sort, &doc! { "a": deep }), [Bson::Null]);
}

#[test]
fn values_compare_as_what_they_were_made_of() {
    let values = [
        Bson::MinKey,
        Bson::Undefined,
        Bson::Null,
        Bson::Double(f64::NAN),
        Bson::Int32(-1),
        Bson::Int64(1 << 53),
        Bson::Double(9_007_199_254_740_994.0),
        Bson::String("a".into()),
        Bson::Symbol("b".into()),
        Bson::Document(doc! { "a": 1 }),
        Bson::Array(vec![Bson::Int32(1)]),
        Bson::ObjectId(bson::oid::ObjectId::from_bytes([1; 12])),
        Bson::Boolean(false),
        Bson::MaxKey,
    ];
    for left in &values {
        for right in &values {
            let compact = Value::of(left).compare(&Value::of(right));
            assert_eq!(compact, crate::value::compare(left, right), "{left} and {right}");
        }
    }
}

fn window(limit: Option<u64>, skip: u64) -> Window {
    let sort = Sort::parse(&doc! { "n": 1 }).unwrap();
    Window { sort, reversed: false, after: None, before: None, skip, limit }
}

fn sorted(window: Window, max_bytes: usize, count: i32) -> Result<Vec<i32>> {
    let mut sorter = Sorter::new(window, max_bytes);
    for step in 0..count {
        // Each number once, in no order.
        let number = (i64::from(step) * 7_919 % i64::from(count)) as i32;
        let key = sorter.sort().key(&doc! { "n": number })?;
        let id = format!("o.Doc.{number:06}").parse()?;
        sorter.push(key, id, number)?;
    }
    Ok(sorter.finish().collect())
}

#[test]
fn a_limit_keeps_the_first_of_all() {
    for (skip, limit) in [(0, 1), (0, 10), (5, 10), (9_990, 100), (0, 5_000), (20_000, 5)] {
        let expected: Vec<i32> = (0..10_000).skip(skip as usize).take(limit as usize).collect();
        assert_eq!(sorted(window(Some(limit), skip), usize::MAX, 10_000).unwrap(), expected);
    }
    assert_eq!(sorted(window(Some(0), 0), usize::MAX, 10).unwrap(), [0; 0]);
    assert_eq!(sorted(window(None, 9_998), usize::MAX, 10_000).unwrap(), [9_998, 9_999]);
}

#[test]
fn a_sort_that_takes_too_much_memory_is_refused_unless_a_limit_bounds_it() {
    let error = sorted(window(None, 0), 100_000, 10_000).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.context("limit"), Some("100000"));
    assert!(sorted(window(Some(100), 0), 200_000, 10_000).is_ok());
    assert_eq!(
        sorted(window(Some(u64::MAX), 5), 100_000, 10_000).unwrap_err().kind(),
        ErrorKind::Limit
    );
}

#[test]
fn a_position_needs_one_value_for_each_key() {
    let sort = Sort::parse(&doc! { "a": 1, "b": 1 }).unwrap();
    let id: Id = "o.Doc.a".parse().unwrap();
    let error = Position::new(&sort, [Bson::Null], id).unwrap_err();
    assert_eq!((error.context("expected"), error.context("found")), (Some("2"), Some("1")));
}
