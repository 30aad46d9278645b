//! Sums and products of BSON's four numeric types.

use bson::Bson;

use super::decimal;

/// What to do with two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calculation {
    Sum,
    Product,
}

/// The result in the wider type of the two; 32 bits become 64 when they do not hold it. `None` when
/// 64 bits do not either, or when one of the two is no number.
pub(super) fn calculate(calculation: Calculation, left: &Bson, right: &Bson) -> Option<Bson> {
    match (left, right) {
        (Bson::Decimal128(_), _) | (_, Bson::Decimal128(_)) => {
            let (left, right) = (decimal::of(left)?, decimal::of(right)?);
            let result = match calculation {
                Calculation::Sum => left.add(right),
                Calculation::Product => left.multiply(right),
            };
            Some(Bson::Decimal128(result.pack()))
        }
        (Bson::Double(_), _) | (_, Bson::Double(_)) => {
            let (left, right) = (double(left)?, double(right)?);
            Some(Bson::Double(match calculation {
                Calculation::Sum => left + right,
                Calculation::Product => left * right,
            }))
        }
        (Bson::Int32(left), Bson::Int32(right)) => {
            let (left, right) = (i64::from(*left), i64::from(*right));
            let result = match calculation {
                Calculation::Sum => left + right,
                Calculation::Product => left * right,
            };
            Some(i32::try_from(result).map_or(Bson::Int64(result), Bson::Int32))
        }
        _ => {
            let (left, right) = (integer(left)?, integer(right)?);
            match calculation {
                Calculation::Sum => left.checked_add(right),
                Calculation::Product => left.checked_mul(right),
            }
            .map(Bson::Int64)
        }
    }
}

/// Whether two numbers have one type and one value, which NaN has with nothing: a calculation whose
/// result is that changes nothing.
pub(super) fn is_same(left: &Bson, right: &Bson) -> bool {
    match (left, right) {
        (Bson::Double(left), Bson::Double(right)) => left == right,
        (Bson::Decimal128(_), Bson::Decimal128(_)) => {
            !crate::value::is_nan(left) && crate::value::compare(left, right).is_eq()
        }
        _ => left == right,
    }
}

fn integer(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(value) => Some(i64::from(*value)),
        Bson::Int64(value) => Some(*value),
        _ => None,
    }
}

fn double(value: &Bson) -> Option<f64> {
    match value {
        Bson::Double(value) => Some(*value),
        other => integer(other).map(|value| value as f64),
    }
}
