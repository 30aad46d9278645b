#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use jvspatial_db::Durability;
use jvspatial_db::config::Compression;
use serde::de::value::{Error as FieldsError, MapDeserializer};
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

use super::load::from_sources;
use super::refusal::variable;
use super::*;
use crate::cache::Strategy;
use crate::error::{Error, ErrorKind, Result};

fn read(text: &str, variables: &[(&str, &str)]) -> Result<GraphConfig> {
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    from_sources(Some(("jvspatial.toml", text)), variables.collect())
}

fn refused(text: &str, variables: &[(&str, &str)]) -> Error {
    let error = read(text, variables).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    error
}

/// The facts of an error, for comparison.
fn facts<'a, const N: usize>(error: &'a Error, names: [&str; N]) -> [Option<&'a str>; N] {
    names.map(|name| error.context(name))
}

const WHOLE: &str = r#"
[database]
url = "mongodb://me:canary@db/air"
operation_timeout = "5s"
sort_bytes = "64MiB"
connect_timeout = "700ms"
pool_max = 50
pool_min = 5
pool_idle = "10m"
read_concern = "snapshot"
write_concern = "majority"
read_preference = "primary"
tls = true
tls_ca_file = "ca.pem"
tls_certificate_key_file = "me.pem"
compression = ["zlib", "snappy"]

[limits]
batch_operations = 5_000
batch_bytes = 1048576
modify_deadline = "3s"
read_only = true

[cache]
entity_bytes = "32MiB"
query_bytes = 1048576
repository_bytes = "2MiB"
time_to_live = "1h"
time_to_idle = "5m"
max_stale = "2s"
strict = true
strategy = "write-behind"
redis_namespace = "cities"
"#;

#[test]
fn a_file_is_read_whole() {
    let GraphConfig { database, limits, cache, .. } = read(WHOLE, &[]).unwrap();
    assert_eq!((cache.entity_bytes, cache.query_bytes), (Some(32 << 20), Some(1 << 20)));
    assert_eq!(cache.time_to_live, Some(Duration::from_secs(3600)));
    assert_eq!(cache.time_to_idle, Some(Duration::from_secs(300)));
    assert_eq!(cache.max_stale, Some(Duration::from_secs(2)));
    let options = cache.options().unwrap();
    assert_eq!((options.entity_bytes, options.query_bytes), (32 << 20, 1 << 20));
    assert_eq!(options.repository_bytes, Some(2 << 20));
    assert_eq!(options.max_stale, Duration::from_secs(2));
    assert!(matches!(options.strategy, Strategy::WriteBehind(_)), "{options:?}");
    assert!(options.strict && !CacheConfig::default().options().unwrap().strict);
    assert_eq!(database.operation_timeout, Some(Duration::from_secs(5)));
    assert_eq!(database.sort_bytes, Some(64 << 20));
    assert_eq!((database.pool_max, database.pool_min), (Some(50), Some(5)));
    assert_eq!(database.pool_idle, Some(Duration::from_secs(600)));
    assert_eq!(database.tls, Some(true));
    assert_eq!(database.compression, Some(vec![Compression::Zlib, Compression::Snappy]));
    assert_eq!((limits.batch_operations, limits.batch_bytes), (Some(5_000), Some(1 << 20)));
    assert_eq!(limits.modify_deadline, Some(Duration::from_secs(3)));
    assert_eq!(limits.read_only, Some(true));
}

#[test]
fn variables_go_before_the_file_key_by_key() {
    let variables = [
        ("JVSPATIAL_DATABASE_POOL_MAX", "7"),
        ("JVSPATIAL_DATABASE_TLS", "false"),
        ("JVSPATIAL_DATABASE_COMPRESSION", "snappy"),
        ("JVSPATIAL_DATABASE_TLS_CA_FILE", "1"),
        ("JVSPATIAL_LIMITS_BATCH_BYTES", "2MiB"),
    ];
    let GraphConfig { database, limits, .. } = read(WHOLE, &variables).unwrap();
    assert_eq!((database.pool_max, database.pool_min), (Some(7), Some(5)));
    assert_eq!(database.tls, Some(false));
    assert_eq!(database.compression, Some(vec![Compression::Snappy]));
    assert_eq!(database.tls_ca_file, Some("1".into()));
    assert_eq!((limits.batch_operations, limits.batch_bytes), (Some(5_000), Some(2 << 20)));
    let alone = from_sources(None, vec![("JVSPATIAL_DATABASE_DURABILITY".into(), "os".into())]);
    assert_eq!(alone.unwrap().database.durability, Some(Durability::Os));
}

#[test]
fn variables_for_tests_are_no_settings() {
    let variables = vec![("JVSPATIAL_TEST_MONGODB_URI".into(), "mongodb://x".into())];
    assert_eq!(from_sources(None, variables).unwrap(), GraphConfig::default());
}

#[test]
fn an_unknown_key_is_answered_with_the_nearest_one() {
    for (text, key, line, nearest) in [
        ("\n[database]\npol_max = 5", "database.pol_max", 3, "database.pool_max"),
        ("[databse]\nurl = 'x'", "databse", 1, "database"),
        ("limits.batch_byte = 5", "limits.batch_byte", 1, "limits.batch_bytes"),
    ] {
        let error = refused(text, &[]);
        let source = format!("jvspatial.toml:{line}");
        assert_eq!(
            facts(&error, ["key", "source", "nearest"]),
            [Some(key), Some(&*source), Some(nearest)],
            "{error}"
        );
    }
    for (name, nearest) in [
        ("JVSPATIAL_DATABASE_POOL_MAXX", "database.pool_max"),
        ("JVSPATIAL_DATABSE_URL", "database"),
        ("JVSPATIAL_DATABAS", "database"),
    ] {
        let error = refused("", &[(name, "canary")]);
        assert_eq!(error.context("nearest"), Some(nearest), "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
    assert!(refused("[cache]\nttl = '5m'", &[]).context("nearest").is_some());
}

#[test]
fn a_wrong_value_is_told_with_its_place_and_what_was_expected() {
    let number = "u32";
    let time = "a time from 1ms to 24h with its unit, such as 250ms, 2s, 5m or 1h";
    for (text, line, expected, found) in [
        ("[database]\npool_max = 'many'", 2, number, "\"many\""),
        ("[database]\npool_max = '5'", 2, number, "\"5\""),
        ("[database]\n\npool_idle = 5", 3, time, "signed int `5`"),
        ("[database]\npool_idle = '5'", 2, time, "\"5\""),
        ("[database]\nread_preference = 'nearest'", 2, "primary", "\"nearest\""),
        ("[database]\ncompression = [\n'zlib', 'gzip']", 2, "snappy or zlib", "\"gzip\""),
        (
            "[database]\nsort_bytes = 0",
            2,
            "a number of bytes, or one with its unit such as 64MiB",
            "0",
        ),
    ] {
        let error = refused(text, &[]);
        assert_eq!(error.context("source"), Some(&*format!("jvspatial.toml:{line}")), "{error}");
        assert_eq!(error.context("expected"), Some(expected), "{error}");
        assert!(error.context("found").unwrap().contains(found), "{error}");
    }
    let error = refused("", &[("JVSPATIAL_DATABASE_POOL_MAX", "many")]);
    assert_eq!(
        facts(&error, ["key", "source", "expected", "found"]),
        [
            Some("database.pool_max"),
            Some("JVSPATIAL_DATABASE_POOL_MAX"),
            Some("u32"),
            Some("\"many\"")
        ]
    );
}

#[test]
fn a_wrong_value_in_the_file_is_found_also_when_a_variable_hides_it() {
    refused("database.pool_max = 'many'", &[("JVSPATIAL_DATABASE_POOL_MAX", "5")]);
}

#[test]
fn text_that_is_no_toml_is_told_by_its_line() {
    let error = refused("[database]\nurl = 'mongodb://me:canary@db\npool_max = 5", &[]);
    assert_eq!(error.context("source"), Some("jvspatial.toml:2"), "{error}");
    assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    let deep = format!("a = {}", "[".repeat(100_000));
    refused(&deep, &[]);
}

#[test]
fn no_password_is_shown() {
    let config = read(WHOLE, &[]).unwrap();
    assert!(!format!("{config:?}").contains("canary"));
    let builder = crate::Graph::builder().config(config).url("mongodb://me:canary@db/air");
    assert!(!format!("{builder:?}").contains("canary"));
    for text in [
        "database.url = ['mongodb://me:canary@db/air']",
        "database = 'mongodb://me:canary@db/air'",
        "url = 'mongodb://me:canary@db/air'",
        "database.url.canary = 5",
        "database.urls = 'mongodb://me:canary@db/air'",
        "database.pool_max = 'mongodb://me:canary@db/air'",
    ] {
        let error = refused(text, &[]);
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
}

/// The keys of a struct, as serde derives them.
struct Fields<'a>(&'a mut Vec<&'static str>);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = FieldsError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, FieldsError> {
        Err(FieldsError::custom("not a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldsError> {
        self.0.extend_from_slice(fields);
        visitor.visit_map(MapDeserializer::<_, FieldsError>::new(std::iter::empty::<(
            &'static str,
            &'static str,
        )>()))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn fields<T: for<'de> Deserialize<'de>>() -> Vec<&'static str> {
    let mut names = Vec::new();
    T::deserialize(Fields(&mut names)).unwrap();
    names
}

#[test]
fn the_page_on_configuration_names_every_key_with_its_variable() {
    assert_eq!(fields::<GraphConfig>(), ["database", "limits", "cache"]);
    let sections = [
        ("database", fields::<DatabaseConfig>()),
        ("limits", fields::<LimitsConfig>()),
        ("cache", fields::<CacheConfig>()),
    ];
    let keys = sections
        .iter()
        .flat_map(|(section, names)| names.iter().map(move |name| format!("{section}.{name}")));
    let expected: BTreeSet<(String, String)> =
        keys.map(|key| (key.clone(), variable(&key))).collect();
    let page = include_str!("../../../docs/configuration.md");
    let documented: Vec<(String, String)> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split("` | `");
            Some((cells.next()?.to_owned(), cells.next()?.split('`').next()?.to_owned()))
        })
        .collect();
    assert_eq!(documented.len(), expected.len(), "a key stands twice or is missing");
    assert_eq!(documented.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn the_example_of_the_page_can_be_read() {
    let page = include_str!("../../../docs/configuration.md");
    let (_, example) = page.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    assert!(read(example, &[]).unwrap().database.url.is_some());
}

#[test]
fn a_strategy_has_one_of_three_names() {
    let strategy = |name| {
        let config = read("", &[("JVSPATIAL_CACHE_STRATEGY", name)])?;
        Ok::<_, Error>(config.cache.options()?.strategy)
    };
    assert!(matches!(strategy("cache-aside").unwrap(), Strategy::CacheAside));
    assert!(matches!(strategy("write-through").unwrap(), Strategy::WriteThrough));
    assert!(matches!(strategy("write-behind").unwrap(), Strategy::WriteBehind(_)));
    let error = strategy("write-around").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("write-behind"), "{error}");
}

#[test]
fn the_url_of_redis_is_not_shown_and_is_refused_where_there_is_none() {
    let url = "redis://user:canary@127.0.0.1:6379/";
    let config = read("", &[("JVSPATIAL_CACHE_REDIS_URL", url)]).unwrap();
    assert_eq!(config.cache.redis_url.as_deref(), Some(url));
    assert!(!format!("{config:?}").contains("canary"));
    let options = config.cache.options();
    assert_eq!(options.is_ok(), cfg!(feature = "redis"));
    let wrong = read("", &[("JVSPATIAL_CACHE_REDIS_URL", "http://user:canary@host/")]).unwrap();
    let error = wrong.cache.options().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
}
