//! The MongoDB backend while servers of a replica set of three step down, die, freeze and are cut off, and while
//! replies are lost.
//!
//! Each test starts servers of its own, by the program that `JVSPATIAL_TEST_MONGOD` names, and kills them at its end. Each
//! has a control that breaks the promise on purpose and has to be caught by the same check, and prints one line with
//! its figures and its seed, or why it was skipped; `cargo xtask failover` reads these lines. The variables
//! `JVSPATIAL_TEST_FAULT_SEED`, `_SCALE`, `_ROUNDS` and `_MINUTES` are those of the fault tests.
#![allow(clippy::disallowed_methods, reason = "the files of servers are these tests' business")]

mod codes;
mod controls;
mod figures;
mod histories;
mod linear;
mod load;
mod mixed;
mod namespaces;
mod nemesis;
mod outcomes;
mod partition;
mod proxy;
mod refused;
mod saves;
mod set;
mod silent;
mod survival;
