//! The optimistic version of a document.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The `_version` of a document: 1 when created, one more with every change.
///
/// A stored document without one counts as version 0 and gains it with its first save.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Version(u64);

impl Version {
    /// The version of a document that carries none.
    pub const NONE: Self = Self(0);
    /// The version of a new document.
    pub const FIRST: Self = Self(1);

    /// The version numbered `number`.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
