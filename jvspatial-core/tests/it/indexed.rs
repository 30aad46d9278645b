//! How searches use indexes: explanations and hints.

use std::time::Duration;

use jvspatial_core::{Error, ErrorKind, Explanation, Graph, Index, Stage};

use crate::backends::graphs;
use crate::model::{Airport, City, Flight, Setting};

/// Fifty airports in each of two states, the declared indexes, and flights from the first to all others.
async fn fill(graph: &Graph) {
    graph.apply_indexes::<(Airport, Flight, Setting)>().await.unwrap();
    let airports = (0..100).map(|n: u32| {
        let state = if n.is_multiple_of(2) { "AK" } else { "GA" };
        Airport::new(&format!("A{n:02}"), state, f64::from(n))
    });
    let airports = graph.create_many(airports).await.unwrap();
    for (to, count) in airports[1..].iter().zip(1..) {
        graph.connect(&airports[0], to, Flight { count }).await.unwrap();
    }
    graph.create(Setting { key: "k".into(), value: 7 }).await.unwrap();
}

fn seen(explanation: &Explanation) -> (Stage, Option<&str>, u64, u64) {
    let Explanation { stage, index, documents_examined, returned, .. } = explanation;
    (*stage, index.as_deref(), *documents_examined, *returned)
}

const COMPOUND: &str = "context.state_1_context.latitude_-1";

#[tokio::test]
async fn an_explanation_is_read_by_a_person() {
    for graph in graphs().await {
        fill(&graph).await;
        let search =
            || graph.nodes::<Airport>().filter(|a| a.state.eq("GA").and(a.latitude.gte(91.0)));
        let mut explanation = search().sort(|a| a.latitude.desc()).explain().await.unwrap();
        explanation.elapsed = Duration::from_micros(31);
        let expected = r#"
index scan of context.state_1_context.latitude_-1
  context.state in ["GA", "GA"]
  context.latitude in [91, )
5 keys and 5 documents examined, 5 returned, in 31µs"#;
        assert_eq!(format!("\n{explanation}"), expected);
        let mut explanation = search().sort(|a| a.iata.asc()).explain().await.unwrap();
        explanation.elapsed = Duration::from_micros(31);
        let last = "5 keys and 5 documents examined, 5 returned, sorted in memory, in 31µs";
        assert_eq!(explanation.to_string().lines().last(), Some(last));
    }
}

#[tokio::test]
async fn searches_of_every_kind_are_explained() {
    for graph in graphs().await {
        fill(&graph).await;
        let scan = graph.nodes::<Airport>().filter(|a| a.iata.matches("0$")).explain().await;
        assert_eq!(seen(&scan.unwrap()).0, Stage::CollectionScan);
        let flights = graph.edges::<Flight>().filter(|f| f.count.gt(90)).explain().await.unwrap();
        assert_eq!(seen(&flights), (Stage::IndexScan, Some("context.count_1"), 9, 9));
        let setting = graph.objects::<Setting>().filter(|s| s.key.eq("k")).explain().await.unwrap();
        assert_eq!(seen(&setting), (Stage::IndexScan, Some("context.key_1"), 1, 1));
        let first = graph.nodes::<Airport>().filter(|a| a.iata.eq("A00")).one().await.unwrap();
        let behind = || graph.out::<Flight>(&first).to::<Airport>();
        let reached = behind().filter(|a| a.state.eq("GA")).limit(3).explain().await.unwrap();
        assert_eq!(seen(&reached), (Stage::Edges, None, 99, 3));
        assert!(!reached.sorted_in_memory);
        let sorted = behind().sort(|a| a.iata.asc()).explain().await.unwrap();
        assert!(sorted.sorted_in_memory);
        assert!(sorted.to_string().starts_with("nodes behind edges\n0 keys and 99 documents"));
    }
}

#[tokio::test]
async fn the_order_of_an_index_is_no_sort_and_ends_at_the_limit() {
    for graph in graphs().await {
        fill(&graph).await;
        let north = graph.nodes::<Airport>().filter(|a| a.state.eq("AK"));
        let north = north.sort(|a| a.latitude.desc()).limit(3).explain().await.unwrap();
        assert_eq!((north.index.as_deref(), north.sorted_in_memory), (Some(COMPOUND), false));
    }
}

#[tokio::test]
#[cfg(feature = "json")]
async fn an_index_that_tells_the_answer_is_enough() {
    let directory = tempfile::TempDir::new().unwrap();
    let url = format!("json:{}?durability=os", directory.path().join("db").display());
    let graph = Graph::open(&url).await.unwrap();
    fill(&graph).await;
    let search = || graph.nodes::<Airport>().filter(|a| a.state.eq("GA").and(a.latitude.gte(91.0)));
    // What `exists` and `ids` ask for: no field.
    let ids = search().project_fields([""; 0]).explain().await.unwrap();
    assert_eq!(seen(&ids), (Stage::IndexScan, Some(COMPOUND), 0, 5));
    assert_eq!(seen(&search().explain().await.unwrap()), (Stage::IndexScan, Some(COMPOUND), 5, 5));
    let flights = graph.edges::<Flight>().filter(|f| f.count.lte(4)).project_fields([""; 0]);
    assert_eq!(seen(&flights.explain().await.unwrap()).2, 0);
    assert!(search().exists().await.unwrap());
    assert_eq!(search().count().await.unwrap(), 5);
}

#[tokio::test]
async fn a_hint_is_followed_by_every_terminal_call() {
    for graph in graphs().await {
        fill(&graph).await;
        let search = || {
            let found =
                graph.nodes::<Airport>().filter(|a| a.state.eq("GA").and(a.iata.gte("A90")));
            found.hint(COMPOUND)
        };
        let uses = async || {
            let found = graph.indexes().await.unwrap().into_iter();
            let mut named = found.filter(|index| index.spec.name() == COMPOUND);
            named.next().unwrap().uses
        };
        let before = uses().await;
        let explanation = search().explain().await.unwrap();
        assert_eq!(seen(&explanation), (Stage::IndexScan, Some(COMPOUND), 50, 5));
        assert_eq!(search().all().await.unwrap().len(), 5);
        assert!(search().first().await.unwrap().is_some());
        assert_eq!(search().limit(1).one().await.unwrap().state, "GA");
        assert_eq!(search().count().await.unwrap(), 5);
        assert_eq!(search().skip(1).limit(3).count().await.unwrap(), 3);
        assert!(search().exists().await.unwrap());
        assert_eq!(search().ids().await.unwrap().len(), 5);
        assert_eq!(search().page(2, None).await.unwrap().items.len(), 2);
        assert!(search().stream().try_next().await.unwrap().is_some());
        assert!(uses().await >= before + 10);
        let by_other = search().hint("context.iata_1").explain().await.unwrap();
        assert_eq!(seen(&by_other).1, Some("context.iata_1"));
    }
}

#[tokio::test]
async fn a_hint_that_cannot_be_followed_is_refused() {
    for graph in graphs().await {
        fill(&graph).await;
        let refused = |result: Result<(), Error>, message: &str| {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().starts_with(message), "{error}");
        };
        let search = |hint: &str| graph.nodes::<Airport>().filter(|a| a.state.eq("GA")).hint(hint);
        let none = "the index of the hint does not exist (index: context.name_1)";
        let less = "the index of the hint leaves out documents that may match";
        refused(search("context.name_1").all().await.map(drop), none);
        refused(search("context.name_1").count().await.map(drop), none);
        refused(search("context.name_1").exists().await.map(drop), none);
        refused(search("context.name_1").explain().await.map(drop), none);
        // One is partial, of another state; one is sparse; one is of another type.
        refused(search("context.latitude_-1").all().await.map(drop), less);
        refused(search("context.icao_1").all().await.map(drop), less);
        graph.create_index::<City>(|c| Index::on(c.name.asc())).await.unwrap();
        refused(search("context.name_1").all().await.map(drop), less);

        let plain = "what is updated or deleted is found by a filter alone";
        refused(search(COMPOUND).delete().await.map(drop), plain);
        refused(search(COMPOUND).update(|a| a.latitude.set(0.0)).many().await.map(drop), plain);
        let values = search(COMPOUND).distinct::<_, String>(|a| a.iata).await;
        refused(values.map(drop), "distinct values take neither");
        let first = graph.nodes::<Airport>().filter(|a| a.iata.eq("A00")).one().await.unwrap();
        let behind = graph.out::<Flight>(&first).to::<Airport>().hint(COMPOUND);
        refused(behind.all().await.map(drop), "nodes behind edges are not found by an index");
    }
}
