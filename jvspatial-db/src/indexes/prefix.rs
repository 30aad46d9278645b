//! Where the keys of a compound key end.

use super::key::tag;
use crate::value::Class;

/// How many bytes the first keys of an entry take, one for each of `inverted`, which says its direction.
pub(crate) fn prefix_len(entry: &[u8], inverted: impl IntoIterator<Item = bool>) -> usize {
    let mut at = 0;
    for inverted in inverted {
        let mut walk = Walk { bytes: entry, at, mask: if inverted { u8::MAX } else { 0 } };
        walk.value();
        at = walk.at;
    }
    at.min(entry.len())
}

/// Finds where keys end.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    mask: u8,
}

impl Walk<'_> {
    fn next(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).map_or(0, |byte| byte ^ self.mask);
        self.at += 1;
        byte
    }

    fn skip_text(&mut self) {
        while self.at < self.bytes.len() && self.next() != 0 {}
    }

    fn skip_length(&mut self) {
        let length = (0..4).fold(0_usize, |length, _| length << 8 | usize::from(self.next()));
        self.at = self.at.saturating_add(length);
    }

    /// Passes one key. Keys are short, and so are their levels few.
    fn value(&mut self) {
        let found = self.next();
        let is = |class: Class| found == tag(class);
        if is(Class::Number) {
            let is_positive = self.next() & 0x80 != 0;
            self.at += 7;
            let cut = self.next();
            if cut == if is_positive { 1 } else { 0xfe } {
                self.at += 18;
            }
        } else if is(Class::String) || is(Class::Code) {
            self.skip_text();
        } else if is(Class::Document) {
            self.fields();
        } else if is(Class::Array) {
            while self.at < self.bytes.len() && !self.ends() {
                self.value();
            }
        } else if is(Class::Binary) {
            let length = (0..4).fold(0_usize, |length, _| length << 8 | usize::from(self.next()));
            self.at = self.at.saturating_add(length).saturating_add(1);
        } else if is(Class::ObjectId) {
            self.at += 12;
        } else if is(Class::Boolean) {
            self.at += 1;
        } else if is(Class::DateTime) || is(Class::Timestamp) {
            self.at += 8;
        } else if is(Class::RegularExpression) {
            self.skip_text();
            self.skip_text();
        } else if is(Class::DbPointer) {
            self.skip_length();
        } else if is(Class::CodeWithScope) {
            self.skip_text();
            self.fields();
        }
    }

    fn fields(&mut self) {
        while self.at < self.bytes.len() && !self.ends() {
            self.at += 1;
            self.skip_text();
            self.value();
        }
    }

    /// Passes the end of a document or an array, if it is here.
    fn ends(&mut self) -> bool {
        let ends = self.bytes.get(self.at).is_some_and(|byte| byte ^ self.mask == 0);
        self.at += usize::from(ends);
        ends
    }
}
