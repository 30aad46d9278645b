//! What becomes of writes on their way to the database.

use super::write_behind::WriteBehind;

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
    /// A write is acknowledged when it is certain what becomes of it in this process, and written in the background, in order;
    /// what is written is kept as by [`WriteThrough`](Self::WriteThrough). [`Graph::flush`](crate::Graph::flush) and
    /// [`Graph::close`](crate::Graph::close) wait for it.
    ///
    /// What was acknowledged and not flushed is **lost when the process ends**, by `kill -9`, a crash or a power failure, also
    /// on a database that syncs. It may be refused later, when another process was faster:
    /// [`WriteBehind::on_refused`]. `docs/cache.md` says what else is different.
    WriteBehind(WriteBehind),
}
