//! Regular expressions with PCRE's meaning, matched in time linear in the text.
//!
//! A pattern is translated rather than handed on, because the two languages differ in what the same
//! text means: here the classes `\d`, `\w` and `\s` and the boundary `\b` are those of ASCII, `$`
//! also stands before a newline at the end, and `^` with `m` does not stand after one.

mod class;
mod escape;
mod parse;
mod property;

use std::fmt;
use std::sync::Arc;

use regex_automata::meta;

use self::parse::{Ending, Flags, Translation};
use crate::error::{Error, Result};
use crate::limits::{MAX_REGEX_BYTES, MAX_REGEX_SIZE};

/// What stands for the newline at the end of a text, so that anchors can tell it from the others.
const FINAL_NEWLINE: u8 = 0xff;

/// What stands for a carriage return, so that anchors which know it never see one.
const CARRIAGE_RETURN: u8 = 0xfe;

/// The memory of one search, in bytes, for the states that it has met.
const CACHE_BYTES: usize = 128 * 1024;

/// The largest compiled form in bytes, far above what the bound on the size lets through.
const COMPILED_BYTES: usize = 8 * 1024 * 1024;

/// What a pattern weighs in a filter beside its text: its share of the memory it takes.
const WEIGHT: usize = 2048;
const WEIGHT_OF_SIZE: usize = 16;

/// A regular expression with its options; cheap to clone.
#[derive(Clone)]
pub(crate) struct Pattern(Arc<Inner>);

struct Inner {
    text: Box<str>,
    options: Box<str>,
    weight: usize,
    plain: meta::Regex,
    /// For texts that end with a newline, when that makes a difference.
    newline: Option<meta::Regex>,
}

impl Pattern {
    /// Translates and compiles `text` with `options`, some of `i`, `m`, `s`, `x` and `u`.
    ///
    /// # Errors
    /// `Invalid` for what PCRE refuses, `Unsupported` for what cannot be matched in linear time,
    /// `Limit` for a pattern that is too long or becomes too large.
    pub(super) fn new(text: &str, options: &str) -> Result<Self> {
        if text.len() > MAX_REGEX_BYTES {
            return Err(Error::limit("regular expression is too long")
                .with("bytes", text.len())
                .with("limit", MAX_REGEX_BYTES));
        }
        if text.contains('\0') {
            return Err(Error::invalid("regular expression holds a NUL"));
        }
        let flags = Flags::parse(options)?;
        let translation = parse::translate(text, flags, Ending::Other)?;
        let size = translation.size;
        let newline = match translation.minds_newline {
            true => Some(compile(&parse::translate(text, flags, Ending::Newline)?, FINAL_NEWLINE)?),
            false => None,
        };
        Ok(Self(Arc::new(Inner {
            text: text.into(),
            options: options.into(),
            weight: WEIGHT + text.len() + options.len() + size as usize * WEIGHT_OF_SIZE,
            plain: compile(&translation, b'\n')?,
            newline,
        })))
    }

    /// Whether the pattern is found anywhere in `text`.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        match &self.0.newline {
            Some(regex) if text.ends_with('\n') => regex.is_match(&recode(text)),
            _ => self.0.plain.is_match(text),
        }
    }

    /// The pattern as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.0.text
    }

    /// The options as they were written.
    pub(crate) fn options(&self) -> &str {
        &self.0.options
    }

    pub(super) fn weight(&self) -> usize {
        self.0.weight
    }
}

fn compile(translation: &Translation, line_end: u8) -> Result<meta::Regex> {
    let config = meta::Config::new()
        .nfa_size_limit(Some(COMPILED_BYTES))
        .hybrid_cache_capacity(CACHE_BYTES)
        .line_terminator(line_end);
    meta::Builder::new().configure(config).build_from_hir(&translation.hir).map_err(|error| {
        Error::limit("regular expression is too large")
            .with("size", translation.size)
            .with("limit", MAX_REGEX_SIZE)
            .with_source(error)
    })
}

/// The form of a text with a newline at its end that anchors understand; it is not UTF-8.
fn recode(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for byte in bytes.iter_mut().filter(|byte| **byte == b'\r') {
        *byte = CARRIAGE_RETURN;
    }
    if let Some(last) = bytes.last_mut() {
        *last = FINAL_NEWLINE;
    }
    bytes
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        (self.text(), self.options()) == (other.text(), other.options())
    }
}

impl Eq for Pattern {}

impl PartialOrd for Pattern {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pattern {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.text(), self.options()).cmp(&(other.text(), other.options()))
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/{}", self.text(), self.options())
    }
}

#[cfg(test)]
mod tests;
