use futures_util::TryStreamExt;
use jvspatial_core::{Error, ErrorKind, Graph, Predicate};

use crate::backends::graphs;
use crate::model::{City, CityFields, Climate, Country, Road};

async fn sample() -> Graph {
    let graph = Graph::open("memory:").await.unwrap();
    fill(&graph).await;
    graph
}

async fn fill(graph: &Graph) {
    let mut cities = [
        City::at("Oslo", 59.9),
        City::at("Tromsø", 69.6),
        City::at("Roma", 41.9),
        City::at("Quito", -0.2),
    ];
    cities[0].nickname = Some("Tigerstaden".into());
    cities[0].visits = 3;
    cities[1].climate = Some(Climate::Polar);
    cities[1].tags = vec!["north".into(), "sea".into()];
    cities[2].climate = Some(Climate::Mild);
    cities[2].visits = 9;
    graph.create_many(cities).await.unwrap();
    let country = Country { code: "Oslo".into() };
    graph.create(country).await.unwrap();
}

async fn found(graph: &Graph, filter: impl FnOnce(CityFields) -> Predicate) -> Vec<String> {
    let found = graph.nodes::<City>().filter(filter).all().await.unwrap();
    found.into_iter().map(|city| city.name.clone()).collect()
}

#[tokio::test]
async fn comparisons_find_what_they_say() {
    for graph in graphs().await {
        fill(&graph).await;
        assert_eq!(found(&graph, |c| c.name.eq("Roma")).await, ["Roma"]);
        assert_eq!(found(&graph, |c| c.name.eq(String::from("Roma"))).await, ["Roma"]);
        assert_eq!(found(&graph, |c| c.latitude.gte(59.9)).await, ["Oslo", "Tromsø"]);
        assert_eq!(found(&graph, |c| c.latitude.gt(59.9)).await, ["Tromsø"]);
        assert_eq!(found(&graph, |c| c.latitude.lt(0.0)).await, ["Quito"]);
        assert_eq!(found(&graph, |c| c.visits.lte(3).and(c.visits.ne(0))).await, ["Oslo"]);
        assert_eq!(found(&graph, |c| c.visits.one_of([3, 9])).await, ["Oslo", "Roma"]);
        assert_eq!(found(&graph, |c| c.name.none_of(["Oslo", "Roma", "Quito"])).await, ["Tromsø"]);
        assert_eq!(found(&graph, |c| c.tags.contains("sea")).await, ["Tromsø"]);
    }
}

#[tokio::test]
async fn enums_are_compared_as_they_are_stored() {
    for graph in graphs().await {
        fill(&graph).await;
        assert_eq!(found(&graph, |c| c.climate.eq(Climate::Polar)).await, ["Tromsø"]);
        assert_eq!(found(&graph, |c| c.climate.eq(Some(Climate::Mild))).await, ["Roma"]);
    }
}

#[tokio::test]
async fn options_are_compared_by_value_or_by_absence() {
    for graph in graphs().await {
        fill(&graph).await;
        let named = ["Oslo"];
        assert_eq!(found(&graph, |c| c.nickname.eq("Tigerstaden")).await, named);
        assert_eq!(found(&graph, |c| c.nickname.ne(None)).await, named);
        assert_eq!(found(&graph, |c| c.nickname.exists()).await, named);
        assert_eq!(found(&graph, |c| c.nickname.is_null().not()).await, named);
        assert_eq!(found(&graph, |c| !c.nickname.is_missing()).await, named);
        let rest = ["Tromsø", "Roma", "Quito"];
        assert_eq!(found(&graph, |c| c.nickname.eq(None)).await, rest);
    }
}

#[tokio::test]
async fn or_joins_and_several_filters_all_hold() {
    let graph = sample().await;
    let ends = |c: CityFields| c.latitude.lt(0.0).or(c.latitude.gt(60.0));
    assert_eq!(found(&graph, ends).await, ["Tromsø", "Quito"]);
    let search = graph.nodes::<City>().filter(ends).filter(|c| c.tags.contains("north"));
    let search = search.filter_doc(&bson::doc! { "context.name": { "$ne": "Quito" } });
    assert_eq!(search.count().await.unwrap(), 1);
}

#[tokio::test]
async fn only_the_type_asked_for_is_found() {
    let graph = sample().await;
    assert_eq!(graph.nodes::<City>().count().await.unwrap(), 4);
    assert_eq!(graph.nodes::<Country>().count().await.unwrap(), 1);
    assert_eq!(graph.edges::<Road>().count().await.unwrap(), 0);
}

#[tokio::test]
async fn skip_and_limit_bound_every_answer_alike() {
    for graph in graphs().await {
        fill(&graph).await;
        for (skip, limit, expected) in [
            (0, 2, vec!["Oslo", "Tromsø"]),
            (1, 2, vec!["Tromsø", "Roma"]),
            (3, 5, vec!["Quito"]),
            (9, 1, vec![]),
            (0, 0, vec![]),
        ] {
            let search = || graph.nodes::<City>().skip(skip).limit(limit);
            let all: Vec<_> = search().all().await.unwrap();
            let all: Vec<_> = all.iter().map(|city| city.name.as_str()).collect();
            assert_eq!(all, expected);
            assert_eq!(search().count().await.unwrap(), expected.len() as u64);
            let first = search().first().await.unwrap();
            assert_eq!(first.as_ref().map(|city| city.name.as_str()), expected.first().copied());
            let streamed: Vec<_> = search().stream().try_collect().await.unwrap();
            assert_eq!(streamed.len(), expected.len());
        }
    }
}

#[tokio::test]
async fn a_stream_is_read_without_a_trait_in_scope() {
    let graph = sample().await;
    let mut stream = graph.nodes::<City>().stream();
    let mut names = Vec::new();
    while let Some(city) = stream.try_next().await.unwrap() {
        names.push(city.name.clone());
    }
    assert_eq!(names, ["Oslo", "Tromsø", "Roma", "Quito"]);
    assert!(stream.try_next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_number_that_cannot_be_stored_is_reported_where_the_search_ends() {
    let graph = sample().await;
    let search = || {
        let too_large = |c: CityFields| c.visits.eq(u64::MAX).and(c.name.eq("Oslo")).not();
        graph.nodes::<City>().filter(too_large).limit(1)
    };
    let check = |error: Error| {
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert_eq!(error.context("field"), Some("context.visits"), "{error}");
    };
    check(search().all().await.unwrap_err());
    check(search().first().await.unwrap_err());
    check(search().count().await.unwrap_err());
    let mut stream = search().stream();
    check(stream.try_next().await.unwrap_err());
    assert!(stream.try_next().await.unwrap().is_none());
}
