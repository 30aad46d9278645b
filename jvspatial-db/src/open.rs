//! From a URL to a database.

use std::sync::Arc;

use crate::config::DatabaseConfig;
#[cfg(feature = "json")]
use crate::config::agree;
use crate::database::Database;
#[cfg(feature = "json")]
use crate::durability::Durability;
use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "json")]
use crate::json::{JsonDb, JsonDbOptions};
use crate::memory::MemoryDb;
#[cfg(feature = "mongodb")]
use crate::mongo::{MongoDb, MongoDbOptions};

/// Opens the database that `url` names.
///
/// | URL | database |
/// |---|---|
/// | `json:<directory>` | the embedded JSON database in that directory, made if it is missing |
/// | `memory:` | a new database in memory |
/// | `mongodb://<hosts>/<name>`, `mongodb+srv://<host>/<name>` | that database of a MongoDB server, with feature `mongodb` |
///
/// `json:` takes options, as in `json:<directory>?create=false&durability=os`:
///
/// | option | meaning |
/// |---|---|
/// | `create=true` | a missing database is made; the default |
/// | `create=false` | a missing database is an error of kind `NotFound` |
/// | `durability=sync` | [`Durability::Sync`](crate::Durability::Sync), the default |
/// | `durability=os` | [`Durability::Os`](crate::Durability::Os) |
/// | `durability=250ms` | [`Durability::Interval`](crate::Durability::Interval) of that time |
///
/// A MongoDB URL takes the options of a connection string; see `MongoDb::open`.
///
/// # Errors
/// `Unsupported` for a scheme that is unknown or not compiled in, `Invalid` for a malformed URL, and
/// whatever the backend's own opening answers. No message repeats more of the URL than its scheme.
pub async fn open(url: &str) -> Result<Arc<dyn Database>> {
    open_with(&DatabaseConfig::new(url)).await
}

/// Opens the database that a deployment has configured.
///
/// ```
/// use jvspatial_db::{DatabaseConfig, open_with};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jvspatial_db::Result<()> {
/// let mut config = DatabaseConfig::new("memory:");
/// config.sort_bytes = Some(64 << 20);
/// let database = open_with(&config).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of [`open`]; `Invalid` without a URL, and for a setting that contradicts the URL; `Unsupported` for a setting
/// that this database has no use for.
pub async fn open_with(config: &DatabaseConfig) -> Result<Arc<dyn Database>> {
    let Some(url) = config.url.as_deref() else {
        return Err(
            Error::invalid("no database is configured").with("missing setting", "database.url")
        );
    };
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(Error::invalid("database URL has no scheme")
            .with("expected", "json:<directory>, memory: or mongodb://<hosts>/<name>"));
    };
    match scheme {
        "memory" if rest.is_empty() => {
            config.check_for("memory")?;
            Ok(Arc::new(MemoryDb::new()))
        }
        "memory" => Err(Error::invalid("memory: stands alone")),
        #[cfg(feature = "json")]
        "json" => {
            config.check_for("json")?;
            let (path, options) = json_options(rest, config)?;
            Ok(Arc::new(JsonDb::open(path, options).await?))
        }
        #[cfg(not(feature = "json"))]
        "json" => Err(left_out("this build has no JSON database", scheme, "json")),
        #[cfg(feature = "mongodb")]
        "mongodb" | "mongodb+srv" => {
            config.check_for("mongodb")?;
            Ok(Arc::new(MongoDb::open(url, MongoDbOptions::configured(config)).await?))
        }
        #[cfg(not(feature = "mongodb"))]
        "mongodb" | "mongodb+srv" => {
            Err(left_out("this build has no MongoDB backend", scheme, "mongodb"))
        }
        "redis" | "rediss" => {
            Err(Error::new(ErrorKind::Unsupported, "this build has no Redis backend")
                .with("scheme", scheme))
        }
        _ => Err(Error::new(ErrorKind::Unsupported, "unknown scheme of a database URL")
            .with("scheme", scheme)
            .with("expected", "json, memory or mongodb")),
    }
}

/// What is told where the backend for `scheme` is not part of the build.
#[cfg(any(test, not(all(feature = "json", feature = "mongodb"))))]
fn left_out(message: &'static str, scheme: &str, feature: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, message)
        .with("scheme", scheme)
        .with("enable feature", feature)
}

#[cfg(feature = "json")]
fn json_options<'a>(rest: &'a str, config: &DatabaseConfig) -> Result<(&'a str, JsonDbOptions)> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if path.is_empty() {
        return Err(Error::invalid("json: names no directory").with("expected", "json:<directory>"));
    }
    let (mut creates, mut durable) = (None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            "create" => creates = Some(create(value)?),
            "durability" => durable = Some(durability(value)?),
            _ => {
                return Err(Error::invalid("unknown option of a json: URL")
                    .with("option", key)
                    .with("expected", "create or durability"));
            }
        }
    }
    let mut options = JsonDbOptions::new();
    if let Some(creates) = agree(creates, config.create, "create")? {
        options = options.create(creates);
    }
    if let Some(durable) = agree(durable, config.durability, "durability")? {
        options = options.durability(durable);
    }
    if let Some(deadline) = config.operation_timeout {
        options = options.deadline(deadline);
    }
    if let Some(bytes) = config.sort_bytes {
        options = options.max_sort_bytes(bytes);
    }
    Ok((path, options))
}

#[cfg(feature = "json")]
fn create(text: &str) -> Result<bool> {
    text.parse().map_err(|_| {
        Error::invalid("create is neither true nor false")
            .with("found", text)
            .with("expected", "true or false")
    })
}

#[cfg(feature = "json")]
fn durability(text: &str) -> Result<Durability> {
    Durability::parse(text).ok_or_else(|| {
        Error::invalid("unknown durability")
            .with("found", text)
            .with("expected", Durability::EXPECTED)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn memory_opens_and_starts_empty() {
        let database = open("memory:").await.unwrap();
        assert_eq!(database.capabilities().name, "memory");
    }

    #[tokio::test]
    async fn schemes_without_a_database_are_refused_without_repeating_a_password() {
        for (scheme, message) in [
            #[cfg(not(feature = "mongodb"))]
            ("mongodb", "this build has no MongoDB backend"),
            #[cfg(not(feature = "mongodb"))]
            ("mongodb+srv", "this build has no MongoDB backend"),
            ("redis", "this build has no Redis backend"),
            ("rediss", "this build has no Redis backend"),
            ("sqlite", "unknown scheme of a database URL"),
        ] {
            let error = open(&format!("{scheme}://me:canary@host/db")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert_eq!((error.message(), error.context("scheme")), (message, Some(scheme)));
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
        assert_eq!(open("airports.db").await.unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(open("memory:x").await.unwrap_err().kind(), ErrorKind::Invalid);
    }

    #[test]
    fn what_a_build_lacks_is_told_with_the_feature_that_brings_it() {
        let error = left_out("this build has no MongoDB backend", "mongodb+srv", "mongodb");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(
            error.to_string(),
            "this build has no MongoDB backend (scheme: mongodb+srv, enable feature: mongodb)"
        );
    }

    #[cfg(feature = "json")]
    #[test]
    fn durability_is_read_from_the_query() {
        let none = DatabaseConfig::default();
        let parse =
            |rest| json_options(rest, &none).map(|(path, options)| (path, options.durability));
        assert_eq!(parse("./a.db").unwrap(), ("./a.db", Durability::Sync));
        assert_eq!(parse("./a?durability=os").unwrap(), ("./a", Durability::Os));
        let interval = Durability::Interval(std::time::Duration::from_millis(250));
        assert_eq!(parse("./a?durability=250ms").unwrap(), ("./a", interval));
        for bad in ["", "./a?sync=1", "./a?durability=0ms", "./a?durability=never"] {
            assert_eq!(parse(bad).unwrap_err().kind(), ErrorKind::Invalid, "{bad}");
        }
    }

    #[cfg(feature = "json")]
    #[tokio::test]
    async fn a_missing_database_is_not_made_when_the_query_says_so() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a.db");
        let url = |query| format!("json:{}{query}", path.display());
        let error = open(&url("?create=false")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(!path.exists());
        open(&url("?durability=os&create=true")).await.unwrap().close().await.unwrap();
        open(&url("?create=false&durability=os")).await.unwrap().close().await.unwrap();
    }

    #[cfg(feature = "json")]
    #[tokio::test]
    async fn a_path_that_cannot_be_a_directory_is_named_once_with_the_reason() {
        let home = tempfile::tempdir().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        for (path, kind, reason) in [
            (file.path().to_owned(), ErrorKind::Invalid, "it is not a directory"),
            (home.path().join("no/db"), ErrorKind::NotFound, "its parent directory does not exist"),
        ] {
            let path = path.display();
            let error = open(&format!("json:{path}")).await.unwrap_err();
            assert_eq!(error.kind(), kind);
            let text = format!("database directory cannot be opened (path: {path}): {reason}");
            assert_eq!(error.to_string(), text);
        }
    }

    #[cfg(feature = "json")]
    #[test]
    fn a_wrong_option_is_answered_with_those_that_there_are() {
        let error = json_options("a.db?crate=false", &DatabaseConfig::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.context("option"), Some("crate"));
        assert_eq!(error.context("expected"), Some("create or durability"));
        for query in ["create", "create=", "create=no"] {
            let rest = format!("a.db?{query}");
            let error = json_options(&rest, &DatabaseConfig::default()).unwrap_err();
            assert_eq!(error.context("expected"), Some("true or false"), "{query}");
        }
    }

    #[cfg(feature = "json")]
    #[test]
    fn settings_and_url_add_up_and_may_not_contradict_each_other() {
        let config = DatabaseConfig {
            create: Some(false),
            operation_timeout: Some(std::time::Duration::from_secs(2)),
            ..DatabaseConfig::default()
        };
        let (_, options) = json_options("a.db?durability=os&create=false", &config).unwrap();
        assert_eq!((options.durability, options.create), (Durability::Os, false));
        assert_eq!(options.deadline, std::time::Duration::from_secs(2));
        let error = json_options("a.db?create=true", &config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.context("setting"), Some("database.create"));
    }

    #[tokio::test]
    async fn a_configuration_without_a_database_or_with_useless_settings_opens_nothing() {
        let error = open_with(&DatabaseConfig::default()).await.unwrap_err();
        assert_eq!(error.context("missing setting"), Some("database.url"));
        let mut config = DatabaseConfig::new("memory:");
        config.pool_max = Some(5);
        let error = open_with(&config).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.context("setting"), Some("database.pool_max"));
    }
}
