//! Reads a pattern by PCRE's grammar and builds what the matcher understands.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, Look, Repetition};

use super::class::{all, char_set};
use super::escape::Escape;
use super::{CARRIAGE_RETURN, FINAL_NEWLINE};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::MAX_REGEX_SIZE;

/// How many groups may stand inside one another, as in PCRE.
const MAX_GROUPS: usize = 249;

/// The largest number of repetitions that can be written, as in PCRE.
const MAX_REPETITIONS: u32 = 65_535;

/// Which texts a translation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Those that do not end with a newline, or that are searched without regard to it.
    Other,
    /// Those that do, in the form that `recode` gives them.
    Newline,
}

/// The options in force at some point of a pattern.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    pub(super) caseless: bool,
    pub(super) multi_line: bool,
    pub(super) dot_all: bool,
    pub(super) extended: bool,
}

impl Flags {
    /// Reads the operand of `$options`.
    pub(super) fn parse(options: &str) -> Result<Self> {
        let mut flags = Self::default();
        for letter in options.chars() {
            // Every text is Unicode, so there is nothing to turn on.
            if letter != 'u' && !flags.set(letter, true) {
                return Err(Error::invalid("unknown option of a regular expression")
                    .with("option", letter.escape_debug()));
            }
        }
        Ok(flags)
    }

    fn set(&mut self, letter: char, on: bool) -> bool {
        match letter {
            'i' => self.caseless = on,
            'm' => self.multi_line = on,
            's' => self.dot_all = on,
            'x' => self.extended = on,
            _ => return false,
        }
        true
    }
}

/// A pattern in the matcher's terms.
pub(super) struct Translation {
    pub(super) hir: Hir,
    /// Its characters and ranges, with repetitions written out.
    pub(super) size: u64,
    /// Whether a newline at the end of the text needs a translation of its own.
    pub(super) minds_newline: bool,
}

/// Translates `pattern`.
///
/// # Errors
/// `Invalid` for what PCRE refuses, `Unsupported` for what cannot be matched in linear time, `Limit`
/// for a pattern that becomes too large.
pub(super) fn translate(pattern: &str, flags: Flags, ending: Ending) -> Result<Translation> {
    let mut parser = Parser {
        pattern,
        at: 0,
        flags,
        ending,
        groups: 0,
        names: Vec::new(),
        quoted: false,
        minds_newline: false,
    };
    let whole = parser.alternation()?;
    if parser.quoted {
        return Err(parser.invalid("regular expression lacks the end of a quotation"));
    }
    if parser.peek().is_some() {
        return Err(parser.invalid("regular expression has an unmatched parenthesis"));
    }
    Ok(Translation { hir: whole.hir, size: whole.size, minds_newline: parser.minds_newline })
}

/// A part of a pattern.
pub(super) struct Part {
    hir: Hir,
    size: u64,
}

/// A part, and whether it may be repeated.
enum Atom {
    Repeatable(Part),
    Assertion(Hir),
}

pub(super) struct Parser<'a> {
    pattern: &'a str,
    at: usize,
    pub(super) flags: Flags,
    ending: Ending,
    /// How many groups are open.
    groups: usize,
    /// The names of the groups so far, none of which may come twice.
    names: Vec<&'a str>,
    /// Whether the cursor is between `\Q` and `\E`, where everything stands for itself.
    pub(super) quoted: bool,
    minds_newline: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn rest(&self) -> &'a str {
        self.pattern.get(self.at..).unwrap_or_default()
    }

    /// No pattern has more groups than opening parentheses.
    pub(super) fn parentheses(&self) -> usize {
        self.pattern.matches('(').count()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    pub(super) fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    /// Passes what stands before `end`, and `end`.
    pub(super) fn take_until(&mut self, end: char) -> Option<&'a str> {
        let (inner, _) = self.rest().split_once(end)?;
        self.at += inner.len() + end.len_utf8();
        Some(inner)
    }

    /// Passes up to `most` characters that satisfy `test`.
    pub(super) fn take_while(&mut self, most: usize, test: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.chars().take(most).take_while(|c| test(*c)).map(char::len_utf8).sum();
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    pub(super) fn invalid(&self, message: &'static str) -> Error {
        Error::invalid(message).with("position", self.at)
    }

    pub(super) fn unsupported(&self, what: &'static str) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            "regular expression cannot be matched in linear time, which is the only way here",
        )
        .with("found", what)
        .with("position", self.at)
    }

    fn alternation(&mut self) -> Result<Part> {
        let mut size = 0;
        let mut branches = Vec::new();
        loop {
            let branch = self.branch()?;
            size += branch.size + 1;
            branches.push(branch.hir);
            if !self.take("|") {
                return Ok(Part { hir: Hir::alternation(branches), size: bounded(size)? });
            }
        }
    }

    fn branch(&mut self) -> Result<Part> {
        let mut size = 0;
        let mut parts = Vec::new();
        while let Some(atom) = self.atom()? {
            let part = match atom {
                Atom::Repeatable(part) => self.repeated(part)?,
                Atom::Assertion(hir) => Part { hir, size: 1 },
            };
            size = bounded(size + part.size)?;
            parts.push(part.hir);
        }
        Ok(Part { hir: Hir::concat(parts), size })
    }

    /// Passes what stands for nothing: marks of quotations, comments, and with `x` white space.
    fn skip_ignored(&mut self) -> Result<()> {
        loop {
            if self.take("\\E") {
                self.quoted = false;
            } else if self.quoted {
                return Ok(());
            } else if self.take("\\Q") {
                self.quoted = true;
            } else if !self.skip_comment()? {
                return Ok(());
            }
        }
    }

    /// Passes a comment, or white space with `x`, and returns whether there was any.
    fn skip_comment(&mut self) -> Result<bool> {
        let end = if self.take("(?#") {
            ')'
        } else if self.flags.extended && self.take("#") {
            '\n'
        } else {
            return Ok(self.flags.extended
                && !self.take_while(usize::MAX, super::class::is_space).is_empty());
        };
        match self.take_until(end) {
            Some(_) => Ok(true),
            None => Err(self.invalid("regular expression lacks the end of a comment")),
        }
    }

    fn atom(&mut self) -> Result<Option<Atom>> {
        loop {
            self.skip_ignored()?;
            if !self.quoted && matches!(self.peek(), None | Some('|' | ')')) {
                return Ok(None);
            }
            let counted = !self.quoted && self.counted()?.is_some();
            let Some(letter) = self.next() else { return Ok(None) };
            if self.quoted {
                return Ok(Some(Atom::Repeatable(self.single(letter))));
            }
            return Ok(Some(match letter {
                '(' => match self.group()? {
                    Some(group) => Atom::Repeatable(group),
                    None => continue,
                },
                '[' => Atom::Repeatable(self.class()?),
                '.' if self.flags.dot_all => Atom::Repeatable(self.one_of(all())),
                '.' => Atom::Repeatable(self.one_of(not_newline())),
                '^' => Atom::Assertion(self.start()),
                '$' => Atom::Assertion(self.end(self.flags.multi_line)),
                '\\' => match self.escape(false)? {
                    Escape::Char(letter) => Atom::Repeatable(self.single(letter)),
                    Escape::Set(set) => Atom::Repeatable(self.one_of(set)),
                    Escape::Look(look) => Atom::Assertion(Hir::look(look)),
                    Escape::EndOfLastLine => Atom::Assertion(self.end(false)),
                    Escape::Nothing => Atom::Assertion(Hir::empty()),
                },
                '*' | '+' | '?' => {
                    return Err(self.invalid("regular expression repeats nothing"));
                }
                '{' if counted => return Err(self.invalid("regular expression repeats nothing")),
                letter => Atom::Repeatable(self.single(letter)),
            }));
        }
    }

    /// Applies the repetition that follows `part`, if one does.
    fn repeated(&mut self, part: Part) -> Result<Part> {
        self.skip_ignored()?;
        if self.quoted {
            return Ok(part);
        }
        let (min, max) = if self.take("*") {
            (0, None)
        } else if self.take("+") {
            (1, None)
        } else if self.take("?") {
            (0, Some(1))
        } else if let Some((min, max, end)) = self.counted()? {
            self.at = end;
            (min, max)
        } else {
            return Ok(part);
        };
        while self.skip_comment()? {}
        if self.take("+") {
            return Err(self.unsupported("a possessive repetition"));
        }
        // A lazy repetition finds another match, but it finds one in the same texts.
        self.take("?");
        let times = u64::from(max.unwrap_or(min)).max(1);
        let size = bounded(part.size.saturating_mul(times) + 1)?;
        let sub = Box::new(part.hir);
        Ok(Part { hir: Hir::repetition(Repetition { min, max, greedy: true, sub }), size })
    }

    /// The repetition in braces at the cursor and where it ends. Braces that hold something else
    /// stand for themselves.
    fn counted(&self) -> Result<Option<(u32, Option<u32>, usize)>> {
        let Some((inner, _)) = self.rest().strip_prefix('{').and_then(|rest| rest.split_once('}'))
        else {
            return Ok(None);
        };
        let (min, max) = match inner.split_once(',') {
            Some((min, max)) => (min, (!max.is_empty()).then_some(max)),
            None => (inner, Some(inner)),
        };
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if min.is_empty() || !is_number(min) || !max.is_none_or(is_number) {
            return Ok(None);
        }
        let read = |text: &str| {
            text.parse::<u32>().ok().filter(|number| *number <= MAX_REPETITIONS).ok_or_else(|| {
                self.invalid("regular expression repeats too often").with("limit", MAX_REPETITIONS)
            })
        };
        let (min, max) = (read(min)?, max.map(read).transpose()?);
        if max.is_some_and(|max| max < min) {
            return Err(
                self.invalid("regular expression has a repetition that ends below its start")
            );
        }
        Ok(Some((min, max, self.at + inner.len() + 2)))
    }

    /// Whether a repetition in braces is at the cursor.
    pub(super) fn is_at_count(&self) -> Result<bool> {
        Ok(self.counted()?.is_some())
    }

    /// Reads a group whose parenthesis was passed; `None` for one that only sets options.
    fn group(&mut self) -> Result<Option<Part>> {
        if let Some(verb) = self.rest().strip_prefix('*')
            && verb.starts_with(|c: char| c.is_ascii_alphabetic() || c == ':')
        {
            return Err(self.unsupported("a backtracking verb"));
        }
        let before = self.flags;
        let is_plain = !self.take("?") || self.take(":") || self.take("|");
        if !is_plain && !self.group_name()? && !self.options()? {
            return Ok(None);
        }
        self.groups += 1;
        if self.groups > MAX_GROUPS {
            return Err(
                Error::limit("regular expression nests too many groups").with("limit", MAX_GROUPS)
            );
        }
        let inner = self.alternation()?;
        if self.quoted || !self.take(")") {
            return Err(self.invalid("regular expression lacks a closing parenthesis"));
        }
        self.groups -= 1;
        self.flags = before;
        Ok(Some(inner))
    }

    /// Reads the name of a group, if it has one.
    fn group_name(&mut self) -> Result<bool> {
        for (start, what) in [
            ("=", "a lookahead"),
            ("!", "a lookahead"),
            ("<=", "a lookbehind"),
            ("<!", "a lookbehind"),
            (">", "an atomic group"),
            ("(", "a condition"),
            ("R", "a recursion"),
            ("&", "a recursion"),
            ("P>", "a recursion"),
            ("P=", "a backreference"),
            ("C", "a callout"),
        ] {
            if self.rest().starts_with(start) {
                return Err(self.unsupported(what));
            }
        }
        let number = self.rest().trim_start_matches(['+', '-']);
        if number.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.unsupported("a recursion"));
        }
        let end = match () {
            () if self.take("P<") || self.take("<") => ">",
            () if self.take("'") => "'",
            () => return Ok(false),
        };
        const LONGEST: usize = 32;
        let name = self.take_while(LONGEST, |c| c.is_ascii_alphanumeric() || c == '_');
        let starts_well = name.starts_with(|c: char| !c.is_ascii_digit());
        if !starts_well || !self.take(end) || self.names.contains(&name) {
            return Err(self.invalid("regular expression has a malformed or repeated group name"));
        }
        self.names.push(name);
        Ok(true)
    }

    /// Reads options in parentheses; returns whether they open a group, or hold from here on.
    fn options(&mut self) -> Result<bool> {
        let mut on = true;
        loop {
            match self.next() {
                Some(')') => return Ok(false),
                Some(':') => return Ok(true),
                Some('-') => on = false,
                // Whether a repetition is lazy makes no difference, and the other two change what
                // patterns are accepted.
                Some('U' | 'J') => {}
                Some('X') => return Err(self.unsupported("the option X")),
                Some(letter) if self.flags.set(letter, on) => {}
                _ => return Err(self.invalid("regular expression has an unknown kind of group")),
            }
        }
    }

    /// A character that stands for itself.
    fn single(&self, letter: char) -> Part {
        self.one_of(char_set(letter, self.flags.caseless))
    }

    /// Any character of `set`.
    pub(super) fn one_of(&self, mut set: ClassUnicode) -> Part {
        let size = set.ranges().len() as u64 + u64::from(!set.is_ascii());
        if self.ending == Ending::Other {
            return Part { hir: Hir::class(Class::Unicode(set)), size };
        }
        let mut ways = Vec::new();
        for (letter, byte) in [('\n', FINAL_NEWLINE), ('\r', CARRIAGE_RETURN)] {
            if contains(&set, letter) {
                ways.push(Hir::literal([byte]));
            }
        }
        if contains(&set, '\r') {
            set.difference(&ClassUnicode::new([ClassUnicodeRange::new('\r', '\r')]));
        }
        ways.push(Hir::class(Class::Unicode(set)));
        Part { hir: Hir::alternation(ways), size }
    }

    fn start(&mut self) -> Hir {
        if !self.flags.multi_line {
            return Hir::look(Look::Start);
        }
        self.minds_newline = true;
        Hir::look(match self.ending {
            Ending::Other => Look::StartLF,
            Ending::Newline => Look::StartCRLF,
        })
    }

    fn end(&mut self, multi_line: bool) -> Hir {
        self.minds_newline |= !multi_line;
        match (multi_line, self.ending) {
            (false, Ending::Other) => Hir::look(Look::End),
            (true, Ending::Other) | (false, Ending::Newline) => Hir::look(Look::EndLF),
            (true, Ending::Newline) => {
                Hir::alternation(vec![Hir::look(Look::EndCRLF), Hir::look(Look::EndLF)])
            }
        }
    }
}

fn contains(set: &ClassUnicode, letter: char) -> bool {
    set.iter().any(|range| range.start() <= letter && letter <= range.end())
}

pub(super) fn not_newline() -> ClassUnicode {
    let mut set = ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')]);
    set.negate();
    set
}

fn bounded(size: u64) -> Result<u64> {
    if size > MAX_REGEX_SIZE {
        return Err(Error::limit("regular expression is too large")
            .with("size", size)
            .with("limit", MAX_REGEX_SIZE));
    }
    Ok(size)
}
