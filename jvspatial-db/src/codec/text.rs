//! The reader of Extended JSON text, trusted or not.

use std::borrow::Cow;

use ::bson::{Bson, Document};

use super::fault::{Fault, Result, shorten};
use super::scan::{self, Scan};
use super::wrapper;
use crate::ErrorKind;
use crate::limits::{MAX_DOCUMENT_BYTES, MAX_DOCUMENT_DEPTH};

/// How an integer outside `i64` is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Large {
    /// Not at all: whoever sent it would get another number back.
    Refused,
    /// As the nearest float, as MongoDB's own tools do; the stored text keeps its digits.
    Rounded,
}

/// Reads a document from Extended JSON, canonical or relaxed, that nobody vouches for.
///
/// Names are not checked, since a filter has operators for names; [`encode`](super::encode()) does
/// that. An integer is an `Int32` when it fits and an `Int64` otherwise; a number with a fraction
/// or an exponent is a `Double`.
///
/// # Errors
/// [`Limit`](ErrorKind::Limit) beyond 16 MiB or 100 levels, found before anything is built;
/// [`Invalid`](ErrorKind::Invalid) for text that is not JSON (with the `byte` where it stops being
/// it), a root that is not a map, a repeated key, a lone surrogate, an integer outside `i64`, a
/// float that is not finite, and a `$` wrapper with the wrong content.
pub fn parse_json_document(text: &str) -> crate::Result<Document> {
    read(text, Large::Refused).map_err(Fault::into_error)
}

/// Reads a document; a fault of kind `Corrupt` says that the text is not JSON.
pub(super) fn read_stored(text: &str) -> Result<Document> {
    read(text, Large::Rounded)
}

/// Reads a value of a stored document; a fault of kind `Corrupt` says that the text is not JSON.
pub(super) fn read_stored_value(text: &[u8]) -> Result<Bson> {
    let text = std::str::from_utf8(text);
    read_value(text.map_err(|_| Fault::invalid("text is not UTF-8"))?, Large::Rounded)
}

fn read(text: &str, large: Large) -> Result<Document> {
    match read_value(text, large)? {
        Bson::Document(document) => Ok(document),
        _ => Err(Fault::invalid("document is not a map")),
    }
}

fn read_value(text: &str, large: Large) -> Result<Bson> {
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(Fault::limit("document is too large")
            .with("bytes", text.len())
            .with("limit", MAX_DOCUMENT_BYTES));
    }
    check_depth(text)?;
    let mut reader = Reader { text, scan: Scan::new(text.as_bytes()), large, depth: 0 };
    reader.scan.skip_space();
    let value = reader.value()?;
    reader.scan.skip_space();
    if reader.scan.peek().is_some() {
        return Err(reader.broken("text goes on after the document"));
    }
    Ok(value)
}

/// Counts the levels without recursion and without building anything.
fn check_depth(text: &str) -> Result {
    let mut depth = 0_usize;
    let mut scan = Scan::new(text.as_bytes());
    while let Some(byte) = scan.peek() {
        match byte {
            b'"' => {
                // A string without an end is the reader's to refuse.
                if scan.string().is_none() {
                    return Ok(());
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        // A wrapper looks like a map here but counts as a scalar, and the deepest, `$dbPointer`,
        // has three levels.
        if depth > MAX_DOCUMENT_DEPTH + 3 {
            return Err(too_deep());
        }
        scan.advance(1);
    }
    Ok(())
}

#[cold]
fn too_deep() -> Fault {
    Fault::limit("document is too deep").with("limit", MAX_DOCUMENT_DEPTH)
}

struct Reader<'a> {
    text: &'a str,
    scan: Scan<'a>,
    large: Large,
    /// The maps and lists around the cursor; wrappers are scalars.
    depth: usize,
}

impl<'a> Reader<'a> {
    #[cold]
    fn broken(&self, message: &'static str) -> Fault {
        Fault::new(ErrorKind::Invalid, "text is not JSON")
            .with("byte", self.scan.position())
            .with("reason", message)
    }

    /// Reads a value; `check_depth` bounds the recursion.
    fn value(&mut self) -> Result<Bson> {
        match self.scan.peek() {
            Some(b'{') => self.map(),
            Some(b'[') => self.list(),
            Some(b'"') => Ok(Bson::String(self.string()?.into_owned())),
            Some(b't') => self.word("true", Bson::Boolean(true)),
            Some(b'f') => self.word("false", Bson::Boolean(false)),
            Some(b'n') => self.word("null", Bson::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err(self.broken("a value was expected")),
            None => Err(self.broken("text ends too early")),
        }
    }

    fn word(&mut self, word: &'static str, value: Bson) -> Result<Bson> {
        if !self.scan.rest().starts_with(word.as_bytes()) {
            return Err(self.broken("a value was expected"));
        }
        self.scan.advance(word.len());
        Ok(value)
    }

    fn map(&mut self) -> Result<Bson> {
        let mut document = Document::new();
        let mut dollar = false;
        self.depth += 1;
        self.scan.advance(1);
        self.scan.skip_space();
        if self.take(b'}') {
            return self.plain(document);
        }
        loop {
            let name = match self.scan.peek() {
                Some(b'"') => self.string()?,
                _ => return Err(self.broken("a key was expected")),
            };
            self.scan.skip_space();
            if !self.take(b':') {
                return Err(self.broken("a colon was expected"));
            }
            self.scan.skip_space();
            let wraps = is_wrapper_key(&name);
            dollar |= wraps;
            let value = self.member(&name, wraps).map_err(|fault| fault.at(&name))?;
            if document.contains_key(name.as_ref()) {
                return Err(Fault::invalid("map repeats a key").at(name));
            }
            document.insert(name.into_owned(), value);
            self.scan.skip_space();
            if self.take(b'}') {
                break;
            }
            if !self.take(b',') {
                return Err(self.broken("a comma or a closing brace was expected"));
            }
            self.scan.skip_space();
        }
        if dollar {
            self.depth -= 1;
            return wrapped(document);
        }
        self.plain(document)
    }

    /// Reads the value of a member. The maps within a wrapper are no levels of the document, except
    /// for the scope of code, which stands where the wrapper stands.
    fn member(&mut self, name: &str, wraps: bool) -> Result<Bson> {
        let depth = self.depth;
        if wraps {
            self.depth = if name == "$scope" { depth - 1 } else { 0 };
        }
        let value = self.value();
        self.depth = depth;
        value
    }

    /// Ends a map that is no wrapper.
    fn plain(&mut self, document: Document) -> Result<Bson> {
        if self.depth > MAX_DOCUMENT_DEPTH {
            return Err(too_deep());
        }
        self.depth -= 1;
        Ok(Bson::Document(document))
    }

    fn list(&mut self) -> Result<Bson> {
        let mut list = Vec::new();
        self.depth += 1;
        if self.depth > MAX_DOCUMENT_DEPTH {
            return Err(too_deep());
        }
        self.scan.advance(1);
        self.scan.skip_space();
        if self.take(b']') {
            self.depth -= 1;
            return Ok(Bson::Array(list));
        }
        loop {
            list.push(self.value().map_err(|fault| fault.at(list.len()))?);
            self.scan.skip_space();
            if self.take(b']') {
                self.depth -= 1;
                return Ok(Bson::Array(list));
            }
            if !self.take(b',') {
                return Err(self.broken("a comma or a closing bracket was expected"));
            }
            self.scan.skip_space();
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.scan.peek() == Some(byte);
        if found {
            self.scan.advance(1);
        }
        found
    }

    fn string(&mut self) -> Result<Cow<'a, str>> {
        let start = self.scan.position();
        let raw = self.scan.string().ok_or_else(|| self.broken("a string has no end"))?;
        let inner = self.text.get(start + 1..start + 1 + raw.len());
        let inner = inner.ok_or_else(|| self.broken("text is not UTF-8"))?;
        scan::unescape(inner).map_err(|reason| {
            Fault::invalid("text is not JSON").with("byte", start).with("reason", reason)
        })
    }

    fn number(&mut self) -> Result<Bson> {
        let start = self.scan.position();
        let fraction = self.scan.number().ok_or_else(|| self.broken("a number is malformed"))?;
        let text = self.text.get(start..self.scan.position()).unwrap_or_default();
        if !fraction {
            if let Ok(integer) = text.parse::<i64>() {
                return Ok(i32::try_from(integer).map_or(Bson::Int64(integer), Bson::Int32));
            }
            if self.large == Large::Refused {
                return Err(Fault::invalid("integer is outside 64 signed bits")
                    .with("value", shorten(text))
                    .with("least", i64::MIN)
                    .with("most", i64::MAX));
            }
        }
        match text.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Bson::Double(float)),
            _ => Err(Fault::invalid("number is too large for a 64-bit float")
                .with("value", shorten(text))),
        }
    }
}

/// The keys that make a map an Extended JSON value instead of a document.
fn is_wrapper_key(key: &str) -> bool {
    key.starts_with('$')
        && matches!(
            key,
            "$oid"
                | "$date"
                | "$binary"
                | "$uuid"
                | "$numberInt"
                | "$numberLong"
                | "$numberDouble"
                | "$numberDecimal"
                | "$timestamp"
                | "$regularExpression"
                | "$symbol"
                | "$code"
                | "$scope"
                | "$minKey"
                | "$maxKey"
                | "$dbPointer"
                | "$undefined"
        )
}

/// Turns a map with a wrapper's key into the value that it stands for.
fn wrapped(document: Document) -> Result<Bson> {
    let key = document.keys().find(|key| is_wrapper_key(key)).cloned().unwrap_or_default();
    let alone = document.len() == 1;
    let scoped = document.len() == 2
        && document.contains_key("$code")
        && matches!(document.get("$scope"), Some(Bson::Document(_)));
    let value = if alone || scoped { wrapper::value_of(document) } else { None };
    match value {
        Some(Bson::Document(_) | Bson::Array(_)) | None => {
            Err(Fault::invalid("extended JSON value is malformed").at(key))
        }
        Some(value) => Ok(value),
    }
}
