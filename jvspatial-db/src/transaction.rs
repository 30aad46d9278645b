//! The contract of a transaction.

pub(crate) mod log;

use async_trait::async_trait;

use crate::database::Database;
use crate::error::{Error, ErrorKind, Result};

/// A database apart from the one it was [begun](Database::begin) on, until it commits.
///
/// Whatever works on a [`Database`] works in a transaction. Closing it gives it up, and so does dropping its last
/// handle; after its end every call but another close fails with `Closed`.
#[async_trait]
pub trait Transaction: Database {
    /// Makes all that was written visible and as durable as any write, or nothing of it.
    ///
    /// # Behaviour
    /// - How much of what others did meanwhile stands in its way, the backend's
    ///   [isolation](crate::Capabilities::transactions) says.
    /// - One that has written nothing always succeeds.
    /// - It ends the transaction, whatever comes of it.
    ///
    /// # Errors
    /// `Conflict` when others got ahead: nothing happened, and [`is_outrun`](Self::is_outrun) says that it may be
    /// begun again. `Unavailable` (nothing happened), `Unknown` (it may have), `Poisoned`, `Closed`.
    ///
    /// # Cancellation
    /// Once polled, it may be committed, whole, even if the future is dropped.
    async fn commit(&self) -> Result<()>;

    /// Whether a call, or the commit, failed for what others did meanwhile, so that nothing can come of this
    /// transaction but the same may succeed when it is begun again.
    fn is_outrun(&self) -> bool;
}

/// The error of a call after the end.
pub(crate) fn ended() -> Error {
    Error::new(ErrorKind::Closed, "transaction has ended")
}

/// The error of a transaction that was outrun.
pub(crate) fn outrun() -> Error {
    Error::new(ErrorKind::Conflict, "others changed what the transaction has seen")
}

/// The error of a call that transactions do not have.
pub(crate) fn unsupported(what: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, what)
}
