//! Which plan comes of which question.
#![allow(clippy::unwrap_used)]

use bson::{Document, doc};

use super::*;

/// An index that claims to have so many keys in whatever range.
struct Known {
    spec: IndexSpec,
    entity: Option<EntityName>,
    multikey: u32,
    keys: u64,
}

impl Candidate for Known {
    fn spec(&self) -> &IndexSpec {
        &self.spec
    }

    fn entity(&self) -> Option<EntityName> {
        self.entity
    }

    fn multikey(&self) -> u32 {
        self.multikey
    }

    fn estimate(&self, _: &[KeyRange]) -> u64 {
        self.keys
    }
}

fn index(declared: Document) -> Known {
    let spec = IndexSpec::parse(&declared).unwrap();
    Known { spec, entity: None, multikey: 0, keys: 10 }
}

fn on(key: Document) -> Known {
    index(doc! { "key": key })
}

fn filter(document: Document) -> Filter {
    Filter::parse(&document).unwrap()
}

fn sort(keys: &[(&str, bool)]) -> Vec<(FieldPath, bool)> {
    keys.iter().map(|(path, down)| (FieldPath::parse(path).unwrap(), *down)).collect()
}

fn planned(candidates: &[Known], asked: Document) -> Option<Plan> {
    let filter = filter(asked);
    let question = Question { filter: &filter, sort: &[], limit: None, hint: None };
    plan(candidates, question).unwrap()
}

/// The bounds of a plan as text, and what is left of the filter.
#[track_caller]
fn assert_plan(index: Known, asked: Document, bounds: &[&str], ranges: usize, left: Document) {
    let plan = planned(&[index], asked).expect("the index is of use");
    let shown: Vec<String> = plan
        .bounds
        .iter()
        .map(|(path, bounds)| {
            let each: Vec<_> = bounds.intervals.iter().map(ToString::to_string).collect();
            format!("{path} {}", each.join(" "))
        })
        .collect();
    assert_eq!(shown, bounds);
    assert_eq!(plan.ranges.len(), ranges);
    assert!(plan.ranges.iter().all(|(start, end)| start < end), "{:?}", plan.ranges);
    assert!(plan.ranges.is_sorted_by(|a, b| a.1 <= b.0), "{:?}", plan.ranges);
    assert_eq!(plan.residual.to_document(), left);
}

#[test]
fn equality_comes_before_a_range_and_nothing_after_it() {
    let asked = doc! { "a": 1, "b": { "$gt": 2, "$lte": 5 }, "c": 3, "d": 4 };
    let index = on(doc! { "a": 1, "b": -1, "c": 1 });
    assert_plan(index, asked, &["a [1, 1]", "b (2, 5]"], 1, doc! { "c": 3, "d": 4 });
}

#[test]
fn a_list_of_values_is_as_many_ranges() {
    let asked = doc! { "a": { "$in": [1, 2, 3] }, "b": { "$in": [5, 7] } };
    let index = on(doc! { "a": 1, "b": -1 });
    assert_plan(index, asked, &["a [1, 1] [2, 2] [3, 3]", "b [5, 5] [7, 7]"], 6, doc! {});
    let many: Vec<i32> = (0..40).collect();
    let asked = doc! { "a": { "$in": many.clone() }, "b": { "$in": many.clone() } };
    let plan = planned(&[on(doc! { "a": 1, "b": 1 })], asked).unwrap();
    assert_eq!((plan.ranges.len(), plan.bounds.len()), (40, 1));
}

#[test]
fn bounds_that_exclude_one_another_are_no_ranges() {
    let plan = planned(&[on(doc! { "a": 1 })], doc! { "a": { "$gt": 5, "$lt": 3 } }).unwrap();
    assert!(plan.ranges.is_empty());
}

#[test]
fn null_is_looked_for_and_asked_again() {
    assert_plan(
        on(doc! { "a": 1 }),
        doc! { "a": null },
        &["a [null, null]"],
        1,
        doc! { "a": null },
    );
}

#[test]
fn an_index_is_of_no_use_without_its_first_field() {
    let candidates = [on(doc! { "a": 1, "b": 1 })];
    for asked in [
        doc! { "b": 1 },
        doc! { "a": [1] },
        doc! { "a": { "$ne": 1 } },
        doc! { "$or": [{ "a": 1 }, { "b": 1 }] },
        doc! { "a": { "$exists": true } },
        doc! {},
    ] {
        assert!(planned(&candidates, asked.clone()).is_none(), "{asked}");
    }
}

#[test]
fn of_an_array_one_bound_counts_and_of_one_array_one_field() {
    let array = |key, multikey| Known { multikey, ..on(key) };
    let asked = doc! { "a": { "$gt": 2, "$lt": 1 } };
    assert_plan(array(doc! { "a": 1 }, 1), asked, &["a (2, )"], 1, doc! { "a": { "$lt": 1 } });
    let asked = doc! { "a.b": 1, "a.c": 2, "d": 3 };
    let index = array(doc! { "d": 1, "a.b": 1, "a.c": 1 }, 0b110);
    assert_plan(index, asked, &["d [3, 3]", "a.b [1, 1]"], 1, doc! { "a.c": 2 });
}

#[test]
fn an_index_of_a_type_answers_for_that_type() {
    let city = EntityName::new("City").unwrap();
    let of = || Known { entity: Some(city), ..on(doc! { "a": 1 }) };
    assert_plan(of(), doc! { "entity": "City", "a": 1 }, &["a [1, 1]"], 1, doc! {});
    assert!(planned(&[of()], doc! { "a": 1 }).is_none());
    assert!(planned(&[of()], doc! { "entity": "Port", "a": 1 }).is_none());
    let both = doc! { "entity": { "$in": ["City", "Port"] }, "a": 1 };
    assert!(planned(&[of()], both).is_none());
}

#[test]
fn a_sparse_index_needs_a_field_that_must_be_there() {
    let sparse = || index(doc! { "key": { "a": 1, "b": 1 }, "sparse": true });
    assert!(planned(&[sparse()], doc! { "a": null }).is_none());
    assert!(planned(&[sparse()], doc! { "a": { "$in": [1, null] } }).is_none());
    assert!(planned(&[sparse()], doc! { "a": 1 }).is_some());
    assert!(planned(&[sparse()], doc! { "a": null, "b": { "$exists": true } }).is_some());
}

#[test]
fn a_partial_index_needs_its_filter_to_follow() {
    let partial =
        |held: Document| index(doc! { "key": { "a": 1 }, "partialFilterExpression": held });
    let usable = |held: &Document, asked: &Document| {
        planned(&[partial(held.clone())], asked.clone()).is_some()
    };
    let held = doc! { "b": { "$gte": 5 } };
    for b in [doc! { "$gte": 5 }, doc! { "$gt": 5 }, doc! { "$eq": 6 }, doc! { "$in": [5, 9.5] }] {
        assert!(usable(&held, &doc! { "a": 1, "b": b.clone() }), "{b}");
    }
    for b in [doc! { "$gte": 4 }, doc! { "$eq": "6" }, doc! { "$in": [4, 9] }, doc! { "$lt": 9 }] {
        assert!(!usable(&held, &doc! { "a": 1, "b": b.clone() }), "{b}");
    }
    assert!(!usable(&held, &doc! { "a": 1 }));
    let there = doc! { "b": { "$exists": true } };
    assert!(usable(&there, &doc! { "a": 1, "b": 0 }));
    assert!(!usable(&there, &doc! { "a": 1, "b": null }));
    // What it holds need not be asked again.
    let plan = planned(&[partial(held.clone())], doc! { "a": 1, "b": { "$gte": 5 } }).unwrap();
    assert!(plan.residual.is_all());
}

#[test]
fn an_order_is_given_by_what_follows_the_fixed_fields() {
    let candidates = [on(doc! { "a": 1, "b": -1, "c": 1 })];
    let order = |asked: Document, by: &[(&str, bool)]| {
        let (filter, sort) = (filter(asked), sort(by));
        let question = Question { filter: &filter, sort: &sort, limit: Some(5), hint: None };
        plan(&candidates, question).unwrap().and_then(|plan| plan.order)
    };
    let given =
        |backward, fixed, fields| Some(Order { backward, fields, fixed, ids_descend: false });
    assert_eq!(order(doc! { "a": 1 }, &[("b", true)]), given(false, 1, 2));
    assert_eq!(order(doc! { "a": 1 }, &[("b", false)]), given(true, 1, 2));
    assert_eq!(
        order(doc! { "a": 1 }, &[("a", true), ("b", true), ("c", false)]),
        given(false, 1, 3)
    );
    assert_eq!(order(doc! {}, &[("a", true), ("b", false), ("c", true)]), given(true, 0, 3));
    assert_eq!(order(doc! { "a": 1 }, &[("b", true), ("_id", false)]), given(false, 1, 2));
    for by in [&[("c", false)][..], &[("b", true), ("c", true)], &[("b", true), ("d", true)]] {
        assert_eq!(order(doc! { "a": 1 }, by), None, "{by:?}");
    }
    assert_eq!(order(doc! { "a": { "$in": [1, 2] } }, &[("b", true)]), None);
    assert_eq!(
        order(doc! { "a": { "$in": [1, 2] } }, &[("a", false), ("b", true)]),
        given(false, 0, 2)
    );
}

#[test]
fn an_array_gives_no_order() {
    let candidates = [Known { multikey: 1, ..on(doc! { "a": 1 }) }];
    let (filter, sort) = (filter(doc! { "a": { "$gt": 1 } }), sort(&[("a", false)]));
    let question = Question { filter: &filter, sort: &sort, limit: Some(5), hint: None };
    assert_eq!(plan(&candidates, question).unwrap().unwrap().order, None);
}

#[test]
fn the_index_with_fewer_keys_is_chosen_unless_a_hint_says_otherwise() {
    let candidates =
        [Known { keys: 90, ..on(doc! { "a": 1 }) }, Known { keys: 9, ..on(doc! { "b": 1 }) }];
    let filter = filter(doc! { "a": 1, "b": 1 });
    let ask = |hint| plan(&candidates, Question { filter: &filter, sort: &[], limit: None, hint });
    assert_eq!(ask(None).unwrap().unwrap().candidate, 1);
    assert_eq!(ask(Some("a_1")).unwrap().unwrap().candidate, 0);
    assert!(ask(Some("c_1")).is_err());
}
