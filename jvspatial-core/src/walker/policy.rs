//! What a walk does when something does not go as its hooks expect.

/// What becomes of a walk when a hook fails or panics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnError {
    /// The walk ends with the error. Nothing more is visited; the `on_exit` hooks run.
    #[default]
    Fail,
    /// The error is kept in [`Outcome::errors`](super::Outcome::errors), and the next hook of the same node runs.
    Collect,
    /// The error is kept, and the rest of the node's hooks are left out.
    Skip,
}

/// What becomes of a walk when a document that it wrote turns out to be another than it read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnConflict {
    /// The walk ends with the error.
    #[default]
    Fail,
    /// The error is kept in [`Outcome::conflicts`](super::Outcome::conflicts), and the walk goes on.
    Report,
    /// The node whose hooks asked for the write is read again and visited once more, next of all. What its
    /// hooks reported and followed before stands.
    ///
    /// A node is visited anew at most so many times; after that, and where the walk has come to its end, it ends with the
    /// error.
    Revisit(u32),
}

/// When the writes of a walk's hooks reach the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WriteMode {
    /// In batches, when one is full and at the end. What changes which nodes there are, and how they are joined, is
    /// written at the end of its chunk.
    #[default]
    Batched,
    /// After the hooks of the node that asked, before the next one is visited.
    Immediate,
    /// All at the end of the walk or, when it fails, none.
    ///
    /// The walk goes through a [transaction](crate::Graph::transaction) of its own: it and its hooks see the graph at one
    /// point in time with what they wrote, and nobody else sees any of it before. The database must have
    /// transactions, and all writes together are at most 100,000.
    Atomic,
}

/// What becomes of a node for which the frontier has no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnFull {
    /// It ends the walk, with [`Limit::Frontier`](super::Limit::Frontier).
    #[default]
    End,
    /// It is left out and counted in [`Stats::dropped`](super::Stats::dropped). Another edge may bring it back.
    Drop,
}
