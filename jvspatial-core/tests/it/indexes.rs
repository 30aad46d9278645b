//! Single indexes, and what unique ones refuse.

use jvspatial_core::{Error, ErrorKind, Graph, Index, Stored};
use jvspatial_db::{Collection, FieldPath, Id, IndexKey, IndexSpec, Outcome};

use crate::backends::graphs;
use crate::model::{Airport, City, Country, Flight, Setting};

#[tokio::test]
async fn an_index_is_made_listed_and_dropped() {
    for graph in graphs().await {
        for name in ["Oslo", "Roma"] {
            graph.create(City::new(name)).await.unwrap();
        }
        graph.create_index::<Airport>(|a| Index::on(a.state.asc())).await.unwrap();
        graph.create_index::<Flight>(|f| Index::on(f.count.desc())).await.unwrap();
        for _ in 0..2 {
            let index =
                graph.create_index::<City>(|c| Index::on(c.name.asc().then(c.visits.desc())));
            index.await.unwrap();
        }
        let found = graph.indexes().await.unwrap();
        let names: Vec<_> = found.iter().map(|index| index.spec.name()).collect();
        assert_eq!(
            names,
            ["context.state_1", "context.name_1_context.visits_-1", "context.count_-1"]
        );
        assert_eq!(
            (found[1].entity.unwrap().as_str(), found[1].keys, found[1].uses),
            ("City", 2, 0)
        );
        graph.nodes::<City>().filter(|c| c.name.eq("Oslo")).one().await.unwrap();
        graph.nodes::<City>().filter(|c| c.name.eq("Oslo")).count().await.unwrap();
        assert_eq!(graph.indexes().await.unwrap()[1].uses, 2);

        assert!(graph.drop_index::<City>(&names[1]).await.unwrap());
        assert!(!graph.drop_index::<City>(&names[1]).await.unwrap());
        assert!(!graph.drop_index::<City>("context.state_1").await.unwrap());
        assert_eq!(graph.indexes().await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn an_index_may_be_partial_sparse_or_spelled_with_stored_paths() {
    for graph in graphs().await {
        graph.create_index::<City>(|c| Index::on(c.nickname.asc()).sparse()).await.unwrap();
        let north = graph
            .create_index::<City>(|c| Index::on(c.latitude.asc()).partial(c.latitude.gte(60.0)));
        north.await.unwrap();
        let path = FieldPath::parse("_version").unwrap();
        let spec = IndexSpec::new([IndexKey::ascending(path)]).unwrap();
        graph.create_index::<City>(|_| spec.into()).await.unwrap();
        let mut oslo = City::at("Oslo", 59.9);
        oslo.nickname = Some("Tigerstaden".into());
        graph.create_many([oslo, City::at("Tromsø", 69.6)]).await.unwrap();
        let keys: Vec<_> = graph.indexes().await.unwrap().iter().map(|index| index.keys).collect();
        assert_eq!(keys, [1, 1, 2]);
    }
}

#[tokio::test]
async fn an_index_that_cannot_be_is_refused() {
    let refused = |result: Result<(), Error>| result.unwrap_err().kind();
    for graph in graphs().await {
        let index = graph.create_index::<City>(|c| Index::on(c.name.asc().then(c.name.desc())));
        assert_eq!(refused(index.await), ErrorKind::Invalid);
        let index = graph
            .create_index::<City>(|c| Index::on(c.name.asc()).sparse().partial(c.visits.gt(1)));
        assert_eq!(refused(index.await), ErrorKind::Invalid);
        let index =
            graph.create_index::<City>(|c| Index::on(c.name.asc()).partial(c.visits.gt(u64::MAX)));
        assert_eq!(refused(index.await), ErrorKind::Invalid);
        graph.create_index::<City>(|c| Index::on(c.name.asc())).await.unwrap();
        let error = graph.create_index::<City>(|c| Index::on(c.name.asc()).unique()).await;
        let error = error.unwrap_err();
        assert_eq!((error.kind(), error.context("entity")), (ErrorKind::Invalid, Some("City")));
        graph.create_index::<Country>(|c| Index::on(c.code.asc()).unique()).await.unwrap();
    }
}

/// A graph with the declared indexes and two airports.
async fn filled(graph: &Graph) -> [Stored<Airport>; 2] {
    graph.apply_indexes::<(Airport, Setting)>().await.unwrap();
    let made = graph
        .create_many([Airport::new("ATL", "GA", 33.6), Airport::new("BRW", "AK", 71.3)])
        .await
        .unwrap();
    made.try_into().unwrap()
}

fn assert_taken(error: &Error, index: &str, by: &Id) {
    assert_eq!(error.kind(), ErrorKind::Duplicate, "{error}");
    assert_eq!(error.context("index"), Some(index), "{error}");
    assert_eq!(error.context("taken by"), Some(by.to_string().as_str()), "{error}");
}

#[tokio::test]
async fn creating_with_a_taken_key_names_the_index_and_its_owner() {
    for graph in graphs().await {
        let [atl, _] = filled(&graph).await;
        let taken = || Airport::new("ATL", "AK", 0.0);
        let error = graph.create(taken()).await.unwrap_err();
        assert_taken(&error, "context.iata_1", atl.id());
        let error = graph.create_with_key("atl", taken()).await.unwrap_err();
        assert_taken(&error, "context.iata_1", atl.id());
        assert_eq!(error.context("id"), Some("n.Airport.atl"));
        let many = [Airport::new("ORD", "IL", 41.9), taken(), Airport::new("BOS", "MA", 42.3)];
        let error = graph.create_many(many).await.unwrap_err();
        assert_taken(&error, "context.iata_1", atl.id());
        assert_eq!((error.context("position"), error.context("written")), (Some("1"), Some("0")));
        assert_eq!(graph.nodes::<Airport>().count().await.unwrap(), 2);
        let setting = graph.create(Setting { key: "k".into(), value: 1 }).await.unwrap();
        let error = graph.create(Setting { key: "k".into(), value: 2 }).await.unwrap_err();
        assert_taken(&error, "context.key_1", setting.id());
    }
}

#[tokio::test]
async fn changing_to_a_taken_key_names_the_index_and_its_owner() {
    for graph in graphs().await {
        let [atl, mut brw] = filled(&graph).await;
        brw.iata = "ATL".into();
        let version = brw.version();
        let error = graph.save(&mut brw).await.unwrap_err();
        assert_taken(&error, "context.iata_1", atl.id());
        assert_eq!(brw.version(), version);
        let error = graph.modify::<Airport>(brw.id(), |a| a.iata = "ATL".into()).await.unwrap_err();
        assert_taken(&error, "context.iata_1", atl.id());
        let found = graph.nodes::<Airport>().filter(|a| a.iata.eq("BRW"));
        let error = found.update(|a| a.iata.set("ATL")).one().await.unwrap_err();
        assert_taken(&error, "context.iata_1", atl.id());
        let report = graph.save_many(std::slice::from_mut(&mut brw)).await.unwrap();
        let taken = Outcome::duplicate("context.iata_1", atl.id().clone());
        assert_eq!(report.outcomes, [taken]);
        assert_eq!(graph.nodes::<Airport>().filter(|a| a.iata.eq("BRW")).count().await.unwrap(), 1);
        brw.iata = "BRW".into();
        graph.save(&mut brw).await.unwrap();
    }
}

#[tokio::test]
async fn connecting_and_upserting_with_a_taken_key_name_the_index_and_its_owner() {
    for graph in graphs().await {
        let [atl, brw] = filled(&graph).await;
        graph.create_index::<Flight>(|f| Index::on(f.count.asc()).unique()).await.unwrap();
        let there = graph.connect(&atl, &brw, Flight { count: 1 }).await.unwrap();
        let error = graph.connect(&brw, &atl, Flight { count: 1 }).await.unwrap_err();
        assert_taken(&error, "context.count_1", there.id());
        let same = graph.connect(&atl, &brw, Flight { count: 1 }).await.unwrap();
        assert_eq!(same.id(), there.id(), "nodes that are joined already are no violation");
        let none = graph.nodes::<Airport>().filter(|a| a.state.eq("IL"));
        let error = none.update(|a| a.iata.set("ATL")).upsert().one().await.unwrap_err();
        assert_taken(&error, "context.iata_1", atl.id());
    }
}

#[tokio::test]
async fn the_root_that_a_unique_index_on_all_nodes_refuses_is_an_error() {
    for graph in graphs().await {
        let spec = IndexSpec::new([IndexKey::ascending(FieldPath::parse("context.code").unwrap())]);
        let unique = spec.unwrap().unique(true);
        graph.database().create_index(Collection::Node, None, unique).await.unwrap();
        let city = graph.create(City::new("Oslo")).await.unwrap();
        assert_taken(&graph.root().await.unwrap_err(), "context.code_1", city.id());
    }
}
