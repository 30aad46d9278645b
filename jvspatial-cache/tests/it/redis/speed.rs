//! How many steps an operation takes.

use std::collections::BTreeMap;

use jvspatial_cache::{Cache, RedisCache};

use super::options;
use super::server::Server;

/// How often each command was called by clients, the scripts' own left out.
fn calls(server: &Server, name: &str) -> u64 {
    let redis::Value::BulkString(told) = server.command(&["INFO", "commandstats"]) else {
        panic!("INFO brings text")
    };
    let told = String::from_utf8(told).unwrap();
    let calls: BTreeMap<&str, u64> = told
        .lines()
        .filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(":calls="))
        .filter_map(|(name, rest)| Some((name, rest.split(',').next()?.parse().ok()?)))
        .collect();
    calls.get(name).copied().unwrap_or(0)
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn a_thousand_keys_are_one_command_each_way() {
    let server = Server::start(&[]);
    let cache = RedisCache::open(options(&server.url())).await.unwrap();
    let keys: Vec<String> = (0..1_000).map(|n| format!("n:{n}")).collect();
    let entries: Vec<_> = keys.iter().map(|key| (key.as_bytes(), 1, "value".into())).collect();
    // The first call brings the script to the server.
    cache.set_newer_many(&cache.mark(), &entries[..1], None).await.unwrap();
    cache.forget(b"other", 1).await.unwrap();
    let (scripts, reads) = (calls(&server, "evalsha"), calls(&server, "mget"));
    cache.set_newer_many(&cache.mark(), &entries, None).await.unwrap();
    let asked: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
    let found = cache.get_many(&asked).await.unwrap();
    assert!(found.iter().all(Option::is_some));
    let forgotten: Vec<_> = asked.iter().map(|key| (*key, 2)).collect();
    cache.forget_many(&forgotten).await.unwrap();
    assert_eq!(calls(&server, "mget") - reads, 1);
    // One for the values, one for the tombstones, and a heartbeat may come between.
    assert!((2..=3).contains(&(calls(&server, "evalsha") - scripts)));
}
