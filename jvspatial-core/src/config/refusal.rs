//! What is said of a setting that cannot be taken.

use figment::error::{Actual, Kind};

use super::file::File;
use super::load::PREFIX;
use crate::error::{Error, ErrorKind};

/// What `Metadata` calls the environment.
pub(super) const ENVIRONMENT: &str = "environment";

const SECTIONS: &[&str] = &["database", "limits", "cache"];

/// Says where a setting stands and what is wrong with it. Values of `database.url` are not shown.
pub(super) fn refusal(error: figment::Error, file: Option<(&str, &File)>) -> Error {
    let key = error.path.join(".");
    let source = match file {
        Some((name, file)) => {
            // Elements of a list stand on the line of the list.
            let place = key.rsplit_once('.').map_or(key.as_str(), |(above, _)| above);
            let line = file.line(&key).or_else(|| file.line(place)).unwrap_or(1);
            format!("{name}:{line}")
        }
        None => variable(&key),
    };
    let invalid =
        |message| Error::new(ErrorKind::Invalid, message).with("key", &key).with("source", &source);
    match error.kind {
        Kind::UnknownField(found, known) => {
            let above = key.rsplit_once('.').map(|(above, _)| above);
            unknown(invalid("unknown setting"), above, &found, known)
        }
        Kind::InvalidType(found, expected) => invalid("setting has the wrong type")
            .with("expected", expected)
            .with("found", shown(&key, &found)),
        Kind::InvalidValue(found, expected) => invalid("setting has a wrong value")
            .with("expected", expected)
            .with("found", shown(&key, &found)),
        Kind::UnknownVariant(found, known) => invalid("setting has a wrong value")
            .with("expected", known.join(" or "))
            .with("found", shown(&key, &Actual::Str(found))),
        other => invalid("setting cannot be read").with("reason", other),
    }
}

/// Refuses a variable that has no section.
pub(super) fn unknown_variable(name: &str) -> Error {
    let found = name.strip_prefix(PREFIX).unwrap_or(name).to_ascii_lowercase();
    let error = Error::new(ErrorKind::Invalid, "unknown setting").with("source", name);
    unknown(error, None, &found, SECTIONS)
}

/// The variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_ascii_uppercase())
}

fn unknown(error: Error, above: Option<&str>, found: &str, known: &[&str]) -> Error {
    let nearest = known.iter().min_by_key(|known| distance(found, known));
    match (nearest, above) {
        (Some(nearest), Some(above)) => error.with("nearest", format_args!("{above}.{nearest}")),
        (Some(nearest), None) => error.with("nearest", nearest),
        (None, _) => error.with("known", "none"),
    }
}

/// A value that was found, unless it may hold a password: a URL may have come under another key.
fn shown(key: &str, found: &Actual) -> String {
    match found {
        Actual::Str(text) if key == "database.url" || text.contains("://") => "text".to_owned(),
        Actual::Str(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

/// How many letters must be added, left out or changed to make one name of the other.
fn distance(a: &str, b: &str) -> usize {
    // A name that nobody means costs no more time than a long one.
    let a: Vec<char> = a.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (place, letter) in a.iter().enumerate() {
        let mut diagonal = place;
        let mut left = place + 1;
        let mut next = vec![left];
        for (above, other) in row.iter().skip(1).zip(b.chars()) {
            let changed = diagonal + usize::from(*letter != other);
            left = changed.min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
