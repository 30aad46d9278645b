//! Structs that read a few fields of a document.

use jvspatial_db::codec::{self, FoundFields};
use jvspatial_db::{Document, Id, Version};
use serde::de::DeserializeOwned;

use crate::error::Result;

/// A struct that reads a few fields of a stored document; derived by `#[derive(Projection)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which fields it reads",
    note = "use a struct with `#[derive(Projection)]`"
)]
pub trait Projection: Sized + Send + 'static {
    /// The fields it reads, as stored: `address.city`. What it leads through are maps.
    const PATHS: &'static [&'static str];

    /// Makes the value.
    ///
    /// # Errors
    /// `Invalid` when a field is missing or does not fit.
    fn read(fields: &ProjectedFields<'_>) -> Result<Self>;
}

/// The fields of one document, from which a [`Projection`] takes its own.
#[derive(Clone, Copy, Debug)]
pub struct ProjectedFields<'a> {
    document: &'a Document,
    fields: FoundFields<'a>,
}

impl<'a> ProjectedFields<'a> {
    /// The fields at `paths`.
    #[inline]
    pub(crate) fn new(document: &'a Document, paths: &'a [&'a str]) -> Result<Self> {
        let body = &document.body;
        let fields = FoundFields::find(body.encoding(), body.as_bytes(), paths);
        Ok(Self { document, fields: fields.map_err(|error| error.with("id", &document.id))? })
    }

    /// The id of the document.
    pub const fn id(&self) -> &'a Id {
        &self.document.id
    }

    /// The version of the document.
    pub const fn version(&self) -> Version {
        self.document.version
    }

    /// The field at `path`. What is missing is read as serde reads it: `None` for an `Option`.
    ///
    /// # Errors
    /// `Invalid` naming id, field and type when it is missing or does not fit.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        match self.find(path)? {
            Some(value) => Ok(value),
            None => {
                Ok(codec::missing_field(path)
                    .map_err(|error| error.with("id", &self.document.id))?)
            }
        }
    }

    /// The field at `path`, or what `missing` makes.
    ///
    /// # Errors
    /// `Invalid` naming id, field and type when it does not fit.
    pub fn get_or<T: DeserializeOwned>(
        &self,
        path: &str,
        missing: impl FnOnce() -> T,
    ) -> Result<T> {
        Ok(self.find(path)?.unwrap_or_else(missing))
    }

    fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>> {
        Ok(self.fields.decode(path).map_err(|error| error.with("id", &self.document.id))?)
    }
}
