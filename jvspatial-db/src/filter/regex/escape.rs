//! What a backslash makes of the character after it.

use regex_syntax::hir::{ClassUnicode, Look};

use super::parse::{Parser, not_newline};
use super::{class, property};
use crate::error::Result;

/// The meaning of an escape.
pub(super) enum Escape {
    Char(char),
    Set(ClassUnicode),
    Look(Look),
    /// The end of the text, or before a newline there.
    EndOfLastLine,
    /// Nothing that decides whether there is a match.
    Nothing,
}

impl Parser<'_> {
    /// Reads an escape whose backslash was passed.
    pub(super) fn escape(&mut self, in_class: bool) -> Result<Escape> {
        let Some(letter) = self.next() else {
            return Err(self.invalid("regular expression ends with a backslash"));
        };
        if let Some(set) = class::named(letter) {
            return Ok(Escape::Set(set));
        }
        Ok(match letter {
            'p' | 'P' => Escape::Set(self.property(letter == 'P')?),
            'a' => Escape::Char('\x07'),
            'e' => Escape::Char('\x1b'),
            'f' => Escape::Char('\x0c'),
            'n' => Escape::Char('\n'),
            'r' => Escape::Char('\r'),
            't' => Escape::Char('\t'),
            'c' => Escape::Char(self.control()?),
            'x' => Escape::Char(self.hexadecimal()?),
            'o' if self.take("{") => Escape::Char(self.braced(8)?),
            'o' => return Err(self.invalid("regular expression lacks a brace after \\o")),
            '0'..='7' if in_class || letter == '0' || self.names_no_group(letter) => {
                Escape::Char(self.octal(letter)?)
            }
            'L' | 'l' | 'U' | 'u' => {
                return Err(self.invalid("regular expression has an unknown escape"));
            }
            'b' if in_class => Escape::Char('\x08'),
            'N' if in_class => return Err(self.invalid("\\N cannot stand in brackets")),
            letter if in_class => Escape::Char(letter),
            'N' if self.rest().starts_with('{') && !self.is_at_count()? => {
                return Err(self.invalid("regular expression has an unknown escape"));
            }
            'N' => Escape::Set(not_newline()),
            'b' => Escape::Look(Look::WordAscii),
            'B' => Escape::Look(Look::WordAsciiNegate),
            'A' | 'G' => Escape::Look(Look::Start),
            'z' => Escape::Look(Look::End),
            'Z' => Escape::EndOfLastLine,
            'K' => Escape::Nothing,
            'R' | 'X' => return Err(self.unsupported("an escape that is an atomic group")),
            'C' => return Err(self.unsupported("a single byte")),
            // No octal digit begins such a number, so what is escaped is the digit.
            '8' | '9' if self.names_no_group(letter) => Escape::Char(letter),
            '1'..='9' | 'g' | 'k' => return Err(self.unsupported("a backreference")),
            letter => Escape::Char(letter),
        })
    }

    /// Reads the letter that names a control character.
    fn control(&mut self) -> Result<char> {
        let letter = self.next().and_then(|letter| u8::try_from(letter).ok());
        match letter.filter(u8::is_ascii) {
            Some(letter) => Ok(char::from(letter.to_ascii_uppercase() ^ 0x40)),
            None => Err(self.invalid("regular expression has \\c without an ASCII character")),
        }
    }

    fn hexadecimal(&mut self) -> Result<char> {
        if self.take("{") {
            return self.braced(16);
        }
        let digits = self.take_while(2, |c| c.is_ascii_hexdigit());
        Ok(char::from(u8::from_str_radix(digits, 16).unwrap_or(0)))
    }

    /// Whether the number that begins with `first` is too large to refer to a group.
    fn names_no_group(&self, first: char) -> bool {
        let more = self.rest().chars().take_while(char::is_ascii_digit).count();
        let number = self.rest().get(..more).map(|more| format!("{first}{more}"));
        let number = number.and_then(|number| number.parse::<usize>().ok()).unwrap_or(0);
        number >= 8 && number > self.parentheses()
    }

    /// Reads up to three octal digits, the first of which was passed.
    fn octal(&mut self, first: char) -> Result<char> {
        let more = self.take_while(2, |c| matches!(c, '0'..='7'));
        self.character(&format!("{first}{more}"), 8)
    }

    /// Reads digits up to a closing brace.
    fn braced(&mut self, radix: u32) -> Result<char> {
        let digits = self.take_until('}').unwrap_or_default();
        self.character(digits, radix)
    }

    fn character(&self, digits: &str, radix: u32) -> Result<char> {
        let plain = digits.chars().all(|digit| digit.is_digit(radix));
        u32::from_str_radix(digits, radix)
            .ok()
            .filter(|_| plain)
            .and_then(char::from_u32)
            .ok_or_else(|| self.invalid("regular expression has a number that is no character"))
    }

    fn property(&mut self, negated: bool) -> Result<ClassUnicode> {
        let name = if self.take("{") {
            self.take_until('}')
        } else {
            let one = self.take_while(1, |_| true);
            (!one.is_empty()).then_some(one)
        };
        let name =
            name.ok_or_else(|| self.invalid("regular expression has a malformed property"))?;
        let (turned, name) = match name.strip_prefix('^') {
            Some(name) => (true, name),
            None => (false, name),
        };
        let set = property::find(name)
            .ok_or_else(|| self.invalid("regular expression has an unknown property"))?;
        Ok(class::negated_if(negated != turned, set))
    }
}
