//! What a deployment can say of its database, and how that is spelled.

mod database;
mod values;

pub use database::{Compression, DatabaseConfig, ReadConcern, ReadPreference, WriteConcern};
pub use values::{bytes, duration};
pub(crate) use values::{from_text, parse_duration};

#[cfg(any(feature = "json", feature = "mongodb"))]
use crate::error::{Error, Result};

/// What is to hold when both a URL and a setting may say it.
///
/// # Errors
/// `Invalid` when they say different things, of which neither is shown.
#[cfg(any(feature = "json", feature = "mongodb"))]
pub(crate) fn agree<T: PartialEq>(
    url: Option<T>,
    setting: Option<T>,
    key: &'static str,
) -> Result<Option<T>> {
    match (url, setting) {
        (Some(url), Some(setting)) if url != setting => {
            Err(Error::invalid("database URL and a setting contradict each other")
                .with("setting", format_args!("database.{key}")))
        }
        (url, setting) => Ok(setting.or(url)),
    }
}
