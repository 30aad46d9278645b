//! The MongoDB backend on a real server, whose URL `cargo xtask services up mongodb` prints. They are run by
//! `cargo test -p jvspatial-db --features mongodb --test it mongo:: -- --ignored`.

mod open;

/// The connection string of `database` on the server of the tests.
///
/// # Panics
/// Without a server: a test that could not look at one must not pass.
fn url(database: &str) -> String {
    let uri = std::env::var("JVSPATIAL_TEST_MONGODB_URI")
        .expect("JVSPATIAL_TEST_MONGODB_URI names a server");
    let (server, query) = uri.split_once('?').unwrap_or((&uri, ""));
    format!("{}/{database}?{query}", server.trim_end_matches('/'))
}
