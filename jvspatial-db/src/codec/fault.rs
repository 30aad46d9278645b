//! The error inside the codec: it gathers the path of the field while the call stack unwinds, so
//! that the path costs nothing as long as all goes well.

use std::borrow::Cow;
use std::fmt;

use crate::{Error, ErrorKind};

/// A failure on its way up to the root of the document.
#[derive(Debug)]
pub(super) struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    facts: Vec<(&'static str, String)>,
    /// The steps from the failed value up to the root.
    steps: Vec<String>,
}

pub(super) type Result<T = (), E = Fault> = std::result::Result<T, E>;

impl Fault {
    #[cold]
    pub(super) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self(Box::new(Inner { kind, message, facts: Vec::new(), steps: Vec::new() }))
    }

    #[cold]
    pub(super) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    #[cold]
    pub(super) fn limit(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Limit, message)
    }

    pub(super) fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.facts.push((key, value.to_string()));
        self
    }

    /// Notes that the failed value stands under `step`, a field name or an index.
    #[cold]
    pub(super) fn at(mut self, step: impl fmt::Display) -> Self {
        self.0.steps.push(shorten(&step.to_string()));
        self
    }

    pub(super) fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The public error, with the dotted path as its `field`.
    #[cold]
    pub(super) fn into_error(self) -> Error {
        let Inner { kind, message, facts, steps } = *self.0;
        place(Error::new(kind, message), &steps, facts)
    }

    /// The public error of another kind and message; the message of this one becomes its `reason`.
    #[cold]
    pub(super) fn into_reason_of(self, error: Error) -> Error {
        let Inner { message, facts, steps, .. } = *self.0;
        place(error, &steps, facts).with("reason", message)
    }
}

fn place(mut error: Error, steps: &[String], facts: Vec<(&'static str, String)>) -> Error {
    if !steps.is_empty() {
        let path: Vec<&str> = steps.iter().rev().map(String::as_str).collect();
        error = error.with("field", path.join("."));
    }
    facts.into_iter().fold(error, |error, (key, value)| error.with(key, value))
}

/// Cuts a text for a message: a field name may be a megabyte.
pub(super) fn shorten(text: &str) -> String {
    const MOST: usize = 80;
    if text.chars().nth(MOST).is_none() && !text.contains(char::is_control) {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(MOST).flat_map(visible).collect();
    if text.chars().nth(MOST).is_some() {
        short.push('…');
    }
    short
}

/// A character as it may stand in a message of one line.
fn visible(character: char) -> impl Iterator<Item = char> {
    let escaped = character.is_control().then(|| character.escape_default());
    let plain = escaped.is_none().then_some(character);
    escaped.into_iter().flatten().chain(plain)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Fault {}

impl serde::ser::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(ErrorKind::Application, message.to_string())
    }
}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::invalid(message.to_string())
    }
}
