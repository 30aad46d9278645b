//! Arithmetic of 128-bit decimals: IEEE 754, rounded to the nearest, ties to even.

use bson::{Bson, Decimal128};

use crate::value::number::Decimal;

/// 10³⁴: a coefficient is smaller.
const BASE: u128 = 10_u128.pow(34);
const DIGITS: u32 = 34;
const BIAS: i32 = 6176;
const MIN_EXPONENT: i32 = -6176;
const MAX_EXPONENT: i32 = 6111;

/// The decimal that MongoDB calculates with for a number; a double has 15 digits there.
pub(super) fn of(value: &Bson) -> Option<Decimal> {
    match value {
        Bson::Int32(value) => Some(of_integer(i64::from(*value))),
        Bson::Int64(value) => Some(of_integer(*value)),
        Bson::Double(value) => Some(of_double(*value)),
        Bson::Decimal128(value) => Some(Decimal::unpack(value)),
        _ => None,
    }
}

fn of_integer(value: i64) -> Decimal {
    finite(value < 0, u128::from(value.unsigned_abs()), 0)
}

fn of_double(value: f64) -> Decimal {
    const PLACES: usize = 14;
    if value.is_nan() {
        return Decimal::Nan;
    }
    let negative = value.is_sign_negative();
    if value.is_infinite() {
        return Decimal::Infinite { negative };
    }
    if value == 0.0 {
        return finite(negative, 0, 0);
    }
    let text = format!("{:.*e}", PLACES, value.abs());
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let coefficient = digits
        .bytes()
        .filter(u8::is_ascii_digit)
        .fold(0, |sum, digit| sum * 10 + u128::from(digit - b'0'));
    finite(negative, coefficient, exponent.parse::<i32>().unwrap_or(0) - PLACES as i32)
}

const fn finite(negative: bool, coefficient: u128, exponent: i32) -> Decimal {
    Decimal::Finite { negative, coefficient, exponent, more: false }
}

impl Decimal {
    /// The sum.
    pub(super) fn add(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nan, _) | (_, Self::Nan) => Self::Nan,
            (Self::Infinite { negative: a }, Self::Infinite { negative: b }) if a != b => Self::Nan,
            (infinite @ Self::Infinite { .. }, _) | (_, infinite @ Self::Infinite { .. }) => {
                infinite
            }
            (
                Self::Finite { negative: a, coefficient: x, exponent: e, .. },
                Self::Finite { negative: b, coefficient: y, exponent: f, .. },
            ) => {
                if e >= f {
                    add((a, x, e), (b, y, f))
                } else {
                    add((b, y, f), (a, x, e))
                }
            }
        }
    }

    /// The product.
    pub(super) fn multiply(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nan, _) | (_, Self::Nan) => Self::Nan,
            (Self::Infinite { negative: a }, Self::Infinite { negative: b }) => {
                Self::Infinite { negative: a != b }
            }
            (Self::Infinite { negative: a }, Self::Finite { negative: b, coefficient, .. })
            | (Self::Finite { negative: b, coefficient, .. }, Self::Infinite { negative: a }) => {
                if coefficient == 0 {
                    Self::Nan
                } else {
                    Self::Infinite { negative: a != b }
                }
            }
            (
                Self::Finite { negative: a, coefficient: x, exponent: e, .. },
                Self::Finite { negative: b, coefficient: y, exponent: f, .. },
            ) => round(a != b, Wide::product(x, y), false, e + f),
        }
    }

    /// The encoded form.
    pub(super) fn pack(self) -> Decimal128 {
        const NAN: u128 = 0x1f << 122;
        const INFINITY: u128 = 0x1e << 122;
        let (negative, bits) = match self {
            Self::Nan => (false, NAN),
            Self::Infinite { negative } => (negative, INFINITY),
            Self::Finite { negative, coefficient, exponent, .. } => {
                let biased = (exponent + BIAS).unsigned_abs();
                (negative, (u128::from(biased) << 113) | coefficient)
            }
        };
        Decimal128::from_bytes((bits | (u128::from(negative) << 127)).to_le_bytes())
    }
}

/// Adds two numbers as sign, coefficient and exponent, of which the first has the larger exponent.
fn add((a, x, e): (bool, u128, i32), (b, y, f): (bool, u128, i32)) -> Decimal {
    if x == 0 {
        // What is added to zero keeps its exponent; only two negative zeros make a negative zero.
        let negative = if y == 0 { a && b } else { b };
        return finite(negative, y, f);
    }
    // The exponent to add at: the smaller one if the larger number then still fits.
    let room = 2 * DIGITS as i32 - 2 - x.ilog10() as i32;
    let exponent = f.max(e - room);
    let large = Wide::shifted(x, (e - exponent).unsigned_abs());
    let (small, sticky) = drop_digits(y, (exponent - f).unsigned_abs());
    let small = Wide { high: 0, low: small };
    if a == b {
        return round(a, large.plus(small), sticky, exponent);
    }
    if large < small || (large == small && sticky) {
        return round(b, small.minus(large), sticky, exponent);
    }
    if large == small {
        return finite(false, 0, exponent);
    }
    // What was dropped of the smaller number is missing from the difference.
    let difference = large.minus(small);
    let difference = if sticky { difference.minus(Wide { high: 0, low: 1 }) } else { difference };
    round(a, difference, sticky, exponent)
}

/// The digits of `value` but the last `count`, and whether any of those is not zero.
fn drop_digits(value: u128, count: u32) -> (u128, bool) {
    match 10_u128.checked_pow(count) {
        Some(unit) => (value / unit, !value.is_multiple_of(unit)),
        None => (0, value != 0),
    }
}

/// The decimal nearest to `value` with that exponent, of which `sticky` says that it is a little more.
fn round(negative: bool, value: Wide, sticky: bool, exponent: i32) -> Decimal {
    let excess = if value.high == 0 { 0 } else { value.high.ilog10() + 1 };
    let below = u32::try_from(MIN_EXPONENT - exponent).unwrap_or(0);
    let dropped = excess.max(below);
    let (mut coefficient, order) = value.halved_at(dropped, sticky);
    let mut exponent = exponent + dropped as i32;
    let up = order.is_gt() || (order.is_eq() && coefficient % 2 == 1);
    coefficient += u128::from(up);
    if coefficient == BASE {
        coefficient /= 10;
        exponent += 1;
    }
    if exponent > MAX_EXPONENT {
        let over = (exponent - MAX_EXPONENT).unsigned_abs();
        if coefficient != 0 {
            if coefficient.ilog10() + over >= DIGITS {
                return Decimal::Infinite { negative };
            }
            coefficient *= 10_u128.pow(over);
        }
        exponent = MAX_EXPONENT;
    }
    finite(negative, coefficient, exponent)
}

/// A number of up to 68 digits: `high` · 10³⁴ + `low`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wide {
    high: u128,
    low: u128,
}

impl Wide {
    /// `value` · 10^`places`, which must have at most 68 digits.
    fn shifted(value: u128, places: u32) -> Self {
        if places >= DIGITS {
            return Self { high: value * 10_u128.pow(places - DIGITS), low: 0 };
        }
        let split = 10_u128.pow(DIGITS - places);
        Self { high: value / split, low: (value % split) * 10_u128.pow(places) }
    }

    /// The product of two coefficients, multiplied by halves of 17 digits.
    fn product(left: u128, right: u128) -> Self {
        const HALF: u128 = 10_u128.pow(17);
        let (a, b) = (left / HALF, left % HALF);
        let (c, d) = (right / HALF, right % HALF);
        let middle = a * d + b * c;
        let low = b * d + (middle % HALF) * HALF;
        Self { high: a * c + middle / HALF + low / BASE, low: low % BASE }
    }

    fn plus(self, other: Self) -> Self {
        let low = self.low + other.low;
        Self { high: self.high + other.high + low / BASE, low: low % BASE }
    }

    /// The difference to a number that is not larger.
    fn minus(self, other: Self) -> Self {
        if self.low >= other.low {
            Self { high: self.high - other.high, low: self.low - other.low }
        } else {
            Self { high: self.high - other.high - 1, low: self.low + BASE - other.low }
        }
    }

    /// The number without its last `places` digits, which must leave at most 34, and how those
    /// compare with one half. `sticky` says that a little more follows.
    fn halved_at(self, places: u32, sticky: bool) -> (u128, std::cmp::Ordering) {
        use std::cmp::Ordering;
        if places == 0 {
            return (self.low, Ordering::Less);
        }
        let (kept, rest, half) = if places <= DIGITS {
            let unit = 10_u128.pow(places);
            let kept = self.high * 10_u128.pow(DIGITS - places) + self.low / unit;
            (kept, Self { high: 0, low: self.low % unit }, Self::shifted(5, places - 1))
        } else if places <= 2 * DIGITS {
            let unit = 10_u128.pow(places - DIGITS);
            let rest = Self { high: self.high % unit, low: self.low };
            (self.high / unit, rest, Self::shifted(5, places - 1))
        } else {
            return (0, Ordering::Less);
        };
        let order = rest.cmp(&half);
        (kept, if order.is_eq() && sticky { Ordering::Greater } else { order })
    }
}
