//! What a search makes of the documents it finds.

use std::marker::PhantomData;

use bson::Bson;
use jvspatial_db::{Document, FieldPath};

use super::projection::{ProjectedFields, Projection};
use crate::entity::{Entity, Stored, check_document};
use crate::error::Result;
use crate::graph::detached;

/// What a search makes of each document: the whole, a struct of some fields, or some fields.
///
/// Implemented for [`Whole`], [`Projected`] and [`SomeFields`], and by nothing else.
pub trait View<T>: sealed::Sealed + Send + 'static {
    /// What the search returns.
    type Item: Send + 'static;

    /// The fields that are needed; all of them by default.
    #[doc(hidden)]
    fn projection(&self) -> Result<jvspatial_db::Projection> {
        Ok(jvspatial_db::Projection::all())
    }

    /// Makes an item of a document.
    #[doc(hidden)]
    fn item(&self, document: Document) -> Result<Self::Item>;
}

/// Whole documents, as [`Stored`].
#[derive(Clone, Copy, Debug)]
pub struct Whole;

/// The fields of the [`Projection`] `P`, as `P`.
#[derive(Debug)]
pub struct Projected<P>(PhantomData<fn() -> P>);

/// The fields at some paths, as documents.
#[derive(Debug)]
pub struct SomeFields(Vec<String>);

/// Where the fields of an entity are stored.
const FIELDS: &str = "context";

impl<P> Projected<P> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl SomeFields {
    pub(super) fn new(paths: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Self(paths.into_iter().map(|path| path.as_ref().to_owned()).collect())
    }
}

fn stored_path(field: &str) -> Result<FieldPath> {
    Ok(FieldPath::parse(&format!("{FIELDS}.{field}"))?)
}

impl<T: Entity> View<T> for Whole {
    type Item = Stored<T>;

    fn item(&self, document: Document) -> Result<Stored<T>> {
        Stored::from_document(detached(document))
    }
}

impl<T: Entity, P: Projection> View<T> for Projected<P> {
    type Item = P;

    fn projection(&self) -> Result<jvspatial_db::Projection> {
        // What is not read need not be left out first.
        Ok(include(P::PATHS.iter().map(|path| stored_path(path)))?.at_least())
    }

    fn item(&self, document: Document) -> Result<P> {
        check_document::<T>(&document)?;
        P::read(&ProjectedFields::new(&document, P::PATHS)?)
    }
}

impl<T: Entity> View<T> for SomeFields {
    type Item = bson::Document;

    fn projection(&self) -> Result<jvspatial_db::Projection> {
        include(self.0.iter().map(|path| stored_path(path)))
    }

    fn item(&self, document: Document) -> Result<bson::Document> {
        let mut fields = bson::Document::new();
        fields.insert("_id", Bson::String(document.id.to_string()));
        fields.extend(document.body.to_bson()?);
        Ok(fields)
    }
}

fn include(paths: impl IntoIterator<Item = Result<FieldPath>>) -> Result<jvspatial_db::Projection> {
    let paths = paths.into_iter().collect::<Result<Vec<_>>>()?;
    if paths.is_empty() {
        return Ok(jvspatial_db::Projection::id_only());
    }
    Ok(jvspatial_db::Projection::include(paths)?)
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Whole {}
    impl<P> Sealed for super::Projected<P> {}
    impl Sealed for super::SomeFields {}
}
