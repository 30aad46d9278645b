//! From a line to a document: the envelope is taken apart and every field of it accounted for.

use bson::{Bson, Document};

use super::{locate, text};
use crate::codec::parse_json_document;
use crate::document::Ends;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{Collection, Id};
use crate::version::Version;
use crate::write::{Envelope, Link};

/// The document that a line stands for.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub id: Id,
    pub envelope: Envelope,
    pub fields: Fields<'a>,
    /// The fields of the Python library that were passed over.
    pub ignored: Vec<&'static str>,
}

/// The user's fields, as a tree unless they are large.
#[derive(Debug)]
pub(super) enum Fields<'a> {
    Tree(Document),
    Text {
        text: &'a str,
        /// Where they begin in the line.
        start: usize,
    },
}

/// The largest envelope, in bytes: a tree is built of it.
const MAX_ENVELOPE_BYTES: usize = 2 * 1024 * 1024;

/// Why a line is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub error: Error,
    /// The byte of the line where the text stops being JSON, otherwise 0.
    pub at: usize,
    /// The document, if that much could be read.
    pub id: Option<Id>,
}

/// What the Python library writes beside the envelope and nobody needs, and where.
const IGNORED: [(&str, Option<Collection>); 3] =
    [("edges", Some(Collection::Node)), ("_jv_claim", None), ("_jv_claim_until", None)];

impl<'a> Entry<'a> {
    /// Reads a line, its end left out.
    pub(super) fn parse(line: &'a [u8], collection: Collection) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(line).map_err(|error| Refusal {
            error: Error::invalid("line is not UTF-8"),
            at: error.valid_up_to(),
            id: None,
        })?;
        let (mut outer, fields) = read(text)?;
        let id = take_id(&mut outer, collection).map_err(Refusal::from)?;
        Self::build(&id, outer, fields).map_err(|error| Refusal {
            error: error.with("id", &id),
            at: 0,
            id: Some(id),
        })
    }

    fn build(id: &Id, mut outer: Document, fields: Option<Fields<'a>>) -> Result<Self> {
        match outer.remove("entity") {
            Some(Bson::String(name)) if name == id.entity() => {}
            other => {
                return Err(wrong("entity", format_args!("\"{}\"", id.entity()), other.as_ref()));
            }
        }
        let inner = outer.remove("context");
        let mut fields = match (fields, inner) {
            (Some(fields), _) => fields,
            (None, Some(Bson::Document(fields))) => Fields::Tree(fields),
            (None, other) => return Err(wrong("context", "a map", other.as_ref())),
        };
        let version = take_number(&mut outer, "_version", 0, i64::MAX)?.unwrap_or(0);
        let schema = take_number(&mut outer, "_v", 1, i64::from(u32::MAX))?.unwrap_or(1);
        let link = match id.collection() {
            Collection::Edge => {
                Some(Link { ends: take_ends(&mut outer, &mut fields)?, unique: false })
            }
            _ => None,
        };
        let mut ignored = Vec::new();
        for (name, owner) in IGNORED {
            if owner.is_none_or(|owner| owner == id.collection()) && outer.remove(name).is_some() {
                ignored.push(name);
            }
        }
        if let Some((name, _)) = outer.iter().next() {
            return Err(Error::invalid("document has a field that would be lost")
                .with("field", show(name))
                .with("expected", expected_fields(id.collection())));
        }
        let version = Version::new(version.unsigned_abs());
        let schema = u32::try_from(schema).unwrap_or(1);
        Ok(Self { id: id.clone(), envelope: Envelope { version, schema, link }, fields, ignored })
    }
}

/// Reads the whole line, or its envelope and the user's fields apart: the fields alone may be as large
/// and as deep as a document may be.
fn read(line: &str) -> Result<(Document, Option<Fields<'_>>), Refusal> {
    let apart = locate::context(line).and_then(|place| {
        let (before, after) = (line.get(..place.start)?, line.get(place.end..)?);
        Some((format!("{before}{{}}{after}"), line.get(place.clone())?, place))
    });
    let Some((outer, inner, place)) = apart else {
        check_envelope(line)?;
        let outer = parse_json_document(line).map_err(|error| Refusal::of_text(error, |at| at))?;
        return Ok((outer, None));
    };
    let cut = place.len().saturating_sub("{}".len());
    check_envelope(&outer)?;
    let outer = parse_json_document(&outer).map_err(|error| {
        Refusal::of_text(error, |at| if at > place.start { at + cut } else { at })
    })?;
    if inner.len() > text::SMALL {
        return Ok((outer, Some(Fields::Text { text: inner, start: place.start })));
    }
    let fields = parse_json_document(inner)
        .map_err(|error| Refusal::of_text(error, |at| at + place.start))?;
    Ok((outer, Some(Fields::Tree(fields))))
}

fn check_envelope(text: &str) -> Result<()> {
    if text.len() > MAX_ENVELOPE_BYTES {
        return Err(Error::limit("document is too large outside of its context")
            .with("bytes", text.len())
            .with("limit", MAX_ENVELOPE_BYTES));
    }
    Ok(())
}

fn take_id(outer: &mut Document, collection: Collection) -> Result<Id> {
    let other = outer.remove("id");
    let id = match (outer.remove("_id"), other) {
        (Some(one), Some(other)) if one != other => {
            return Err(wrong("id", "the same as _id", Some(&other)));
        }
        (Some(id), _) | (None, Some(id)) => id,
        (None, None) => return Err(wrong("_id", "an id", None)),
    };
    let Bson::String(text) = &id else { return Err(wrong("_id", "an id", Some(&id))) };
    let id: Id = text.parse().map_err(|error: Error| error.with("field", "_id"))?;
    if id.collection() != collection {
        return Err(Error::invalid("document belongs to another collection")
            .with("id", &id)
            .with("field", "_id")
            .with("expected", collection)
            .with("found", id.collection()));
    }
    Ok(id)
}

fn take_number(
    outer: &mut Document,
    field: &'static str,
    least: i64,
    most: i64,
) -> Result<Option<i64>> {
    let number = match outer.remove(field) {
        None => return Ok(None),
        Some(Bson::Int32(number)) => i64::from(number),
        Some(Bson::Int64(number)) => number,
        other => return Err(wrong(field, "a whole number", other.as_ref())),
    };
    if number < least || number > most {
        return Err(Error::invalid("field has another value than expected")
            .with("field", field)
            .with("expected", format_args!("{least} to {most}"))
            .with("found", number));
    }
    Ok(Some(number))
}

/// The ends of an edge, which old documents keep among the user's fields.
fn take_ends(outer: &mut Document, fields: &mut Fields<'_>) -> Result<Ends> {
    const ENDS: [&str; 2] = ["source", "target"];
    let outside = ENDS.iter().any(|name| outer.contains_key(name));
    let holder = match fields {
        // Only the fields of small documents are looked through; an edge of old has few.
        Fields::Tree(fields) if !outside && ENDS.iter().all(|name| fields.contains_key(name)) => {
            fields
        }
        _ => outer,
    };
    let mut end = |field: &'static str| match holder.remove(field) {
        Some(Bson::String(text)) => text.parse::<Id>().map_err(|error| error.with("field", field)),
        other => Err(wrong(field, "the id of a node", other.as_ref())),
    };
    let (source, target) = (end("source")?, end("target")?);
    let bidirectional = match holder.remove("bidirectional") {
        None => true,
        Some(Bson::Boolean(bidirectional)) => bidirectional,
        other => return Err(wrong("bidirectional", "true or false", other.as_ref())),
    };
    Ok(Ends { source, target, bidirectional })
}

fn expected_fields(collection: Collection) -> &'static str {
    match collection {
        Collection::Edge => "_id, _version, _v, entity, context, source, target and bidirectional",
        _ => "_id, _version, _v, entity and context",
    }
}

impl Refusal {
    /// A refusal of text that was parsed, with its place in the line for the place in that text.
    pub(super) fn of_text(error: Error, place: impl FnOnce(usize) -> usize) -> Self {
        let byte = error.context("byte").and_then(|byte| byte.parse().ok());
        let Some(byte) = byte else { return error.into() };
        let mut placed = Error::new(error.kind(), "line is not JSON");
        for fact in ["reason", "field"] {
            if let Some(value) = error.context(fact) {
                placed = placed.with(fact, value);
            }
        }
        Self { error: placed, at: place(byte), id: None }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, at: 0, id: None }
    }
}

#[cold]
fn wrong(field: &'static str, expected: impl std::fmt::Display, found: Option<&Bson>) -> Error {
    Error::new(ErrorKind::Invalid, "field has another value than expected")
        .with("field", field)
        .with("expected", expected)
        .with("found", found.map_or_else(|| "nothing".to_owned(), describe))
}

/// A value for a message: texts and numbers as they are, of the rest only the kind.
fn describe(value: &Bson) -> String {
    match value {
        Bson::String(text) => format!("\"{}\"", show(text)),
        Bson::Boolean(_) | Bson::Int32(_) | Bson::Int64(_) => value.to_string(),
        Bson::Null => "null".to_owned(),
        Bson::Document(_) => "a map".to_owned(),
        Bson::Array(_) => "a list".to_owned(),
        Bson::Double(_) => "a float".to_owned(),
        Bson::ObjectId(_) => "an object id".to_owned(),
        other => format!("a value of type {:?}", other.element_type()),
    }
}

/// A text from outside, on one line and not too long.
fn show(text: &str) -> String {
    const SHOWN: usize = 80;
    let dots = if text.chars().nth(SHOWN).is_some() { "…" } else { "" };
    let text: String = text.chars().take(SHOWN).collect();
    format!("{}{dots}", text.escape_debug())
}
