//! Tests of the public interface of `jvspatial-db`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backfill;
mod conformance_backends;
#[expect(clippy::disallowed_methods, reason = "it reads the sources of the suite")]
mod conformance_listing;
mod conformance_model;
mod exchange;
#[cfg(all(feature = "mongodb", target_os = "linux"))]
mod failover;
mod fault;
mod filter_vectors;
mod indexed_model;
mod json_transactions;
#[cfg(feature = "mongodb")]
mod mongo;
mod operations;
mod projection_vectors;
mod room;
mod serializable;
mod sort_vectors;
mod update_docs;
mod update_vectors;
