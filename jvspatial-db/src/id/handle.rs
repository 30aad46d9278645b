//! An id with a hint for the backend.

use super::Id;

/// An id, with a hint where the backend that gave it out keeps the document.
///
/// Backends with dense ordinals ([`Capabilities::ordinals`](crate::Capabilities)) fill the hint in
/// what they return and so find the document again without hashing. A hint is checked against the
/// id before it is used, so a stale one costs time and never gives a wrong answer.
#[derive(Clone, Debug)]
pub struct Handle {
    id: Id,
    ordinal: u32,
}

impl Handle {
    const NO_ORDINAL: u32 = u32::MAX;

    /// A handle without a hint.
    pub const fn new(id: Id) -> Self {
        Self { id, ordinal: Self::NO_ORDINAL }
    }

    /// A handle whose document the backend keeps at `ordinal`.
    pub const fn with_ordinal(id: Id, ordinal: u32) -> Self {
        Self { id, ordinal }
    }

    /// The id.
    pub const fn id(&self) -> &Id {
        &self.id
    }

    /// The id, without the hint.
    pub fn into_id(self) -> Id {
        self.id
    }

    /// The hint.
    pub const fn ordinal(&self) -> Option<u32> {
        if self.ordinal == Self::NO_ORDINAL { None } else { Some(self.ordinal) }
    }
}

impl AsRef<Id> for Handle {
    fn as_ref(&self) -> &Id {
        &self.id
    }
}

impl From<Id> for Handle {
    fn from(id: Id) -> Self {
        Self::new(id)
    }
}

impl From<&Id> for Handle {
    fn from(id: &Id) -> Self {
        Self::new(id.clone())
    }
}
