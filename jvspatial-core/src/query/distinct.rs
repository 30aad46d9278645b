//! The types that the distinct values of a field can have.

use jvspatial_db::{Bson, Encoding, codec};
use serde::de::DeserializeOwned;

use crate::error::Result;

/// Says that the distinct values of a field of type `Self` can be read as `V`: the type of the field,
/// of the elements of a list, or of what an `Option` holds.
#[diagnostic::on_unimplemented(
    message = "the distinct values of a field of type `{Self}` are not of type `{V}`"
)]
pub trait DistinctAs<V> {}

impl<T> DistinctAs<T> for T {}
impl<T> DistinctAs<T> for Vec<T> {}
impl<T> DistinctAs<T> for Option<T> {}

/// Reads one value as the codec reads a field.
pub(super) fn read<V: DeserializeOwned>(value: Bson, path: &str) -> Result<V> {
    const NAME: &str = "v";
    let mut holder = bson::Document::new();
    holder.insert(NAME, value);
    let mut bytes = Vec::new();
    codec::encode(Encoding::Bson, &holder, &mut bytes)?;
    match codec::decode_field(Encoding::Bson, &bytes, NAME) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Ok(codec::missing_field(path)?),
        Err(error) => Err(error.with("path", path).into()),
    }
}
