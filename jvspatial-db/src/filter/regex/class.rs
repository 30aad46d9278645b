//! Classes of characters: those in brackets, and the sets that have names.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use super::escape::Escape;
use super::parse::{Parser, Part};
use crate::error::Result;

/// The white space that `x` passes over and `\s` stands for.
pub(super) fn is_space(letter: char) -> bool {
    matches!(letter, '\t'..='\r' | ' ')
}

/// The set of all characters.
pub(super) fn all() -> ClassUnicode {
    set(&[('\0', char::MAX)])
}

/// The set of the given ranges.
pub(super) fn set(ranges: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(ranges.iter().map(|(from, to)| ClassUnicodeRange::new(*from, *to)))
}

/// `set`, or everything else.
pub(super) fn negated_if(negated: bool, mut set: ClassUnicode) -> ClassUnicode {
    if negated {
        set.negate();
    }
    set
}

/// A single character, in either case when `caseless`.
pub(super) fn char_set(letter: char, caseless: bool) -> ClassUnicode {
    let mut single = set(&[(letter, letter)]);
    if caseless {
        fold(&mut single);
    }
    single
}

/// Adds the characters that differ only in case.
fn fold(set: &mut ClassUnicode) {
    // It fails only without the tables, which are compiled in.
    let _ = set.try_case_fold_simple();
}

/// The set that a letter after a backslash names, which a capital letter turns around.
pub(super) fn named(letter: char) -> Option<ClassUnicode> {
    let ranges: &[(char, char)] = match letter.to_ascii_lowercase() {
        'd' => &[('0', '9')],
        'w' => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        's' => &[('\t', '\r'), (' ', ' ')],
        'h' => &[
            ('\t', '\t'),
            (' ', ' '),
            ('\u{a0}', '\u{a0}'),
            ('\u{1680}', '\u{1680}'),
            ('\u{180e}', '\u{180e}'),
            ('\u{2000}', '\u{200a}'),
            ('\u{202f}', '\u{202f}'),
            ('\u{205f}', '\u{205f}'),
            ('\u{3000}', '\u{3000}'),
        ],
        'v' => &[('\n', '\r'), ('\u{85}', '\u{85}'), ('\u{2028}', '\u{2029}')],
        _ => return None,
    };
    Some(negated_if(letter.is_ascii_uppercase(), set(ranges)))
}

/// The set that a name between `[:` and `:]` stands for.
fn posix(name: &str, caseless: bool) -> Option<ClassUnicode> {
    let (negated, name) = match name.strip_prefix('^') {
        Some(name) => (true, name),
        None => (false, name),
    };
    let ranges: &[(char, char)] = match name {
        "lower" | "upper" if caseless => &[('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "lower" => &[('a', 'z')],
        "upper" => &[('A', 'Z')],
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "ascii" => &[('\0', '\x7f')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        "digit" => &[('0', '9')],
        "graph" => &[('!', '~')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "word" => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    };
    Some(negated_if(negated, set(ranges)))
}

/// What stands between brackets.
enum Item {
    Char(char),
    Set(ClassUnicode),
}

impl<'a> Parser<'a> {
    /// Reads a class whose opening bracket was passed.
    pub(super) fn class(&mut self) -> Result<Part> {
        if self.posix_name().is_some() {
            return Err(self.invalid("regular expression has a named class outside of brackets"));
        }
        let negated = self.take("^");
        // Sets that have a name are not folded: a caseless `\p{Lu}` is still upper case.
        let (mut single, mut sets) = (set(&[]), set(&[]));
        let mut is_first = true;
        loop {
            self.skip_quotation_marks();
            if !self.quoted && !is_first && self.take("]") {
                break;
            }
            is_first = false;
            match self.class_item()? {
                Item::Set(set) => sets.union(&set),
                Item::Char(from) => {
                    let to = self.range_end(from)?;
                    single.push(ClassUnicodeRange::new(from, to));
                }
            }
        }
        if self.flags.caseless {
            fold(&mut single);
        }
        single.union(&sets);
        Ok(self.one_of(negated_if(negated, single)))
    }

    /// The last character of the range that begins with `from`, which is `from` when none follows.
    fn range_end(&mut self, from: char) -> Result<char> {
        self.skip_quotation_marks();
        let mut after = self.rest().chars();
        if self.quoted || after.next() != Some('-') || after.next() == Some(']') {
            return Ok(from);
        }
        self.take("-");
        self.skip_quotation_marks();
        if !self.quoted && self.rest().starts_with(']') {
            return Err(self.invalid("regular expression has a malformed range"));
        }
        match self.class_item()? {
            Item::Set(_) => Err(self.invalid("regular expression has a range to a set")),
            Item::Char(to) if to < from => {
                Err(self.invalid("regular expression has a range that ends before its start"))
            }
            Item::Char(to) => Ok(to),
        }
    }

    fn class_item(&mut self) -> Result<Item> {
        if !self.quoted && self.rest().starts_with('[') {
            self.take("[");
            if let Some(name) = self.posix_name() {
                let caseless = self.flags.caseless;
                let found = name.strip_prefix(':').and_then(|name| posix(name, caseless));
                let found = found
                    .ok_or_else(|| self.invalid("regular expression has an unknown named class"))?;
                self.take(name);
                self.take(":]");
                return Ok(Item::Set(found));
            }
            return Ok(Item::Char('['));
        }
        let quoted = self.quoted;
        match self.next() {
            None => Err(self.invalid("regular expression lacks a closing bracket")),
            Some('\\') if !quoted => match self.escape(true)? {
                Escape::Char(letter) => Ok(Item::Char(letter)),
                Escape::Set(set) => Ok(Item::Set(set)),
                _ => Err(self.invalid("regular expression has an unknown escape in brackets")),
            },
            Some(letter) => Ok(Item::Char(letter)),
        }
    }

    fn skip_quotation_marks(&mut self) {
        loop {
            if self.take("\\E") {
                self.quoted = false;
            } else if !self.quoted && self.take("\\Q") {
                self.quoted = true;
            } else {
                return;
            }
        }
    }

    /// The mark and the name when the cursor, after an opening bracket, is at something like `:alpha:]`.
    fn posix_name(&self) -> Option<&'a str> {
        let rest = self.rest();
        let mark = rest.chars().next().filter(|mark| matches!(mark, ':' | '.' | '='))?;
        let mut letters = rest.char_indices().skip(1).peekable();
        while let Some((at, letter)) = letters.next() {
            let following = letters.peek().map(|(_, letter)| *letter);
            match letter {
                '\\' if matches!(following, Some(']' | '\\')) => {
                    letters.next();
                }
                '[' if following == Some(mark) => return None,
                ']' => return None,
                letter if letter == mark && following == Some(']') => return rest.get(..at),
                _ => {}
            }
        }
        None
    }
}
