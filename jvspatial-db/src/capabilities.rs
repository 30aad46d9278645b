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
    /// What transactions keep apart. When there is none, [`begin`](crate::Database::begin) is `Unsupported`.
    pub transactions: Option<Isolation>,
    /// Whether changes can be watched. When not, [`watch`](crate::Database::watch) is `Unsupported`.
    pub change_feed: bool,
    /// Whether other processes may write to it at the same time.
    pub shared: bool,
}

/// How far transactions are kept from one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// Each reads one point in time, and of two that write one document only one commits. What others write
    /// meanwhile to documents that were only read, or that a search would find, goes unnoticed.
    Snapshot,
    /// As if they were run one after the other: one that has written commits only if all that it was told is
    /// still true then.
    Serializable,
}

impl Capabilities {
    /// The capabilities of a backend called `name` that can do nothing beyond the required.
    pub const fn new(name: &'static str, encoding: Encoding) -> Self {
        Self {
            name,
            encoding,
            atomic_batches: false,
            persistent: false,
            ordinals: false,
            transactions: None,
            change_feed: false,
            shared: false,
        }
    }
}
