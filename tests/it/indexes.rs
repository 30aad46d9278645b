//! Declared indexes, from the attribute to the search that uses them.

use jvspatial::prelude::*;
use jvspatial::{ErrorKind, Index, Stage};

#[derive(Debug, Clone, Serialize, Deserialize, Node)]
#[node(index(state, -latitude))]
struct Airport {
    #[node(unique)]
    iata: String,
    state: String,
    latitude: f64,
    tags: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize, Edge)]
#[edge(from = Airport, to = Airport, index(count, partial = |f| f.count.gte(100)))]
struct Flight {
    count: u32,
}

#[derive(Debug, Serialize, Deserialize, Object)]
struct Setting {
    #[object(unique)]
    key: String,
}

type Schema = (Airport, Flight, Setting);

const COMPOUND: &str = "context.state_1_context.latitude_-1";

fn airport(iata: &str, state: &str, latitude: f64) -> Airport {
    Airport { iata: iata.into(), state: state.into(), latitude, tags: vec![state.into()] }
}

/// Plans and applies the indexes over what is there already.
async fn declare(graph: &Graph) {
    let atl = graph.create(airport("ATL", "GA", 33.6)).await.unwrap();
    let brw = graph.create(airport("BRW", "AK", 71.3)).await.unwrap();
    graph.create(airport("ANC", "AK", 61.2)).await.unwrap();
    graph.connect(&atl, &brw, Flight { count: 12 }).await.unwrap();
    let plan = graph.plan_indexes::<Schema>().await.unwrap();
    let expected = r#"
create      node Airport    context.state_1_context.latitude_-1
create      node Airport    context.iata_1 (unique)
create      edge Flight     context.count_1 (partial { "context.count": { "$gte": 100 } })
create      object Setting  context.key_1 (unique)
4 to create, 0 present, 0 in conflict, 0 undeclared"#;
    assert_eq!(format!("\n{plan}"), expected);
    assert_eq!(graph.apply_indexes::<Schema>().await.unwrap(), plan);
    graph.create_index::<Airport>(|a| Index::on(a.tags.asc())).await.unwrap();
}

/// What holds from then on, as often as the store is opened.
async fn check(graph: &Graph) {
    let plan = graph.apply_indexes::<Schema>().await.unwrap();
    assert!(plan.is_applied());
    assert_eq!((plan.create.len(), plan.present.len(), plan.undeclared.len()), (0, 4, 1));
    assert!(plan.undeclared[0].is_multikey);
    let entries: Vec<_> = plan.present.iter().map(|index| index.keys).collect();
    assert_eq!(entries, [3, 3, 0, 0]);

    let north = || {
        let found = graph.nodes::<Airport>().filter(|a| a.state.eq("AK").and(a.latitude.gte(60.0)));
        found.sort(|a| a.latitude.desc())
    };
    let explanation = north().explain().await.unwrap();
    assert_eq!(explanation.stage, Stage::IndexScan);
    assert_eq!(explanation.index.as_deref(), Some(COMPOUND));
    assert_eq!((explanation.keys_examined, explanation.documents_examined), (2, 2));
    assert!(!explanation.sorted_in_memory);
    let found: Vec<_> = north().all().await.unwrap().into_iter().map(|a| a.iata.clone()).collect();
    assert_eq!(found, ["BRW", "ANC"]);
    let tagged = graph.nodes::<Airport>().filter(|a| a.tags.contains("GA")).explain();
    assert_eq!(tagged.await.unwrap().index.as_deref(), Some("context.tags_1"));

    let owner = graph.nodes::<Airport>().filter(|a| a.iata.eq("BRW")).one().await.unwrap();
    let error = graph.create(airport("BRW", "AK", 0.0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate);
    assert_eq!(error.context("index"), Some("context.iata_1"));
    assert_eq!(error.context("taken by"), Some(owner.id().to_string().as_str()));

    let partial = "context.count_1";
    let busy = graph.edges::<Flight>().filter(|f| f.count.gt(500)).explain().await.unwrap();
    assert_eq!(busy.index.as_deref(), Some(partial));
    let all = graph.edges::<Flight>().filter(|f| f.count.gt(5)).hint(partial).all().await;
    assert_eq!(all.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn declared_indexes_answer_searches_in_memory() {
    let graph = Graph::open("memory:").await.unwrap();
    declare(&graph).await;
    check(&graph).await;
}

#[cfg(feature = "json")]
#[tokio::test]
async fn declared_indexes_are_kept_by_a_store_that_is_opened_again() {
    let directory = tempfile::TempDir::new().unwrap();
    let url = format!("json:{}?durability=os", directory.path().join("db").display());
    let graph = Graph::open(&url).await.unwrap();
    declare(&graph).await;
    check(&graph).await;
    graph.close().await.unwrap();
    let graph = Graph::open(&url).await.unwrap();
    check(&graph).await;
    graph.drop_index::<Airport>("context.iata_1").await.unwrap();
    graph.close().await.unwrap();
    let graph = Graph::open(&url).await.unwrap();
    let plan = graph.plan_indexes::<Schema>().await.unwrap();
    assert_eq!((plan.create.len(), plan.present.len()), (1, 3));
    graph.create(airport("BRW", "AK", 0.0)).await.unwrap();
    let error = graph.apply_indexes::<Schema>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate);
    assert_eq!(error.context("violations"), Some("1"));
}
