//! One operation as a statement of a server's `update`, `insert` or `delete`.

use bson::raw::{RawDocument, RawDocumentBuf, cstr};
use bson::{RawBson, rawdoc};

use crate::error::{Error, Result};
use crate::id::Id;
use crate::version::Version;
use crate::write::{BodyRange, Link, WriteBatch};

/// What a failing statement puts before what it found, in the words of the server's refusal.
pub(super) const MARK: &str = "jv:";
/// What stands there for a document that does not exist; no type is called so.
pub(super) const ABSENT: &str = "?";

/// The fields at `range`, as they are.
///
/// # Errors
/// `Invalid` when they are not BSON.
fn fields<'b>(batch: &'b WriteBatch, range: BodyRange, id: &Id) -> Result<&'b RawDocument> {
    RawDocument::from_bytes(batch.body(range)).map_err(|error| {
        Error::invalid("encoded fields are not a document").with("id", id).with_source(error)
    })
}

fn number(version: Version) -> i64 {
    version.get().cast_signed()
}

/// A document as it is stored.
pub(super) fn document(
    batch: &WriteBatch,
    id: &Id,
    body: BodyRange,
    version: Version,
    schema: u32,
    link: Option<&Link>,
) -> Result<RawDocumentBuf> {
    let mut document = RawDocumentBuf::new();
    document.append(cstr!("_id"), id.to_string());
    if version != Version::NONE {
        document.append(cstr!("_version"), number(version));
    }
    if schema != 1 {
        document.append(cstr!("_v"), i64::from(schema));
    }
    document.append(cstr!("entity"), id.entity());
    document.append(cstr!("context"), fields(batch, body, id)?);
    if let Some(Link { ends, .. }) = link {
        document.append(cstr!("source"), ends.source.to_string());
        document.append(cstr!("target"), ends.target.to_string());
        document.append(cstr!("bidirectional"), ends.bidirectional);
    }
    Ok(document)
}

/// An expression that fails with what was found: the version, the type of a document that has none, or [`ABSENT`].
///
/// A server parses it anew for each statement, which is most of what a check costs, so it is as short as can be. What it
/// reads is not known before the document is, so that no server works it out beforehand.
fn failure() -> RawDocumentBuf {
    rawdoc! { "$toLong": { "$concat": [
        MARK,
        { "$toString": { "$ifNull": ["$_version", "$entity", ABSENT] } },
    ] } }
}

/// Whether an upsert has found nothing: the document is then its id alone.
fn is_absent() -> RawDocumentBuf {
    rawdoc! { "$eq": ["$$ROOT", { "_id": "$_id" }] }
}

/// Creates a document; fails when there is one.
pub(super) fn create(id: &Id, document: RawDocumentBuf) -> RawDocumentBuf {
    let refused = rawdoc! { "taken": failure() };
    rawdoc! {
        "q": { "_id": id.to_string() },
        "u": [{ "$replaceWith": { "$cond": [is_absent(), { "$literal": document }, refused] } }],
        "upsert": true,
    }
}

/// Replaces the fields of a document at a version; fails at another one, and when there is no document.
pub(super) fn save(
    batch: &WriteBatch,
    id: &Id,
    expected: Version,
    body: BodyRange,
    schema: u32,
) -> Result<RawDocumentBuf> {
    let is_expected = if expected == Version::NONE {
        let has_none = rawdoc! { "$eq": [{ "$ifNull": ["$_version", 0_i64] }, 0_i64] };
        rawdoc! { "$and": [has_none, { "$not": [is_absent()] }] }
    } else {
        rawdoc! { "$eq": ["$_version", number(expected)] }
    };
    let mut set = rawdoc! {
        "_version": { "$cond": [is_expected, number(expected.next()), failure()] },
    };
    set.append(cstr!("context"), rawdoc! { "$literal": fields(batch, body, id)?.to_owned() });
    set.append(cstr!("_v"), schema_value(schema));
    Ok(rawdoc! {
        "q": { "_id": id.to_string() },
        "u": [{ "$set": set }],
        "upsert": true,
    })
}

fn schema_value(schema: u32) -> RawBson {
    if schema == 1 {
        RawBson::String("$$REMOVE".to_owned())
    } else {
        RawBson::Int64(i64::from(schema))
    }
}

/// Makes the document what is given, whatever is there.
pub(super) fn put(id: &Id, document: RawDocumentBuf) -> RawDocumentBuf {
    rawdoc! { "q": { "_id": id.to_string() }, "u": document, "upsert": true }
}

/// Replaces the fields of a document that is known to have the version before.
pub(super) fn replace(
    batch: &WriteBatch,
    id: &Id,
    version: Version,
    body: BodyRange,
    schema: u32,
) -> Result<RawDocumentBuf> {
    let mut set = RawDocumentBuf::new();
    set.append(cstr!("_version"), number(version));
    set.append(cstr!("context"), fields(batch, body, id)?);
    let mut change = RawDocumentBuf::new();
    if schema == 1 {
        change.append(cstr!("$unset"), rawdoc! { "_v": true });
    } else {
        set.append(cstr!("_v"), i64::from(schema));
    }
    change.append(cstr!("$set"), set);
    Ok(rawdoc! { "q": { "_id": id.to_string() }, "u": change })
}

/// Removes a document.
pub(super) fn delete(id: &Id) -> RawDocumentBuf {
    rawdoc! { "q": { "_id": id.to_string() }, "limit": 1 }
}
