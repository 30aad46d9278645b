//! Which paths an update may name.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};
use crate::filter::FieldPath;

/// The field of a stored document that holds the user's fields.
pub(super) const FIELDS: &str = "context";

/// Reads the path of a change.
///
/// # Errors
/// `Invalid` for a malformed path and one that leads to the envelope, `Unsupported` for a positional
/// operator, `Limit` for a path that is too long.
pub(super) fn parse(text: &str) -> Result<FieldPath> {
    if let Some(operator) = text.split('.').find(|segment| is_positional(segment)) {
        return Err(Error::new(ErrorKind::Unsupported, "positional operators are not supported")
            .with("operator", Excerpt(operator))
            .with("field", Excerpt(text)));
    }
    let path = FieldPath::parse(text)?;
    check(&path)?;
    Ok(path)
}

/// Refuses a path outside of the user's fields.
///
/// # Errors
/// `Invalid` naming the path.
pub(super) fn check(path: &FieldPath) -> Result<()> {
    let mut segments = path.segments();
    let first = segments.next().unwrap_or_default();
    let why = match first {
        FIELDS if segments.next().is_some() => return Ok(()),
        FIELDS => "an update changes fields below context, not all of them at once",
        "_id" | "entity" => "a document keeps its id and its type",
        "_version" | "_v" => "the database itself counts versions",
        "source" | "target" | "bidirectional" => "an edge keeps its ends",
        _ => "the fields of a document are below context",
    };
    Err(Error::invalid(why).with("field", Excerpt(path.as_str())))
}

/// Whether a segment is `$`, `$[]` or `$[name]`.
fn is_positional(segment: &str) -> bool {
    segment == "$" || segment.starts_with("$[")
}

/// The position in a list that `name` spells; unlike a filter, an update reads leading zeros.
pub(super) fn position(name: &str) -> Option<usize> {
    if name.bytes().all(|byte| byte.is_ascii_digit()) { name.parse().ok() } else { None }
}

/// The beginning of a text from outside, for messages.
pub(super) struct Excerpt<'a>(pub(super) &'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 100;
        for letter in self.0.chars().take(SHOWN) {
            if letter.is_control() {
                write!(f, "{}", letter.escape_default())?;
            } else {
                fmt::Write::write_char(f, letter)?;
            }
        }
        if self.0.chars().nth(SHOWN).is_some() { f.write_str("…") } else { Ok(()) }
    }
}
