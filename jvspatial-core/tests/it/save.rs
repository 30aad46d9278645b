use jvspatial_core::{ErrorKind, Graph, Stored};
use jvspatial_db::{Outcome, Version};

use crate::backends::graphs;
use crate::model::{City, PlainCity};

async fn stored(graph: &Graph, city: City) -> Stored<City> {
    let created = graph.create(city).await.unwrap();
    graph.get(&created).await.unwrap().unwrap()
}

#[tokio::test]
async fn of_two_saves_from_one_version_one_wins_and_the_other_learns_both_versions() {
    for graph in graphs().await {
        let mut first = stored(&graph, City::new("Oslo")).await;
        let mut second = first.clone();
        first.visits = 1;
        second.visits = 2;
        graph.save(&mut first).await.unwrap();
        assert_eq!(first.version().get(), 2);

        let error = graph.save(&mut second).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(error.context("expected version"), Some("1"));
        assert_eq!(error.context("found version"), Some("2"));
        assert_eq!(second.version().get(), 1);
        let kept = graph.get::<City>(&first).await.unwrap().unwrap();
        assert_eq!(kept.visits, 1);
    }
}

#[tokio::test]
async fn a_value_can_be_saved_again_and_again() {
    for graph in graphs().await {
        let mut created = graph.create(City::new("Oslo")).await.unwrap();
        for visits in 1..=3 {
            created.visits = visits;
            graph.save(&mut created).await.unwrap();
        }
        assert_eq!(created.version().get(), 4);
        assert_eq!(*graph.get::<City>(&created).await.unwrap().unwrap(), *created);
    }
}

#[tokio::test]
async fn saving_a_deleted_document_is_not_found() {
    let graph = Graph::open("memory:").await.unwrap();
    let mut city = graph.create(City::new("Oslo")).await.unwrap();
    graph.delete(&city).await.unwrap();
    let error = graph.save(&mut city).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.context("id"), Some(city.id().to_string().as_str()));
}

#[tokio::test]
async fn a_struct_that_lacks_a_field_keeps_it_in_the_store_at_every_save() {
    for graph in graphs().await {
        let city = stored(&graph, City::at("Oslo", 59.9)).await;
        let mut plain = graph.get::<PlainCity>(&city).await.unwrap().unwrap();
        for visits in [5, 6] {
            plain.visits = visits;
            graph.save(&mut plain).await.unwrap();
        }
        let mut many = [plain];
        for visits in [7, 8] {
            for city in &mut many {
                city.visits = visits;
            }
            assert!(graph.save_many(&mut many).await.unwrap().is_complete());
        }
        let read = graph.get::<City>(&city).await.unwrap().unwrap();
        assert_eq!((read.name.as_str(), read.latitude), ("Oslo", 59.9));
        assert_eq!(read.visits, 8);
    }
}

#[tokio::test]
async fn a_cleared_option_stays_cleared_beside_kept_fields() {
    for graph in graphs().await {
        let city = City { nickname: Some("Tigerstaden".into()), ..City::new("Oslo") };
        let city = stored(&graph, city).await;
        let mut plain = graph.get::<PlainCity>(&city).await.unwrap().unwrap();
        assert_eq!(plain.nickname.as_deref(), Some("Tigerstaden"));
        plain.nickname = None;
        graph.save(&mut plain).await.unwrap();
        plain.visits += 1;
        graph.save(&mut plain).await.unwrap();
        let read = graph.get::<City>(&city).await.unwrap().unwrap();
        assert_eq!(read.nickname, None);
        assert_eq!(read.name, "Oslo");
    }
}

#[tokio::test]
async fn one_stale_value_hides_none_of_the_others() {
    for operations in [2, 100_000] {
        let graph =
            Graph::builder().url("memory:").batch_operations(operations).open().await.unwrap();
        let cities = ["a", "b", "c", "d", "e"].map(City::new);
        let mut cities = graph.create_many(cities).await.unwrap();
        let [_, b, _, d, _] = &cities[..] else { panic!("five cities") };
        graph.modify::<City>(b, |b| b.visits = 100).await.unwrap();
        graph.delete(d).await.unwrap();
        let deleted = d.id().clone();

        for city in &mut cities {
            city.visits = 1;
        }
        let report = graph.save_many(&mut cities).await.unwrap();
        let (one, two) = (Version::new(1), Version::new(2));
        let conflict = Outcome::Conflict { expected: one, found: two };
        let written = Outcome::Written(two);
        let outcomes =
            [written.clone(), conflict, written.clone(), Outcome::Missing(deleted), written];
        assert_eq!(report.outcomes, outcomes);
        let versions: Vec<_> = cities.iter().map(Stored::version).collect();
        assert_eq!(versions, [two, one, two, one, two]);
    }
}
