use bson::doc;
use jvspatial_core::{Error, ErrorKind, Field, Graph, Predicate};
use proptest::prelude::*;

use crate::backends::graphs;
use crate::model::{City, CityFields};

async fn fill(graph: &Graph) {
    let mut cities = [City::new("Oslo"), City::new("Tromsø"), City::new("oslo\nRoma")];
    cities[0].nickname = Some("Tigerstaden".into());
    cities[0].tags = vec!["capital".into(), "sea".into()];
    cities[0].visits = 3;
    cities[1].tags = vec!["north".into(), "sea".into(), "sea".into()];
    cities[1].visits = 8;
    graph.create_many(cities).await.unwrap();
}

async fn found(graph: &Graph, filter: impl FnOnce(CityFields) -> Predicate) -> Vec<String> {
    let found = graph.nodes::<City>().filter(filter).sort(|c| c.name.asc()).all().await.unwrap();
    found.into_iter().map(|city| city.name.clone()).collect()
}

#[tokio::test]
async fn expressions_are_found_in_text() {
    for graph in graphs().await {
        fill(&graph).await;
        assert_eq!(found(&graph, |c| c.name.matches("^Os")).await, ["Oslo"]);
        assert_eq!(
            found(&graph, |c| c.name.matches_with("^os", "i")).await,
            ["Oslo", "oslo\nRoma"]
        );
        assert_eq!(found(&graph, |c| c.name.matches_with("^R", "m")).await, ["oslo\nRoma"]);
        assert_eq!(found(&graph, |c| c.name.matches_with("o.R", "s")).await, ["oslo\nRoma"]);
        assert_eq!(found(&graph, |c| c.name.matches_with("^ O s # x\n", "x")).await, ["Oslo"]);
        assert_eq!(found(&graph, |c| c.nickname.matches("staden$")).await, ["Oslo"]);
        let unnamed = found(&graph, |c| c.nickname.matches("staden$").not()).await;
        assert_eq!(unnamed, ["Tromsø", "oslo\nRoma"]);
    }
}

#[tokio::test]
async fn lists_are_asked_for_what_they_hold() {
    for graph in graphs().await {
        fill(&graph).await;
        assert_eq!(found(&graph, |c| c.tags.contains("sea")).await, ["Oslo", "Tromsø"]);
        assert_eq!(found(&graph, |c| c.tags.all(["sea", "north"])).await, ["Tromsø"]);
        assert!(found(&graph, |c| c.tags.all::<&str>([])).await.is_empty());
        assert_eq!(found(&graph, |c| c.tags.size(3)).await, ["Tromsø"]);
        assert_eq!(found(&graph, |c| c.tags.size(0)).await, ["oslo\nRoma"]);
        assert!(found(&graph, |c| c.tags.size(u32::MAX)).await.is_empty());
        let between = |c: CityFields| c.tags.any(|tag| tag.gt("d").and(tag.lt("o")));
        assert_eq!(found(&graph, between).await, ["Tromsø"]);
        let either = |c: CityFields| c.tags.any(|tag| tag.eq("capital").or(tag.matches("^n")));
        assert_eq!(found(&graph, either).await, ["Oslo", "Tromsø"]);
        assert_eq!(
            found(&graph, |c| c.tags.any(|tag| tag.ne("sea").and(tag.lt("d")))).await,
            ["Oslo"]
        );
    }
}

#[tokio::test]
async fn integers_are_asked_for_a_remainder() {
    for graph in graphs().await {
        fill(&graph).await;
        assert_eq!(found(&graph, |c| c.visits.modulo(5, 3)).await, ["Oslo", "Tromsø"]);
        assert_eq!(found(&graph, |c| c.visits.modulo(2, 1)).await, ["Oslo"]);
    }
}

async fn refused(graph: &Graph, filter: impl FnOnce(CityFields) -> Predicate) -> Error {
    graph.nodes::<City>().filter(filter).count().await.unwrap_err()
}

#[tokio::test]
async fn what_no_condition_can_be_names_the_field() {
    let graph = Graph::open("memory:").await.unwrap();
    for (error, field, kind) in [
        (refused(&graph, |c| c.name.matches("(")).await, "name", ErrorKind::Invalid),
        (refused(&graph, |c| c.name.matches("a\0")).await, "name", ErrorKind::Invalid),
        (refused(&graph, |c| c.name.matches_with("a", "g")).await, "name", ErrorKind::Invalid),
        (refused(&graph, |c| c.name.matches("(?=a)")).await, "name", ErrorKind::Unsupported),
        (refused(&graph, |c| c.visits.modulo(0, 1)).await, "visits", ErrorKind::Invalid),
        (refused(&graph, |c| c.tags.any(|tag| tag.matches("("))).await, "tags", ErrorKind::Invalid),
        (
            refused(&graph, |c| c.tags.any(|tag| tag.matches("a\0"))).await,
            "tags",
            ErrorKind::Invalid,
        ),
        (refused(&graph, |c| c.tags.all(vec!["tag"; 1_000_000])).await, "tags", ErrorKind::Limit),
        (
            refused(&graph, |c| c.tags.any(|tag| tag.one_of(vec!["tag"; 1_000_000]))).await,
            "tags",
            ErrorKind::Limit,
        ),
    ] {
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.context("field"), Some(format!("context.{field}").as_str()), "{error}");
    }
}

#[tokio::test]
async fn a_value_that_looks_like_operators_is_a_value() {
    let graph = Graph::open("memory:").await.unwrap();
    let mut city = City::new("{\"$gt\": \"\"}");
    city.tags = vec!["$where".into()];
    graph.create(city).await.unwrap();
    assert!(found(&graph, |c| c.name.eq("$gt")).await.is_empty());
    assert_eq!(found(&graph, |c| c.name.eq("{\"$gt\": \"\"}")).await.len(), 1);
    assert_eq!(found(&graph, |c| c.tags.any(|tag| tag.eq("$where"))).await.len(), 1);
}

/// A condition on a number.
#[derive(Clone, Debug)]
enum Asked {
    Eq(i64),
    Ne(i64),
    Gt(i64),
    Lte(i64),
    OneOf(Vec<i64>),
    Modulo(i64),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
}

impl Asked {
    fn typed(&self, field: Field<i64>) -> Predicate {
        match self {
            Self::Eq(value) => field.eq(value),
            Self::Ne(value) => field.ne(value),
            Self::Gt(value) => field.gt(value),
            Self::Lte(value) => field.lte(value),
            Self::OneOf(values) => field.one_of(values),
            Self::Modulo(remainder) => field.modulo(3, *remainder),
            Self::And(a, b) => a.typed(field).and(b.typed(field)),
            Self::Or(a, b) => a.typed(field).or(b.typed(field)),
            Self::Not(inner) => inner.typed(field).not(),
        }
    }

    fn holds(&self, number: i64) -> bool {
        match self {
            Self::Eq(value) => number == *value,
            Self::Ne(value) => number != *value,
            Self::Gt(value) => number > *value,
            Self::Lte(value) => number <= *value,
            Self::OneOf(values) => values.contains(&number),
            Self::Modulo(remainder) => number % 3 == *remainder,
            Self::And(a, b) => a.holds(number) && b.holds(number),
            Self::Or(a, b) => a.holds(number) || b.holds(number),
            Self::Not(inner) => !inner.holds(number),
        }
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let value = -3_i64..4;
    let leaf = prop_oneof![
        value.clone().prop_map(Asked::Eq),
        value.clone().prop_map(Asked::Ne),
        value.clone().prop_map(Asked::Gt),
        value.clone().prop_map(Asked::Lte),
        proptest::collection::vec(value, 0..3).prop_map(Asked::OneOf),
        (-2_i64..3).prop_map(Asked::Modulo),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let pair = (inner.clone().prop_map(Box::new), inner.clone().prop_map(Box::new));
        prop_oneof![
            pair.clone().prop_map(|(a, b)| Asked::And(a, b)),
            pair.prop_map(|(a, b)| Asked::Or(a, b)),
            inner.prop_map(|inner| Asked::Not(Box::new(inner))),
        ]
    })
}

proptest! {
    #[test]
    fn any_answers_as_rust_does_or_refuses(
        asked in asked(),
        lists in proptest::collection::vec(proptest::collection::vec(-4_i64..5, 0..4), 8),
    ) {
        let numbers = Field::<Vec<i64>>::new("context.numbers");
        match numbers.any(|number| asked.typed(number)).into_filter() {
            Ok(filter) => {
                for list in lists {
                    let expected = list.iter().any(|number| asked.holds(*number));
                    let document = doc! { "context": { "numbers": list } };
                    prop_assert_eq!(filter.matches(&document), expected, "{:?}", document);
                }
            }
            Err(error) => {
                prop_assert!(error.to_string().contains("twice"), "{}", error);
            }
        }
    }
}
