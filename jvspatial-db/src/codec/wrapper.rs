//! The values that JSON has no word for: `bson`'s own types.
//!
//! They tell a serializer what they are by the name of the struct that they claim to be (`$oid`,
//! `$date`, ..). A user's map has no such name and a user's struct has its own, so their fields
//! stay subject to the rule that no name starts with a dollar sign. A struct that takes one of
//! these names must also have the content, since it is read back into a value here.

use ::bson::{Bson, DateTime, Document, JavaScriptCodeWithScope, oid::ObjectId};
use serde::Deserialize;
use serde::ser::{self, Impossible, Serialize};

use super::encode::append_bson;
use super::fault::{Fault, Result};

/// The newtype that `bson::Uuid` is for a serializer.
pub(super) const UUID: &str = "$__bson_private_uuid";

/// The structs that `bson`'s types are for a serializer.
const NAMES: [&str; 13] = [
    "$oid",
    "$date",
    "$binary",
    "$numberDecimal",
    "$timestamp",
    "$regularExpression",
    "$symbol",
    "$code",
    CODE_WITH_SCOPE,
    "$minKey",
    "$maxKey",
    "$dbPointer",
    "$undefined",
];

const CODE_WITH_SCOPE: &str = "$codeWithScope";

/// How many structs such a value may have inside one another.
const MAX_LEVELS: usize = 4;

/// The fields of such a value, as far as they are known.
pub(super) struct Body {
    name: &'static str,
    depth: usize,
    fields: Document,
}

impl Body {
    /// A body for the struct `name`, `depth` levels below the root, when it is one of `bson`'s.
    pub(super) fn of(name: &'static str, depth: usize) -> Option<Self> {
        NAMES.contains(&name).then(|| Self { name, depth, fields: Document::new() })
    }

    pub(super) fn field<T>(&mut self, name: &'static str, value: &T) -> Result
    where
        T: Serialize + ?Sized,
    {
        let value = if self.name == CODE_WITH_SCOPE && name == "$scope" {
            let mut scope = Vec::new();
            append_bson(value, &mut scope, self.depth).map_err(|fault| fault.at(name))?;
            let scope = Document::from_reader(scope.as_slice());
            Bson::Document(scope.map_err(|error| Fault::invalid(error.to_string()))?)
        } else {
            value.serialize(Capture { levels: MAX_LEVELS })?
        };
        self.fields.insert(name, value);
        Ok(())
    }

    /// The value that the fields stand for.
    pub(super) fn finish(self) -> Result<Bson> {
        let name = self.name;
        value_of(self.fields)
            .filter(|value| !matches!(value, Bson::Document(_) | Bson::Array(_)))
            .ok_or_else(|| Fault::invalid("struct claims to be a BSON value and is not").at(name))
    }
}

/// Reads the document `{"$oid": ..}`, `{"$date": ..}` and the like as the value that it stands for.
pub(super) fn value_of(document: Document) -> Option<Bson> {
    if document.len() == 1
        && let Some((key, value)) = document.iter().next()
    {
        match (key.as_str(), value) {
            ("$oid", Bson::String(hex)) => {
                return ObjectId::parse_str(hex).ok().map(Bson::ObjectId);
            }
            ("$date", body) => return date(body).map(Bson::DateTime),
            _ => {}
        }
    }
    if document.len() == 2
        && let (Some(Bson::String(code)), Some(Bson::Document(scope))) =
            (document.get("$code"), document.get("$scope"))
    {
        let (code, scope) = (code.clone(), scope.clone());
        return Some(Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope { code, scope }));
    }
    Bson::deserialize(::bson::Deserializer::new(Bson::Document(document))).ok()
}

fn date(body: &Bson) -> Option<DateTime> {
    let millis = match body {
        Bson::String(text) => return DateTime::parse_rfc3339_str(text).ok(),
        Bson::Int64(millis) => *millis,
        Bson::Int32(millis) => i64::from(*millis),
        Bson::Document(canonical) => canonical.get_str("$numberLong").ok()?.parse().ok()?,
        _ => return None,
    };
    Some(DateTime::from_millis(millis))
}

/// Reads the text that `bson::Uuid` writes of itself.
pub(super) fn uuid<T: Serialize + ?Sized>(value: &T) -> Result<Bson> {
    let uuid = match value.serialize(Capture { levels: MAX_LEVELS })? {
        Bson::String(text) => ::bson::Uuid::parse_str(text).ok(),
        _ => None,
    };
    let uuid = uuid.ok_or_else(|| Fault::invalid("struct claims to be a UUID and is not"))?;
    Ok(Bson::Binary(uuid.into()))
}

/// A serializer of the few shapes that the fields of such a value have.
struct Capture {
    levels: usize,
}

#[cold]
fn odd() -> Fault {
    Fault::invalid("struct claims to be a BSON value and is not")
}

/// Implements the methods of types that no such value holds.
macro_rules! refuse {
    ($($method:ident($($type:ty),*) -> $result:ty;)*) => {$(
        fn $method(self $(, _: $type)*) -> Result<$result> {
            Err(odd())
        }
    )*};
}

/// Implements the methods of the integers.
macro_rules! integers {
    ($($method:ident($type:ty)),*) => {$(
        fn $method(self, value: $type) -> Result<Bson> {
            Ok(Bson::Int64(i64::from(value)))
        }
    )*};
}

impl ser::Serializer for Capture {
    type Ok = Bson;
    type Error = Fault;
    type SerializeSeq = Impossible<Bson, Fault>;
    type SerializeTuple = Impossible<Bson, Fault>;
    type SerializeTupleStruct = Impossible<Bson, Fault>;
    type SerializeTupleVariant = Impossible<Bson, Fault>;
    type SerializeMap = Impossible<Bson, Fault>;
    type SerializeStruct = CaptureStruct;
    type SerializeStructVariant = Impossible<Bson, Fault>;

    integers!(
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32)
    );

    refuse! {
        serialize_u64(u64) -> Bson;
        serialize_f32(f32) -> Bson;
        serialize_f64(f64) -> Bson;
        serialize_char(char) -> Bson;
        serialize_bytes(&[u8]) -> Bson;
        serialize_none() -> Bson;
        serialize_unit() -> Bson;
        serialize_unit_struct(&'static str) -> Bson;
        serialize_unit_variant(&'static str, u32, &'static str) -> Bson;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize)
            -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct_variant(&'static str, u32, &'static str, usize)
            -> Self::SerializeStructVariant;
    }

    fn serialize_bool(self, value: bool) -> Result<Bson> {
        Ok(Bson::Boolean(value))
    }

    fn serialize_str(self, value: &str) -> Result<Bson> {
        Ok(Bson::String(value.to_owned()))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _value: &T) -> Result<Bson> {
        Err(odd())
    }

    fn serialize_newtype_struct<T>(self, _name: &'static str, _value: &T) -> Result<Bson>
    where
        T: Serialize + ?Sized,
    {
        Err(odd())
    }

    fn serialize_newtype_variant<T>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<Bson>
    where
        T: Serialize + ?Sized,
    {
        Err(odd())
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<CaptureStruct> {
        let levels = self.levels.checked_sub(1).ok_or_else(odd)?;
        Ok(CaptureStruct { levels, fields: Document::new() })
    }
}

struct CaptureStruct {
    levels: usize,
    fields: Document,
}

impl ser::SerializeStruct for CaptureStruct {
    type Ok = Bson;
    type Error = Fault;

    fn serialize_field<T>(&mut self, name: &'static str, value: &T) -> Result
    where
        T: Serialize + ?Sized,
    {
        let value = value.serialize(Capture { levels: self.levels })?;
        self.fields.insert(name, value);
        Ok(())
    }

    fn end(self) -> Result<Bson> {
        Ok(Bson::Document(self.fields))
    }
}
