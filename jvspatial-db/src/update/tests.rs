#![allow(clippy::unwrap_used)]

use bson::{Bson, DateTime, Document, doc};

use super::{ElementOrder, PushOptions, Update};
use crate::error::ErrorKind;
use crate::filter::{FieldPath, Filter};
use crate::limits::{MAX_LIST_PADDING, MAX_UPDATE_FIELDS};

fn applied(update: Update, mut fields: Document) -> Document {
    update.apply(&mut fields, DateTime::from_millis(0)).unwrap();
    fields
}

fn path(text: &str) -> FieldPath {
    text.parse().unwrap()
}

/// Refuses an update and checks that the message names its field.
fn refused(update: Document, kind: ErrorKind, field: &str) {
    let error = Update::parse(&update).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert_eq!(error.context("field"), Some(field), "{error}");
}

#[test]
fn only_the_fields_of_the_user_can_be_changed() {
    for field in [
        "_id",
        "_id.x",
        "_version",
        "_v",
        "entity",
        "source",
        "target",
        "bidirectional",
        "context",
        "name",
        "context_",
        "contexts.a",
    ] {
        refused(doc! { "$set": { field: 1 } }, ErrorKind::Invalid, field);
        refused(doc! { "$rename": { field: "context.a" } }, ErrorKind::Invalid, field);
        refused(doc! { "$rename": { "context.a": field } }, ErrorKind::Invalid, field);
    }
}

#[test]
fn a_document_that_would_replace_another_is_refused() {
    for update in [doc! {}, doc! { "name": "Oslo" }, doc! { "context": { "a": 1 } }] {
        let error = Update::parse(&update).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains("replaces"), "{error}");
    }
}

#[test]
fn positional_operators_and_left_out_operators_are_unsupported() {
    for field in ["context.a.$", "context.a.$[].b", "context.a.$[x]"] {
        refused(doc! { "$set": { field: 1 } }, ErrorKind::Unsupported, field);
    }
    for operator in ["$bit", "$pullAll"] {
        let error = Update::parse(&doc! { operator: { "context.a": 1 } }).unwrap_err();
        assert_eq!(
            (error.kind(), error.context("operator")),
            (ErrorKind::Unsupported, Some(operator))
        );
    }
}

#[test]
fn changes_that_meet_are_refused_with_the_place() {
    let update = doc! { "$set": { "context.a": 1 }, "$inc": { "context.a.b": 1 } };
    let error = Update::parse(&update).unwrap_err();
    let message = "updating the path 'context.a.b' would create a conflict at 'context.a'";
    assert_eq!(error.message(), message);
    let one = Update::set(path("context.a"), 1).unwrap();
    let error = one.clone().and(one).unwrap_err();
    assert_eq!(error.context("field"), Some("context.a"));
}

#[test]
fn names_that_no_document_may_have_are_refused_inside_values() {
    for name in ["$x", "a.b", "", "a\0b"] {
        for value in [doc! { name: 1 }, doc! { "in": [{ name: 1 }] }] {
            for operator in ["$set", "$setOnInsert", "$min", "$max", "$push", "$addToSet"] {
                let update = doc! { operator: { "context.v": value.clone() } };
                refused(update, ErrorKind::Invalid, "context.v");
            }
            let each = doc! { "$push": { "context.v": { "$each": [value] } } };
            refused(each, ErrorKind::Invalid, "context.v");
        }
    }
}

#[test]
fn an_update_has_bounds_in_size_depth_and_fields() {
    let limit = |update: Document| {
        let error = Update::parse(&update).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
        assert!(error.context("limit").is_some() && error.to_string().len() < 1_000);
    };
    limit(doc! { "$set": { "context.v": "x".repeat(17 << 20) } });
    let deep = (0..1_000).fold(Bson::Int32(1), |inner, _| Bson::Array(vec![inner]));
    limit(doc! { "$set": { "context.v": deep.clone() } });
    limit(doc! { "$pull": { "context.v": { "x": deep } } });
    let fields: Document =
        (0..=MAX_UPDATE_FIELDS).map(|n| (format!("context.f{n}"), Bson::Int32(1))).collect();
    limit(doc! { "$set": fields });
    let position = format!("context.v.{}", MAX_LIST_PADDING + 1);
    let update = Update::parse(&doc! { "$set": { position: 1 } }).unwrap();
    let error = update.apply(&mut doc! { "v": [] }, DateTime::now()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
}

#[test]
fn values_in_code_are_taken_as_they_are() {
    let list = || path("context.v");
    let looks_like_each = Update::push(list(), [doc! { "each": 1 }], PushOptions::new()).unwrap();
    assert_eq!(applied(looks_like_each, doc! {}), doc! { "v": [{ "each": 1 }] });
    // In the language a document would be a condition on the fields of the elements.
    let before = doc! { "v": [{ "a": 1 }, { "a": 1, "b": 2 }] };
    let equal = Update::pull(list(), doc! { "a": 1 }).unwrap();
    assert_eq!(applied(equal, before.clone()), doc! { "v": [{ "a": 1, "b": 2 }] });
    let filter = Filter::parse(&doc! { "a": 1 }).unwrap();
    let matching = Update::pull_matching(list(), filter).unwrap();
    assert_eq!(applied(matching, before), doc! { "v": [] });
}

#[test]
fn every_constructor_prints_what_the_parser_reads() {
    let v = || path("context.v");
    let order = ElementOrder::by_descending(path("x")).then(ElementOrder::by_ascending(path("y")));
    let options = PushOptions::new().position(-1).slice(5).sort(order);
    let updates = [
        Update::set(v(), 1),
        Update::set_on_insert(v(), "x"),
        Update::unset(v()),
        Update::inc(v(), -2),
        Update::mul(v(), 1.5),
        Update::min(v(), Bson::Null),
        Update::max(v(), vec![1, 2]),
        Update::current_date(v()),
        Update::current_timestamp(v()),
        Update::rename(v(), &path("context.w")),
        Update::push(v(), [1, 2], options),
        Update::push(v(), ["a"], PushOptions::new().sort(ElementOrder::descending())),
        Update::add_to_set(v(), [1, 2]),
        Update::pull(v(), 1),
        Update::pull(v(), doc! { "a": 1 }),
        Update::pull_matching(v(), Filter::parse(&doc! { "a": { "$gt": 1 } }).unwrap()),
        Update::pop_first(v()),
        Update::pop_last(v()),
        Update::none(),
    ];
    for update in updates {
        let printed = update.unwrap().to_document();
        assert_eq!(Update::parse(&printed).unwrap().to_document(), printed);
    }
    for refused in [Update::set(path("_id"), 1), Update::inc(v(), "x"), Update::rename(v(), &v())] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[test]
fn an_update_names_the_paths_that_it_changes() {
    let update = doc! { "$set": { "context.a": 1 }, "$rename": { "context.b": "context.c" } };
    let update = Update::parse(&update).unwrap();
    let paths: Vec<&str> = update.paths().map(FieldPath::as_str).collect();
    assert_eq!(paths, ["context.a", "context.b", "context.c"]);
    assert!(!update.is_empty() && Update::none().unwrap().is_empty());
}

#[test]
fn only_an_insert_heeds_set_on_insert() {
    let update = doc! { "$setOnInsert": { "context.a.b": 1 }, "$inc": { "context.n": 1 } };
    let update = Update::parse(&update).unwrap();
    let mut new = doc! {};
    update.apply_on_insert(&mut new, DateTime::now()).unwrap();
    assert_eq!(new, doc! { "a": { "b": 1 }, "n": 1 });
    // A scalar in the way is no error where nothing is to be set.
    assert_eq!(applied(update, doc! { "a": 3 }), doc! { "a": 3, "n": 1 });
}

#[test]
fn a_large_list_takes_many_new_values_in_a_moment() {
    const COUNT: i32 = 200_000;
    let update = Update::add_to_set(path("context.v"), (0..COUNT).map(|n| n * 2)).unwrap();
    let before = doc! { "v": (0..COUNT).map(Bson::Int32).collect::<Vec<_>>() };
    let after = applied(update, before);
    assert_eq!(after.get_array("v").unwrap().len(), COUNT as usize * 3 / 2);
}
