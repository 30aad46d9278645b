use std::sync::atomic::Ordering;

use jvspatial_core::{Entity as _, ErrorKind, Graph, Stored};
use jvspatial_db::{Id, IdGenerator};

use crate::backends::graphs;
use crate::model::{City, Country, Note};
use crate::spy::Spy;

#[tokio::test]
async fn what_was_created_is_read_back_at_version_one() {
    for graph in graphs().await {
        let city = graph.create(City::at("Tromsø", 69.6)).await.unwrap();
        assert_eq!(city.version().get(), 1);
        let read = graph.get::<City>(&city).await.unwrap().unwrap();
        assert_eq!(*read, *city);
        assert_eq!(read.version(), city.version());

        let note = graph.create(Note { text: "x".into() }).await.unwrap();
        assert_eq!(note.id().to_string().chars().next(), Some('o'));
    }
}

#[tokio::test]
async fn a_chosen_key_is_part_of_the_id_and_taken_once() {
    for graph in graphs().await {
        let oslo = graph.create_with_key("oslo", City::new("Oslo"));
        let oslo = oslo.await.unwrap();
        assert_eq!(oslo.id().to_string(), "n.City.oslo");
        assert_eq!(*oslo.id(), City::id("oslo").unwrap());
        let again = graph.create_with_key("oslo", City::new("Oslo")).await;
        assert_eq!(again.unwrap_err().kind(), ErrorKind::Duplicate);
    }
}

#[tokio::test]
async fn bad_keys_are_refused() {
    let graph = Graph::open("memory:").await.unwrap();
    let long = "x".repeat(200);
    for key in ["", "a/b", "a\\b", "..", "a\0b", "a\nb", long.as_str()] {
        let error = graph.create_with_key(key, City::new("x")).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Limit), "{key:?}: {error}");
        assert_eq!(City::id(key).unwrap_err().kind(), error.kind(), "{key:?}");
    }
}

#[tokio::test]
async fn many_are_created_in_one_batch_with_ids_in_their_order() {
    let (graph, spy) = Spy::graph();
    let cities = (0..1_000).map(|n| City::new(&n.to_string()));
    let created = graph.create_many(cities).await.unwrap();
    assert_eq!(spy.writes.load(Ordering::Relaxed), 1);
    assert!(created.is_sorted_by(|a, b| a.id().cmp_creation(b.id()).is_lt()));
    let read = graph.get_many::<City>(&created).await.unwrap();
    assert_eq!(read.len(), 1_000);
    for (n, city) in read.into_iter().enumerate() {
        assert_eq!(city.unwrap().name, n.to_string());
    }
}

#[tokio::test]
async fn nothing_is_written_for_no_values() {
    let (graph, spy) = Spy::graph();
    assert!(graph.create_many(Vec::<City>::new()).await.unwrap().is_empty());
    assert!(graph.save_many::<City>(&mut []).await.unwrap().is_complete());
    assert_eq!(spy.writes.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_set_beyond_the_limits_goes_out_in_several_batches() {
    for (operations, bytes, batches) in [(4, usize::MAX, 3), (100, 1, 10), (10, usize::MAX, 1)] {
        let spy = std::sync::Arc::new(Spy::default());
        let graph = Graph::builder()
            .database(spy.clone())
            .batch_operations(operations)
            .batch_bytes(bytes)
            .open()
            .await
            .unwrap();
        let cities = (0..10).map(|n| City::new(&n.to_string()));
        graph.create_many(cities).await.unwrap();
        assert_eq!(spy.writes.load(Ordering::Relaxed), batches);
        assert_eq!(graph.nodes::<City>().count().await.unwrap(), 10);
    }
}

/// A city whose serializer fails for one name.
mod picky {
    use super::*;
    use jvspatial_core::__private::{Collection, EntityName, entity_name};
    use jvspatial_core::{Entity, Node, Standalone, Visitable};
    use serde::{Deserialize, Serialize, Serializer, ser};

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) struct Picky {
        #[serde(serialize_with = "refuse_seven")]
        pub(super) number: u32,
    }

    fn refuse_seven<S: Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        if *number == 7 {
            return Err(ser::Error::custom("seven"));
        }
        serializer.serialize_u32(*number)
    }

    impl Entity for Picky {
        const COLLECTION: Collection = Collection::Node;
        const NAME: &'static str = "Picky";
        type Fields = ();
        fn fields() -> Self::Fields {}
        fn entity_name() -> EntityName {
            entity_name!("Picky")
        }
    }
    impl Visitable for Picky {}
    impl Node for Picky {}
    impl Standalone for Picky {}

    #[tokio::test]
    async fn a_failure_names_the_first_bad_value_and_how_many_were_written() {
        let graph = Graph::builder().url("memory:").batch_operations(4).open().await.unwrap();
        let values = (0..10).map(|number| Picky { number });
        let error = graph.create_many(values).await.unwrap_err();
        assert_eq!(error.context("position"), Some("7"));
        assert_eq!(error.context("written"), Some("4"));
        assert_eq!(graph.nodes::<Picky>().count().await.unwrap(), 4);
    }
}

#[tokio::test]
async fn a_batch_with_a_taken_id_is_not_written_at_all() {
    let open = async |database| {
        let builder = Graph::builder().database(database);
        builder.id_generator(IdGenerator::fixed(7)).open().await
    };
    let (first, spy) = Spy::graph();
    let rival = open(spy.clone()).await.unwrap();
    let theirs = ["a", "b", "c"].map(City::new);
    let theirs = rival.create_many(theirs).await.unwrap();
    for city in &theirs[..2] {
        rival.delete(city).await.unwrap();
    }

    let graph = open(spy).await.unwrap();
    let mine = ["d", "e", "f", "g"].map(City::new);
    let error = graph.create_many(mine).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate);
    assert_eq!(error.context("position"), Some("2"));
    assert_eq!(error.context("written"), Some("0"));
    let taken = theirs[2].id().to_string();
    assert_eq!(error.context("taken by"), Some(taken.as_str()));
    assert_eq!(first.nodes::<City>().count().await.unwrap(), 1);
}

#[tokio::test]
async fn many_are_read_in_the_order_of_their_ids_with_gaps_and_repeats() {
    for graph in graphs().await {
        let a = graph.create(City::new("a")).await.unwrap();
        let b = graph.create(City::new("b")).await.unwrap();
        let gone = graph.create(City::new("gone")).await.unwrap();
        graph.delete(&gone).await.unwrap();
        let ids = [b.id(), gone.id(), a.id(), b.id()];
        let read = graph.get_many::<City>(&ids).await.unwrap();
        let names: Vec<_> = read.iter().flatten().map(|city| city.name.as_str()).collect();
        assert_eq!(names, ["b", "a", "b"]);
        assert_eq!(read.get(1).map(Option::is_none), Some(true));
    }
}

#[tokio::test]
async fn the_id_of_another_type_is_refused_without_a_round_trip() {
    let (graph, spy) = Spy::graph();
    let id: Id = "n.City.oslo".parse().unwrap();
    let error = graph.get::<Country>(&id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.context("expected"), Some("n.Country"));
    assert_eq!(spy.reads.load(Ordering::Relaxed), 0);
    let missing: Option<Stored<City>> = graph.get(&id).await.unwrap();
    assert!(missing.is_none());
}

#[tokio::test]
async fn many_with_chosen_keys_are_created_in_one_batch() {
    let (graph, spy) = Spy::graph();
    let keyed = ["oslo", "bergen", "hamar"].map(|key| (key, City::new(key)));
    let created = graph.create_many_with_keys(keyed).await.unwrap();
    assert_eq!(spy.writes.load(Ordering::Relaxed), 1);
    for (city, key) in created.iter().zip(["oslo", "bergen", "hamar"]) {
        assert_eq!(*city.id(), City::id(key).unwrap());
        assert_eq!(graph.get::<City>(city).await.unwrap().unwrap().name, key);
    }
}

#[tokio::test]
async fn a_key_that_is_bad_given_twice_or_taken_is_placed_and_nothing_of_its_batch_is_written() {
    for graph in graphs().await {
        let refused = async |keys: [&str; 3]| {
            let keyed = keys.map(|key| (key, City::new(key)));
            graph.create_many_with_keys(keyed).await.unwrap_err()
        };
        graph.create_with_key("taken", City::new("taken")).await.unwrap();
        for (keys, kind) in [
            (["a", "b", "a"], ErrorKind::Duplicate),
            (["a", "b", "c/d"], ErrorKind::Invalid),
            (["a", "b", "taken"], ErrorKind::Duplicate),
        ] {
            let error = refused(keys).await;
            assert_eq!(error.kind(), kind, "{error}");
            assert_eq!(error.context("position"), Some("2"));
            assert_eq!(error.context("written"), Some("0"));
            assert_eq!(graph.nodes::<City>().count().await.unwrap(), 1);
        }
    }
}
