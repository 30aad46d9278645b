//! From a connection string to the options of the driver, without a word of its secrets in an error.

use std::time::Duration;

use mongodb::error::{ErrorKind as DriverErrorKind, Result as DriverResult};
use mongodb::options::{
    Acknowledgment, ClientOptions, ReadConcernLevel, ReadPreference, SelectionCriteria,
};
use tokio::time::timeout;

use super::error::{driver_failed, of_read};
use super::options::MongoDbOptions;
use super::settings;
use crate::error::{Error, ErrorKind, Result};

/// What a connection string names.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) options: ClientOptions,
    pub(super) database: String,
}

/// Reads a connection string; the service records of a `mongodb+srv` one are looked up.
///
/// # Errors
/// `Invalid` for a malformed string, one without a database, one by which acknowledged writes could be lost, and one
/// that contradicts the settings;
/// `Unavailable` when the records cannot be had before the deadline.
pub(super) async fn parse(url: &str, settings: &MongoDbOptions) -> Result<Target> {
    let deadline = settings.deadline;
    check_passed_over(url)?;
    // What is wrong is told of a string without its secrets, so whatever is quoted from it may be seen.
    if let Err(error) = read(without_secrets(url), deadline).await? {
        return Err(match &*error.kind {
            DriverErrorKind::DnsResolve { .. } => of_read(&error),
            kind => malformed().with("reason", kind),
        });
    }
    let mut options = read(url.to_owned(), deadline).await?.map_err(|_| {
        malformed().with("reason", "user name, password or a secret option is not percent-encoded")
    })?;
    check_durability(&options)?;
    check_followed(&options)?;
    settings::apply(settings, &mut options)?;
    let Some(database) = options.default_database.clone() else {
        return Err(Error::invalid("database URL names no database")
            .with("expected", "mongodb://<hosts>/<database>"));
    };
    options.app_name.get_or_insert_with(|| "jvspatial".to_owned());
    // A driver by itself notices after 20 s that a server has frozen.
    options.heartbeat_freq.get_or_insert(HEARTBEAT);
    options.connect_timeout.get_or_insert(CONNECT);
    for bound in [&mut options.server_selection_timeout, &mut options.connect_timeout] {
        *bound = Some(bound.map_or(deadline, |bound| bound.min(deadline)));
    }
    Ok(Target { options, database })
}

/// How often each server is looked at and how long a connection may take, unless the URL says.
const HEARTBEAT: Duration = Duration::from_millis(500);
const CONNECT: Duration = Duration::from_secs(2);

/// Lets the driver read a string, for which it may have to ask a name server.
async fn read(url: String, deadline: Duration) -> Result<DriverResult<ClientOptions>> {
    let task = tokio::spawn(async move { ClientOptions::parse(url).await });
    match timeout(deadline, task).await {
        Ok(read) => read.map_err(driver_failed),
        Err(_) => Err(Error::new(ErrorKind::Unavailable, "name server did not answer in time")
            .with("deadline", format_args!("{deadline:?}"))),
    }
}

fn malformed() -> Error {
    Error::invalid("database URL is malformed").with("expected", "mongodb://<hosts>/<database>")
}

/// Refuses what would make a promise of every write untrue.
fn check_durability(options: &ClientOptions) -> Result<()> {
    let concern = options.write_concern.as_ref().and_then(|concern| concern.w.as_ref());
    if let Some(Acknowledgment::Nodes(nodes @ 0..=1)) = concern {
        return Err(Error::invalid("acknowledged writes could be lost")
            .with("option", format_args!("w={nodes}"))
            .with("expected", "w=majority"));
    }
    if options.retry_writes == Some(false) {
        return Err(Error::invalid("the outcome of writes could not be told")
            .with("option", "retryWrites=false")
            .with("expected", "retryWrites=true"));
    }
    Ok(())
}

/// Options that the driver takes from a URL and passes over, or that do not reach the commands of this backend, in
/// lower case.
const PASSED_OVER: [(&str, &str, &str); 6] = [
    ("wtimeoutms", "wTimeoutMS", TIMEOUT),
    ("sockettimeoutms", "socketTimeoutMS", TIMEOUT),
    ("waitqueuetimeoutms", "waitQueueTimeoutMS", TIMEOUT),
    ("uuidrepresentation", "uuidRepresentation", "values as they are stored"),
    ("readpreferencetags", "readPreferenceTags", "readPreference=primary"),
    ("maxstalenessseconds", "maxStalenessSeconds", "readPreference=primary"),
];
/// What to set instead.
const TIMEOUT: &str = "database.operation_timeout, which bounds every call with all its waits";

fn refused(option: &'static str, expected: &'static str) -> Result<()> {
    Err(Error::invalid("this database does not follow an option of its URL")
        .with("option", option)
        .with("expected", expected))
}

fn check_passed_over(url: &str) -> Result<()> {
    let (_, query) = url.split_once('?').unwrap_or_default();
    for pair in query.split('&') {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name).to_ascii_lowercase();
        if let Some((_, option, expected)) = PASSED_OVER.iter().find(|(own, ..)| *own == name) {
            return refused(option, expected);
        }
    }
    Ok(())
}

/// Refuses what this backend does otherwise, so that nobody takes it for followed.
fn check_followed(options: &ClientOptions) -> Result<()> {
    let concern = options.write_concern.as_ref();
    match concern.and_then(|concern| concern.w.as_ref()) {
        None | Some(Acknowledgment::Majority) => {}
        Some(_) => return refused("w", "w=majority"),
    }
    if concern.and_then(|concern| concern.journal) == Some(false) {
        return refused("journal", "journal=true");
    }
    if options.retry_reads == Some(false) {
        return refused("retryReads", "retryReads=true");
    }
    let level = options.read_concern.as_ref().map(|concern| &concern.level);
    if level.is_some_and(|level| *level != ReadConcernLevel::Snapshot) {
        return refused("readConcernLevel", "readConcernLevel=snapshot");
    }
    match &options.selection_criteria {
        None | Some(SelectionCriteria::ReadPreference(ReadPreference::Primary)) => {}
        Some(_) => return refused("readPreference", "readPreference=primary"),
    }
    Ok(())
}

/// Options whose values nobody else may see, in lower case.
const SECRETS: [&str; 3] =
    ["authmechanismproperties", "proxypassword", "tlscertificatekeyfilepassword"];

/// The string with another user in place of its own, and without the options that hold secrets.
fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    // A password need not be encoded as it should: it may reach to the last `@` of all.
    let (user, rest) =
        rest.rsplit_once('@').map_or(("", rest), |(_, rest)| ("user:password@", rest));
    let (hosts, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_shown = |pair: &&str| {
        let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
        !SECRETS.contains(&name.to_ascii_lowercase().as_str())
    };
    let query: Vec<&str> = query.split('&').filter(is_shown).collect();
    let query = query.join("&");
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{scheme}://{user}{hosts}{mark}{query}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn second() -> MongoDbOptions {
        MongoDbOptions::new().deadline(Duration::from_secs(1))
    }

    async fn refused_url(url: &str) -> Error {
        let error = parse(url, &second()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{url}");
        error
    }

    #[tokio::test]
    async fn a_malformed_url_is_refused_without_its_password() {
        for url in [
            "mongodb://me:canary@host:port/db",
            "mongodb://me:canary@@host/db",
            "mongodb://me:ca/canary@host/db",
            "mongodb://me:100%canary@host/db",
            "mongodb://me:canary@/db",
            "mongodb://me:canary@host/db?w=-1",
            "mongodb://host/db?tlsCertificateKeyFilePassword=canary&w=-1",
            "mongodb://host/db?authMechanismProperties=canary&w=-1",
        ] {
            let error = refused_url(url).await;
            assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
            assert!(error.context("reason").is_some(), "{error}");
        }
    }

    #[tokio::test]
    async fn a_url_names_its_database() {
        let error = refused_url("mongodb://me:canary@host/").await;
        assert_eq!(error.message(), "database URL names no database");
        let target = parse("mongodb://a,b:7/air?replicaSet=rs", &second()).await;
        let target = target.unwrap();
        assert_eq!((target.database.as_str(), target.options.hosts.len()), ("air", 2));
    }

    #[tokio::test]
    async fn a_url_by_which_writes_could_be_lost_is_refused() {
        for option in ["w=0", "w=1", "retryWrites=false"] {
            let error = refused_url(&format!("mongodb://host/db?{option}")).await;
            assert_eq!(error.context("option"), Some(option));
        }
        for option in [
            "w=majority",
            "retryWrites=true",
            "retryReads=true",
            "journal=true",
            "readConcernLevel=snapshot",
            "readPreference=primary",
            "localThresholdMS=20",
        ] {
            let url = format!("mongodb://host/db?{option}");
            assert!(parse(&url, &second()).await.is_ok(), "{option}");
        }
    }

    #[tokio::test]
    async fn an_option_that_is_not_followed_is_refused_by_its_name() {
        for (query, option) in [
            ("w=2", "w"),
            ("w=rack", "w"),
            ("journal=false", "journal"),
            ("retryReads=false", "retryReads"),
            ("readConcernLevel=majority", "readConcernLevel"),
            ("readConcernLevel=local", "readConcernLevel"),
            ("readPreference=secondaryPreferred", "readPreference"),
            ("readPreference=nearest&readPreferenceTags=dc:ny", "readPreferenceTags"),
            ("wTimeoutMS=100", "wTimeoutMS"),
            ("sockettimeoutms=100", "socketTimeoutMS"),
            ("waitQueueTimeoutMS=100", "waitQueueTimeoutMS"),
            ("uuidRepresentation=pythonLegacy", "uuidRepresentation"),
        ] {
            let error =
                refused_url(&format!("mongodb://me:canary@host/db?appName=air&{query}")).await;
            assert_eq!(error.context("option"), Some(option), "{query}: {error}");
            assert!(error.context("expected").is_some());
        }
    }

    #[tokio::test]
    async fn no_wait_of_the_driver_is_longer_than_the_deadline() {
        let deadline = Duration::from_secs(1);
        for (query, expected) in
            [("", deadline), ("?serverSelectionTimeoutMS=200", Duration::from_millis(200))]
        {
            let url = format!("mongodb://host/db{query}");
            let target = parse(&url, &second()).await.unwrap();
            assert_eq!(target.options.server_selection_timeout, Some(expected));
            assert_eq!(target.options.connect_timeout, Some(deadline));
        }
    }
}
