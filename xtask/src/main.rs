//! The chores of this workspace, run as `cargo xtask <chore>`.
//!
//! Nothing but the Rust toolchain is needed; a tool that is better to have than not, such as
//! cargo-deny, is used where it is installed and its absence is shown in the summary.

mod bench;
mod cargo;
mod coherence;
mod differential;
mod failover;
mod features;
mod fuzz;
mod lint;
mod one_build;
mod services;
mod stages;
mod tally;
mod test;
mod torture;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::torture::wishes::Wishes;

/// Chores of the jvspatial workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Run every test: unit, integration, UI, documentation, faults, features.
    Test(test::Options),
    /// Check format, lints, documentation and dependencies.
    Lint,
    /// Show the promises of the JSON database with the long figures; some rows need root.
    Torture(Wishes),
    /// Show the promises of the MongoDB backend with the long figures, on servers that step down, die and freeze.
    Failover(failover::Options),
    /// Show that processes that keep what they read stay coherent while Redis freezes, dies and is cut off.
    Coherence(coherence::Options),
    /// Measure ours beside peers and floors; fails when a bar does not hold.
    Bench(bench::Options),
    /// Compare the answers of our backends with those of a MongoDB server; finds one or starts it.
    Differential(differential::Options),
    /// Run the fuzz targets, each for a while; needs a nightly compiler and cargo-fuzz.
    Fuzz(fuzz::Options),
    /// Start, stop and show the MongoDB and Redis that tests talk to.
    Services(services::Options),
}

fn main() -> ExitCode {
    match Arguments::parse().chore {
        Chore::Test(options) => test::run(&options),
        Chore::Lint => lint::run(),
        Chore::Torture(wishes) => torture::run(&wishes),
        Chore::Failover(options) => failover::run(&options),
        Chore::Coherence(options) => coherence::run(&options),
        Chore::Bench(options) => bench::run(&options),
        Chore::Differential(options) => differential::run(&options),
        Chore::Fuzz(options) => fuzz::run(&options),
        Chore::Services(options) => services::run(&options),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_chore_that_does_not_exist_is_refused() {
        assert!(Arguments::try_parse_from(["cargo xtask", "tets"]).is_err());
    }
}
