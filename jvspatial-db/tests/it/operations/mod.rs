//! Operations on a store: figures, verifying, backing up, restoring, salvaging.
#![allow(clippy::disallowed_methods, reason = "the files of a database are these tests' business")]

mod backup;
mod bank;
mod indexed;
mod restore;
mod salvage;
mod salvage_losses;
mod stats;
mod story;
mod verify;
