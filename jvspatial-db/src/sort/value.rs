//! The value of one key, in as little memory as it needs.

use std::cmp::Ordering;

use bson::{Bson, Document};

use crate::value;

/// A value of a sort key: equal to and ordered as the value it was made of.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Null, and what is missing.
    Null,
    Integer(i64),
    Double(f64),
    Text(Box<str>),
    Other(Box<Bson>),
}

impl Value {
    pub(super) fn of(value: &Bson) -> Self {
        match value {
            Bson::Null => Self::Null,
            Bson::Int32(value) => Self::Integer(i64::from(*value)),
            Bson::Int64(value) => Self::Integer(*value),
            Bson::Double(value) => Self::Double(*value),
            Bson::String(text) | Bson::Symbol(text) => Self::Text(text.as_str().into()),
            other => Self::Other(Box::new(other.clone())),
        }
    }

    pub(super) fn to_bson(&self) -> Bson {
        match self {
            Self::Null => Bson::Null,
            Self::Integer(value) => Bson::Int64(*value),
            Self::Double(value) => Bson::Double(*value),
            Self::Text(text) => Bson::String(text.to_string()),
            Self::Other(value) => (**value).clone(),
        }
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Other(a), Self::Other(b)) => value::compare(a, b),
            // Texts are of one class, so the content of one beside another type does not matter.
            _ => value::compare(&self.stand_in(), &other.stand_in()),
        }
    }

    /// A value of the same class, with the same content unless it is a text.
    fn stand_in(&self) -> Bson {
        match self {
            Self::Text(_) => Bson::String(String::new()),
            Self::Other(value) => match **value {
                Bson::Decimal128(value) => Bson::Decimal128(value),
                Bson::MinKey => Bson::MinKey,
                Bson::Undefined => Bson::Undefined,
                Bson::Document(_) => Bson::Document(Document::new()),
                // All that is left stands after texts and numbers.
                _ => Bson::MaxKey,
            },
            _ => self.to_bson(),
        }
    }

    /// The bytes it holds outside itself.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Null | Self::Integer(_) | Self::Double(_) => 0,
            Self::Text(text) => text.len(),
            Self::Other(value) => weigh(value),
        }
    }
}

/// About how much memory a value takes; as deep as the value is.
pub(crate) fn weigh(value: &Bson) -> usize {
    size_of::<Bson>()
        + match value {
            Bson::String(text) | Bson::Symbol(text) | Bson::JavaScriptCode(text) => text.len(),
            Bson::Document(document) => weigh_fields(document),
            Bson::JavaScriptCodeWithScope(code) => code.code.len() + weigh_fields(&code.scope),
            Bson::Array(items) => items.iter().map(weigh).sum(),
            Bson::Binary(binary) => binary.bytes.len(),
            _ => 0,
        }
}

fn weigh_fields(document: &Document) -> usize {
    /// What a map holds for each field beside name and value.
    const ENTRY: usize = 40;
    document.iter().map(|(name, value)| ENTRY + name.len() + weigh(value)).sum()
}
