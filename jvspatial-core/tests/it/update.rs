use bson::doc;
use jvspatial_core::{ErrorKind, Graph};
use jvspatial_db::update::PushOptions;

use crate::backends::graphs;
use crate::model::{City, Country, Note, Road};

async fn fill(graph: &Graph) {
    let mut oslo = City::at("Oslo", 59.9);
    oslo.nickname = Some("Tigerstaden".into());
    let cities = [oslo, City::at("Roma", 41.9), City::at("Quito", -0.2)];
    graph.create_many(cities).await.unwrap();
    graph.create(Country { code: "NO".into() }).await.unwrap();
}

async fn city(graph: &Graph, name: &str) -> City {
    graph.nodes::<City>().filter(|c| c.name.eq(name)).first().await.unwrap().unwrap().into_inner()
}

#[tokio::test]
async fn one_document_is_changed_by_typed_fields() {
    for graph in graphs().await {
        fill(&graph).await;
        let updated = graph
            .nodes::<City>()
            .filter(|c| c.name.eq("Oslo"))
            .update(|u| {
                u.visits
                    .inc(3)
                    .and(u.latitude.mul(2.0))
                    .and(u.nickname.unset())
                    .and(u.tags.push_all(["b", "a", "c"], PushOptions::new().slice(-2)))
            })
            .one()
            .await
            .unwrap();
        assert_eq!((updated.matched, updated.modified, updated.inserted), (1, 1, None));
        let oslo = city(&graph, "Oslo").await;
        assert_eq!((oslo.visits, oslo.latitude, oslo.nickname), (3, 119.8, None));
        assert_eq!(oslo.tags, ["a", "c"]);
        assert_eq!(city(&graph, "Roma").await.visits, 0);
    }
}

#[tokio::test]
async fn every_typed_change_stores_what_it_says() {
    for graph in graphs().await {
        fill(&graph).await;
        let roma = || graph.nodes::<City>().filter(|c| c.name.eq("Roma"));
        let changes = [
            roma().update(|u| u.visits.set(7_u64).and(u.latitude.min(40.0))),
            roma().update(|u| u.visits.max(9_u64).and(u.nickname.set("Urbs"))),
            roma().update(|u| u.visits.inc(-4).and(u.tags.add_all_to_set(["x", "y", "x"]))),
            roma().update(|u| u.tags.push("z").and(u.nickname.set_on_insert("never"))),
            roma().update(|u| u.tags.pop_first()),
            roma().update(|u| u.tags.pull("z")),
            roma().update(|u| u.tags.add_to_set("w")),
            roma().update(|u| u.tags.pop_last()),
        ];
        for change in changes {
            assert_eq!(change.one().await.unwrap().modified, 1);
        }
        let expected = City {
            visits: 5,
            nickname: Some("Urbs".into()),
            tags: vec!["y".into()],
            ..City::at("Roma", 40.0)
        };
        assert_eq!(city(&graph, "Roma").await, expected);
    }
}

#[tokio::test]
async fn all_documents_found_are_changed_and_no_others() {
    for graph in graphs().await {
        fill(&graph).await;
        let north = graph.nodes::<City>().filter(|c| c.latitude.gt(0.0));
        let updated = north.update(|u| u.visits.inc(1)).many().await.unwrap();
        assert_eq!((updated.matched, updated.modified), (2, 2));
        // Another type has no such document, however its fields are called.
        let raw = doc! { "$set": { "context.seen": true }, "$inc": { "context.visits": 10 } };
        let updated = graph.nodes::<City>().update_doc(&raw).many().await.unwrap();
        assert_eq!(updated.matched, 3);
        let visits = ["Oslo", "Roma", "Quito"].map(|name| city(&graph, name));
        let visits = futures_util::future::join_all(visits).await;
        assert_eq!(visits.iter().map(|city| city.visits).collect::<Vec<_>>(), [11, 11, 10]);
        assert_eq!(graph.nodes::<Country>().all().await.unwrap()[0].version().get(), 1);
    }
}

#[tokio::test]
async fn a_document_is_returned_as_it_was_or_is() {
    for graph in graphs().await {
        fill(&graph).await;
        let update =
            || graph.nodes::<City>().filter(|c| c.name.eq("Roma")).update(|u| u.visits.inc(1));
        let before = update().returning_before().await.unwrap().unwrap();
        assert_eq!((before.version().get(), before.visits), (1, 0));
        let mut after = update().returning_after().await.unwrap().unwrap();
        assert_eq!((after.version().get(), after.visits), (3, 2));
        // What was returned can be saved, since it knows its version and the stored fields.
        after.name = "Rome".into();
        graph.save(&mut after).await.unwrap();
        assert!(update().returning_after().await.unwrap().is_none());
        assert_eq!(city(&graph, "Rome").await.visits, 2);
    }
}

#[tokio::test]
async fn edges_and_objects_are_changed_too() {
    for graph in graphs().await {
        let (a, b) = (City::new("a"), City::new("b"));
        let (a, b) = (graph.create(a).await.unwrap(), graph.create(b).await.unwrap());
        let road = graph.connect(&a, &b, Road { km: 3 }).await.unwrap();
        let updated = graph.edges::<Road>().filter(|r| r.km.lt(5)).update(|u| u.km.mul(4));
        let after = updated.returning_after().await.unwrap().unwrap();
        assert_eq!(
            (after.id(), after.km, after.source(), after.target()),
            (road.id(), 12, a.id(), b.id())
        );
        graph.create(Note { text: "x".into() }).await.unwrap();
        let updated = graph.objects::<Note>().update(|u| u.text.set("y")).many().await.unwrap();
        assert_eq!(updated.modified, 1);
        assert_eq!(graph.objects::<Note>().first().await.unwrap().unwrap().text, "y");
    }
}

#[tokio::test]
async fn an_upsert_makes_a_document_of_its_type() {
    for graph in graphs().await {
        let upsert = || {
            let found = graph.nodes::<City>().filter(|c| c.name.eq("Lima"));
            found.update(|u| u.visits.inc(1).and(u.latitude.set_on_insert(-12.0))).upsert()
        };
        let made = upsert().one().await.unwrap();
        assert_eq!((made.matched, made.modified), (0, 0));
        let id = made.inserted.unwrap();
        let lima = graph.get::<City>(&id).await.unwrap().unwrap();
        assert_eq!((lima.version().get(), lima.visits, lima.latitude), (1, 1, -12.0));
        let changed = upsert().returning_after().await.unwrap().unwrap();
        assert_eq!((changed.id(), changed.visits), (&id, 2));
    }
}

#[tokio::test]
async fn tasks_that_count_lose_nothing() {
    for graph in graphs().await {
        fill(&graph).await;
        let count = || async {
            for _ in 0..10 {
                let found = graph.nodes::<City>().filter(|c| c.name.eq("Oslo"));
                found.update(|u| u.visits.inc(1)).one().await.unwrap();
                let roma = graph.nodes::<City>().filter(|c| c.name.eq("Oslo")).first();
                let roma = roma.await.unwrap().unwrap();
                graph.modify::<City>(&roma, |city| city.visits += 1).await.unwrap();
            }
        };
        futures_util::future::join_all((0..8).map(|_| count())).await;
        assert_eq!(city(&graph, "Oslo").await.visits, 160);
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_changes() {
    for graph in graphs().await {
        fill(&graph).await;
        let cities = || graph.nodes::<City>();
        let refused = [
            cities().limit(1).update(|u| u.visits.inc(1)),
            cities().skip(1).update(|u| u.visits.inc(1)),
            cities().update(|u| u.visits.inc(1).and(u.visits.set(3_u64))),
            cities().update(|u| u.visits.set(u64::MAX)),
            cities().update_doc(&doc! { "$set": { "entity": "Town" } }),
            cities().update_doc(&doc! { "name": "x" }),
            cities().filter_doc(&doc! { "$wherever": "1" }).update(|u| u.visits.inc(1)),
            cities().update_doc(&doc! { "$inc": { "context.name": 1 } }),
        ];
        for update in refused {
            let shown = format!("{update:?}");
            let error = update.many().await.expect_err(&shown);
            assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        }
        for city in cities().all().await.unwrap() {
            assert_eq!(city.version().get(), 1);
        }
    }
}

#[tokio::test]
async fn a_result_that_does_not_fit_its_type_is_stored_and_reported() {
    let graph = Graph::open("memory:").await.unwrap();
    fill(&graph).await;
    let update = graph.nodes::<City>().filter(|c| c.name.eq("Oslo")).update(|u| u.visits.inc(-1));
    let error = update.returning_after().await.unwrap_err();
    assert_eq!((error.kind(), error.context("field")), (ErrorKind::Invalid, Some("visits")));
    let back = graph.nodes::<City>().filter(|c| c.name.eq("Oslo")).update(|u| u.visits.max(0_u64));
    assert_eq!(back.returning_after().await.unwrap().unwrap().visits, 0);
}
