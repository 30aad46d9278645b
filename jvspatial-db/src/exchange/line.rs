//! How a document is spelled on its line.

use crate::codec::envelope::{push_number, push_suffix};
use crate::codec::{self, Encoding};
use crate::document::Document;
use crate::error::Result;
use crate::version::Version;

/// Appends the line of `document`; after an error `out` is as it was.
///
/// # Errors
/// `Corrupt` when the fields are not of their encoding, `Limit` when they are larger as JSON than a
/// document may be.
pub(super) fn push(out: &mut Vec<u8>, document: &Document) -> Result<()> {
    let start = out.len();
    out.extend_from_slice(b"{\"_id\":\"");
    // An id and an entity name stand in JSON as they are.
    document.id.write_to(out);
    out.push(b'"');
    if document.version != Version::NONE {
        out.extend_from_slice(b",\"_version\":");
        push_number(out, document.version.get());
    }
    if document.schema != 1 {
        out.extend_from_slice(b",\"_v\":");
        push_number(out, u64::from(document.schema));
    }
    out.extend_from_slice(b",\"entity\":\"");
    out.extend_from_slice(document.id.entity().as_bytes());
    out.extend_from_slice(b"\",\"context\":");
    let fields = document.body.as_bytes();
    match document.body.encoding() {
        Encoding::Json => out.extend_from_slice(fields),
        Encoding::Bson => {
            if let Err(error) = codec::transcode(Encoding::Bson, Encoding::Json, fields, out) {
                out.truncate(start);
                return Err(error.with("id", &document.id));
            }
        }
    }
    push_suffix(out, document.ends.as_ref());
    Ok(())
}
