//! Reads a value from a document in memory: the way that understands everything and says where
//! something does not fit.

use ::bson::spec::BinarySubtype;
use ::bson::{Bson, Document, doc, document};
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::fault::{Fault, Result};

/// A deserializer of one value of a document.
#[derive(Clone, Copy)]
pub(super) struct Tree<'a> {
    value: &'a Bson,
    is_root: bool,
}

impl<'a> Tree<'a> {
    /// The whole document.
    pub(super) fn root(value: &'a Bson) -> Self {
        Self { value, is_root: true }
    }

    /// A value inside a document.
    pub(super) fn inner(value: &'a Bson) -> Self {
        Self { value, is_root: false }
    }

    /// Hands the value to `bson`, which knows how its own types are read.
    fn by_bson(self) -> ::bson::Deserializer {
        ::bson::Deserializer::new(self.value.clone())
    }
}

fn from_bson(error: ::bson::error::Error) -> Fault {
    Fault::invalid(error.message.unwrap_or_else(|| error.kind.to_string()))
}

impl<'de> Deserializer<'de> for Tree<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value {
            Bson::Double(value) => visitor.visit_f64(*value),
            Bson::Int32(value) => visitor.visit_i32(*value),
            Bson::Int64(value) => visitor.visit_i64(*value),
            Bson::String(value) => visitor.visit_str(value),
            Bson::Boolean(value) => visitor.visit_bool(*value),
            Bson::Null => visitor.visit_unit(),
            Bson::Array(list) => visitor.visit_seq(List { values: list.iter(), position: 0 }),
            Bson::Document(map) => visitor.visit_map(Map::new(map)),
            Bson::Binary(binary) if binary.subtype == BinarySubtype::Generic => {
                visitor.visit_bytes(&binary.bytes)
            }
            // By way of `bson` a date after the year 9999 would become the last one before it.
            Bson::DateTime(date) => {
                let millis = doc! { "$numberLong": date.timestamp_millis().to_string() };
                visitor.visit_map(Map::new(&doc! { "$date": millis }))
            }
            Bson::JavaScriptCodeWithScope(code) => {
                let code = doc! { "$code": &code.code, "$scope": code.scope.clone() };
                visitor.visit_map(Map::new(&code))
            }
            _ => self.by_bson().deserialize_any(visitor).map_err(from_bson),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value {
            Bson::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        // The root cannot be null: a unit struct is stored as a map, whose fields it ignores.
        if self.is_root { visitor.visit_unit() } else { self.deserialize_any(visitor) }
    }

    fn deserialize_unit_struct<V>(self, _name: &'static str, visitor: V) -> Result<V::Value>
    where
        V: Visitor<'de>,
    {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V>(self, name: &'static str, visitor: V) -> Result<V::Value>
    where
        V: Visitor<'de>,
    {
        if name.starts_with("$__") {
            return self.by_bson().deserialize_newtype_struct(name, visitor).map_err(from_bson);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value>
    where
        V: Visitor<'de>,
    {
        match self.value {
            Bson::String(variant) => visitor.visit_enum(Variant { name: variant, value: None }),
            Bson::Document(map) if map.len() == 1 => match map.iter().next() {
                Some((name, value)) => visitor.visit_enum(Variant { name, value: Some(value) }),
                None => Err(Fault::custom("an enum is empty")),
            },
            Bson::Document(map) => {
                Err(Fault::invalid_length(map.len(), &"a map of one variant's name and value"))
            }
            other => Err(Fault::invalid_type(
                Unexpected::Other(&format!("{:?}", other.element_type())),
                &"a variant's name, or a map of it and its value",
            )),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf seq
        tuple tuple_struct map struct identifier
    }
}

struct List<'a> {
    values: std::slice::Iter<'a, Bson>,
    position: usize,
}

impl<'de> SeqAccess<'de> for List<'_> {
    type Error = Fault;

    fn next_element_seed<S>(&mut self, seed: S) -> Result<Option<S::Value>>
    where
        S: DeserializeSeed<'de>,
    {
        let Some(value) = self.values.next() else {
            return Ok(None);
        };
        let element = seed.deserialize(Tree::inner(value)).map_err(|fault| fault.at(self.position));
        self.position += 1;
        element.map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.values.len())
    }
}

struct Map<'a> {
    members: document::Iter<'a>,
    current: Option<(&'a str, &'a Bson)>,
}

impl<'a> Map<'a> {
    fn new(map: &'a Document) -> Self {
        Self { members: map.iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for Map<'_> {
    type Error = Fault;

    fn next_key_seed<S>(&mut self, seed: S) -> Result<Option<S::Value>>
    where
        S: DeserializeSeed<'de>,
    {
        self.current = self.members.next().map(|(name, value)| (name.as_str(), value));
        match self.current {
            Some((name, _)) => {
                seed.deserialize(Key(name)).map_err(|fault| fault.at(name)).map(Some)
            }
            None => Ok(None),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        let (name, value) =
            self.current.take().ok_or_else(|| Fault::custom("a value was read before its key"))?;
        seed.deserialize(Tree::inner(value)).map_err(|fault| fault.at(name))
    }
}

/// The key of a map, which stands for a number or a bool when its reader wants one.
struct Key<'a>(&'a str);

/// Implements the methods of the types that a key's text may be parsed as.
macro_rules! parsed {
    ($($method:ident $visit:ident),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => visitor.visit_str(self.0),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_str(self.0)
    }

    parsed! {
        deserialize_bool visit_bool,
        deserialize_i8 visit_i8,
        deserialize_i16 visit_i16,
        deserialize_i32 visit_i32,
        deserialize_i64 visit_i64,
        deserialize_i128 visit_i128,
        deserialize_u8 visit_u8,
        deserialize_u16 visit_u16,
        deserialize_u32 visit_u32,
        deserialize_u64 visit_u64,
        deserialize_u128 visit_u128,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V>(self, _name: &'static str, visitor: V) -> Result<V::Value>
    where
        V: Visitor<'de>,
    {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value>
    where
        V: Visitor<'de>,
    {
        visitor.visit_enum(Variant { name: self.0, value: None })
    }

    forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

struct Variant<'a> {
    name: &'a str,
    value: Option<&'a Bson>,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self)> {
        let name: StrDeserializer<'a, Fault> = StrDeserializer::new(self.name);
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'a> Variant<'a> {
    fn content(&self, expected: &dyn de::Expected) -> Result<Tree<'a>> {
        match self.value {
            Some(value) => Ok(Tree::inner(value)),
            None => Err(Fault::invalid_type(Unexpected::UnitVariant, expected).at(self.name)),
        }
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result {
        match self.value {
            None | Some(Bson::Null) => Ok(()),
            Some(_) => {
                Err(Fault::invalid_type(Unexpected::NewtypeVariant, &"unit variant").at(self.name))
            }
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value> {
        let content = self.content(&"newtype variant")?;
        seed.deserialize(content).map_err(|fault| fault.at(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value> {
        let content = self.content(&"tuple variant")?;
        content.deserialize_any(visitor).map_err(|fault| fault.at(self.name))
    }

    fn struct_variant<V>(self, _fields: &'static [&'static str], visitor: V) -> Result<V::Value>
    where
        V: Visitor<'de>,
    {
        let content = self.content(&"struct variant")?;
        content.deserialize_any(visitor).map_err(|fault| fault.at(self.name))
    }
}
