//! From a URL to a database.

use std::sync::Arc;

use crate::database::Database;
use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "json")]
use crate::json::{Durability, JsonDb, JsonDbOptions};
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
/// | `durability=250ms` | [`Durability::Interval`](crate::Durability::Interval) of so many milliseconds |
///
/// A MongoDB URL takes the options of a connection string; see `MongoDb::open`.
///
/// # Errors
/// `Unsupported` for a scheme that is unknown or not compiled in, `Invalid` for a malformed URL, and
/// whatever the backend's own opening answers. No message repeats more of the URL than its scheme.
pub async fn open(url: &str) -> Result<Arc<dyn Database>> {
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(Error::invalid("database URL has no scheme")
            .with("expected", "json:<directory>, memory: or mongodb://<hosts>/<name>"));
    };
    match scheme {
        "memory" if rest.is_empty() => Ok(Arc::new(MemoryDb::new())),
        "memory" => Err(Error::invalid("memory: stands alone")),
        #[cfg(feature = "json")]
        "json" => {
            let (path, options) = json_options(rest)?;
            Ok(Arc::new(JsonDb::open(path, options).await?))
        }
        #[cfg(not(feature = "json"))]
        "json" => Err(Error::new(ErrorKind::Unsupported, "this build has no JSON database")
            .with("enable feature", "json")),
        #[cfg(feature = "mongodb")]
        "mongodb" | "mongodb+srv" => Ok(Arc::new(MongoDb::open(url, MongoDbOptions::new()).await?)),
        #[cfg(not(feature = "mongodb"))]
        "mongodb" | "mongodb+srv" => {
            Err(Error::new(ErrorKind::Unsupported, "this build has no MongoDB backend")
                .with("scheme", scheme)
                .with("enable feature", "mongodb"))
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

#[cfg(feature = "json")]
fn json_options(rest: &str) -> Result<(&str, JsonDbOptions)> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if path.is_empty() {
        return Err(Error::invalid("json: names no directory").with("expected", "json:<directory>"));
    }
    let mut options = JsonDbOptions::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        options = match key {
            "create" => options.create(create(value)?),
            "durability" => options.durability(durability(value)?),
            _ => {
                return Err(Error::invalid("unknown option of a json: URL")
                    .with("option", key)
                    .with("expected", "create or durability"));
            }
        };
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
    let interval = || {
        let millis = text.strip_suffix("ms")?.parse().ok()?;
        (millis > 0).then(|| Durability::Interval(std::time::Duration::from_millis(millis)))
    };
    match text {
        "sync" => Ok(Durability::Sync),
        "os" => Ok(Durability::Os),
        _ => interval().ok_or_else(|| {
            Error::invalid("unknown durability")
                .with("found", text)
                .with("expected", "sync, os, or milliseconds such as 250ms")
        }),
    }
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

    #[cfg(feature = "json")]
    #[test]
    fn durability_is_read_from_the_query() {
        let parse = |rest| json_options(rest).map(|(path, options)| (path, options.durability));
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
        let error = json_options("a.db?crate=false").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.context("option"), Some("crate"));
        assert_eq!(error.context("expected"), Some("create or durability"));
        for query in ["create", "create=", "create=no"] {
            let error = json_options(&format!("a.db?{query}")).unwrap_err();
            assert_eq!(error.context("expected"), Some("true or false"), "{query}");
        }
    }
}
