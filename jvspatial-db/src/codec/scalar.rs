//! Texts and numbers of a stored body, read without building anything.

use std::borrow::Cow;

use super::scan::unescape;

/// A text or a number.
#[derive(Clone, Debug)]
pub(crate) enum Scalar<'a> {
    /// Bytes that are UTF-8.
    Text(Cow<'a, [u8]>),
    Integer(i64),
    Double(f64),
}

impl<'a> Scalar<'a> {
    /// What the text of a value in JSON reads; `None` when it is anything else, or no JSON.
    #[inline]
    pub(super) fn of_json(value: &'a [u8]) -> Option<Self> {
        match value {
            [b'"', inner @ .., b'"'] => text(inner).map(Self::Text),
            [b'-' | b'0'..=b'9', ..] => short_number(value).or_else(|| number(value)),
            _ => None,
        }
    }
}

/// The text of a string, given what stands between its quotes.
#[inline]
fn text(inner: &[u8]) -> Option<Cow<'_, [u8]>> {
    // Without a way out of the loop it takes many bytes at once.
    let see = |(plain, ascii), byte: &u8| {
        (plain & (*byte >= b' ') & (*byte != b'\\'), ascii & byte.is_ascii())
    };
    let (plain, ascii) = inner.iter().fold((true, true), see);
    if plain && ascii {
        return Some(Cow::Borrowed(inner));
    }
    let valid = std::str::from_utf8(inner).ok()?;
    if plain {
        return Some(Cow::Borrowed(inner));
    }
    Some(match unescape(valid).ok()? {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    })
}

#[cold]
fn number(value: &[u8]) -> Option<Scalar<'static>> {
    let number = std::str::from_utf8(value).ok()?;
    match number.parse() {
        Ok(integer) => Some(Scalar::Integer(integer)),
        Err(_) => number.parse().ok().map(Scalar::Double),
    }
}

/// A number of at most so many digits is an integer below 2⁵³ over a power of ten, both of which a float
/// holds as they are; their quotient is the nearest float.
const SHORT: usize = 15;

const POWERS: [f64; SHORT + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// A number of few digits and without an exponent, spelled as JSON has it; `None` for any other.
#[inline]
pub(super) fn short_number(value: &[u8]) -> Option<Scalar<'static>> {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    if digits.len() > SHORT + 1 || matches!(digits, [] | [b'0', b'0'..=b'9', ..]) {
        return None;
    }
    let mut whole = 0_i64;
    let mut point = None;
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => whole = whole * 10 + i64::from(byte - b'0'),
            b'.' if point.is_none() && at > 0 => point = Some(at),
            _ => return None,
        }
    }
    let is_negative = digits.len() < value.len();
    let Some(point) = point else {
        return Some(Scalar::Integer(if is_negative { -whole } else { whole }));
    };
    let places = digits.len() - point - 1;
    if places == 0 {
        return None;
    }
    let double = whole as f64 / POWERS.get(places)?;
    Some(Scalar::Double(if is_negative { -double } else { double }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn spelled(scalar: Option<Scalar<'_>>) -> String {
        match scalar {
            Some(Scalar::Text(text)) => format!("text {}", std::str::from_utf8(&text).unwrap()),
            Some(Scalar::Integer(integer)) => format!("integer {integer}"),
            Some(Scalar::Double(double)) => format!("double {double:?}"),
            None => "nothing".to_owned(),
        }
    }

    proptest! {
        #[test]
        fn a_short_number_is_the_one_that_any_reader_reads(value in "-?[0-9]{0,9}(\\.?[0-9]{0,9})?") {
            if let Some(short) = short_number(value.as_bytes()) {
                prop_assert_eq!(spelled(Some(short)), spelled(number(value.as_bytes())));
                prop_assert!(serde_json::from_str::<f64>(&value).is_ok());
            }
        }

        #[test]
        fn a_text_is_the_one_that_any_reader_reads(value in "\"[ -~éå\\\\nu0041\"]{0,12}\"") {
            let expected = serde_json::from_str::<String>(&value);
            // What is no JSON may be read as anything.
            if let Ok(expected) = expected {
                prop_assert_eq!(
                    spelled(Scalar::of_json(value.as_bytes())),
                    format!("text {expected}")
                );
            }
        }
    }

    #[test]
    fn numbers_that_are_long_or_odd_are_read_all_the_same() {
        for (value, expected) in [
            ("0", "integer 0"),
            ("-0", "integer 0"),
            ("-0.0", "double -0.0"),
            ("59.913868", "double 59.913868"),
            ("999999999999999", "integer 999999999999999"),
            ("-9223372036854775808", "integer -9223372036854775808"),
            ("9223372036854775808", "double 9.223372036854776e18"),
            ("0.1234567890123456789", "double 0.12345678901234568"),
            ("1e5", "double 100000.0"),
            ("-", "nothing"),
            ("1.2.3", "nothing"),
            ("true", "nothing"),
            ("\"\u{7f}å\"", "text \u{7f}å"),
        ] {
            assert_eq!(spelled(Scalar::of_json(value.as_bytes())), expected, "{value}");
        }
        for short in ["0", "-7.25", "123456789012345", "12345678.9012345"] {
            assert!(short_number(short.as_bytes()).is_some(), "{short}");
        }
        for other in ["", "-", "01", "1.", ".5", "1e5", "12345678901234567", "1.234567890123456"] {
            assert!(short_number(other.as_bytes()).is_none(), "{other}");
        }
        assert!(Scalar::of_json(b"\"\xff\"").is_none());
    }
}
