//! The embedded database under faults: kills, cuts, crashes, rot, full and failing disks.
//!
//! Every test has a control that breaks the promise on purpose and has to be caught by the same check.
//! Each prints one line with its figures and its seed, or why it was skipped; `cargo xtask torture` reads
//! these lines. `JVSPATIAL_TEST_FAULT_SEED` replays a seed, `JVSPATIAL_TEST_FAULT_SCALE` multiplies the number of
//! rounds, `JVSPATIAL_TEST_FAULT_ROUNDS` sets it for single figures and `JVSPATIAL_TEST_FAULT_MINUTES` limits it.
#![allow(clippy::disallowed_methods, reason = "the files of a database are these tests' business")]

mod altered;
mod blocks;
mod bomb;
mod child;
mod compaction;
mod crash;
mod cut;
mod deadly;
mod each_call;
mod failing;
pub(crate) mod figures;
mod fixtures;
mod full;
mod history;
mod indexed;
mod kill;
mod large;
mod ledger;
mod lock;
mod mount;
mod paths;
mod power;
mod readers;
mod reopen;
mod rot;
mod script;
mod slow;
mod small;
mod strace;
mod sync;
mod sync_call;
mod transactions;
