//! The error of the framework: a database error, or a failure inside a walk with its place.

use std::error::Error as StdError;
use std::fmt;

use jvspatial_db::Id;
pub use jvspatial_db::{Effect, ErrorKind};

/// A `Result` whose error is [`Error`].
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// What went wrong, and inside a walk also where.
///
/// `Display` is one line. It never holds a password or a whole connection string.
#[derive(Debug)]
pub struct Error {
    database: jvspatial_db::Error,
    place: Option<Box<Place>>,
}

/// Where in a walk an error happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The name of the walker's type.
    pub walker: &'static str,
    /// The hook that failed, when it was one.
    pub hook: Option<&'static str>,
    /// The node being visited.
    pub at: Option<Id>,
    /// How many steps the node is from the start.
    pub depth: u32,
}

impl Error {
    /// An error of `kind` with a message in lower case and without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        jvspatial_db::Error::new(kind, message).into()
    }

    /// Wraps an error of the application, for hooks and closures.
    pub fn application(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        jvspatial_db::Error::new(ErrorKind::Application, "application code failed")
            .with_source(source)
            .into()
    }

    /// Adds a named fact; printed in the order of the calls.
    #[must_use]
    pub fn with(self, key: &'static str, value: impl fmt::Display) -> Self {
        Self { database: self.database.with(key, value), ..self }
    }

    /// The coarse class: what a caller can do.
    pub fn kind(&self) -> ErrorKind {
        self.database.kind()
    }

    /// The fact named `key`, when this error carries it.
    pub fn context(&self, key: &str) -> Option<&str> {
        self.database.context(key)
    }

    /// What became of the request.
    pub fn effect(&self) -> Effect {
        self.database.effect()
    }

    /// Whether the same request, unchanged, may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.database.is_retryable()
    }

    /// Where in a walk it happened.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_deref()
    }

    /// Attaches the place in a walk, unless an inner walk already did.
    #[must_use]
    pub(crate) fn at(mut self, place: impl FnOnce() -> Place) -> Self {
        self.place.get_or_insert_with(|| Box::new(place()));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "walker {}", place.walker)?;
            if let Some(hook) = place.hook {
                write!(f, ", hook {hook}")?;
            }
            if let Some(at) = &place.at {
                write!(f, ", at {at} (depth {})", place.depth)?;
            }
            f.write_str(": ")?;
        }
        self.database.fmt(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.database.source()
    }
}

impl From<jvspatial_db::Error> for Error {
    fn from(database: jvspatial_db::Error) -> Self {
        Self { database, place: None }
    }
}
