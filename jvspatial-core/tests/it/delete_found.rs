use std::sync::atomic::{AtomicBool, Ordering};

use bson::doc;
use jvspatial_core::ErrorKind;

use crate::backends::graphs;
use crate::model::{City, Country, Road, Trip};

#[tokio::test]
async fn what_is_found_is_deleted_and_nothing_else() {
    for graph in graphs().await {
        let cities = (0..700).map(|number| City::at("x", f64::from(number)));
        graph.create_many(cities).await.unwrap();
        graph.create(Country { code: "NO".into() }).await.unwrap();
        let south = graph.nodes::<City>().filter(|c| c.latitude.lt(600.0));
        let report = south.delete().await.unwrap();
        assert_eq!((report.documents, report.edges), (600, 0));
        let left = graph.nodes::<City>().all().await.unwrap();
        assert!(left.len() == 100 && left.iter().all(|city| city.latitude >= 600.0));
        assert_eq!(graph.nodes::<Country>().count().await.unwrap(), 1);
        let nobody = graph.nodes::<City>().filter_doc(&doc! { "context.name": "y" });
        assert_eq!(nobody.delete().await.unwrap().documents, 0);
    }
}

#[tokio::test]
async fn nodes_go_with_their_edges() {
    for graph in graphs().await {
        let cities = ["a", "b", "c"].map(City::new);
        let cities = graph.create_many(cities).await.unwrap();
        graph.connect(&cities[0], &cities[1], Road { km: 1 }).await.unwrap();
        graph.connect(&cities[1], &cities[2], Road { km: 2 }).await.unwrap();
        graph.connect(&cities[2], &cities[2], Trip { year: 3 }).await.unwrap();
        let report = graph.nodes::<City>().filter(|c| c.name.eq("b")).delete().await.unwrap();
        assert_eq!((report.documents, report.edges), (1, 2));
        assert_eq!(graph.edges::<Road>().count().await.unwrap(), 0);
        assert_eq!(graph.edges::<Trip>().delete().await.unwrap().documents, 1);
        assert_eq!(graph.nodes::<City>().count().await.unwrap(), 2);
    }
}

#[tokio::test]
async fn a_document_that_stops_matching_meanwhile_stays() {
    for graph in graphs().await {
        graph.create_many((0..400).map(|_| City::new("x"))).await.unwrap();
        let saved = AtomicBool::new(false);
        let keep = async {
            let all = graph.nodes::<City>().all().await.unwrap();
            let mut kept = Vec::new();
            for mut city in all.into_iter().rev() {
                city.visits = 1;
                // The deletion may have been first.
                if graph.save(&mut city).await.is_ok() {
                    kept.push(city.id().clone());
                }
            }
            saved.store(true, Ordering::Relaxed);
            kept
        };
        let delete = graph.nodes::<City>().filter(|c| c.visits.eq(0_u64)).delete();
        let (kept, report) = futures_util::future::join(keep, delete).await;
        let report = report.unwrap();
        assert!(saved.load(Ordering::Relaxed));
        assert_eq!(report.documents + kept.len() as u64, 400);
        let left = graph.nodes::<City>().all().await.unwrap();
        let left: Vec<_> = left.iter().map(|city| city.id().clone()).collect();
        assert!(kept.iter().all(|id| left.contains(id)) && left.len() == kept.len());
    }
}

#[tokio::test]
async fn a_part_of_what_is_found_cannot_be_deleted() {
    for graph in graphs().await {
        graph.create(City::new("x")).await.unwrap();
        for find in [graph.nodes::<City>().limit(1), graph.nodes::<City>().skip(1)] {
            assert_eq!(find.delete().await.unwrap_err().kind(), ErrorKind::Invalid);
        }
        assert_eq!(graph.nodes::<City>().count().await.unwrap(), 1);
    }
}
