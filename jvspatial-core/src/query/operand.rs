//! Which values may be compared with a field of which type.

use jvspatial_db::{Bson, Encoding, codec};
use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};

/// A value that a field of type `T` can be compared with.
///
/// It holds for `T` itself and `&T`, for `T` with a field of `Option<T>`, and for `&str` with a
/// field of `String`. A comparison with anything else does not compile.
#[diagnostic::on_unimplemented(
    message = "a field of type `{T}` cannot be compared with `{Self}`",
    label = "expected a value of type `{T}`"
)]
pub trait Operand<T> {
    /// The value as it would be stored.
    ///
    /// # Errors
    /// `Invalid` when it cannot be stored, such as an integer above `i64::MAX`.
    fn to_bson(&self) -> Result<Bson>;
}

impl<T: Serialize> Operand<T> for T {
    fn to_bson(&self) -> Result<Bson> {
        stored_form(self)
    }
}

impl<T: Serialize> Operand<T> for &T {
    fn to_bson(&self) -> Result<Bson> {
        stored_form(self)
    }
}

impl<T: Serialize> Operand<Option<T>> for T {
    fn to_bson(&self) -> Result<Bson> {
        stored_form(self)
    }
}

impl<T: Serialize> Operand<Option<T>> for &T {
    fn to_bson(&self) -> Result<Bson> {
        stored_form(self)
    }
}

impl Operand<String> for &str {
    fn to_bson(&self) -> Result<Bson> {
        Ok(Bson::String((*self).to_owned()))
    }
}

impl Operand<Option<String>> for &str {
    fn to_bson(&self) -> Result<Bson> {
        Ok(Bson::String((*self).to_owned()))
    }
}

/// The value as the codec stores it, so that what was saved is found again whatever its serde
/// implementation does. A body is a document, hence the detour through one field.
fn stored_form<T: Serialize + ?Sized>(value: &T) -> Result<Bson> {
    #[derive(Serialize)]
    struct Body<'a, V: ?Sized> {
        operand: &'a V,
    }
    let mut bytes = Vec::new();
    codec::encode(Encoding::Bson, &Body { operand: value }, &mut bytes)?;
    codec::to_bson_document(Encoding::Bson, &bytes)?
        .remove("operand")
        .ok_or_else(|| Error::new(ErrorKind::Invalid, "value cannot be stored by itself"))
}
