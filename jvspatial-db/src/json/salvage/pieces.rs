//! What is left of a damaged line.

use memchr::memmem;

use crate::codec::parse_json_document;
use crate::id::Id;
use crate::json::line::{DocumentLine, Line};

/// How often a line is looked at for another one inside it.
const TRIES: usize = 8;

/// A line, or a part of one that ends where another line begins because the end of line between them is
/// damaged.
pub(super) struct Piece<'a> {
    /// Where in the line it begins.
    pub start: usize,
    /// Its bytes, the end of the line restored.
    pub bytes: &'a [u8],
    pub line: Option<Line<'a>>,
}

/// Shows the pieces of `line` in order; nearly every line is one.
pub(super) fn each_piece(line: &[u8], mut take: impl FnMut(Piece<'_>)) {
    let Some(inner) = inner_line(line) else {
        return take(Piece { start: 0, bytes: line, line: Line::parse(line) });
    };
    let (first, second) = line.split_at(inner);
    let mut first = first.to_vec();
    if let Some(end) = first.last_mut() {
        *end = b'\n';
    }
    take(Piece { start: 0, bytes: &first, line: Line::parse(&first) });
    take(Piece { start: inner, bytes: second, line: Line::parse(second) });
}

/// Where in `line` another one begins.
///
/// No field of the user's can imitate one: what stands after such a field closes the line around it.
fn inner_line(line: &[u8]) -> Option<usize> {
    let body = line.get(1..)?;
    memmem::find_iter(body, b"{\"_").take(TRIES).map(|at| at + 1).find(|&at| {
        let rest = line.get(at..).unwrap_or_default();
        match Line::parse(rest) {
            Some(Line::Document(document)) => has_sound_fields(&document, rest),
            Some(Line::Tombstone { .. } | Line::Commit(_)) => true,
            Some(Line::Header(_)) | None => false,
        }
    })
}

/// Whether the fields of a document's line can be read.
pub(super) fn has_sound_fields(document: &DocumentLine<'_>, line: &[u8]) -> bool {
    let (prefix, suffix) = (usize::from(document.prefix), usize::from(document.suffix));
    let end = line.len().saturating_sub(suffix + 1);
    line.get(prefix..end)
        .and_then(|fields| std::str::from_utf8(fields).ok())
        .is_some_and(|fields| parse_json_document(fields).is_ok())
}

/// The id at the beginning of a damaged line.
pub(super) fn id_of(line: &[u8]) -> Option<Id> {
    let rest = line.strip_prefix(b"{\"_id\":\"")?;
    let end = memchr::memchr(b'"', rest.get(..rest.len().min(crate::limits::MAX_ID_BYTES + 1))?)?;
    std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn pieces(line: &[u8]) -> Vec<(usize, bool)> {
        let mut pieces = Vec::new();
        each_piece(line, |piece| pieces.push((piece.start, piece.line.is_some())));
        pieces
    }

    fn node(key: &str, fields: &str) -> String {
        let envelope = format!("{{\"_id\":\"n.City.{key}\",\"_version\":1,\"entity\":\"City\"");
        format!("{envelope},\"context\":{fields}}}\n")
    }

    #[test]
    fn two_lines_whose_end_of_line_is_damaged_are_told_apart() {
        let (one, two) = (node("1", "{\"a\":1}"), node("2", "{}"));
        let mut both = format!("{one}{two}").into_bytes();
        assert_eq!(both[one.len() - 1], b'\n');
        both[one.len() - 1] = b'\x0b';
        assert_eq!(pieces(&both), [(0, true), (one.len(), true)]);
        let commit = "{\"_commit\":1,\"count\":1,\"synced\":0,\"previous\":\"0000000000000000\",\"checksum\":\"0000000000000000\"}\n";
        let both = format!("{}?{commit}", one.trim_end());
        assert_eq!(pieces(both.as_bytes()), [(0, true), (one.len(), true)]);
    }

    #[test]
    fn fields_that_imitate_a_line_are_none() {
        let inner = node("2", "{}");
        let line = node("1", &format!("{{\"x\":{}}}", inner.trim_end()));
        assert_eq!(pieces(line.as_bytes()), [(0, true)]);
        let gone = "{\"_id\":\"n.City.2\",\"_version\":2,\"_deleted\":true}";
        let line = node("1", &format!("{{\"x\":{gone}}}"));
        assert_eq!(pieces(line.as_bytes()), [(0, true)]);
    }

    #[test]
    fn the_id_of_a_damaged_line_is_read_if_it_is_one() {
        assert_eq!(id_of(b"{\"_id\":\"n.City.1\",\"_ver"), Some("n.City.1".parse().unwrap()));
        assert_eq!(id_of(b"{\"_id\":\"n.City\",\"_ver"), None);
        assert_eq!(id_of(b"{\"_id\":\"n.City.1"), None);
    }
}
