//! The error of this crate: one opaque type, coarse kinds that say what a caller can do.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// A `Result` whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

type BoxError = Box<dyn StdError + Send + Sync>;

/// What went wrong, where, and what became of the request.
///
/// `Display` prints one line: the message, then the context pairs. `Debug` adds the source chain.
/// Neither ever holds a password or a whole connection string.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    context: Vec<(&'static str, String)>,
    source: Option<BoxError>,
}

/// The coarse class of an [`Error`]; what a caller can do follows from it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The document has another version than the one the caller saw. Read it again and retry.
    Conflict,
    /// A unique key is taken by another document.
    Duplicate,
    /// The document that the call cannot go on without does not exist.
    NotFound,
    /// The request itself is wrong: a value, a name, an id or a filter that no retry makes right.
    Invalid,
    /// The request is larger, deeper or longer than a stated bound.
    Limit,
    /// This backend cannot do what was asked.
    Unsupported,
    /// The backend cannot be reached or has no room now; nothing happened, retry later.
    Unavailable,
    /// The request may or may not have happened: a lost reply, a failed sync, a deadline.
    Unknown,
    /// An earlier sync failed, so this store takes no more writes until it is opened again.
    Poisoned,
    /// Stored bytes are not what was written.
    Corrupt,
    /// Another process, or another handle of this one, has the database open.
    Locked,
    /// The database was closed.
    Closed,
    /// Code supplied by the application failed: a hook, a closure, a (de)serializer.
    Application,
}

/// What became of the request that an [`Error`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It did not happen.
    None,
    /// It may have happened.
    Unknown,
}

impl ErrorKind {
    /// What became of a request that failed with this kind.
    pub const fn effect(self) -> Effect {
        match self {
            Self::Unknown => Effect::Unknown,
            _ => Effect::None,
        }
    }

    /// Whether the same request, unchanged, may succeed later.
    ///
    /// `Conflict` is not among them: its request must first be made again from a fresh read.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::Locked)
    }

    /// The kind as one lower-case word, for labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Duplicate => "duplicate",
            Self::NotFound => "not found",
            Self::Invalid => "invalid",
            Self::Limit => "limit",
            Self::Unsupported => "unsupported",
            Self::Unavailable => "unavailable",
            Self::Unknown => "unknown outcome",
            Self::Poisoned => "poisoned",
            Self::Corrupt => "corrupt",
            Self::Locked => "locked",
            Self::Closed => "closed",
            Self::Application => "application",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Error {
    /// An error of `kind` with a message in lower case and without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), context: Vec::new(), source: None }))
    }

    /// Shorthand for [`ErrorKind::Invalid`].
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// Shorthand for [`ErrorKind::Limit`].
    pub fn limit(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Limit, message)
    }

    /// Shorthand for [`ErrorKind::Corrupt`].
    pub fn corrupt(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Corrupt, message)
    }

    /// Adds a named fact, such as `("id", ..)` or `("file", ..)`; printed in the order of the calls.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Sets the error underneath.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error once more, for another caller who waits for the same thing.
    #[cfg(any(feature = "json", feature = "mongodb"))]
    pub(crate) fn again(&self) -> Self {
        let Inner { kind, message, context, source } = &*self.0;
        let error = Self(Box::new(Inner {
            kind: *kind,
            message: message.clone(),
            context: context.clone(),
            source: None,
        }));
        match source {
            Some(source) => error.with_source(source.to_string()),
            None => error,
        }
    }

    /// The coarse class of this error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The sentence without the context.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The fact named `key`, when this error carries it.
    pub fn context(&self, key: &str) -> Option<&str> {
        self.0.context.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str())
    }

    /// What became of the request.
    pub fn effect(&self) -> Effect {
        self.0.kind.effect()
    }

    /// Whether the same request, unchanged, may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.0.kind.is_retryable()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for (index, (key, value)) in self.0.context.iter().enumerate() {
            let separator = if index == 0 { " (" } else { ", " };
            write!(f, "{separator}{key}: {value}")?;
        }
        if !self.0.context.is_empty() {
            f.write_str(")")?;
        }
        if let Some(source) = &self.0.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("context", &self.0.context)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_one_line_with_context_and_source() {
        let error = Error::invalid("entity name holds a slash")
            .with("id", "n.a/b.c")
            .with("limit", 200)
            .with_source(std::io::Error::other("inner"));
        assert_eq!(error.to_string(), "entity name holds a slash (id: n.a/b.c, limit: 200): inner");
        assert_eq!(error.context("limit"), Some("200"));
    }

    #[test]
    fn only_an_unknown_outcome_may_have_happened() {
        assert_eq!(Error::new(ErrorKind::Unknown, "x").effect(), Effect::Unknown);
        assert_eq!(Error::new(ErrorKind::Poisoned, "x").effect(), Effect::None);
        assert!(!Error::new(ErrorKind::Conflict, "x").is_retryable());
        assert!(Error::new(ErrorKind::Unavailable, "x").is_retryable());
    }
}
