//! A cursor over JSON text that finds where things end without reading them.

use std::borrow::Cow;

use memchr::memchr2;

/// A cursor over JSON text.
#[derive(Clone, Copy)]
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[inline]
    pub(super) fn position(&self) -> usize {
        self.at
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// What stands between `start` and the cursor.
    #[inline]
    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    #[inline]
    pub(super) fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    #[inline]
    pub(super) fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Skips space and then `byte`, if it is there.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Passes the string at the cursor; returns what stands between its quotes, escapes and all.
    /// `None` when there is no closing quote.
    #[inline]
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let start = self.at + 1;
        self.at = string_end(self.bytes, start)?;
        let inner = self.bytes.get(start..self.at);
        self.at += 1;
        inner
    }

    /// Passes the number at the cursor, which must follow JSON's grammar; returns whether it has a
    /// fraction or an exponent.
    pub(super) fn number(&mut self) -> Option<bool> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        let mut fraction = false;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
            fraction = true;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
            fraction = true;
        }
        Some(fraction)
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    /// Passes the value at the cursor, whatever it is, without recursion. Trusts that the text is
    /// JSON: of other text it may pass any part. `None` when the text ends within the value.
    pub(super) fn value(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        match self.peek()? {
            b'"' => {
                self.string()?;
                return Some(self.since(start));
            }
            b'{' | b'[' => {}
            _ => {
                self.scalar()?;
                return Some(self.since(start));
            }
        }
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                _ => self.scalar()?,
            }
            if depth == 0 {
                return Some(self.since(start));
            }
        }
    }

    /// Passes a number or a word.
    #[inline]
    fn scalar(&mut self) -> Option<()> {
        let length = scalar_end(self.rest());
        self.at += length;
        (length > 0).then_some(())
    }
}

/// Whether a byte may stand in a number or in `true`, `false` and `null`.
#[inline]
pub(super) fn is_scalar(byte: u8) -> bool {
    SCALAR.get(usize::from(byte)).is_some_and(|is_scalar| *is_scalar)
}

/// One, and the highest bit, in each of eight bytes.
const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES << 7;

static SCALAR: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let of = byte as u8;
        table[byte] = of.is_ascii_alphanumeric() || matches!(of, b'-' | b'+' | b'.');
        byte += 1;
    }
    table
};

/// Where the number or the word ends with which the text begins.
#[inline]
fn scalar_end(text: &[u8]) -> usize {
    let (chunks, rest) = text.as_chunks::<8>();
    for (at, eight) in chunks.iter().enumerate() {
        let marks = ends_of_scalars(u64::from_le_bytes(*eight));
        if marks != 0 {
            return at * 8 + marks.trailing_zeros() as usize / 8;
        }
    }
    let end = rest.iter().position(|byte| !is_scalar(*byte)).unwrap_or(rest.len());
    chunks.len() * 8 + end
}

/// Of eight bytes the high bits of those that may follow a scalar: a comma, a closing brace or bracket, space.
/// Bytes behind the first one may be marked without being any.
#[inline]
const fn ends_of_scalars(eight: u64) -> u64 {
    let spaces = eight.wrapping_sub(ONES * (b' ' as u64 + 1));
    let commas = (eight ^ (ONES * b',' as u64)).wrapping_sub(ONES);
    // The two differ in one bit.
    let closing = ((eight | (ONES * 0x20)) ^ (ONES * b'}' as u64)).wrapping_sub(ONES);
    (spaces | commas | closing) & !eight & HIGH
}

/// The bytes of a string that are looked at eight at a time, which for most strings is all.
const SHORT: usize = 32;

/// Where the quote stands that ends the string whose text begins at `from`.
#[inline]
pub(super) fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let text = bytes.get(from..)?;
    for (at, eight) in text.as_chunks::<8>().0.iter().take(SHORT / 8).enumerate() {
        let marks = quotes_and_escapes(u64::from_le_bytes(*eight));
        if marks != 0 {
            let at = from + at * 8 + marks.trailing_zeros() as usize / 8;
            return if bytes.get(at) == Some(&b'"') {
                Some(at)
            } else {
                long_string_end(bytes, at)
            };
        }
    }
    long_string_end(bytes, from + text.len().min(SHORT) / 8 * 8)
}

fn long_string_end(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let at = from + memchr2(b'"', b'\\', bytes.get(from..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some(at);
        }
        from = at + 2;
    }
}

/// Of eight bytes the high bits of those that are quotes or backslashes. Bytes behind the first one may be
/// marked without being any.
#[inline]
const fn quotes_and_escapes(eight: u64) -> u64 {
    let quotes = eight ^ (ONES * b'"' as u64);
    let escapes = eight ^ (ONES * b'\\' as u64);
    (quotes.wrapping_sub(ONES) & !quotes | escapes.wrapping_sub(ONES) & !escapes) & HIGH
}

/// The text that a string of JSON stands for, given what is between its quotes.
///
/// # Errors
/// What is wrong with it: a control character, an escape that JSON does not know, or half of a
/// surrogate pair.
pub(super) fn unescape(raw: &str) -> Result<Cow<'_, str>, &'static str> {
    if raw.bytes().any(|byte| byte < 0x20) {
        return Err("a string holds a control character");
    }
    if !raw.contains('\\') {
        return Ok(Cow::Borrowed(raw));
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let (character, after) = match escape.as_bytes().first() {
            Some(b'u') => unicode(escape)?,
            Some(simple) => {
                let character = match simple {
                    b'"' => '"',
                    b'\\' => '\\',
                    b'/' => '/',
                    b'b' => '\u{8}',
                    b'f' => '\u{c}',
                    b'n' => '\n',
                    b'r' => '\r',
                    b't' => '\t',
                    _ => return Err("a string holds an unknown escape"),
                };
                (character, escape.get(1..).unwrap_or_default())
            }
            None => return Err("a string ends within an escape"),
        };
        text.push(character);
        rest = after;
    }
    text.push_str(rest);
    Ok(Cow::Owned(text))
}

/// Reads `uXXXX`, and the other half of a pair when it is the first half of one.
fn unicode(escape: &str) -> Result<(char, &str), &'static str> {
    const LONE: &str = "a string holds half of a surrogate pair";
    let (first, rest) = code_unit(escape)?;
    if !(0xd800..0xe000).contains(&first) {
        return Ok((char::from_u32(first).ok_or(LONE)?, rest));
    }
    let second = rest.strip_prefix('\\').filter(|rest| rest.starts_with('u')).ok_or(LONE)?;
    let (second, rest) = code_unit(second)?;
    if first >= 0xdc00 || !(0xdc00..0xe000).contains(&second) {
        return Err(LONE);
    }
    let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    Ok((char::from_u32(code).ok_or(LONE)?, rest))
}

fn code_unit(escape: &str) -> Result<(u32, &str), &'static str> {
    const MALFORMED: &str = "a string holds a malformed unicode escape";
    let digits = escape.get(1..5).ok_or(MALFORMED)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(MALFORMED);
    }
    let unit = u32::from_str_radix(digits, 16).map_err(|_| MALFORMED)?;
    Ok((unit, escape.get(5..).unwrap_or_default()))
}
