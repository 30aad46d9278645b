//! What the graph promises, on the reference backend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod backends;
mod cache;
mod cascade;
mod conditions;
mod connect;
mod create;
mod declared_indexes;
mod delete;
mod delete_found;
mod dropped;
mod dry_run;
mod events;
mod find;
mod hops;
#[cfg(feature = "json")]
mod hub;
mod indexed;
mod indexes;
mod life;
mod model;
mod modify;
#[cfg(feature = "mongodb")]
mod mongo;
#[cfg(feature = "mongodb")]
mod mongo_commands;
mod neighbors;
mod nested;
mod open;
mod panics;
mod parallel;
mod pictures;
mod progress;
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
