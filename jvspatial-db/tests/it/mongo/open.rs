use std::time::{Duration, Instant};

use jvspatial_db::{Database, ErrorKind, MongoDb, MongoDbOptions};

use super::url;

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
