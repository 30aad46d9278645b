//! Orders, pages and the other ends of a search.

use bson::doc;
use futures_util::TryStreamExt;
use jvspatial_core::{ErrorKind, Graph, Order, Page, Stored};
use jvspatial_db::PageToken;

use crate::backends::graphs;
use crate::model::{City, Climate, Note};

async fn fill(graph: &Graph) {
    let mut cities =
        [("Oslo", 59.9, 3), ("Tromsø", 69.6, 3), ("Roma", 41.9, 9), ("Quito", -0.2, 1)]
            .map(|(name, latitude, visits)| City { visits, ..City::at(name, latitude) });
    cities[0].nickname = Some("Tigerstaden".into());
    cities[1].climate = Some(Climate::Polar);
    cities[1].tags = vec!["north".into(), "sea".into()];
    cities[3].tags = vec!["sea".into()];
    graph.create_many(cities).await.unwrap();
}

fn names(cities: &[Stored<City>]) -> Vec<&str> {
    cities.iter().map(|city| city.name.as_str()).collect()
}

#[tokio::test]
async fn cities_come_in_the_order_of_their_fields() {
    for graph in graphs().await {
        fill(&graph).await;
        let north = graph.nodes::<City>().sort(|c| c.latitude.desc()).all().await.unwrap();
        assert_eq!(names(&north), ["Tromsø", "Oslo", "Roma", "Quito"]);
        let sorted = graph.nodes::<City>().sort(|c| c.visits.desc().then(c.name.desc()));
        assert_eq!(names(&sorted.all().await.unwrap()), ["Roma", "Tromsø", "Oslo", "Quito"]);
        let twice = graph.nodes::<City>().sort(|c| c.visits.asc()).sort(|c| c.name.asc());
        let twice = twice.skip(1).limit(2).all().await.unwrap();
        assert_eq!(names(&twice), ["Oslo", "Tromsø"]);
        let by_doc = graph.nodes::<City>().sort_doc(&doc! { "context.nickname": -1, "_id": -1 });
        let found = by_doc.stream().try_collect::<Vec<_>>().await.unwrap();
        assert_eq!(names(&found), ["Oslo", "Quito", "Roma", "Tromsø"]);
        let last = graph.nodes::<City>().sort(|_| Order::by_id_desc()).first().await.unwrap();
        assert_eq!(last.unwrap().name, "Quito");
    }
}

#[tokio::test]
async fn an_order_that_cannot_be_is_reported_by_what_uses_it() {
    let graph = Graph::open("memory:").await.unwrap();
    let twice = graph.nodes::<City>().sort(|c| c.name.asc().then(c.name.desc()));
    assert_eq!(twice.all().await.unwrap_err().kind(), ErrorKind::Invalid);
    let odd = graph.nodes::<City>().sort_doc(&doc! { "context.name": 2 });
    assert_eq!(odd.stream().try_next().await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn exactly_one_is_found_or_it_is_said_why_not() {
    for graph in graphs().await {
        fill(&graph).await;
        let roma = graph.nodes::<City>().filter(|c| c.name.eq("Roma")).one().await.unwrap();
        assert_eq!(roma.visits, 9);
        let none = graph.nodes::<City>().filter(|c| c.name.eq("Paris")).one().await;
        assert_eq!(none.unwrap_err().kind(), ErrorKind::NotFound);
        let several = graph.nodes::<City>().filter(|c| c.visits.eq(3)).one().await.unwrap_err();
        assert_eq!(several.kind(), ErrorKind::Invalid);
        assert!(several.context("second").is_some());
    }
}

#[tokio::test]
async fn existence_and_ids_need_no_fields() {
    for graph in graphs().await {
        fill(&graph).await;
        assert!(graph.nodes::<City>().exists().await.unwrap());
        assert!(!graph.objects::<Note>().exists().await.unwrap());
        assert!(!graph.nodes::<City>().filter(|c| c.visits.gt(9)).exists().await.unwrap());
        assert!(!graph.nodes::<City>().skip(4).exists().await.unwrap());
        let whole = graph.nodes::<City>().sort(|c| c.name.asc()).all().await.unwrap();
        let ids = graph.nodes::<City>().sort(|c| c.name.asc()).ids().await.unwrap();
        assert_eq!(ids, whole.iter().map(|city| city.id().clone()).collect::<Vec<_>>());
        assert_eq!(graph.nodes::<City>().ids().await.unwrap().len(), 4);
    }
}

#[tokio::test]
async fn distinct_values_are_typed() {
    for graph in graphs().await {
        fill(&graph).await;
        let visits: Vec<u64> = graph.nodes::<City>().distinct(|c| c.visits).await.unwrap();
        assert_eq!(visits, [1, 3, 9]);
        let tags: Vec<String> = graph.nodes::<City>().distinct(|c| c.tags).await.unwrap();
        assert_eq!(tags, ["north", "sea"]);
        let polar: Vec<Climate> = graph.nodes::<City>().distinct(|c| c.climate).await.unwrap();
        assert_eq!(polar, [Climate::Polar]);
        let north = graph.nodes::<City>().filter(|c| c.latitude.gt(50.0));
        assert_eq!(north.distinct::<_, u64>(|c| c.visits).await.unwrap(), [3]);
        let cut = graph.nodes::<City>().limit(1).distinct::<_, u64>(|c| c.visits).await;
        assert_eq!(cut.unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn filters_are_taken_as_json() {
    let graph = Graph::open("memory:").await.unwrap();
    fill(&graph).await;
    let found = graph.nodes::<City>().filter_json(r#"{"context.visits": {"$gte": 9}}"#);
    assert_eq!(names(&found.all().await.unwrap()), ["Roma"]);
    for (filter, kind) in [
        ("", ErrorKind::Invalid),
        ("[]", ErrorKind::Invalid),
        ("{\"a\"", ErrorKind::Invalid),
        (r#"{"$wherever": "1"}"#, ErrorKind::Invalid),
        (r#"{"$where": "1"}"#, ErrorKind::Unsupported),
    ] {
        let error = graph.nodes::<City>().filter_json(filter).count().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{filter}");
    }
}

async fn page(graph: &Graph, token: Option<&PageToken>) -> Page<Stored<City>> {
    graph.nodes::<City>().sort(|c| c.visits.asc()).page(2, token).await.unwrap()
}

#[tokio::test]
async fn pages_lead_to_the_next_and_back() {
    for graph in graphs().await {
        fill(&graph).await;
        let first = page(&graph, None).await;
        assert_eq!(names(&first.items), ["Quito", "Oslo"]);
        assert!(first.previous.is_none());
        let second = page(&graph, first.next.as_ref()).await;
        assert_eq!(names(&second.items), ["Tromsø", "Roma"]);
        assert!(second.next.is_none());
        let back = page(&graph, second.previous.as_ref()).await;
        assert_eq!(names(&back.items), ["Quito", "Oslo"]);
        let token: PageToken = first.next.unwrap().to_string().parse().unwrap();
        let other = graph.nodes::<City>().sort(|c| c.name.asc()).page(2, Some(&token)).await;
        assert_eq!(other.unwrap_err().kind(), ErrorKind::Invalid);
        let note = graph.objects::<Note>().page(2, Some(&token)).await;
        assert_eq!(note.unwrap_err().kind(), ErrorKind::Invalid);
    }
}
