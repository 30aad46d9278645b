//! A stored document as a line of JSON: what stands before and after its fields.

pub(crate) use super::checksum::line_checksum;
use crate::document::Ends;
use crate::id::Id;

/// Appends the part of a document that stands before its fields; returns its length.
pub(crate) fn push_prefix(out: &mut Vec<u8>, id: &Id, version: u64, schema: u32) -> u16 {
    let start = out.len();
    push_id(out, id, version);
    if schema != 1 {
        out.extend_from_slice(b",\"_v\":");
        push_number(out, u64::from(schema));
    }
    out.extend_from_slice(b",\"entity\":\"");
    out.extend_from_slice(id.entity().as_bytes());
    out.extend_from_slice(b"\",\"context\":");
    // An id has at most 200 bytes, so prefix and suffix stay far below 65,536.
    (out.len() - start) as u16
}

/// Appends the part of a document that stands after its fields, and the end of the line; returns its
/// length without the end.
pub(crate) fn push_suffix(out: &mut Vec<u8>, ends: Option<&Ends>) -> u16 {
    let start = out.len();
    if let Some(ends) = ends {
        out.extend_from_slice(b",\"source\":\"");
        ends.source.write_to(out);
        out.extend_from_slice(b"\",\"target\":\"");
        ends.target.write_to(out);
        out.extend_from_slice(b"\",\"bidirectional\":");
        out.extend_from_slice(if ends.bidirectional { b"true" } else { b"false" });
    }
    out.extend_from_slice(b"}\n");
    (out.len() - start - 1) as u16
}

/// Appends what every line about a document begins with.
pub(crate) fn push_id(out: &mut Vec<u8>, id: &Id, version: u64) {
    out.extend_from_slice(b"{\"_id\":\"");
    id.write_to(out);
    out.extend_from_slice(b"\",\"_version\":");
    push_number(out, version);
}

pub(crate) fn push_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}
