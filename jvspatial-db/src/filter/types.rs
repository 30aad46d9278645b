//! The set of types that `$type` asks for.

use bson::spec::ElementType;
use bson::{Array, Bson};

use super::path::Excerpt;
use crate::error::{Error, Result};
use crate::value;

/// The types by their name in `$type`.
const NAMES: [(&str, ElementType); 21] = [
    ("minKey", ElementType::MinKey),
    ("double", ElementType::Double),
    ("string", ElementType::String),
    ("object", ElementType::EmbeddedDocument),
    ("array", ElementType::Array),
    ("binData", ElementType::Binary),
    ("undefined", ElementType::Undefined),
    ("objectId", ElementType::ObjectId),
    ("bool", ElementType::Boolean),
    ("date", ElementType::DateTime),
    ("null", ElementType::Null),
    ("regex", ElementType::RegularExpression),
    ("dbPointer", ElementType::DbPointer),
    ("javascript", ElementType::JavaScriptCode),
    ("symbol", ElementType::Symbol),
    ("javascriptWithScope", ElementType::JavaScriptCodeWithScope),
    ("int", ElementType::Int32),
    ("timestamp", ElementType::Timestamp),
    ("long", ElementType::Int64),
    ("decimal", ElementType::Decimal128),
    ("maxKey", ElementType::MaxKey),
];

/// The name that stands for all numeric types.
const NUMBER: &str = "number";

/// A set of BSON types, one bit for each place in `NAMES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct TypeSet(u32);

impl TypeSet {
    /// Int32, Int64, double and decimal.
    pub(super) fn numbers() -> Self {
        [ElementType::Double, ElementType::Int32, ElementType::Int64, ElementType::Decimal128]
            .into_iter()
            .collect()
    }

    pub(crate) fn contains(self, element: ElementType) -> bool {
        self.0 & bit(element) != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// At least the bytes of its operand.
    pub(super) fn weight(self) -> usize {
        const LONGEST_NAME: usize = "javascriptWithScope".len();
        1 + self.0.count_ones() as usize * (1 + LONGEST_NAME)
    }

    fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Reads the operand of `$type`: a name, a code, or a list of them.
    pub(super) fn parse(operand: &Bson) -> Result<Self> {
        match operand {
            Bson::Array(items) if items.is_empty() => {
                Err(Error::invalid("$type needs at least one type"))
            }
            Bson::Array(items) => items
                .iter()
                .try_fold(Self::default(), |set, item| Ok(set.union(Self::parse_one(item)?))),
            single => Self::parse_one(single),
        }
    }

    fn parse_one(operand: &Bson) -> Result<Self> {
        if let Bson::String(name) = operand {
            if name == NUMBER {
                return Ok(Self::numbers());
            }
            return NAMES
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, element)| Self(bit(*element)))
                .ok_or_else(|| Error::invalid("unknown type name").with("type", Excerpt(name)));
        }
        let unknown = || Error::invalid("$type needs the name or the code of a type");
        let code = value::exact_integer(operand).ok_or_else(unknown)?;
        NAMES
            .iter()
            .find(|(_, element)| code_of(*element) == code)
            .map(|(_, element)| Self(bit(*element)))
            .ok_or_else(|| unknown().with("code", code))
    }

    /// The operand of `$type` that reads back as this set.
    pub(super) fn to_operand(self) -> Bson {
        let numbers = Self::numbers();
        let all_numbers = self.union(numbers) == self;
        let mut names: Array = NAMES
            .iter()
            .filter(|(_, element)| {
                self.contains(*element) && !(all_numbers && numbers.contains(*element))
            })
            .map(|(name, _)| Bson::from(*name))
            .collect();
        if all_numbers {
            names.push(NUMBER.into());
        }
        match <[Bson; 1]>::try_from(names) {
            Ok([single]) => single,
            Err(several) => Bson::Array(several),
        }
    }
}

impl FromIterator<ElementType> for TypeSet {
    fn from_iter<I: IntoIterator<Item = ElementType>>(types: I) -> Self {
        Self(types.into_iter().fold(0, |set, element| set | bit(element)))
    }
}

fn bit(element: ElementType) -> u32 {
    NAMES.iter().position(|(_, known)| *known == element).map_or(0, |place| 1 << place)
}

/// The code that `$type` takes; the server spells the smallest key -1.
fn code_of(element: ElementType) -> i64 {
    match element {
        ElementType::MinKey => -1,
        other => i64::from(other as u8),
    }
}
