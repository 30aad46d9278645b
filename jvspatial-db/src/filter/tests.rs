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
    for name in [
        "$where",
        "$expr",
        "$text",
        "$jsonSchema",
        "$comment",
        "$near",
        "$geoWithin",
        "$bitsAllSet",
        "$sampleRate",
    ] {
        assert_refused(doc! { name: "x" }, ErrorKind::Unsupported, "");
        assert_refused(doc! { "$or": [{ name: "x" }] }, ErrorKind::Unsupported, "or[0]");
        assert_refused(doc! { "a": { name: "x" } }, ErrorKind::Unsupported, "a");
        let inside = doc! { "$and": [{}, { "a": { "$elemMatch": { name: "x" } } }] };
        assert_refused(inside, ErrorKind::Unsupported, "and[1].a.elemMatch");
    }
    for name in ["$function", "$gt", "$regex", "$not", "$ref", "$"] {
        assert_refused(
            doc! { name: "x" },
            ErrorKind::Invalid,
            if name == "$not" { "not" } else { "" },
        );
    }
    for name in ["$function", "$and", "$or", "$nor", "$ref"] {
        assert_refused(doc! { "a": { name: "x" } }, ErrorKind::Invalid, "a");
    }
    let error = Filter::parse(&doc! { "$where": "true" }).unwrap_err();
    assert_eq!(error.to_string(), "filter operator $where is not evaluated: filters run no code");
}

fn regex(pattern: &str, options: &str) -> Bson {
    Bson::RegularExpression(Regex {
        pattern: pattern.try_into().unwrap(),
        options: options.try_into().unwrap(),
    })
}

#[test]
fn regular_expressions_search_where_they_stand_for_a_value_and_compare_in_eq() {
    let pattern = regex("^a", "i");
    for filter in [
        doc! { "a": &pattern },
        doc! { "a": { "$regex": "^a", "$options": "i" } },
        doc! { "a": { "$regex": &pattern } },
        doc! { "a": { "$in": [1, &pattern] } },
        doc! { "a": { "$all": [&pattern] } },
        doc! { "a": { "$not": { "$not": &pattern } } },
    ] {
        let filter = parse(filter);
        assert!(filter.matches(&doc! { "a": "Ab" }), "{filter:?}");
        assert!(filter.matches(&doc! { "a": ["x", "ab"] }), "{filter:?}");
        assert!(filter.matches(&doc! { "a": &pattern }), "{filter:?}");
        assert!(!filter.matches(&doc! { "a": "ba" }), "{filter:?}");
    }
    let exact = parse(doc! { "a": { "$eq": &pattern } });
    assert!(exact.matches(&doc! { "a": &pattern }) && !exact.matches(&doc! { "a": "ab" }));
    assert_eq!(exact, Filter::compare(path("a"), Comparison::Eq, pattern.clone()).unwrap());
    assert_eq!(exact, Filter::one_of(path("a"), [pattern.clone()]).unwrap());
    for filter in [exact.clone().not().unwrap(), exact] {
        assert_eq!(parse(filter.to_document()), filter);
    }
}

#[test]
fn regular_expressions_are_refused_with_their_place() {
    for (filter, kind, at) in [
        (doc! { "a": regex("(", "") }, ErrorKind::Invalid, "a"),
        (doc! { "a": { "$regex": "(" } }, ErrorKind::Invalid, "a.regex"),
        (doc! { "a": { "$regex": "a", "$options": "g" } }, ErrorKind::Invalid, "a.regex"),
        (doc! { "a": { "$regex": 1 } }, ErrorKind::Invalid, "a.regex"),
        (doc! { "a": { "$regex": "a", "$options": 1 } }, ErrorKind::Invalid, "a.regex"),
        (doc! { "a": { "$regex": "a\0" } }, ErrorKind::Invalid, "a.regex"),
        (doc! { "a": { "$options": "i" } }, ErrorKind::Invalid, "a.options"),
        (
            doc! { "a": { "$regex": regex("a", "i"), "$options": "m" } },
            ErrorKind::Invalid,
            "a.regex",
        ),
        (doc! { "a": { "$in": [1, regex("(?=a)", "")] } }, ErrorKind::Unsupported, "a.in[1]"),
        (doc! { "a": { "$not": regex("(a)\\1", "") } }, ErrorKind::Unsupported, "a.not"),
        (doc! { "a": { "$ne": regex("a", "") } }, ErrorKind::Invalid, "a.ne"),
        (doc! { "a": { "$gt": regex("a", "") } }, ErrorKind::Invalid, "a.gt"),
        (doc! { "a": { "$regex": "x".repeat(20_000) } }, ErrorKind::Limit, "a.regex"),
        (doc! { "a": { "$regex": "((x{100}){100}){100}" } }, ErrorKind::Limit, "a.regex"),
    ] {
        assert_refused(filter, kind, at);
    }
    let many = vec![regex("a", ""); 100_000];
    assert_eq!(Filter::parse(&doc! { "a": { "$in": many } }).unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn array_predicates_ask_one_element_or_the_whole() {
    let scores = doc! { "a": [1, 9], "b": [{ "x": 1, "y": 2 }, { "x": 3, "y": 4 }], "c": [[5]] };
    for (filter, expected) in [
        (doc! { "a": { "$elemMatch": { "$gt": 1, "$lt": 9 } } }, false),
        (doc! { "a": { "$gt": 1, "$lt": 9 } }, true),
        (doc! { "b": { "$elemMatch": { "x": 1, "y": 4 } } }, false),
        (doc! { "b.x": 1, "b.y": 4 }, true),
        (doc! { "b": { "$elemMatch": { "$or": [{ "x": 7 }, { "y": 4 }] } } }, true),
        (doc! { "c": { "$elemMatch": { "0": 5 } } }, true),
        (doc! { "c": { "$elemMatch": { "$elemMatch": { "$gt": 4 } } } }, true),
        (doc! { "c": { "$elemMatch": { "$gt": 4 } } }, false),
        (doc! { "a": { "$all": [9, 1] } }, true),
        (doc! { "a": { "$all": [] } }, false),
        (
            doc! { "b": { "$all": [{ "$elemMatch": { "x": 1 } }, { "$elemMatch": { "y": 4 } }] } },
            true,
        ),
        (doc! { "a": { "$size": 2.0 } }, true),
        (doc! { "a": { "$size": 1 } }, false),
        (doc! { "a": { "$mod": [4, 1] } }, true),
        (doc! { "a": { "$mod": [4, 2] } }, false),
    ] {
        let filter = parse(filter);
        assert_eq!(filter.matches(&scores), expected, "{filter:?}");
        assert_eq!(parse(filter.to_document()), filter);
    }
}

#[test]
fn members_are_ordered_and_united_so_that_equal_filters_are_equal() {
    for (left, right) in [
        (doc! { "a": 1, "b": 2 }, doc! { "b": 2, "a": 1 }),
        (doc! { "$and": [{ "a": 1 }, { "a": 1 }] }, doc! { "a": 1 }),
        (
            doc! { "$or": [{ "a": 1 }, { "a": { "$in": [2, 3] } }] },
            doc! { "a": { "$in": [3, 2, 1] } },
        ),
        (
            doc! { "$or": [{ "a": 1 }, { "b": 1 }, { "a": 2 }] },
            doc! { "$or": [{ "b": 1 }, { "a": { "$in": [1, 2] } }] },
        ),
        (doc! { "a": { "$in": [1] } }, doc! { "a": 1 }),
        (doc! { "a": { "$in": [1, 1.0] } }, doc! { "a": { "$in": [1.0, 1] } }),
        (doc! { "a": { "$lt": 5, "$gt": 1 } }, doc! { "a": { "$gt": 1, "$lt": 5 } }),
        (doc! { "a": { "$all": [1, 2] } }, doc! { "$and": [{ "a": 2 }, { "a": 1 }] }),
        (
            doc! { "a": { "$elemMatch": { "$lt": 5, "$gt": 1 } } },
            doc! { "a": { "$elemMatch": { "$not": { "$not": { "$gt": 1, "$lt": 5 } } } } },
        ),
        (
            doc! { "$or": [{ "$and": [{ "b": 1 }, { "a": 1 }] }, { "c": 1 }] },
            doc! { "$or": [{ "c": 1 }, { "a": 1, "b": 1 }] },
        ),
    ] {
        assert_eq!(parse(left.clone()), parse(right), "{left}");
    }
}

#[test]
fn filters_that_differ_in_values_have_one_shape() {
    let shape = |source| parse(source).shape();
    for (left, right, expected) in [
        (
            doc! { "a": 1, "b": { "$gt": "x" } },
            doc! { "b": { "$gt": 7 }, "a": [] },
            "and(a $eq, b $gt)",
        ),
        (doc! { "a": { "$in": [1, 2, 3] } }, doc! { "a": { "$in": ["x"] } }, "a $eq"),
        (doc! { "a": { "$all": [1, 2] } }, doc! { "a": { "$all": [1, 1] } }, "a $eq"),
        (
            doc! { "$or": [{ "a": { "$gt": 1 } }, { "a": { "$gt": 2 } }] },
            doc! { "$or": [{ "a": { "$gt": 1 } }, { "a": { "$gt": 1 } }] },
            "a $gt",
        ),
        (
            doc! { "c": 1, "$or": [{ "a": 1, "b": 1 }, { "a": 2, "b": 2 }] },
            doc! { "c": 1, "$or": [{ "a": 1, "b": 1 }, { "a": 1, "b": 1 }] },
            "and(a $eq, b $eq, c $eq)",
        ),
        (
            doc! { "$nor": [{ "a": { "$ne": 1 } }, { "a": { "$ne": 2 } }] },
            doc! { "$nor": [{ "a": { "$ne": 1 } }] },
            "a $eq",
        ),
        (
            doc! { "a": { "$regex": "x" } },
            doc! { "a": { "$regex": "y", "$options": "i" } },
            "a $regex",
        ),
        (
            doc! { "a": { "$elemMatch": { "$gt": 1, "$lt": 2 } } },
            doc! { "a": { "$elemMatch": { "$lt": 1, "$gt": 2 } } },
            "a $elemMatch(and($gt, $lt))",
        ),
        (
            doc! { "a": { "$elemMatch": { "b": 1, "c": { "$size": 2 } } } },
            doc! { "a": { "$elemMatch": { "c": { "$size": 1 }, "b": 2 } } },
            "a $elemMatch(and(b $eq, c $size))",
        ),
        (doc! { "a, b": { "$ne": 1 } }, doc! { "a, b": { "$nin": [1, 2] } }, r#"not("a, b" $eq)"#),
        (doc! {}, doc! { "$and": [{}] }, "all"),
    ] {
        assert_eq!((shape(left), shape(right)), (expected.to_owned(), expected.to_owned()));
    }
    assert_ne!(shape(doc! { "a": 1 }), shape(doc! { "b": 1 }));
    assert_ne!(shape(doc! { "a": { "$gt": 1 } }), shape(doc! { "a": { "$gte": 1 } }));
    let wide = |last: &str| {
        let names = (0..1_000).map(|number| format!("field{number}")).chain([last.to_owned()]);
        shape(names.map(|name| (name, Bson::Int32(1))).collect())
    };
    assert!(wide("x").len() < 600);
    assert_ne!(wide("x"), wide("y"));
}

#[test]
fn a_document_is_a_value_by_its_first_name_and_in_all_unless_that_is_an_operator() {
    for filter in [doc! { "a": { "b": 1, "$gt": 1 } }, doc! { "a": { "$all": [{ "$other": 1 }] } }]
    {
        let parsed = Filter::parse(&filter).unwrap();
        assert!(!parsed.matches(&doc! { "a": { "b": 1 } }), "{filter}");
        assert_eq!(Filter::parse(&parsed.to_document()).unwrap(), parsed);
    }
    assert_refused(
        doc! { "a": { "$all": [{ "$bitsAllSet": 1 }] } },
        ErrorKind::Invalid,
        "a.all[0]",
    );
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
        (doc! { "a": { "$type": "text" } }, "a.type"),
        (doc! { "a": { "$type": 2.5 } }, "a.type"),
        (doc! { "a": { "$eq": Bson::Undefined } }, "a.eq"),
        (doc! { "a..b": 1 }, "a..b"),
        (doc! { "a.$b": 1 }, "a.$b"),
        (doc! { "a": { "$size": -1 } }, "a.size"),
        (doc! { "a": { "$size": 1.5 } }, "a.size"),
        (doc! { "a": { "$size": 1_i64 << 31 } }, "a.size"),
        (doc! { "a": { "$mod": [0, 1] } }, "a.mod"),
        (doc! { "a": { "$mod": [1] } }, "a.mod"),
        (doc! { "a": { "$mod": [1, "1"] } }, "a.mod"),
        (doc! { "a": { "$all": 1 } }, "a.all"),
        (doc! { "a": { "$all": [1, { "$gt": 1 }] } }, "a.all[1]"),
        (doc! { "a": { "$all": [{ "$elemMatch": {} }, 1] } }, "a.all[1]"),
        (doc! { "a": { "$elemMatch": 1 } }, "a.elemMatch"),
        (doc! { "a": { "$elemMatch": { "$gt": 1, "b": 1 } } }, "a.elemMatch"),
        (doc! { "a": { "$elemMatch": { "b": { "$size": "x" } } } }, "a.elemMatch.b.size"),
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
        (Filter::none_of(path("a"), ["x"]).unwrap(), doc! { "a": { "$ne": "x" } }),
        (
            Filter::contains_all(path("a"), ["x", "y"]).unwrap(),
            doc! { "$and": [{ "a": "x" }, { "a": "y" }] },
        ),
        (
            Filter::regex(path("a"), "^x", "i").unwrap(),
            doc! { "a": { "$regex": "^x", "$options": "i" } },
        ),
        (Filter::size(path("a"), 2), doc! { "a": { "$size": 2_i64 } }),
        (Filter::modulo(path("a"), 4, -1).unwrap(), doc! { "a": { "$mod": [4_i64, -1_i64] } }),
        (
            Filter::any_document(path("a"), a.clone()).unwrap(),
            doc! { "a": { "$elemMatch": { "a.b": 1 } } },
        ),
        (
            Filter::any_value(path("a"), [(Comparison::Gt, 1), (Comparison::Lt, 5)]).unwrap(),
            doc! { "a": { "$elemMatch": { "$gt": 1, "$lt": 5 } } },
        ),
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
