//! `cargo xtask lint`: what a reader of the code need not check.

use std::process::{ExitCode, Stdio};

use crate::cargo::{self, BENCH_PACKAGE, DIFFERENTIAL_PACKAGE, cargo};
use crate::stages::{Outcome, Stages};

pub(crate) fn run() -> ExitCode {
    let mut stages = Stages::new("lint");
    let check = |arguments: &[&str]| Outcome::from_result(cargo::run(cargo().args(arguments)));
    stages.run("format", || check(&["fmt", "--all", "--check"]));
    stages.run("clippy", || check(&clippy(&[])));
    // Without the packages whose features bring C along.
    let excluded = ["--exclude", BENCH_PACKAGE, "--exclude", DIFFERENTIAL_PACKAGE];
    stages.run("all features", || check(&clippy(&[&["--all-features"][..], &excluded].concat())));
    stages.run("differential", differential);
    stages.run("docs", || {
        let mut command = cargo();
        command.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        Outcome::from_result(cargo::run(&mut command))
    });
    stages.run("dependencies", dependencies);
    stages.finish()
}

fn clippy<'a>(selection: &[&'a str]) -> Vec<&'a str> {
    [&["clippy", "--workspace", "--all-targets"], selection, &["--", "-D", "warnings"]].concat()
}

/// The package with its driver, where that can be built.
fn differential() -> Outcome {
    if !cargo::has_c_compiler() {
        return Outcome::Skipped("needs a C compiler for the driver of MongoDB".to_owned());
    }
    let mut command = cargo();
    command.args(["clippy", "--package", DIFFERENTIAL_PACKAGE, "--all-features", "--all-targets"]);
    Outcome::from_result(cargo::run(command.args(["--", "-D", "warnings"])))
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
