//! Numbers as bytes that sort as the numbers do, whatever their types.
//!
//! First come the eight bytes of the number cut off towards zero to a double. What was cut off is told by
//! the byte after them; if there was anything, the decimal digits follow, all of which the integers and
//! decimals have that are not doubles.

use std::cmp::Ordering;

use super::number::{Decimal, Number};

/// Nothing was cut off.
const EXACT: u8 = 0;
/// Digits follow.
const MORE: u8 = 1;

/// Integers up to here are doubles.
const EXACT_INTEGERS: u64 = 1 << 53;

pub(super) fn push_integer(out: &mut Vec<u8>, integer: i64) {
    if integer.unsigned_abs() <= EXACT_INTEGERS {
        return push_double(out, integer as f64);
    }
    push(out, Number::Integer(integer));
}

pub(super) fn push_double(out: &mut Vec<u8>, double: f64) {
    if double.is_nan() {
        out.extend_from_slice(&[0; 9]);
        return;
    }
    // Both zeros are one number.
    push_parts(out, double + 0.0, None);
}

pub(super) fn push(out: &mut Vec<u8>, number: Number) {
    let decimal = match number {
        Number::Double(double) => return push_double(out, double),
        number if number.is_nan() => return push_double(out, f64::NAN),
        number => number.to_decimal(),
    };
    let Decimal::Finite { negative, coefficient, exponent, .. } = decimal else {
        let infinite = Number::Double(f64::INFINITY);
        let above = number.compare(infinite).is_eq();
        return push_double(out, if above { f64::INFINITY } else { f64::NEG_INFINITY });
    };
    if coefficient == 0 {
        return push_double(out, 0.0);
    }
    let magnitude = Decimal::Finite { negative: false, coefficient, exponent, more: false };
    let magnitude = Number::Decimal(magnitude);
    // What is read of the text is the nearest double, which is one step too far at most.
    let mut cut: f64 = format!("{coefficient}e{exponent}").parse().unwrap_or(f64::MAX);
    if Number::Double(cut).compare(magnitude) == Ordering::Greater {
        cut = f64::from_bits(cut.to_bits() - 1);
    }
    let is_exact = Number::Double(cut).compare(magnitude).is_eq();
    let digits = (!is_exact).then_some((coefficient, exponent));
    push_parts(out, if negative { -cut } else { cut }, digits);
}

fn push_parts(out: &mut Vec<u8>, cut: f64, digits: Option<(u128, i32)>) {
    let start = out.len();
    let magnitude = cut.to_bits() & !(1 << 63);
    // Above the bytes of NaN, and with room below for the inverted ones.
    out.extend_from_slice(&(magnitude | 1 << 63).to_be_bytes());
    match digits {
        None => out.push(EXACT),
        Some((coefficient, exponent)) => {
            out.push(MORE);
            // Filled up to as many digits as a decimal has, so that the first one's place comes first.
            let missing = 33_u32.saturating_sub(coefficient.ilog10());
            let place = exponent - missing.cast_signed() + (1 << 14);
            out.extend_from_slice(&u16::try_from(place).unwrap_or(u16::MAX).to_be_bytes());
            let digits = coefficient.saturating_mul(10_u128.saturating_pow(missing));
            out.extend_from_slice(&digits.to_be_bytes());
        }
    }
    if cut.is_sign_negative() {
        out.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
    }
}
