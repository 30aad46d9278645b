//! A value with the id and version it is stored under.

use std::fmt;
use std::ops::{Deref, DerefMut};

use jvspatial_db::{Body, Document, Encoding, Ends, Id, Version, WriteBatch, codec};

use super::{Edge, Entity};
use crate::error::{Error, ErrorKind, Result};

/// A value of type `T` as it was read from or written to the graph.
///
/// It derefs to the value. Changing the value changes nothing stored until it is saved, and a save
/// succeeds only if nobody else saved in between. Cloning copies the value.
pub struct Stored<T> {
    id: Id,
    version: Version,
    value: T,
    ends: Option<Ends>,
    /// The fields the value was read from: a save keeps those that `T` does not know. `None` for a value
    /// that was created here, whose stored fields are exactly those of `T`.
    base: Option<Body>,
}

impl<T> Stored<T> {
    /// The id.
    pub const fn id(&self) -> &Id {
        &self.id
    }

    /// The version this value was read or last saved at.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// How many bytes the fields took that it was read from.
    pub(crate) fn stored_bytes(&self) -> usize {
        self.base.as_ref().map_or(0, |base| base.as_bytes().len())
    }

    /// The value, for methods that a stored value has too: `stored.clone()` copies id and version with
    /// it, `stored.value().clone()` the value alone. All else is reached through the deref.
    ///
    /// ```
    /// # use jvspatial_core::{Graph, Result, Root, Stored};
    /// # async fn copy(graph: &Graph) -> Result {
    /// let root: Stored<Root> = graph.root().await?;
    /// let value: Root = root.value().clone();
    /// # Ok(())
    /// # }
    /// ```
    pub const fn value(&self) -> &T {
        &self.value
    }

    /// The value alone.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T: Edge> Stored<T> {
    /// The node the edge leaves.
    pub fn source(&self) -> &Id {
        self.ends.as_ref().map_or(&self.id, |ends| &ends.source)
    }

    /// The node the edge reaches.
    pub fn target(&self) -> &Id {
        self.ends.as_ref().map_or(&self.id, |ends| &ends.target)
    }
}

impl<T: Entity> Stored<T> {
    /// A value just created as `id`.
    pub(crate) const fn created(id: Id, value: T, ends: Option<Ends>) -> Self {
        Self { id, version: Version::FIRST, value, ends, base: None }
    }

    /// Decodes a document.
    #[doc(hidden)]
    pub fn from_document(document: Document) -> Result<Self> {
        check_document::<T>(&document)?;
        let value = document.decode()?;
        let Document { id, version, ends, body, .. } = document;
        Ok(Self { id, version, value, ends, base: Some(body) })
    }

    /// Adds the save of this value to `batch`, under the version check, and returns what to give to
    /// [`saved`](Self::saved) once it is written.
    ///
    /// Fields of the stored document that `T` does not know are kept; fields that `T` knows and has
    /// cleared are gone.
    pub(crate) fn add_save(&self, batch: &mut WriteBatch) -> Result<Option<Body>> {
        let mut fields = Vec::new();
        let encoding = batch.encoding();
        self.encode_fields(encoding, &mut fields)?;
        batch.update_encoded(self.id.clone(), self.version, &fields, T::SCHEMA)?;
        Ok(self.base.is_some().then(|| Body::new(encoding, fields.into())))
    }

    pub(crate) fn encode_fields(&self, encoding: Encoding, out: &mut Vec<u8>) -> Result<()> {
        let named = |error: jvspatial_db::Error| Error::from(error.with("id", &self.id));
        let Some(base) = &self.base else {
            return codec::encode(encoding, &self.value, out).map_err(named);
        };
        if base.encoding() != encoding {
            return Err(Error::new(ErrorKind::Invalid, "value was read from another database")
                .with("id", &self.id)
                .with("expected", format_args!("{encoding:?}"))
                .with("found", format_args!("{:?}", base.encoding())));
        }
        let mut after = Vec::with_capacity(base.as_bytes().len() + 32);
        codec::encode(encoding, &self.value, &mut after).map_err(named)?;
        let reencode = |body: &[u8]| {
            let value: T = codec::decode(encoding, body)?;
            let mut again = Vec::with_capacity(body.len());
            codec::encode(encoding, &value, &mut again)?;
            Ok(again)
        };
        codec::merge(encoding, base.as_bytes(), &after, reencode, out).map_err(named)
    }

    /// Notes that the value was saved as `version`; `base` is what [`add_save`](Self::add_save) gave.
    pub(crate) fn saved(&mut self, version: Version, base: Option<Body>) {
        self.version = version;
        self.base = base;
    }
}

/// Refuses a document of another type and one that a newer version of the type wrote.
pub(crate) fn check_document<T: Entity>(document: &Document) -> Result<()> {
    if !document.id.is_entity(T::entity_name()) || document.collection() != T::COLLECTION {
        return Err(Error::new(ErrorKind::Invalid, "document is of another type")
            .with("id", &document.id)
            .with("expected", T::NAME)
            .with("found", document.id.entity()));
    }
    if document.schema > T::SCHEMA {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "document was written by a newer version of its type",
        )
        .with("id", &document.id)
        .with("expected schema", T::SCHEMA)
        .with("found schema", document.schema));
    }
    Ok(())
}

impl<T> Deref for Stored<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Stored<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: Clone> Clone for Stored<T> {
    fn clone(&self) -> Self {
        Self {
            id: self.id.clone(),
            version: self.version,
            value: self.value.clone(),
            ends: self.ends.clone(),
            base: self.base.as_ref().map(Body::detach),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Stored<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("id", &self.id)
            .field("version", &self.version)
            .field("value", &self.value)
            .finish()
    }
}

impl<T> AsRef<Id> for Stored<T> {
    fn as_ref(&self) -> &Id {
        &self.id
    }
}
