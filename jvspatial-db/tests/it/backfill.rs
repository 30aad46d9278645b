//! Documents without a version gain one, on every backend alike.

use std::sync::Arc;

use jvspatial_db::{
    BackfillOptions, Collection, Database, EntityName, Envelope, ErrorKind, Filter, Id, Query,
    Version, WriteBatch, backfill, doc, open,
};

fn id(key: usize) -> Id {
    Id::with_key(Collection::Node, EntityName::new("City").unwrap(), &format!("{key:05}")).unwrap()
}

/// Writes nodes, every third of which has a version already.
async fn fill(database: &dyn Database, count: usize) {
    let mut batch = WriteBatch::new(database.capabilities().encoding);
    for key in 0..count {
        let version = if key % 3 == 0 { Version::new(7) } else { Version::NONE };
        let envelope = Envelope { version, schema: 2, link: None };
        batch
            .insert_as(id(key), &doc! { "number": i32::try_from(key).unwrap() }, envelope)
            .unwrap();
    }
    assert!(database.write(batch).await.unwrap().is_complete());
}

async fn check(database: &dyn Database, count: usize) {
    let query = Query::new(Collection::Node, Filter::parse(&doc! {}).unwrap());
    let found = database.find(query).await.unwrap().try_collect().await.unwrap();
    assert_eq!(found.len(), count);
    for document in found {
        let number = document.body.to_bson().unwrap().get_i32("number").unwrap();
        let key = usize::try_from(number).unwrap();
        assert_eq!((&document.id, document.schema), (&id(key), 2));
        let version = if key % 3 == 0 { 7 } else { 1 };
        assert_eq!(document.version, Version::new(version), "{}", document.id);
    }
}

/// Gives versions in portions and once more, when there is nothing left.
pub(crate) async fn story(database: &dyn Database) {
    fill(database, 300).await;
    let options = || BackfillOptions::new().batch_operations(7);
    let first = backfill(database, Collection::Node, options().limit(50)).await.unwrap();
    assert_eq!((first.versioned, first.overtaken), (50, 0));
    assert_eq!(first.last, Some(id(74)));
    let rest = backfill(database, Collection::Node, options().after(first.last)).await.unwrap();
    assert_eq!((rest.versioned, rest.last), (150, Some(id(299))));
    check(database, 300).await;
    let again = backfill(database, Collection::Node, options()).await.unwrap();
    assert_eq!((again.versioned, again.last), (0, None));
    check(database, 300).await;
}

#[tokio::test]
async fn documents_in_memory_gain_a_version_and_nothing_else() {
    story(&*open("memory:").await.unwrap()).await;
}

#[tokio::test]
async fn documents_of_a_json_database_gain_a_version_that_lasts() {
    let home = tempfile::tempdir().unwrap();
    let url = format!("json:{}", home.path().join("db").display());
    let database = open(&url).await.unwrap();
    story(&*database).await;
    database.close().await.unwrap();
    drop(database);
    check(&*open(&url).await.unwrap(), 300).await;
}

#[tokio::test]
async fn one_that_is_interrupted_is_gone_on_with_by_calling_it_again() {
    let database = open("memory:").await.unwrap();
    fill(&*database, 300).await;
    let options = BackfillOptions::new().limit(20);
    assert_eq!(backfill(&*database, Collection::Node, options).await.unwrap().versioned, 20);
    let report = backfill(&*database, Collection::Node, BackfillOptions::new()).await.unwrap();
    assert_eq!(report.versioned, 180);
    check(&*database, 300).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_save_at_the_same_time_is_neither_lost_nor_counted_twice() {
    let database: Arc<dyn Database> = open("memory:").await.unwrap();
    fill(&*database, 3_000).await;
    let writer = Arc::clone(&database);
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let saves = tokio::spawn(async move {
        let mut begun = Some(begun);
        let mut saved = 0;
        for key in (0..3_000).rev() {
            let mut batch = WriteBatch::new(writer.capabilities().encoding);
            batch.update(id(key), Version::NONE, &doc! { "saved": true }).unwrap();
            saved += u64::try_from(writer.write(batch).await.unwrap().written()).unwrap();
            begun.take().map(|begun| begun.send(()));
        }
        saved
    });
    has_begun.await.unwrap();
    let options = BackfillOptions::new().batch_operations(1);
    let report = backfill(&*database, Collection::Node, options).await.unwrap();
    let saved = saves.await.unwrap();
    let filter = Filter::parse(&doc! { "context.saved": true }).unwrap();
    assert_eq!(database.count(Collection::Node, &filter).await.unwrap(), saved);
    assert_eq!(report.versioned + saved, 2_000);
    assert!(saved > 0);
    let none = Filter::parse(&doc! { "_version": { "$exists": false } }).unwrap();
    assert_eq!(database.count(Collection::Node, &none).await.unwrap(), 0);
}

#[tokio::test]
async fn options_out_of_their_range_are_refused() {
    let database = open("memory:").await.unwrap();
    for count in [0, 100_001] {
        let options = BackfillOptions::new().batch_operations(count);
        let error = backfill(&*database, Collection::Node, options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
    }
    let options = BackfillOptions::new().after(Some(id(1)));
    let error = backfill(&*database, Collection::Edge, options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}
