//! What the graph promises, on the reference backend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod backends;
mod cascade;
mod conditions;
mod connect;
mod create;
mod declared_indexes;
mod delete;
mod delete_found;
mod dry_run;
mod find;
mod hops;
mod indexed;
mod indexes;
mod model;
mod modify;
#[cfg(feature = "mongodb")]
mod mongo;
mod neighbors;
mod nested;
mod open;
mod parallel;
mod pictures;
mod projection;
mod save;
mod sorted;
mod spy;
mod subgraph;
mod transaction;
mod trap;
mod update;
mod walk;
mod watch;
