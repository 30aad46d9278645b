#![allow(clippy::unwrap_used, clippy::expect_used)]

use bson::{Bson, Document, Regex, bson, doc, oid::ObjectId};

use super::*;
use crate::limits::{MAX_DOCUMENT_DEPTH, MAX_FILTER_BYTES, MAX_FILTER_DEPTH};
use crate::{Error, ErrorKind};

fn path(text: &str) -> FieldPath {
    FieldPath::parse(text).unwrap()
}

fn parse(document: Document) -> Filter {
    Filter::parse(&document).unwrap()
}

#[track_caller]
fn assert_refused(document: Document, kind: ErrorKind, at: &str) {
    let error = Filter::parse(&document).expect_err("accepted");
    assert_eq!(error.kind(), kind, "{document}: {error}");
    assert_eq!(error.context("at").unwrap_or(""), at, "{document}: {error}");
}

#[test]
fn an_unknown_operator_is_named_with_its_place() {
    assert_refused(
        doc! { "$and": [{ "a": 1 }, { "age": { "$foo": 1 } }] },
        ErrorKind::Invalid,
        "and[1].age",
    );
    assert_refused(doc! { "a.b": { "$not": { "$foo": 1 } } }, ErrorKind::Invalid, "a.b.not");
    let error = Filter::parse(&doc! { "a": { "$foo": 1 } }).unwrap_err();
    assert_eq!(error.to_string(), r#"unknown filter operator "$foo" (at: a)"#);
}

#[test]
fn operators_that_run_code_or_are_no_predicates_are_refused() {
    for name in
        ["$where", "$expr", "$function", "$text", "$jsonSchema", "$comment", "$gt", "$not", "$"]
    {
        for filter in [doc! { name: "x" }, doc! { "$or": [{ name: { "a": 1 } }] }] {
            assert_eq!(Filter::parse(&filter).unwrap_err().kind(), ErrorKind::Invalid, "{filter}");
        }
    }
    for name in
        ["$where", "$expr", "$function", "$near", "$bitsAllSet", "$comment", "$and", "$or", "$nor"]
    {
        assert_refused(doc! { "a": { name: "x" } }, ErrorKind::Invalid, "a");
    }
}

#[test]
fn known_operators_that_are_not_evaluated_are_unsupported() {
    for name in ["$regex", "$options", "$all", "$elemMatch", "$size", "$mod"] {
        assert_refused(doc! { "a": { name: 1 } }, ErrorKind::Unsupported, "a");
        let error = Filter::parse(&doc! { "a": { name: 1 } }).unwrap_err();
        assert!(error.message().contains(name), "{error}");
    }
}

#[test]
fn regular_expressions_are_unsupported_wherever_they_would_search() {
    let regex = Bson::RegularExpression(Regex {
        pattern: "a".try_into().unwrap(),
        options: "".try_into().unwrap(),
    });
    assert_refused(doc! { "a": &regex }, ErrorKind::Unsupported, "a");
    assert_refused(doc! { "a": { "$eq": &regex } }, ErrorKind::Unsupported, "a.eq");
    assert_refused(doc! { "a": { "$not": &regex } }, ErrorKind::Unsupported, "a.not");
    assert_refused(doc! { "a": { "$in": [1, &regex] } }, ErrorKind::Unsupported, "a.in[1]");
    let inside = parse(doc! { "a": { "b": &regex } });
    assert!(inside.matches(&doc! { "a": { "b": &regex } }));
}

#[test]
fn malformed_operands_are_refused_where_they_stand() {
    for (filter, at) in [
        (doc! { "$or": [] }, "or"),
        (doc! { "$and": { "a": 1 } }, "and"),
        (doc! { "$nor": [{}, 1] }, "nor[1]"),
        (doc! { "a": { "$in": 1 } }, "a.in"),
        (doc! { "a": { "$in": [{ "$gt": 1 }] } }, "a.in[0]"),
        (doc! { "a": { "$not": 1 } }, "a.not"),
        (doc! { "a": { "$not": {} } }, "a.not"),
        (doc! { "a": { "$gt": 1, "b": 1 } }, "a"),
        (doc! { "a": { "b": 1, "$gt": 1 } }, "a"),
        (doc! { "a": { "$type": "text" } }, "a.type"),
        (doc! { "a": { "$type": 2.5 } }, "a.type"),
        (doc! { "a": { "$eq": Bson::Undefined } }, "a.eq"),
        (doc! { "a..b": 1 }, "a..b"),
        (doc! { "a.$b": 1 }, "a.$b"),
        (doc! { "": 1 }, ""),
    ] {
        assert_refused(filter, ErrorKind::Invalid, at);
    }
}

#[test]
fn messages_stay_short_however_long_the_names_are() {
    let long = "x".repeat(100_000);
    for filter in [
        doc! { format!("${long}"): 1 },
        doc! { &long: 1 },
        doc! { "a": { format!("${long}"): 1 } },
        doc! { "a": { "$type": &long } },
    ] {
        let error = Filter::parse(&filter).unwrap_err().to_string();
        assert!(error.len() < 1_000, "{} bytes", error.len());
    }
}

#[test]
fn a_literal_never_becomes_an_operator() {
    let dangerous = bson!({ "$gt": 1 });
    let list = [dangerous.clone(), bson!({ "$where": "x" }), bson!(3)];
    let filters = [
        Filter::compare(path("a"), Comparison::Eq, dangerous.clone()).unwrap(),
        Filter::compare(path("a"), Comparison::Gte, dangerous.clone()).unwrap(),
        Filter::one_of(path("a"), list.clone()).unwrap(),
        Filter::one_of(path("a"), [dangerous.clone()]).unwrap(),
    ];
    for filter in filters {
        assert!(filter.matches(&doc! { "a": &dangerous }), "{filter:?}");
        assert!(!filter.matches(&doc! { "a": 2 }), "{filter:?}");
        assert_eq!(parse(filter.to_document()), filter);
    }
    let none = Filter::none_of(path("a"), list).unwrap();
    assert!(!none.matches(&doc! { "a": dangerous }));
    assert!(none.matches(&doc! { "a": 2 }));
}

#[test]
fn constructors_equal_what_parsing_gives() {
    use bson::spec::ElementType::{Array, Double};
    let compare = |comparison| Filter::compare(path("a.b"), comparison, 1).unwrap();
    let a = compare(Comparison::Eq);
    let b = Filter::exists(path("c"), false);
    for (filter, source) in [
        (a.clone(), doc! { "a.b": 1 }),
        (compare(Comparison::Ne), doc! { "a.b": { "$ne": 1 } }),
        (compare(Comparison::Gt), doc! { "a.b": { "$gt": 1 } }),
        (compare(Comparison::Gte), doc! { "a.b": { "$gte": 1 } }),
        (compare(Comparison::Lt), doc! { "a.b": { "$lt": 1 } }),
        (compare(Comparison::Lte), doc! { "a.b": { "$lte": 1 } }),
        (Filter::one_of(path("a"), ["y", "x", "y"]).unwrap(), doc! { "a": { "$in": ["x", "y"] } }),
        (Filter::none_of(path("a"), ["x"]).unwrap(), doc! { "a": { "$nin": ["x"] } }),
        (
            Filter::type_is(path("a"), [Double, Array]),
            doc! { "a": { "$type": ["double", "array"] } },
        ),
        (a.clone().and(b.clone()).unwrap(), doc! { "a.b": 1, "c": { "$exists": false } }),
        (
            a.clone().or(b.clone()).unwrap(),
            doc! { "$or": [{ "a.b": 1 }, { "c": { "$exists": false } }] },
        ),
        (
            a.clone().or(b).unwrap().not().unwrap(),
            doc! { "$nor": [{ "a.b": 1 }, { "c": { "$exists": false } }] },
        ),
        (a.not().unwrap(), doc! { "a.b": { "$ne": 1 } }),
    ] {
        assert_eq!(filter, parse(source.clone()), "{source}");
        assert_eq!(filter.to_document(), source);
    }
}

#[test]
fn nested_conjunctions_and_disjunctions_are_flattened() {
    let [a, b, c] = ["a", "b", "c"].map(|name| parse(doc! { name: 1 }));
    let flat = parse(doc! { "a": 1, "b": 1, "c": 1 });
    assert_eq!(a.clone().and(b.clone()).unwrap().and(c.clone()).unwrap(), flat);
    assert_eq!(a.clone().and(b.clone().and(c.clone()).unwrap()).unwrap(), flat);
    assert_eq!(parse(doc! { "$and": [{ "$and": [{ "a": 1 }, { "b": 1 }] }, { "c": 1 }] }), flat);
    let either = Filter::any([a.clone(), b.clone(), c.clone()]).unwrap();
    assert_eq!(a.or(b).unwrap().or(c).unwrap(), either);
    assert_eq!(either.clone().not().unwrap().not().unwrap(), either);
}

#[test]
fn constants_fold_away() {
    let a = parse(doc! { "a": 1 });
    assert!(Filter::default().is_all() && parse(doc! {}).is_all());
    assert!(Filter::every([]).unwrap().is_all() && Filter::any([]).unwrap().is_none());
    assert_eq!(Filter::all().and(a.clone()).unwrap(), a);
    assert_eq!(Filter::none().or(a.clone()).unwrap(), a);
    assert!(Filter::all().or(a.clone()).unwrap().is_all());
    assert!(Filter::none().and(a).unwrap().is_none());
    assert!(parse(doc! { "a": { "$in": [] } }).is_none());
    assert!(parse(doc! { "a": { "$nin": [] } }).is_all());
    assert!(parse(doc! { "$nor": [{}] }).is_none());
    assert!(parse(Filter::none().to_document()).is_none());
}

#[test]
fn equality_of_filters_knows_field_order_and_number_types() {
    assert_ne!(parse(doc! { "a": { "x": 1, "y": 2 } }), parse(doc! { "a": { "y": 2, "x": 1 } }));
    assert_ne!(parse(doc! { "a": 1 }), parse(doc! { "a": 1_i64 }));
    assert_eq!(parse(doc! { "a": f64::NAN }), parse(doc! { "a": f64::NAN }));
}

#[test]
fn required_values_are_seen_at_the_top_only() {
    let required = |source| {
        let filter: Filter = parse(source);
        filter.required_equal("entity").map(<[Bson]>::to_vec)
    };
    assert_eq!(required(doc! { "entity": "City" }), Some(vec![bson!("City")]));
    assert_eq!(
        required(doc! { "entity": { "$in": ["Town", "City"] }, "a": 1 }),
        Some(vec![bson!("City"), bson!("Town")])
    );
    assert_eq!(
        required(
            doc! { "$and": [{ "entity": { "$in": ["Town", "City"] } }, { "entity": "City" }] }
        ),
        Some(vec![bson!("City")])
    );
    for source in [
        doc! {},
        doc! { "context.entity": "City" },
        doc! { "entity": { "$ne": "City" } },
        doc! { "entity": { "$gte": "City" } },
        doc! { "$or": [{ "entity": "City" }, { "a": 1 }] },
        doc! { "$nor": [{ "entity": "City" }] },
    ] {
        assert_eq!(required(source.clone()), None, "{source}");
    }
}

#[test]
fn large_lists_work_up_to_the_byte_bound_and_are_refused_beyond() {
    let ids: Vec<Bson> = (0..50_000).map(Bson::from).collect();
    let filter = parse(doc! { "a": { "$in": ids } });
    assert!(filter.matches(&doc! { "a": 49_999 }));
    assert!(!filter.matches(&doc! { "a": 50_000 }));
    let million: Vec<Bson> = (0..1_000_000).map(Bson::from).collect();
    let error = Filter::parse(&doc! { "a": { "$in": &million } }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.context("limit"), Some(MAX_FILTER_BYTES.to_string().as_str()));
    assert_eq!(Filter::one_of(path("a"), million).unwrap_err().kind(), ErrorKind::Limit);
    let wide: Vec<Bson> = vec![bson!({ "a": 1 }); 200_000];
    assert_eq!(Filter::parse(&doc! { "$or": wide }).unwrap_err().kind(), ErrorKind::Limit);
    let text = "x".repeat(MAX_FILTER_BYTES);
    assert_eq!(Filter::parse(&doc! { "a": text }).unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn filters_are_as_deep_as_the_bound_and_no_deeper() {
    let nested = |levels: usize| {
        (1..levels).fold(doc! { "a": 1 }, |inner, level| match level % 2 {
            0 => doc! { "$or": [inner, { "b": 2 }] },
            _ => doc! { "$and": [inner, { "b": 2 }] },
        })
    };
    let deepest = parse(nested(MAX_FILTER_DEPTH));
    assert_eq!(parse(deepest.to_document()), deepest);
    assert_eq!(Filter::parse(&nested(MAX_FILTER_DEPTH + 1)).unwrap_err().kind(), ErrorKind::Limit);
    let other = parse(doc! { "c": 1 });
    let joined = deepest.clone().and(other.clone()).and_then(|filter| filter.or(other));
    assert_eq!(joined.unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(deepest.not().unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn literals_are_as_deep_as_documents_may_be() {
    let nested = |levels| (1..levels).fold(doc! {}, |inner, _| doc! { "b": inner });
    for (levels, accepted) in [(MAX_DOCUMENT_DEPTH, true), (MAX_DOCUMENT_DEPTH + 1, false)] {
        let literal = nested(levels);
        let parsed = Filter::parse(&doc! { "a": { "$in": [&literal] } });
        assert_eq!(parsed.as_ref().err().map(Error::kind), (!accepted).then_some(ErrorKind::Limit));
        if let Ok(filter) = parsed {
            assert!(filter.matches(&doc! { "a": literal }));
            assert_eq!(parse(filter.to_document()), filter);
        }
    }
}

#[test]
fn the_largest_filters_still_print_what_can_be_parsed() {
    let types = doc! { "a": { "$not": { "$type": (1..=19).collect::<Vec<i32>>() } } };
    let attempt = |count| Filter::parse(&doc! { "$nor": vec![Bson::from(types.clone()); count] });
    let (mut accepted, mut refused) = (1_usize, 100_000);
    while refused - accepted > 1 {
        let middle = accepted.midpoint(refused);
        match attempt(middle) {
            Ok(_) => accepted = middle,
            Err(_) => refused = middle,
        }
    }
    let largest = attempt(accepted).unwrap();
    assert_eq!(parse(largest.to_document()), largest);
    assert_eq!(attempt(refused).unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn bottomless_filters_are_refused_on_a_small_stack() {
    let wrap: [fn(Bson) -> Bson; 4] = [
        |inner| bson!({ "$and": [inner] }),
        |inner| bson!({ "$nor": [inner, {}] }),
        |inner| bson!({ "a": inner }),
        |inner| bson!([inner]),
    ];
    let run = move || {
        for levels in [MAX_DOCUMENT_DEPTH * 2, 1_000, 100_000] {
            for wrap in wrap {
                let mut value = bson!({});
                for _ in 0..levels {
                    value = wrap(value);
                }
                let filter = match value {
                    Bson::Document(filter) => filter,
                    other => doc! { "a": other },
                };
                let refused = Filter::parse(&filter).map_err(|error| error.kind());
                // Dropping such a document recurses, which is not what is tested here.
                std::mem::forget(filter);
                assert_eq!(refused.err(), Some(ErrorKind::Limit));
            }
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn a_path_of_positions_is_decided_in_bounded_time() {
    // Every position can also be a name, so these two shapes interlock in many ways.
    let mut document = bson!({ "x": 1 });
    for _ in 0..45 {
        document = bson!([{ "0": document }]);
    }
    let document = doc! { "a": document };
    let name = format!("a{}", ".0".repeat(20));
    assert!(!parse(doc! { &name: "never" }).matches(&document));
    let longer = format!("{name}.0");
    assert_eq!(Filter::parse(&doc! { longer: 1 }).unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn a_filter_shows_itself_as_its_document() {
    let id = ObjectId::from_bytes([7; 12]);
    let filter = parse(doc! { "a": { "$gt": 1 }, "id": id });
    assert_eq!(
        format!("{filter:?}"),
        r#"Filter({ "a": { "$gt": 1 }, "id": ObjectId("070707070707070707070707") })"#
    );
}
