//! The maps, lists and structs that a serializer is in the middle of.

use serde::ser::{self, Serialize};

use super::encode::Encoder;
use super::fault::{Fault, Result};
use super::format::Format;
use super::key::{KeySpans, KeyText};
use super::wrapper::Body;

/// A list that is being written.
pub(super) struct List<'e, 'a, F> {
    pub(super) encoder: &'e mut Encoder<'a, F>,
    pub(super) mark: usize,
    pub(super) count: usize,
    /// The mark and the name of the enum variant around it.
    pub(super) variant: Option<(usize, &'static str)>,
}

impl<F: Format> List<'_, '_, F> {
    #[inline]
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        F::element(&mut self.encoder.out, self.count);
        let done = value.serialize(&mut *self.encoder).and_then(|()| self.encoder.check_size());
        done.map_err(|fault| self.place(fault))?;
        self.count += 1;
        Ok(())
    }

    #[cold]
    fn place(&self, fault: Fault) -> Fault {
        let fault = fault.at(self.count);
        match self.variant {
            Some((_, variant)) => fault.at(variant),
            None => fault,
        }
    }

    #[inline]
    fn finish(self) -> Result {
        self.encoder.close_list(self.mark)?;
        match self.variant {
            Some((outer, _)) => self.encoder.close_map(outer),
            None => Ok(()),
        }
    }
}

/// Implements the traits of lists, which differ in the name of one method.
macro_rules! list {
    ($($trait:ident $method:ident),*) => {$(
        impl<F: Format> ser::$trait for List<'_, '_, F> {
            type Ok = ();
            type Error = Fault;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
                self.push(value)
            }

            #[inline]
            fn end(self) -> Result {
                self.finish()
            }
        }
    )*};
}

list!(
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);

/// A map that is being written.
pub(super) struct Map<'e, 'a, F> {
    pub(super) encoder: &'e mut Encoder<'a, F>,
    pub(super) mark: usize,
    pub(super) keys: KeySpans,
}

impl<F: Format> ser::SerializeMap for Map<'_, '_, F> {
    type Ok = ();
    type Error = Fault;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result {
        let Self { encoder, keys, .. } = self;
        key.serialize(KeyText(|name: &str| {
            let span = F::name(&mut encoder.out, keys.len(), name);
            keys.push(encoder.out.buf, span.map_err(|fault| fault.at(name))?);
            Ok(())
        }))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        let done = value.serialize(&mut *self.encoder).and_then(|()| self.encoder.check_size());
        done.map_err(|fault| fault.at(self.keys.last(self.encoder.out.buf)))
    }

    #[inline]
    fn end(self) -> Result {
        if let Some(key) = self.keys.repeated(self.encoder.out.buf) {
            return Err(Fault::invalid("map repeats a key").at(key));
        }
        self.encoder.close_map(self.mark)
    }
}

/// A struct that is being written.
pub(super) struct Struct<'e, 'a, F> {
    pub(super) encoder: &'e mut Encoder<'a, F>,
    pub(super) mark: usize,
    pub(super) count: usize,
    pub(super) kind: Kind,
}

/// What a struct stands for.
pub(super) enum Kind {
    Plain,
    /// The mark and the name of the enum variant around it.
    Variant(usize, &'static str),
    /// A value of one of `bson`'s own types, gathered field by field.
    Wrapper(Body),
}

impl<F: Format> Struct<'_, '_, F> {
    #[inline]
    fn push<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result {
        if let Kind::Wrapper(body) = &mut self.kind {
            return body.field(name, value);
        }
        F::name(&mut self.encoder.out, self.count, name)
            .and_then(|_| value.serialize(&mut *self.encoder))
            .map_err(|fault| self.place(fault.at(name)))?;
        self.count += 1;
        Ok(())
    }

    #[cold]
    fn place(&self, fault: Fault) -> Fault {
        match &self.kind {
            Kind::Variant(_, variant) => fault.at(variant),
            _ => fault,
        }
    }

    #[inline]
    fn finish(self) -> Result {
        match self.kind {
            Kind::Plain => self.encoder.close_map(self.mark),
            Kind::Variant(outer, _) => {
                self.encoder.close_map(self.mark)?;
                self.encoder.close_map(outer)
            }
            Kind::Wrapper(body) => F::special(&mut self.encoder.out, &body.finish()?),
        }
    }
}

/// Implements the traits of structs, which are alike.
macro_rules! structs {
    ($($trait:ident),*) => {$(
        impl<F: Format> ser::$trait for Struct<'_, '_, F> {
            type Ok = ();
            type Error = Fault;

            #[inline]
            fn serialize_field<T>(&mut self, name: &'static str, value: &T) -> Result
            where
                T: Serialize + ?Sized,
            {
                self.push(name, value)
            }

            #[inline]
            fn end(self) -> Result {
                self.finish()
            }
        }
    )*};
}

structs!(SerializeStruct, SerializeStructVariant);
