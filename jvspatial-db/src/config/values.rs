//! Times and sizes as people write them.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// The longest time of a setting. Adding it to the clock is always possible.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

const DURATION: &str = "a time from 1ms to 24h with its unit, such as 250ms, 2s, 5m or 1h";
const BYTES: &str = "a number of bytes, or one with its unit such as 64MiB";

/// For `deserialize_with` on a time: text such as `250ms`, `2s`, `5m` or `1h`, from 1 ms to 24 h.
///
/// # Errors
/// Those of the deserializer, with what was expected.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    from_text(deserializer, DURATION, parse_duration).map(Some)
}

/// For `deserialize_with` on a size: a number of bytes, or text with a unit such as `64MiB`; not zero.
///
/// # Errors
/// Those of the deserializer, with what was expected.
pub fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    deserializer.deserialize_any(Bytes).map(Some)
}

/// Reads a time with its unit.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let time = Duration::from_millis(number.checked_mul(millis)?);
    (!time.is_zero() && time <= LONGEST).then_some(time)
}

fn parse_bytes(text: &str) -> Option<usize> {
    let (number, unit) = split(text)?;
    let factor = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    size(number.checked_mul(factor)?)
}

fn size(number: u64) -> Option<usize> {
    usize::try_from(number).ok().filter(|number| *number > 0)
}

/// A number and the unit behind it.
fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start()))
}

/// Reads text by `parse`, or says that something `expected` was.
pub(crate) fn from_text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(Text { expected, parse })
}

struct Text<T> {
    expected: &'static str,
    parse: fn(&str) -> Option<T>,
}

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(BYTES)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<usize, E> {
        size(number).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<usize, E> {
        let found = || E::invalid_value(Unexpected::Signed(number), &self);
        u64::try_from(number).ok().and_then(size).ok_or_else(found)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<usize, E> {
        parse_bytes(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_bounds() {
        for (text, millis) in [("1ms", 1), ("2s", 2000), ("5 m", 300_000), ("24h", 86_400_000)] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "0s", "10", "25h", "-1s", "1.5s", "s", "18446744073709551615h", "1d"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_may_have_a_unit() {
        for (text, bytes) in [("7", 7), ("1 KiB", 1024), ("64MiB", 64 << 20), ("1GiB", 1 << 30)] {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["", "0", "MiB", "1MB", "18446744073709551615GiB", "-1"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
    }
}
