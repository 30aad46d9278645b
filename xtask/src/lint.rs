//! `cargo xtask lint`: what a reader of the code need not check.

use std::process::{ExitCode, Stdio};

use crate::cargo::{self, BENCH_PACKAGE, cargo};
use crate::features;
use crate::stages::{Outcome, Stages};

pub(crate) fn run() -> ExitCode {
    let mut stages = Stages::new("lint");
    let check = |arguments: &[&str]| Outcome::from_result(cargo::run(cargo().args(arguments)));
    stages.run("format", || check(&["fmt", "--all", "--check"]));
    stages.run("clippy", clippy);
    stages.run("docs", docs);
    stages.run("dependencies", dependencies);
    stages.finish()
}

/// Every target with all features. What is there only without some feature is linted by the stage "features" of the tests.
fn clippy() -> Outcome {
    with_all_features(|features| {
        let selection = ["clippy", "--workspace", "--all-targets", "--features", features];
        cargo::run(cargo().args(selection).args(["--", "-D", "warnings"]))
    })
}

/// Libraries with all features. The examples are there for what their tests stand on: with the same dependencies as
/// clippy, those are not checked again.
fn docs() -> Outcome {
    with_all_features(|features| {
        let selection = ["doc", "--workspace", "--no-deps", "--lib", "--examples"];
        let mut command = cargo();
        command.args(selection).args(["--features", features]);
        cargo::run(command.env("RUSTDOCFLAGS", "-D warnings"))
    })
}

/// Runs what takes features, without those that need a C compiler where there is none.
fn with_all_features(run: impl FnOnce(&str) -> Result<(), String>) -> Outcome {
    let has_compiler = cargo::has_c_compiler();
    let features = if has_compiler { all_features() } else { Ok(String::new()) };
    match features.and_then(|features| run(&features)) {
        Ok(()) if has_compiler => Outcome::Passed(String::new()),
        Ok(()) => Outcome::Passed("without drivers, which need a C compiler".to_owned()),
        Err(reason) => Outcome::Failed(reason),
    }
}

/// All but the peers, whose sources in C nobody else compiles.
fn all_features() -> Result<String, String> {
    let mut features = features::all(&features::metadata()?)?;
    features.retain(|feature| *feature != format!("{BENCH_PACKAGE}/peers"));
    Ok(features.join(","))
}

/// Advisories are left out: they need a network, and a new one must not fail an old commit.
fn dependencies() -> Outcome {
    let version =
        cargo().args(["deny", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !version.is_ok_and(|status| status.success()) {
        return Outcome::Skipped("cargo-deny is not installed".to_owned());
    }
    let checks = ["deny", "--offline", "check", "bans", "licenses", "sources"];
    Outcome::from_result(cargo::run(cargo().args(checks)))
}
