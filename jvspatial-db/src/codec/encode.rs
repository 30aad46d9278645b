//! The serializer: one set of rules over either encoding.

use std::marker::PhantomData;

use serde::ser::{self, Serialize};

use super::bson::{NO_SLOT, RawBson};
use super::compound::{Kind, List, Map, Struct};
use super::fault::{Fault, Result};
use super::format::{Format, Out};
use super::json::Json;
use super::key::KeySpans;
use super::wrapper::{self, Body};
use super::{Encoding, to_bson_document};
use crate::limits::{MAX_DOCUMENT_BYTES, MAX_DOCUMENT_DEPTH};

/// How many calls of the serializer may stand inside one another: maps and lists, and the
/// wrappers around values (`Option`, newtypes) that write nothing but take stack.
const MAX_NESTED_CALLS: usize = 512;

/// Appends the body that stands for `value`.
///
/// The value must be a map or a struct; a unit struct is an empty map. Numbers that are not finite
/// and `bson`'s own types become Extended JSON under [`Encoding::Json`]. Integers outside `i64`,
/// field names that are empty, start with `$`, hold a dot or NUL, and repeated keys are
/// [`Invalid`](crate::ErrorKind::Invalid); more than 100 levels, 16 MiB or 1,024 bytes of a name
/// are a [`Limit`](crate::ErrorKind::Limit); an error that the value itself raises is
/// [`Application`](crate::ErrorKind::Application). Each names the dotted path of the field in its
/// context `field`. After an error `out` is as it was.
pub fn encode<T: Serialize + ?Sized>(
    encoding: Encoding,
    value: &T,
    out: &mut Vec<u8>,
) -> crate::Result<()> {
    let start = out.len();
    let done = match encoding {
        Encoding::Json => write::<Json, T>(value, out, 0),
        Encoding::Bson => write::<RawBson, T>(value, out, 0),
    };
    done.map_err(|fault| {
        out.truncate(start);
        fault.into_error()
    })
}

/// Appends the body `bytes`, written in `from`, as `to` writes it.
///
/// # Errors
/// `Corrupt` when `bytes` are not of the encoding `from`, otherwise as [`encode`].
pub fn transcode(
    from: Encoding,
    to: Encoding,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> crate::Result<()> {
    encode(to, &to_bson_document(from, bytes)?, out)
}

/// Appends a value that was checked before, as JSON.
pub(super) fn append_json<T: Serialize + ?Sized>(value: &T, buf: &mut Vec<u8>) -> Result {
    write::<Json, T>(value, buf, 0)
}

/// Appends a map as BSON that stands `depth` levels below its root.
pub(super) fn append_bson<T>(value: &T, buf: &mut Vec<u8>, depth: usize) -> Result
where
    T: Serialize + ?Sized,
{
    write::<RawBson, T>(value, buf, depth)
}

fn write<F: Format, T: Serialize + ?Sized>(value: &T, buf: &mut Vec<u8>, depth: usize) -> Result {
    let out = Out { buf, slot: NO_SLOT };
    let mut encoder: Encoder<'_, F> = Encoder {
        start: out.buf.len(),
        out,
        depth,
        calls: depth,
        is_map: false,
        format: PhantomData,
    };
    value.serialize(&mut encoder)?;
    if !encoder.is_map {
        return Err(Fault::invalid("document is not a map or a struct"));
    }
    encoder.check_size()
}

/// The serializer of one document.
pub(super) struct Encoder<'a, F> {
    pub(super) out: Out<'a>,
    start: usize,
    /// The maps and lists open now.
    depth: usize,
    calls: usize,
    /// Whether a map was opened; the root is the first thing opened, and a list may not be it.
    is_map: bool,
    format: PhantomData<F>,
}

impl<F: Format> Encoder<'_, F> {
    #[inline]
    pub(super) fn check_size(&self) -> Result {
        let bytes = self.out.buf.len() - self.start;
        if bytes > MAX_DOCUMENT_BYTES {
            return Err(too_large(bytes));
        }
        Ok(())
    }

    #[inline]
    fn deepen(&mut self) -> Result {
        self.depth += 1;
        self.calls += 1;
        if self.depth > MAX_DOCUMENT_DEPTH || self.calls > MAX_NESTED_CALLS {
            return Err(too_deep());
        }
        Ok(())
    }

    #[inline]
    fn open_map(&mut self) -> Result<usize> {
        self.deepen()?;
        self.is_map = true;
        Ok(F::open_map(&mut self.out))
    }

    #[inline]
    fn open_list(&mut self) -> Result<usize> {
        if !self.is_map {
            return Err(Fault::invalid("document is not a map or a struct"));
        }
        self.deepen()?;
        Ok(F::open_list(&mut self.out))
    }

    #[inline]
    pub(super) fn close_map(&mut self, mark: usize) -> Result {
        self.depth -= 1;
        self.calls -= 1;
        F::close_map(&mut self.out, mark);
        self.check_size()
    }

    #[inline]
    pub(super) fn close_list(&mut self, mark: usize) -> Result {
        self.depth -= 1;
        self.calls -= 1;
        F::close_list(&mut self.out, mark);
        self.check_size()
    }

    /// Writes the value behind a wrapper that leaves no trace.
    #[inline]
    fn through<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.calls += 1;
        if self.calls > MAX_NESTED_CALLS {
            return Err(too_deep());
        }
        let done = value.serialize(&mut *self);
        self.calls -= 1;
        done
    }

    /// Writes a map of one member, as an enum variant with data is.
    #[inline]
    fn open_variant(&mut self, variant: &'static str) -> Result<usize> {
        let mark = self.open_map()?;
        F::name(&mut self.out, 0, variant).map_err(|fault| fault.at(variant))?;
        Ok(mark)
    }
}

#[cold]
fn too_deep() -> Fault {
    Fault::limit("document is too deep").with("limit", MAX_DOCUMENT_DEPTH)
}

#[cold]
fn too_large(bytes: usize) -> Fault {
    Fault::limit("document is too large").with("bytes", bytes).with("limit", MAX_DOCUMENT_BYTES)
}

#[cold]
fn not_an_i64(value: impl std::fmt::Display) -> Fault {
    Fault::invalid("integer is outside 64 signed bits")
        .with("value", value)
        .with("least", i64::MIN)
        .with("most", i64::MAX)
}

impl<'e, 'a, F: Format> ser::Serializer for &'e mut Encoder<'a, F> {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = List<'e, 'a, F>;
    type SerializeTuple = List<'e, 'a, F>;
    type SerializeTupleStruct = List<'e, 'a, F>;
    type SerializeTupleVariant = List<'e, 'a, F>;
    type SerializeMap = Map<'e, 'a, F>;
    type SerializeStruct = Struct<'e, 'a, F>;
    type SerializeStructVariant = Struct<'e, 'a, F>;

    /// Both encodings count as read by people, so that a type which asks (a UUID, an IP address)
    /// writes the same thing under both.
    #[inline]
    fn is_human_readable(&self) -> bool {
        true
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result {
        F::boolean(&mut self.out, value);
        Ok(())
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Result {
        self.serialize_i64(i64::from(value))
    }

    #[inline]
    fn serialize_i16(self, value: i16) -> Result {
        self.serialize_i64(i64::from(value))
    }

    #[inline]
    fn serialize_i32(self, value: i32) -> Result {
        self.serialize_i64(i64::from(value))
    }

    #[inline]
    fn serialize_i64(self, value: i64) -> Result {
        F::integer(&mut self.out, value);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result {
        self.serialize_i64(i64::try_from(value).map_err(|_| not_an_i64(value))?)
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Result {
        self.serialize_i64(i64::from(value))
    }

    #[inline]
    fn serialize_u16(self, value: u16) -> Result {
        self.serialize_i64(i64::from(value))
    }

    #[inline]
    fn serialize_u32(self, value: u32) -> Result {
        self.serialize_i64(i64::from(value))
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result {
        self.serialize_i64(i64::try_from(value).map_err(|_| not_an_i64(value))?)
    }

    fn serialize_u128(self, value: u128) -> Result {
        self.serialize_i64(i64::try_from(value).map_err(|_| not_an_i64(value))?)
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result {
        self.serialize_f64(f64::from(value))
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result {
        F::double(&mut self.out, value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result {
        if value.len() > MAX_DOCUMENT_BYTES {
            return Err(too_large(value.len()));
        }
        F::string(&mut self.out, value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result {
        if value.len() > MAX_DOCUMENT_BYTES {
            return Err(too_large(value.len()));
        }
        F::binary(&mut self.out, 0, value);
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Result {
        F::null(&mut self.out);
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result {
        self.through(value)
    }

    fn serialize_unit(self) -> Result {
        if self.depth == 0 {
            let mark = self.open_map()?;
            return self.close_map(mark);
        }
        F::null(&mut self.out);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result {
        self.serialize_str(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T>(self, name: &'static str, value: &T) -> Result
    where
        T: Serialize + ?Sized,
    {
        if name == wrapper::UUID {
            let uuid = wrapper::uuid(value)?;
            return F::special(&mut self.out, &uuid);
        }
        self.through(value)
    }

    fn serialize_newtype_variant<T>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result
    where
        T: Serialize + ?Sized,
    {
        let mark = self.open_variant(variant)?;
        value.serialize(&mut *self).map_err(|fault| fault.at(variant))?;
        self.close_map(mark)
    }

    #[inline]
    fn serialize_seq(self, _length: Option<usize>) -> Result<List<'e, 'a, F>> {
        let mark = self.open_list()?;
        Ok(List { encoder: self, mark, count: 0, variant: None })
    }

    #[inline]
    fn serialize_tuple(self, length: usize) -> Result<List<'e, 'a, F>> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _name: &'static str, length: usize) -> Result<List<'e, 'a, F>> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<List<'e, 'a, F>> {
        let outer = self.open_variant(variant)?;
        let mark = self.open_list().map_err(|fault| fault.at(variant))?;
        Ok(List { encoder: self, mark, count: 0, variant: Some((outer, variant)) })
    }

    #[inline]
    fn serialize_map(self, _length: Option<usize>) -> Result<Map<'e, 'a, F>> {
        let mark = self.open_map()?;
        Ok(Map { encoder: self, mark, keys: KeySpans::default() })
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, _length: usize) -> Result<Struct<'e, 'a, F>> {
        if name.starts_with('$')
            && let Some(body) = Body::of(name, self.depth)
        {
            return Ok(Struct { encoder: self, mark: 0, count: 0, kind: Kind::Wrapper(body) });
        }
        let mark = self.open_map()?;
        Ok(Struct { encoder: self, mark, count: 0, kind: Kind::Plain })
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Struct<'e, 'a, F>> {
        let outer = self.open_variant(variant)?;
        let mark = self.open_map().map_err(|fault| fault.at(variant))?;
        Ok(Struct { encoder: self, mark, count: 0, kind: Kind::Variant(outer, variant) })
    }
}
