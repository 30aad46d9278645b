use std::sync::Arc;
use std::time::{Duration, Instant};

use bson::doc;
use jvspatial_db::{
    Collection, Database, ErrorKind, Filter, MongoDb, MongoDbOptions, PoolStats, WriteBatch,
};

use super::{raw_database, url};

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_database_opens_and_closes_twice() {
    let db = MongoDb::open(&url("open"), MongoDbOptions::new()).await.unwrap();
    db.close().await.unwrap();
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_wrong_password_is_one_clear_error_that_does_not_hold_it() {
    let url = url("open").replace("mongodb://", "mongodb://somebody:canary@");
    let error = MongoDb::open(&url, MongoDbOptions::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert_eq!(error.message(), "server refused the user or the password");
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_database_shows_nothing_of_its_user() {
    let db = MongoDb::open(&url("open"), MongoDbOptions::new()).await.unwrap();
    let shown = r#"MongoDb { client: Client { database: "open", .. }, .. }"#;
    assert_eq!(format!("{db:?}"), shown);
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_host_that_nobody_answers_at_is_unavailable_within_the_deadline() {
    let options = MongoDbOptions::new().deadline(Duration::from_millis(300));
    let start = Instant::now();
    // Nothing listens at the first port of a machine.
    let error = MongoDb::open("mongodb://me:canary@127.0.0.1:1/db", options).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
}

/// The only pool when nobody uses it, which is soon after the last call.
async fn idle(db: &MongoDb) -> PoolStats {
    let start = Instant::now();
    loop {
        let pools = db.pools();
        let [pool] = &*pools else { panic!("{pools:?}") };
        if (pool.in_use, pool.waiting) == (0, 0) {
            return pool.clone();
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{pool:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MongoDB server"]
async fn the_pool_tells_its_size_what_is_in_use_and_who_waits() {
    const MOST: u32 = 3;
    let options = MongoDbOptions::new().pool_max(MOST);
    let db = Arc::new(MongoDb::open(&url("open_pool"), options).await.unwrap());
    let before = idle(&db).await;
    assert!(before.size >= 1 && before.uses >= 1 && before.max == MOST, "{before:?}");
    assert!(url("").contains(&before.server), "{}", before.server);
    let counting: Vec<_> = (0..40)
        .map(|_| {
            let db = Arc::clone(&db);
            tokio::spawn(async move { db.count(Collection::Node, &Filter::all()).await })
        })
        .collect();
    let (mut in_use, mut waiting) = (0, 0);
    while !counting.iter().all(tokio::task::JoinHandle::is_finished) {
        for pool in db.pools() {
            assert!(pool.size <= MOST && pool.in_use <= pool.size, "{pool:?}");
            in_use = pool.in_use.max(in_use);
            waiting = pool.waiting.max(waiting);
        }
        tokio::task::yield_now().await;
    }
    for counted in counting {
        assert_eq!(counted.await.unwrap().unwrap(), 0);
    }
    assert!(in_use == MOST && waiting > 0, "{in_use} in use, {waiting} waiting");
    let after = idle(&db).await;
    assert!(after.uses >= before.uses + 40 && after.waited > before.waited, "{after:?}");
    assert!(after.longest_wait > Duration::ZERO && after.longest_wait <= after.waited);
    assert_eq!(after.failures, 0, "{after:?}");
    db.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn options_that_are_followed_reach_the_server() {
    let url = format!("{}&journal=true&maxPoolSize=3&compressors=zlib", url("open_options"));
    raw_database("open_options").await.drop().await.unwrap();
    let db = MongoDb::open(&url, MongoDbOptions::new()).await.unwrap();
    assert_eq!(db.pools().first().map(|pool| pool.max), Some(3));
    for is_atomic in [false, true] {
        let mut batch = WriteBatch::new(db.capabilities().encoding).atomic(is_atomic);
        for key in ["n.City.a", "n.City.b"] {
            batch.insert(format!("{key}{is_atomic}").parse().unwrap(), &doc! {}).unwrap();
        }
        assert!(db.write(batch).await.unwrap().is_complete());
    }
    db.close().await.unwrap();
}
