//! From the settings of a deployment to the options of the driver.

use std::path::{Path, PathBuf};

use mongodb::options::{ClientOptions, Compressor, Tls, TlsOptions};

use super::observer::CommandObserver;
use super::options::MongoDbOptions;
use crate::config::{Compression, agree};
use crate::error::{Error, Result};

/// Adds the settings to what the URL said.
///
/// # Errors
/// `Invalid` when they contradict the URL or one another.
pub(super) fn apply(settings: &MongoDbOptions, options: &mut ClientOptions) -> Result<()> {
    let MongoDbOptions {
        deadline: _,
        max_sort_bytes: _,
        connect_timeout,
        pool_max,
        pool_min,
        pool_idle,
        tls: _,
        tls_ca_file: _,
        tls_certificate_key_file: _,
        compression,
        command_observer,
    } = settings;
    options.command_event_handler = command_observer.as_ref().map(CommandObserver::handler);
    options.connect_timeout = agree(options.connect_timeout, *connect_timeout, "connect_timeout")?;
    options.max_pool_size = agree(options.max_pool_size, *pool_max, "pool_max")?;
    options.min_pool_size = agree(options.min_pool_size, *pool_min, "pool_min")?;
    options.max_idle_time = agree(options.max_idle_time, *pool_idle, "pool_idle")?;
    options.compressors = compressors(options.compressors.take(), compression.as_deref())?;
    options.tls = tls(options.tls.take(), settings)?;
    check_pool(options)
}

const fn compressor(compression: Compression) -> Compressor {
    match compression {
        Compression::Snappy => Compressor::Snappy,
        Compression::Zlib => Compressor::Zlib { level: None },
    }
}

/// What both say, or one of them. A level in the URL makes no difference to a setting, which has none.
fn compressors(
    url: Option<Vec<Compressor>>,
    setting: Option<&[Compression]>,
) -> Result<Option<Vec<Compressor>>> {
    let setting: Option<Vec<Compressor>> =
        setting.map(|list| list.iter().map(|one| compressor(*one)).collect());
    let kinds = |list: &Vec<Compressor>| list.iter().map(kind).collect::<Vec<_>>();
    agree(url.as_ref().map(kinds), setting.as_ref().map(kinds), "compression")?;
    let chosen = url.or(setting);
    if let Some(list) = &chosen {
        let twice = |(at, one): (usize, &Compressor)| {
            list.iter().take(at).any(|other| kind(other) == kind(one))
        };
        if list.iter().enumerate().any(twice) {
            return Err(Error::invalid("a way of compression is named twice")
                .with("setting", "database.compression"));
        }
    }
    Ok(chosen)
}

/// A way of compression, without its level.
fn kind(compressor: &Compressor) -> Compressor {
    match compressor {
        Compressor::Zlib { .. } => Compressor::Zlib { level: None },
        other => other.clone(),
    }
}

fn tls(url: Option<Tls>, settings: &MongoDbOptions) -> Result<Option<Tls>> {
    let in_url = url.as_ref().map(|tls| matches!(tls, Tls::Enabled(_)));
    let enabled = agree(in_url, settings.tls, "tls")?;
    let files = settings.tls_ca_file.is_some() || settings.tls_certificate_key_file.is_some();
    if enabled != Some(true) {
        if files {
            return Err(Error::invalid("files for TLS are configured, but not TLS")
                .with("setting", "database.tls")
                .with("expected", "true"));
        }
        return Ok(enabled.map(|_| Tls::Disabled));
    }
    let mut options = match url {
        Some(Tls::Enabled(options)) => options,
        _ => TlsOptions::default(),
    };
    let file = |url: Option<PathBuf>, ours: Option<&Path>, key| {
        agree(url, ours.map(Path::to_path_buf), key)
    };
    options.ca_file_path =
        file(options.ca_file_path.take(), settings.tls_ca_file.as_deref(), "tls_ca_file")?;
    options.cert_key_file_path = file(
        options.cert_key_file_path.take(),
        settings.tls_certificate_key_file.as_deref(),
        "tls_certificate_key_file",
    )?;
    Ok(Some(Tls::Enabled(options)))
}

/// The driver's own default.
pub(super) const POOL_MAX: u32 = 10;

/// Refuses a pool without room; the driver takes none for one without a bound.
fn check_pool(options: &ClientOptions) -> Result<()> {
    let (most, least) = (options.max_pool_size.unwrap_or(POOL_MAX), options.min_pool_size);
    if most == 0 || least.is_some_and(|least| least > most) {
        return Err(Error::invalid("connection pool has no room")
            .with("pool_max", most)
            .with("pool_min", least.unwrap_or_default())
            .with("expected", "pool_max of at least 1 and at least pool_min"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::super::url::parse;
    use super::*;

    async fn applied(query: &str, settings: &MongoDbOptions) -> Result<ClientOptions> {
        parse(&format!("mongodb://me:canary@host/db{query}"), settings)
            .await
            .map(|target| target.options)
    }

    #[tokio::test]
    async fn settings_reach_the_driver() {
        let settings = MongoDbOptions {
            connect_timeout: Some(Duration::from_millis(700)),
            pool_max: Some(50),
            pool_min: Some(5),
            pool_idle: Some(Duration::from_secs(60)),
            tls: Some(true),
            tls_ca_file: Some("ca.pem".into()),
            tls_certificate_key_file: Some("me.pem".into()),
            compression: Some(vec![Compression::Zlib, Compression::Snappy]),
            ..MongoDbOptions::new()
        };
        let options = applied("", &settings).await.unwrap();
        assert_eq!(options.connect_timeout, settings.connect_timeout);
        assert_eq!((options.max_pool_size, options.min_pool_size), (Some(50), Some(5)));
        assert_eq!(options.max_idle_time, settings.pool_idle);
        let compressors = [Compressor::Zlib { level: None }, Compressor::Snappy];
        assert_eq!(options.compressors.as_deref(), Some(&compressors[..]));
        let Some(Tls::Enabled(tls)) = options.tls else { panic!("TLS is off") };
        assert_eq!(tls.ca_file_path, settings.tls_ca_file);
        assert_eq!(tls.cert_key_file_path, settings.tls_certificate_key_file);
    }

    #[tokio::test]
    async fn settings_may_repeat_the_url_and_not_contradict_it() {
        let settings = MongoDbOptions {
            pool_max: Some(50),
            tls: Some(false),
            compression: Some(vec![Compression::Zlib]),
            ..MongoDbOptions::new()
        };
        let same = "?maxPoolSize=50&tls=false&compressors=zlib&minPoolSize=2";
        assert_eq!(applied(same, &settings).await.unwrap().min_pool_size, Some(2));
        for (query, key) in [
            ("?maxPoolSize=49", "database.pool_max"),
            ("?tls=true", "database.tls"),
            ("?compressors=snappy", "database.compression"),
        ] {
            let error = applied(query, &settings).await.unwrap_err();
            assert_eq!(error.context("setting"), Some(key), "{error}");
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }

    #[tokio::test]
    async fn a_way_of_compression_is_named_once() {
        let twice = MongoDbOptions::new().compression([Compression::Zlib, Compression::Zlib]);
        for (query, settings) in [("?compressors=zlib,zlib", &MongoDbOptions::new()), ("", &twice)]
        {
            let error = applied(query, settings).await.unwrap_err();
            assert_eq!(error.message(), "a way of compression is named twice");
            assert_eq!(error.context("setting"), Some("database.compression"));
        }
        let zlib = MongoDbOptions::new().compression([Compression::Zlib]);
        let options = applied("?compressors=zlib&zlibCompressionLevel=7", &zlib).await.unwrap();
        assert_eq!(options.compressors, Some(vec![Compressor::Zlib { level: Some(7) }]));
    }

    #[tokio::test]
    async fn a_pool_without_room_and_files_without_tls_are_refused() {
        for (most, least) in [(Some(0), None), (Some(4), Some(5)), (None, Some(11))] {
            let settings =
                MongoDbOptions { pool_max: most, pool_min: least, ..MongoDbOptions::new() };
            let error = applied("", &settings).await.unwrap_err();
            assert_eq!(error.message(), "connection pool has no room");
        }
        let settings =
            MongoDbOptions { tls_ca_file: Some("ca.pem".into()), ..MongoDbOptions::new() };
        let error = applied("", &settings).await.unwrap_err();
        assert_eq!(error.context("setting"), Some("database.tls"));
    }
}
