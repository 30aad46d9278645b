//! What becomes of writes on their way to the database.

/// What a graph does with what is written: [`CacheOptions::strategy`](crate::CacheOptions::strategy).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// A write goes to the database and makes untrue what was kept; who reads next reads there. The default.
    #[default]
    CacheAside,
    /// A write goes to the database, and what it leaves of a node or object is kept, so that a read after it is no load. Needs
    /// [`entity_bytes`](crate::CacheOptions::entity_bytes).
    ///
    /// Kept is only what was certainly written, with nothing else of the same id under way. Other processes read the
    /// document from the database as before.
    WriteThrough,
}
