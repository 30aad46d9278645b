//! What a backend can do.

use crate::codec::Encoding;

/// What a backend can do and how it wants its documents.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Capabilities {
    /// The backend's name, for messages.
    pub name: &'static str,
    /// How bodies in its batches must be encoded.
    pub encoding: Encoding,
    /// Whether a batch can be all or nothing. When not, an atomic batch is `Unsupported`.
    pub atomic_batches: bool,
    /// Whether acknowledged writes are still there after the process ends.
    pub persistent: bool,
    /// Whether handles carry dense ordinals: numbers below the count of documents ever seen at once,
    /// unique within a collection for as long as a pin is held.
    pub ordinals: bool,
}

impl Capabilities {
    /// The capabilities of a backend called `name` that can do nothing beyond the required.
    pub const fn new(name: &'static str, encoding: Encoding) -> Self {
        Self { name, encoding, atomic_batches: false, persistent: false, ordinals: false }
    }
}
