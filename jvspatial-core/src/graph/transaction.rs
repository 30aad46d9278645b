//! Transactions: the graph apart from everybody, until what was done there commits.

use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use jvspatial_db::Transaction as DatabaseTransaction;
use tokio::time::{Instant, sleep, timeout_at};

use super::Graph;
use super::modify::pause;
use crate::error::{Error, ErrorKind, Result};

type Effect = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The graph inside of a [transaction](Graph::transaction).
///
/// It is a [`Graph`] and can do what a graph can, but for making indexes and transactions. After the end of the
/// transaction every call fails with `Closed`. Clones are the same transaction.
#[derive(Clone)]
pub struct Transaction {
    graph: Graph,
    effects: Arc<Mutex<Vec<Effect>>>,
}

impl Graph {
    /// Runs `body` on this graph as it is at one point in time, and makes all that it wrote there visible at once, or
    /// nothing of it.
    ///
    /// Inside, reads see what was written before them, and nobody else sees any of it before the commit. When others
    /// got ahead, the body is called again on the graph as it is then, after a short random pause that grows, so what
    /// it does besides must bear repetition; [`Transaction::on_commit`] is for what must not be repeated. A body that
    /// fails leaves nothing. How far transactions are kept apart is in
    /// [`Capabilities::transactions`](jvspatial_db::Capabilities): as if one ran after the other in memory and on the JSON
    /// database, on MongoDB so that of two that write one document one begins again.
    ///
    /// A value that was read before cannot be trusted inside: read it again there. Everything that is written in one
    /// transaction is at most 100,000 documents.
    ///
    /// ```
    /// # use jvspatial_core::{Error, Graph, Result};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result {
    /// let graph = Graph::open("memory:").await?;
    /// let root = graph
    ///     .transaction(|tx| async move {
    ///         tx.on_commit(async { println!("there is a root now") });
    ///         tx.root().await
    ///     })
    ///     .await?;
    /// assert_eq!(root.version().get(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The body's error as it is. `Conflict` with the fact `attempts` when the deadline
    /// ([`modify_deadline`](crate::GraphBuilder::modify_deadline), 10 s) passes before a try that nobody got ahead of;
    /// no try begins after it. `Unsupported` on a backend without transactions; `Unavailable` (nothing happened) or
    /// `Unknown` (it may have) when the commit fails.
    ///
    /// # Cancellation
    /// Nothing is written when the future is dropped before the body of a try has ended. After that it may be
    /// committed, whole, and if it is, the effects still run.
    pub async fn transaction<T, E, F>(&self, mut body: impl FnMut(Transaction) -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: From<Error>,
    {
        let deadline = Instant::now() + self.0.modify_deadline;
        let mut attempts = 0_u32;
        loop {
            let begun = self.0.database.begin().await.map_err(Error::from)?;
            let transaction = Transaction::new(self, &begun);
            let effects = Arc::clone(&transaction.effects);
            attempts = attempts.saturating_add(1);
            let error = match body(transaction).await {
                Ok(value) => match commit(Arc::clone(&begun), effects).await {
                    Ok(()) => return Ok(value),
                    Err(error) => error.with("attempts", attempts),
                },
                Err(error) => {
                    // The body may have left a handle elsewhere. What failed is told better by its error.
                    let _ = begun.close().await;
                    if !begun.is_outrun() {
                        return Err(error);
                    }
                    // What a body makes of being outrun in its midst may be anything.
                    Error::new(ErrorKind::Conflict, "others got ahead of every try")
                        .with("attempts", attempts)
                }
            };
            let pause = sleep(pause(attempts.saturating_add(1)));
            if !begun.is_outrun() || timeout_at(deadline, pause).await.is_err() {
                return Err(error.into());
            }
        }
    }
}

/// Commits and runs the effects, to the end whether or not anybody waits for it.
async fn commit(
    begun: Arc<dyn DatabaseTransaction>,
    effects: Arc<Mutex<Vec<Effect>>>,
) -> Result<()> {
    let task = tokio::spawn(async move {
        begun.commit().await?;
        let effects = std::mem::take(&mut *effects.lock().unwrap_or_else(PoisonError::into_inner));
        for effect in effects {
            effect.await;
        }
        Ok(())
    });
    match task.await {
        Ok(committed) => committed,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::new(
                ErrorKind::Unknown,
                "the runtime stopped before the transaction was committed",
            )),
        },
    }
}

impl Transaction {
    fn new(graph: &Graph, begun: &Arc<dyn DatabaseTransaction>) -> Self {
        Self { graph: graph.on(Arc::clone(begun) as _), effects: Arc::default() }
    }

    /// Has `effect` run once after the commit, in the order of these calls; [`Graph::transaction`] returns after
    /// the last one. It is dropped without having run when the transaction is begun again or comes to nothing.
    ///
    /// An effect that panics keeps those after it from running, and whoever waits for the transaction panics with
    /// it. The effects are lost with the process when it ends right after the commit.
    pub fn on_commit(&self, effect: impl Future<Output = ()> + Send + 'static) {
        self.effects.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(effect));
    }
}

impl Deref for Transaction {
    type Target = Graph;

    fn deref(&self) -> &Graph {
        &self.graph
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transaction").field(&self.graph).finish()
    }
}
