//! The keys of a map: as text, and no two alike.

use std::ops::Range;

use serde::ser::{self, Impossible, Serialize};

use super::fault::{Fault, Result, shorten};

/// A serializer that hands the text of a key to a function.
pub(super) struct KeyText<W>(pub(super) W);

/// Implements the methods whose type cannot be a key.
macro_rules! refuse {
    ($($method:ident($type:ty)),* $(,)?) => {$(
        fn $method(self, _value: $type) -> Result {
            Err(not_a_key())
        }
    )*};
}

/// Implements the methods of the integers.
macro_rules! integers {
    ($($method:ident($type:ty)),* $(,)?) => {$(
        fn $method(self, value: $type) -> Result {
            (self.0)(itoa::Buffer::new().format(value))
        }
    )*};
}

#[cold]
fn not_a_key() -> Fault {
    Fault::invalid("map key is not a string, a number without fraction, a bool or a char")
}

impl<W: FnOnce(&str) -> Result> ser::Serializer for KeyText<W> {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = Impossible<(), Fault>;
    type SerializeTuple = Impossible<(), Fault>;
    type SerializeTupleStruct = Impossible<(), Fault>;
    type SerializeTupleVariant = Impossible<(), Fault>;
    type SerializeMap = Impossible<(), Fault>;
    type SerializeStruct = Impossible<(), Fault>;
    type SerializeStructVariant = Impossible<(), Fault>;

    integers! {
        serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_i128(i128), serialize_u8(u8), serialize_u16(u16), serialize_u32(u32),
        serialize_u64(u64), serialize_u128(u128),
    }

    refuse!(serialize_f32(f32), serialize_f64(f64), serialize_bytes(&[u8]));

    #[inline]
    fn serialize_str(self, value: &str) -> Result {
        (self.0)(value)
    }

    fn serialize_bool(self, value: bool) -> Result {
        (self.0)(if value { "true" } else { "false" })
    }

    fn serialize_char(self, value: char) -> Result {
        (self.0)(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_none(self) -> Result {
        Err(not_a_key())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result {
        Err(not_a_key())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result {
        Err(not_a_key())
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result {
        (self.0)(variant)
    }

    fn serialize_newtype_struct<T>(self, _name: &'static str, value: &T) -> Result
    where
        T: Serialize + ?Sized,
    {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result
    where
        T: Serialize + ?Sized,
    {
        Err(not_a_key())
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Self::SerializeSeq> {
        Err(not_a_key())
    }

    fn serialize_tuple(self, _length: usize) -> Result<Self::SerializeTuple> {
        Err(not_a_key())
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeTupleStruct> {
        Err(not_a_key())
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeTupleVariant> {
        Err(not_a_key())
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Self::SerializeMap> {
        Err(not_a_key())
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeStruct> {
        Err(not_a_key())
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeStructVariant> {
        Err(not_a_key())
    }
}

/// How many keys a map may have until their places move to the heap.
const FEW: usize = 8;

/// Where the keys of a map stand in the bytes written, so that a repeated one is found.
#[derive(Default)]
pub(super) struct KeySpans {
    few: [(usize, usize); FEW],
    many: Vec<(usize, usize)>,
    count: usize,
    /// Some key does not come after the one before it.
    unsorted: bool,
}

impl KeySpans {
    /// How many keys there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.count
    }

    #[inline]
    pub(super) fn push(&mut self, buf: &[u8], span: Range<usize>) {
        if self.count > 0 && !self.unsorted {
            self.unsorted = text(buf, self.last_span()) >= text(buf, (span.start, span.end));
        }
        match self.few.get_mut(self.count) {
            Some(place) => *place = (span.start, span.end),
            None => {
                if self.many.is_empty() {
                    self.many.extend_from_slice(&self.few);
                }
                self.many.push((span.start, span.end));
            }
        }
        self.count += 1;
    }

    fn last_span(&self) -> (usize, usize) {
        let last = self.many.last().or_else(|| self.few.get(self.count.saturating_sub(1)));
        last.copied().unwrap_or_default()
    }

    /// The key written last, for a message.
    #[cold]
    pub(super) fn last(&self, buf: &[u8]) -> String {
        display(text(buf, self.last_span()))
    }

    /// A key that stands there twice. Keys in ascending order, as a `BTreeMap` has them, cost
    /// nothing; others are sorted.
    #[inline]
    pub(super) fn repeated(mut self, buf: &[u8]) -> Option<String> {
        if !self.unsorted {
            return None;
        }
        let spans = if self.many.is_empty() {
            self.few.get_mut(..self.count).unwrap_or_default()
        } else {
            self.many.as_mut_slice()
        };
        spans.sort_unstable_by(|left, right| text(buf, *left).cmp(text(buf, *right)));
        let twice = spans.array_windows().find(|[one, two]| text(buf, *one) == text(buf, *two));
        twice.map(|[one, _]| display(text(buf, *one)))
    }
}

#[inline]
fn text(buf: &[u8], span: (usize, usize)) -> &[u8] {
    buf.get(span.0..span.1).unwrap_or_default()
}

fn display(bytes: &[u8]) -> String {
    shorten(&String::from_utf8_lossy(bytes))
}
