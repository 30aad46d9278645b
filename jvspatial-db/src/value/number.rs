//! Numbers of BSON's four numeric types on one line.

use std::cmp::Ordering;

use bson::{Bson, Decimal128};

/// A number taken out of a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Integer(i64),
    Double(f64),
    Decimal(Decimal),
}

/// A decimal floating point number, taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decimal {
    Nan,
    Infinite {
        negative: bool,
    },
    /// `more` says that further digits follow those of the coefficient, which then fills all of its
    /// places.
    Finite {
        negative: bool,
        coefficient: u128,
        exponent: i32,
        more: bool,
    },
}

impl Number {
    /// The number that `value` holds, or `None` when it is of another type.
    #[inline]
    pub(super) fn of(value: &Bson) -> Option<Self> {
        match value {
            Bson::Int32(value) => Some(Self::Integer(i64::from(*value))),
            Bson::Int64(value) => Some(Self::Integer(*value)),
            Bson::Double(value) => Some(Self::Double(*value)),
            Bson::Decimal128(value) => Some(Self::Decimal(Decimal::unpack(value))),
            _ => None,
        }
    }

    /// Compares by value; NaN equals NaN and stands before every other number.
    pub(super) fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(&b),
            (Self::Double(a), Self::Double(b)) => compare_doubles(a, b),
            (Self::Integer(a), Self::Double(b)) => compare_integer_to_double(a, b),
            (Self::Double(a), Self::Integer(b)) => compare_integer_to_double(b, a).reverse(),
            _ => self.to_decimal().compare(other.to_decimal()),
        }
    }

    pub(super) fn is_nan(self) -> bool {
        match self {
            Self::Integer(_) => false,
            Self::Double(value) => value.is_nan(),
            Self::Decimal(value) => matches!(value, Decimal::Nan),
        }
    }

    pub(super) fn is_zero(self) -> bool {
        self.compare(Self::Integer(0)).is_eq()
    }

    pub(super) fn exact_integer(self) -> Option<i64> {
        let candidate = self.truncated_integer()?;
        self.compare(Self::Integer(candidate)).is_eq().then_some(candidate)
    }

    /// Cuts the fraction off; `None` when the rest is not an integer of 64 bits.
    pub(super) fn truncated_integer(self) -> Option<i64> {
        const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
        match self {
            Self::Integer(value) => Some(value),
            Self::Double(value) => (-TWO_TO_63..TWO_TO_63).contains(&value).then_some(value as i64),
            Self::Decimal(Decimal::Finite { negative, coefficient, exponent, .. }) => {
                let scale = 10u128.checked_pow(exponent.unsigned_abs());
                let magnitude = if exponent < 0 {
                    scale.map_or(0, |scale| coefficient / scale)
                } else if coefficient == 0 {
                    0
                } else {
                    coefficient.checked_mul(scale?)?
                };
                let magnitude = i128::try_from(magnitude).ok()?;
                i64::try_from(if negative { -magnitude } else { magnitude }).ok()
            }
            Self::Decimal(_) => None,
        }
    }

    pub(super) fn to_decimal(self) -> Decimal {
        match self {
            Self::Integer(value) => Decimal::Finite {
                negative: value < 0,
                coefficient: u128::from(value.unsigned_abs()),
                exponent: 0,
                more: false,
            },
            Self::Double(value) => Decimal::from_double(value),
            Self::Decimal(value) => value,
        }
    }
}

fn compare_doubles(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
}

/// Compares without rounding the integer, which a conversion to `f64` would do from 2^53 on.
fn compare_integer_to_double(integer: i64, double: f64) -> Ordering {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    if double.is_nan() || double < -TWO_TO_63 {
        return Ordering::Greater;
    }
    if double >= TWO_TO_63 {
        return Ordering::Less;
    }
    let whole = double.trunc();
    integer.cmp(&(whole as i64)).then_with(|| compare_doubles(whole, double))
}

impl Decimal {
    /// The digits that a decimal of 128 bits can hold.
    pub(crate) const DIGITS: usize = 34;

    pub(crate) fn unpack(value: &Decimal128) -> Self {
        const BIAS: i32 = 6176;
        const LARGEST: u128 = 10u128.pow(Decimal::DIGITS as u32) - 1;
        let bits = u128::from_le_bytes(value.bytes());
        let negative = bits >> 127 == 1;
        match (bits >> 122) & 0x1f {
            0x1f => return Self::Nan,
            0x1e => return Self::Infinite { negative },
            _ => {}
        }
        // A combination field that begins with 11 announces a coefficient above the largest
        // permitted one; the format's rules read any such coefficient as zero.
        let (exponent, coefficient) = if (bits >> 125) & 0b11 == 0b11 {
            ((bits >> 111) & 0x3fff, 0)
        } else {
            ((bits >> 113) & 0x3fff, bits & ((1 << 113) - 1))
        };
        let coefficient = if coefficient > LARGEST { 0 } else { coefficient };
        Self::Finite { negative, coefficient, exponent: exponent as i32 - BIAS, more: false }
    }

    /// The double cut off after 34 significant digits, with a note whether more follow.
    fn from_double(value: f64) -> Self {
        /// No double has more significant digits than this.
        const LONGEST: usize = 767;
        if value.is_nan() {
            return Self::Nan;
        }
        let negative = value.is_sign_negative();
        if value.is_infinite() {
            return Self::Infinite { negative };
        }
        let text = format!("{:.*e}", LONGEST - 1, value.abs());
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mut digits = digits.bytes().filter(u8::is_ascii_digit);
        let coefficient = digits
            .by_ref()
            .take(Self::DIGITS)
            .fold(0u128, |sum, digit| sum * 10 + u128::from(digit - b'0'));
        let exponent = exponent.parse::<i32>().unwrap_or(0) - (Self::DIGITS as i32 - 1);
        let more = digits.any(|digit| digit != b'0');
        Self::Finite { negative, coefficient, exponent, more }
    }

    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Nan, Self::Nan) => Ordering::Equal,
            (Self::Nan, _) => Ordering::Less,
            (_, Self::Nan) => Ordering::Greater,
            _ => self.sign().cmp(&other.sign()).then_with(|| match self.sign() {
                0 => Ordering::Equal,
                1 => self.compare_magnitude(other),
                _ => other.compare_magnitude(self),
            }),
        }
    }

    fn sign(self) -> i8 {
        match self {
            Self::Nan | Self::Finite { coefficient: 0, .. } => 0,
            Self::Infinite { negative } | Self::Finite { negative, .. } => {
                if negative {
                    -1
                } else {
                    1
                }
            }
        }
    }

    /// Compares two numbers that are neither NaN nor zero without regard to their signs.
    fn compare_magnitude(self, other: Self) -> Ordering {
        let (
            Self::Finite { coefficient: a, exponent: x, more: a_more, .. },
            Self::Finite { coefficient: b, exponent: y, more: b_more, .. },
        ) = (self, other)
        else {
            let infinite = |value: Self| matches!(value, Self::Infinite { .. });
            return infinite(self).cmp(&infinite(other));
        };
        let (a_digits, b_digits) = (a.ilog10(), b.ilog10());
        // The place of the leading digit decides; at the same place the shorter coefficient is
        // filled up with zeros, to at most as many digits as a decimal has.
        (a_digits as i32 + x)
            .cmp(&(b_digits as i32 + y))
            .then_with(|| {
                let widest = a_digits.max(b_digits);
                (a * 10u128.pow(widest - a_digits)).cmp(&(b * 10u128.pow(widest - b_digits)))
            })
            .then(a_more.cmp(&b_more))
    }
}
