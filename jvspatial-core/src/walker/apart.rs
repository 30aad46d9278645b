//! Walks in tasks of their own.

use std::panic::resume_unwind;

use tokio::task::JoinSet;

use super::Walker;
use super::builder::WalkBuilder;
use super::outcome::Outcome;
use crate::cache::reads;
use crate::error::{Error, ErrorKind, Result};

/// Makes a walk in a task of its own, which ends when nobody waits for it.
pub(super) async fn apart<W: Walker>(walk: WalkBuilder<W>) -> Result<Outcome<W>> {
    let mut task = JoinSet::new();
    task.spawn(reads::inherit(reads::current(), walk.make()));
    let stopped = || Error::new(ErrorKind::Unavailable, "the runtime stopped during a walk");
    match task.join_next().await {
        Some(Ok(outcome)) => outcome,
        Some(Err(error)) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => Err(stopped()),
        },
        None => Err(stopped()),
    }
}
