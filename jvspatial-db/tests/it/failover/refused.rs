//! Servers and users that a database is not opened with: one clear error, in time, without the password.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use bson::doc;
use jvspatial_db::{Error, ErrorKind, MongoDb, MongoDbOptions};

use super::proxy::Proxies;
use super::set::Set;

const DEADLINE: Duration = Duration::from_secs(3);

/// The error of opening, which must come in time and hold nothing secret.
async fn refused(url: &str) -> Error {
    let start = Instant::now();
    let options = MongoDbOptions::new().deadline(DEADLINE);
    let error = MongoDb::open(url, options).await.unwrap_err();
    let taken = start.elapsed();
    assert!(taken < DEADLINE + Duration::from_secs(1), "{taken:?}: {error}");
    let told = format!("{error} {error:?} {error:#?}");
    assert!(!told.contains("canary"), "{told}");
    error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts MongoDB servers"]
async fn a_server_that_stands_alone_is_told_what_it_lacks() {
    let set = Set::standalone().await;
    let host = set.hosts().next().unwrap();
    for options in ["", "?directConnection=true"] {
        let error = refused(&format!("mongodb://{host}/db{options}")).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        let expected = Some("a replica set, also of one member");
        assert_eq!(error.context("expected"), expected, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts MongoDB servers"]
async fn a_server_that_is_too_old_is_told_which_version_is_needed() {
    let set = Set::start_with(1, None, &[]).await;
    let host = set.hosts().next().unwrap();
    let told = set.command(0, doc! { "hello": 1 }).await;
    let known = |version: i32| [b"maxWireVersion\0".as_slice(), &version.to_le_bytes()].concat();
    let newest = told.get_i32("maxWireVersion").unwrap();
    // 4.4, and 3.6, with which the driver itself does not speak.
    for version in [9, 6] {
        let proxy = Proxies::replacing(host, known(newest), known(version)).await;
        let error = refused(&format!("mongodb://{}/db?directConnection=true", proxy.hosts())).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{version}: {error}");
        assert_eq!(error.context("expected"), Some("5.0 or later"), "{version}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts MongoDB servers"]
async fn a_wrong_password_and_a_user_without_rights_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key");
    std::fs::write(&key, "amongthemembersonly").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let set = Set::start_with(1, None, &["--keyFile", key.to_str().unwrap()]).await;
    let host = set.hosts().next().unwrap();
    // While there is no user, one may be made from this machine.
    let root = doc! { "createUser": "root", "pwd": "canary", "roles": ["root"] };
    set.command(0, root).await;
    let admin = format!("mongodb://root:canary@{host}/admin?directConnection=true");
    let admin = mongodb::Client::with_uri_str(admin).await.unwrap().database("admin");
    for (name, roles) in [
        ("stranger", vec![]),
        ("reader", vec![doc! { "role": "read", "db": "air" }]),
        ("writer", vec![doc! { "role": "readWrite", "db": "air" }]),
    ] {
        let user = doc! { "createUser": name, "pwd": "canary", "roles": roles };
        admin.run_command(user).await.unwrap();
    }
    let url = |user: &str| format!("mongodb://{user}@{host}/air?replicaSet=rs&authSource=admin");
    for user in ["writer:canary2", "nobody:canary", "stranger:%63anary%21"] {
        let error = refused(&url(user)).await;
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert_eq!(error.message(), "server refused the user or the password");
    }
    for user in ["stranger:canary", "reader:canary"] {
        let error = refused(&url(user)).await;
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert_eq!(error.message(), "user may not do this");
    }
    // Nobody else may do less, so this is enough.
    MongoDb::open(&url("writer:canary"), MongoDbOptions::new()).await.unwrap();
}

#[tokio::test]
#[ignore = "starts MongoDB servers"]
async fn a_host_without_a_name_and_a_set_of_another_name_are_unavailable_in_time() {
    let set = Set::start_with(1, None, &[]).await;
    let host = set.hosts().next().unwrap();
    for url in [
        "mongodb://me:canary@nowhere.invalid/db".to_owned(),
        format!("mongodb://{host}/db?replicaSet=canary"),
    ] {
        let start = Instant::now();
        let options = MongoDbOptions::new().deadline(DEADLINE);
        let error = MongoDb::open(&url, options).await.unwrap_err();
        assert!(start.elapsed() < DEADLINE + Duration::from_secs(1), "{error}");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
}
