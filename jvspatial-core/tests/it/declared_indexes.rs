//! Planning and applying the indexes that types declare.

use jvspatial_core::{Entity, ErrorKind, Field, Graph, Index};
use jvspatial_db::{Collection, IndexKey, IndexSpec};

use crate::backends::graphs;
use crate::model::{Airport, City, Flight, OtherAirport, Setting};

type Schema = (Airport, (Flight, Setting));

async fn names(graph: &Graph) -> Vec<String> {
    graph.indexes().await.unwrap().iter().map(|index| index.spec.name()).collect()
}

const DECLARED: [&str; 6] = [
    "context.state_1_context.latitude_-1",
    "context.iata_1",
    "context.icao_1",
    "context.latitude_-1",
    "context.count_1",
    "context.key_1",
];

#[tokio::test]
async fn a_plan_is_read_by_a_person() {
    for graph in graphs().await {
        graph.create_index::<Airport>(|a| Index::on(a.iata.asc()).unique()).await.unwrap();
        graph.create_index::<Airport>(|a| Index::on(a.icao.asc())).await.unwrap();
        graph.create_index::<City>(|c| Index::on(c.tags.asc()).sparse()).await.unwrap();
        let path = Field::<u32>::new("context.count").path().parse().unwrap();
        let of_any = IndexSpec::new([IndexKey::descending(path)]).unwrap();
        graph.database().create_index(Collection::Edge, None, of_any).await.unwrap();
        let plan = graph.plan_indexes::<Schema>().await.unwrap();
        let expected = r#"
create      node Airport    context.state_1_context.latitude_-1
create      node Airport    context.latitude_-1 (partial { "context.state": "AK" })
create      edge Flight     context.count_1
create      object Setting  context.key_1 (unique)
present     node Airport    context.iata_1 (unique)
conflict    node Airport    context.icao_1 (unique, sparse), but is there with no options
undeclared  node City       context.tags_1 (sparse)
undeclared  any edge        context.count_-1
4 to create, 1 present, 1 in conflict, 2 undeclared"#;
        assert_eq!(format!("\n{plan}"), expected);
        assert!(!plan.is_applied());
        assert_eq!(names(&graph).await.len(), 4, "a plan changes nothing");
    }
}

#[tokio::test]
async fn applying_makes_what_is_missing_and_drops_nothing() {
    for graph in graphs().await {
        graph.create(Airport::new("BRW", "AK", 71.3)).await.unwrap();
        graph.create_index::<City>(|c| Index::on(c.name.asc())).await.unwrap();
        let applied = graph.apply_indexes::<Schema>().await.unwrap();
        assert_eq!((applied.create.len(), applied.undeclared.len()), (6, 1));
        let mut expected = vec!["context.name_1"];
        expected.extend(DECLARED);
        assert_eq!(names(&graph).await, expected);
        let keys: Vec<_> = graph.indexes().await.unwrap().iter().map(|index| index.keys).collect();
        assert_eq!(keys, [0, 1, 1, 0, 1, 0, 0]);

        let again = graph.apply_indexes::<Schema>().await.unwrap();
        assert!(again.is_applied());
        assert_eq!((again.create.len(), again.present.len(), again.undeclared.len()), (0, 6, 1));
        assert_eq!(names(&graph).await, expected);
        let of_one = graph.plan_indexes::<Airport>().await.unwrap();
        assert_eq!((of_one.present.len(), of_one.undeclared.len()), (4, 3));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_that_apply_at_once_all_succeed() {
    for graph in graphs().await {
        let airports = (0..500).map(|n| Airport::new(&format!("{n}"), "AK", f64::from(n)));
        graph.create_many(airports).await.unwrap();
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let graph = Graph::clone(&graph);
                tokio::spawn(async move { graph.apply_indexes::<Schema>().await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let mut found = names(&graph).await;
        found.sort_unstable();
        let mut expected = DECLARED;
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn an_index_with_other_options_is_refused_before_any_is_made() {
    for graph in graphs().await {
        graph.create_index::<Airport>(|a| Index::on(a.iata.asc())).await.unwrap();
        let error = graph.apply_indexes::<Schema>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(
            error.to_string(),
            "index exists with other options (index: context.iata_1, entity: Airport, \
             expected: { \"key\": { \"context.iata\": 1 }, \"unique\": true }, \
             found: { \"key\": { \"context.iata\": 1 } }, conflicts: 1)"
        );
        assert_eq!(names(&graph).await, ["context.iata_1"]);
        assert!(graph.drop_index::<Airport>("context.iata_1").await.unwrap());
        assert!(graph.apply_indexes::<Schema>().await.is_ok());
    }
}

#[tokio::test]
async fn documents_that_share_a_unique_key_are_listed_and_other_indexes_made() {
    for graph in graphs().await {
        let codes = ["ATL", "BOS", "ATL", "BOS", "ORD"];
        let airports = codes.map(|iata| Airport::new(iata, "GA", 33.6));
        let made = graph.create_many(airports).await.unwrap();
        graph.create(Setting { key: "k".into(), value: 1 }).await.unwrap();
        let twin = graph.create(Setting { key: "k".into(), value: 2 }).await.unwrap();
        let error = graph.apply_indexes::<Schema>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Duplicate);
        assert_eq!(error.context("index"), Some("context.iata_1"));
        assert_eq!(error.context("entity"), Some("Airport"));
        assert_eq!(error.context("violations"), Some("2"));
        let pair = |a: usize, b: usize| format!("{} and {}", made[a].id(), made[b].id());
        let pairs = format!("{}, {}", pair(0, 2), pair(1, 3));
        assert_eq!(error.context("documents"), Some(pairs.as_str()));
        assert_eq!((error.context("created"), error.context("failed")), (Some("4"), Some("2")));

        for id in [made[2].id(), made[3].id(), twin.id()] {
            graph.delete(id).await.unwrap();
        }
        let plan = graph.apply_indexes::<Schema>().await.unwrap();
        assert_eq!((plan.create.len(), plan.present.len()), (2, 4));
    }
}

#[tokio::test]
async fn two_types_of_one_name_may_not_declare_an_index_differently() {
    for graph in graphs().await {
        let error = graph.plan_indexes::<(Airport, OtherAirport)>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.context("index"), Some("context.iata_1"));
        let twice = graph.plan_indexes::<(Airport, (Airport, Airport))>().await.unwrap();
        assert_eq!(twice.create.len(), Airport::indexes().len());
    }
}
