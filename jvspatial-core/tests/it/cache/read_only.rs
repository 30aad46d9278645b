//! Graphs that only read.

use std::sync::Arc;

use jvspatial_core::{Error, ErrorKind, Graph, GraphConfig, Result};
use jvspatial_db::{Collection, Database, FieldPath, IndexKey, IndexSpec, MemoryDb};

use super::roomy;
use crate::model::{City, Road};

struct World {
    writer: Graph,
    reader: Graph,
}

async fn world() -> World {
    let database: Arc<dyn Database> = Arc::new(MemoryDb::new());
    let writer = Graph::builder().database(Arc::clone(&database)).open().await.unwrap();
    let reader = Graph::builder().database(database).cache(roomy()).read_only(true);
    World { writer, reader: reader.open().await.unwrap() }
}

fn assert_refused<T: std::fmt::Debug>(what: &str, result: Result<T>) {
    let error = result.expect_err(what);
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{what}: {error}");
    assert_eq!(error.context("setting"), Some("read_only"), "{what}: {error}");
}

#[tokio::test]
async fn every_write_is_refused_by_the_name_of_the_setting() {
    let World { writer, reader } = world().await;
    let mut oslo = writer.create(City::new("Oslo")).await.unwrap();
    let bergen = writer.create(City::new("Bergen")).await.unwrap();
    let before = oslo.version();
    assert_refused("root", reader.root().await);
    assert_refused("create", reader.create(City::new("Bodø")).await);
    assert_refused("create many", reader.create_many([City::new("Bodø")]).await);
    assert_refused("save", {
        oslo.visits = 1;
        reader.save(&mut oslo).await
    });
    assert_refused("connect", reader.connect(&oslo, &bergen, Road { km: 463 }).await);
    assert_refused("delete", reader.delete(oslo.id()).await);
    assert_refused("cascade", reader.delete_cascade(oslo.id()).run().await);
    assert_refused("modify", reader.modify::<City>(oslo.id(), |city| city.visits += 1).await);
    let all = reader.nodes::<City>().filter(|city| city.visits.eq(0_u64));
    assert_refused("update", all.update(|city| city.visits.inc(1)).many().await);
    let none = reader.nodes::<City>().filter(|city| city.visits.eq(77_u64));
    assert_refused("update of nothing", none.update(|city| city.visits.inc(1)).one().await);
    assert_refused("delete of what is found", reader.nodes::<City>().delete().await);
    let within = reader.transaction(|tx| async move {
        let mut oslo = tx.nodes::<City>().first().await?.unwrap();
        oslo.visits = 1;
        tx.save(&mut oslo).await?;
        Ok::<_, Error>(())
    });
    assert_refused("write in a transaction", within.await);
    let database = reader.database();
    let path = FieldPath::parse("context.name").unwrap();
    let index = database.create_index(
        Collection::Node,
        None,
        IndexSpec::new([IndexKey::ascending(path)]).unwrap(),
    );
    assert_refused("index", index.await.map_err(Error::from));
    let index = database.drop_index(Collection::Node, None, "name");
    assert_refused("drop", index.await.map_err(Error::from));
    let stored = writer.get::<City>(oslo.id()).await.unwrap().unwrap();
    assert_eq!((stored.visits, stored.version()), (0, before));
    assert_eq!(writer.nodes::<City>().count().await.unwrap(), 2);
}

#[tokio::test]
async fn reads_are_kept_and_follow_the_changes_of_others() {
    let World { writer, reader } = world().await;
    let mut oslo = writer.create(City::new("Oslo")).await.unwrap();
    for visits in 1..4 {
        oslo.visits = visits;
        writer.save(&mut oslo).await.unwrap();
        for _ in 0..2 {
            let read = reader.get::<City>(oslo.id()).await.unwrap().unwrap();
            assert_eq!(read.visits, visits);
        }
    }
    assert_eq!(reader.cache_statistics().entities.hits, 3);
    let inside = reader.transaction(|tx| async move { tx.nodes::<City>().count().await });
    assert_eq!(inside.await.unwrap(), 1);
}

#[cfg(feature = "json")]
#[tokio::test]
async fn a_database_that_is_not_there_is_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("json:{}", directory.path().join("store").display());
    let mut config = GraphConfig::default();
    config.limits.read_only = Some(true);
    let error = Graph::builder().config(config.clone()).url(&url).open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!directory.path().join("store").exists());
    let writer = Graph::open(&url).await.unwrap();
    let oslo = writer.create(City::new("Oslo")).await.unwrap();
    writer.close().await.unwrap();
    let reader = Graph::builder().config(config).url(&url).open().await.unwrap();
    assert!(reader.get::<City>(oslo.id()).await.unwrap().is_some());
    assert_refused("configured", reader.delete(oslo.id()).await);
    reader.close().await.unwrap();
}
