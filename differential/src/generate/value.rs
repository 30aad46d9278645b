//! Random values of every kind, few enough of each that they meet one another.

use std::sync::LazyLock;

use bson::spec::BinarySubtype;
use bson::{
    Binary, Bson, DateTime, Decimal128, Document, JavaScriptCodeWithScope, Regex, Timestamp, doc,
    oid::ObjectId,
};

use super::document::name;
use crate::random::Random;

/// The values of one kind.
type Pool = Vec<Bson>;

/// All values that are no containers, a pool for each kind.
static SCALARS: LazyLock<Vec<Pool>> = LazyLock::new(|| {
    vec![
        integers(),
        longs(),
        doubles(),
        decimals(),
        strings(),
        vec![Bson::Null],
        vec![true.into(), false.into()],
        dates(),
        object_ids(),
        binaries(),
        timestamps(),
        regexes(),
        [Bson::MinKey, Bson::MaxKey].into(),
        ["", "a", "b", "ab"].map(|text| Bson::Symbol(text.to_owned())).into(),
        code(),
        vec![Bson::Undefined],
        pointers(),
    ]
});

/// How often each of the pools above is drawn from.
const WEIGHTS: [usize; 17] = [14, 6, 10, 10, 16, 6, 4, 4, 3, 4, 3, 3, 2, 2, 2, 2, 1];

/// A value that is no container.
pub(crate) fn scalar(random: &mut Random) -> Bson {
    let pool = random.weighted(&WEIGHTS);
    if random.one_in(12)
        && let Some(value) = any_number(random)
    {
        return value;
    }
    random.pick(&SCALARS[pool]).clone()
}

/// A value with at most so many containers inside one another.
pub(crate) fn value(random: &mut Random, levels: usize) -> Bson {
    if levels == 0 {
        return scalar(random);
    }
    match random.weighted(&[60, 22, 18]) {
        0 => scalar(random),
        1 => Bson::Array(array(random, levels - 1)),
        _ => Bson::Document(fields(random, levels - 1, 3)),
    }
}

/// At most three items, often of one kind, as lists of people's data have them.
fn array(random: &mut Random, levels: usize) -> Vec<Bson> {
    let count = random.weighted(&[2, 4, 4, 3]);
    let small = |random: &mut Random| Bson::Int32(random.below(6) as i32);
    if levels > 0 && random.one_in(5) {
        // Alike, so that conditions on several fields meet one element or several.
        return (0..count).map(|_| doc! {"a": small(random), "b": small(random)}.into()).collect();
    }
    if random.one_in(4) {
        return (0..count).map(|_| small(random)).collect();
    }
    if random.one_in(3) {
        return (0..count).map(|_| Bson::Document(fields(random, levels, 2))).collect();
    }
    (0..count).map(|_| value(random, levels)).collect()
}

/// At most so many fields; their names differ.
pub(crate) fn fields(random: &mut Random, levels: usize, most: usize) -> Document {
    let count = random.between(0, most);
    (0..count).map(|_| (name(random).to_owned(), value(random, levels))).collect()
}

/// A number from the whole range of its type.
fn any_number(random: &mut Random) -> Option<Bson> {
    let bits = random.next();
    match random.below(4) {
        0 => Some(Bson::Int32(bits as i32)),
        1 => Some(long(bits.cast_signed() >> random.below(40))),
        2 => {
            let double = f64::from_bits(bits);
            // A NaN with other bits is the same NaN once it has been text.
            (!double.is_nan()).then_some(Bson::Double(double))
        }
        _ => {
            let digits = random.below(34);
            let coefficient = format!("{:034}", u128::from(bits) * u128::from(random.next()));
            let exponent = random.between(0, 40);
            let text = format!("{}E-{exponent}", &coefficient[coefficient.len() - 1 - digits..]);
            text.parse().ok().map(Bson::Decimal128)
        }
    }
}

/// An integer as it is stored: of 32 bits when it fits.
fn long(value: i64) -> Bson {
    i32::try_from(value).map_or(Bson::Int64(value), Bson::Int32)
}

/// The same number in another type, which equals it or just misses it; other values come back as they are.
pub(crate) fn retyped(random: &mut Random, value: &Bson) -> Bson {
    let number = match value {
        Bson::Int32(number) => f64::from(*number),
        Bson::Int64(number) => *number as f64,
        Bson::Double(number) => *number,
        Bson::Decimal128(number) => number.to_string().parse().unwrap_or(f64::NAN),
        Bson::String(text) => return Bson::Symbol(text.clone()),
        Bson::Symbol(text) => return Bson::String(text.clone()),
        other => return other.clone(),
    };
    match random.below(4) {
        0 => Bson::Int32(number as i32),
        // Narrow on purpose: what a document cannot hold a question can ask for.
        1 => Bson::Int64(number as i64),
        2 => Bson::Double(number),
        _ => format!("{number:e}").parse().map_or_else(|_| value.clone(), Bson::Decimal128),
    }
}

fn integers() -> Pool {
    [0, 0, 1, 1, 2, 2, 3, 5, -1, -2, 10, 65, i32::MAX, i32::MIN].map(Bson::Int32).into()
}

fn longs() -> Pool {
    const TWO_TO_53: i64 = 1 << 53;
    [
        1 << 31,
        -(1 << 31) - 1,
        TWO_TO_53,
        TWO_TO_53 + 1,
        -TWO_TO_53 - 1,
        i64::MAX,
        i64::MAX - 1,
        i64::MIN,
    ]
    .map(Bson::Int64)
    .into()
}

fn doubles() -> Pool {
    const TWO_TO_53: f64 = 9_007_199_254_740_992.0;
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    [
        0.0,
        -0.0,
        1.0,
        2.0,
        -1.0,
        1.5,
        0.5,
        0.1,
        TWO_TO_53,
        TWO_TO_63,
        -TWO_TO_63,
        2_147_483_648.0,
        1e300,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ]
    .map(Bson::Double)
    .into()
}

fn decimals() -> Pool {
    [
        "0",
        "-0",
        "0E+3",
        "1",
        "1.0",
        "1.00",
        "2",
        "-1",
        "1.5",
        "0.5",
        "0.1",
        "NaN",
        "Infinity",
        "-Infinity",
        "9007199254740992",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "2147483648",
        "9.999999999999999999999999999999999E+6144",
        "-9.999999999999999999999999999999999E+6144",
        "1E-6176",
        "-1E-6176",
        "1E+308",
        "1E+309",
        "4.940656458412465441765687928682214E-324",
        "0.1000000000000000055511151231257827",
        "0.1000000000000000055511151231257828",
        "1.797693134862315708145274237317044E+308",
    ]
    .iter()
    .filter_map(|text| text.parse::<Decimal128>().ok())
    .map(Bson::Decimal128)
    .collect()
}

fn strings() -> Pool {
    [
        "",
        "a",
        "a",
        "b",
        "ab",
        "abc",
        "A",
        "Ab",
        "ba",
        "0",
        "1",
        "a.b",
        "$a",
        "é",
        "e\u{301}",
        "\u{ffff}",
        "\u{10000}",
        "a\nb",
        "a\0b",
        "\u{7f}",
        " a",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ]
    .map(Bson::from)
    .into()
}

fn dates() -> Pool {
    [0, 1, -1, 951_782_400_000, 1_709_208_000_123, 253_402_300_799_999, 253_402_300_800_000]
        .into_iter()
        .chain([-62_135_596_800_001, i64::MIN, i64::MAX])
        .map(|millis| Bson::DateTime(DateTime::from_millis(millis)))
        .collect()
}

fn object_ids() -> Pool {
    [[0; 12], [1; 12], [0xff; 12], *b"abcdefghijkl"]
        .map(|bytes| Bson::ObjectId(ObjectId::from_bytes(bytes)))
        .into()
}

fn binaries() -> Pool {
    [
        (BinarySubtype::Generic, &[][..]),
        (BinarySubtype::Generic, b"a"),
        (BinarySubtype::Generic, b"b"),
        (BinarySubtype::Generic, b"ab"),
        (BinarySubtype::BinaryOld, b"a"),
        (BinarySubtype::Function, b"a"),
        (BinarySubtype::Uuid, &[7; 16]),
        (BinarySubtype::Md5, &[7; 16]),
        (BinarySubtype::UserDefined(0x80), b"a"),
        (BinarySubtype::UserDefined(0xff), &[0xff; 3]),
    ]
    .map(|(subtype, bytes)| Bson::Binary(Binary { subtype, bytes: bytes.to_vec() }))
    .into()
}

fn timestamps() -> Pool {
    [(0, 0), (0, 1), (1, 0), (1, 1), (u32::MAX, 0), (1 << 31, u32::MAX)]
        .map(|(time, increment)| Bson::Timestamp(Timestamp { time, increment }))
        .into()
}

fn regexes() -> Pool {
    [("a", ""), ("a", "i"), ("^a", ""), ("^a", "im"), ("b$", "s"), ("", "")]
        .into_iter()
        .filter_map(|(pattern, options)| regex(pattern, options))
        .collect()
}

/// A regular expression; its options come in the order of the alphabet.
pub(crate) fn regex(pattern: &str, options: &str) -> Option<Bson> {
    let (pattern, options) = (pattern.to_owned().try_into(), options.to_owned().try_into());
    Some(Bson::RegularExpression(Regex { pattern: pattern.ok()?, options: options.ok()? }))
}

fn code() -> Pool {
    let scoped = |code: &str, scope| {
        Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope { code: code.to_owned(), scope })
    };
    let plain = |code: &str| Bson::JavaScriptCode(code.to_owned());
    vec![plain(""), plain("a"), plain("b"), scoped("a", doc! {}), scoped("a", doc! {"a": 1})]
}

/// The library has no way to make one but out of its text.
fn pointers() -> Pool {
    [("a", "0"), ("a", "1"), ("ab", "0")]
        .into_iter()
        .filter_map(|(namespace, digit)| {
            let id = digit.repeat(24);
            let text = format!(
                r#"{{"a":{{"$dbPointer":{{"$ref":"{namespace}","$id":{{"$oid":"{id}"}}}}}}}}"#
            );
            jvspatial_db::codec::parse_json_document(&text).ok()?.remove("a")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_of_value_comes() {
        let mut random = Random::new(3);
        let mut kinds = BTreeSet::new();
        for _ in 0..5_000 {
            kinds.insert(value(&mut random, 2).element_type() as u8);
        }
        assert_eq!(kinds.len(), 21, "{kinds:?}");
    }

    #[test]
    fn no_pool_lacks_a_value_that_could_not_be_read() {
        let sizes: Vec<usize> = SCALARS.iter().map(Vec::len).collect();
        assert_eq!(sizes.len(), WEIGHTS.len());
        assert_eq!((sizes[3], sizes[11], sizes[16]), (30, 6, 3));
    }

    #[test]
    fn a_value_holds_no_integer_that_storing_would_narrow() {
        fn is_stored(value: &Bson) -> bool {
            match value {
                Bson::Int64(number) => i32::try_from(*number).is_err(),
                Bson::Array(items) => items.iter().all(is_stored),
                Bson::Document(fields) => fields.values().all(is_stored),
                _ => true,
            }
        }
        let mut random = Random::new(4);
        assert!((0..5_000).all(|_| is_stored(&value(&mut random, 3))));
    }

    #[test]
    fn a_retyped_number_is_a_number() {
        let mut random = Random::new(5);
        for _ in 0..1_000 {
            let number = random.pick(&SCALARS[random.clone().below(4)]).clone();
            let again = retyped(&mut random, &number);
            assert!(
                matches!(
                    again,
                    Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_)
                ),
                "{number} {again}"
            );
        }
    }
}
