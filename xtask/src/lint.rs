//! `cargo xtask lint`: what a reader of the code need not check.

use std::process::{ExitCode, Stdio};

use crate::cargo::{self, BENCH_PACKAGE, DIFFERENTIAL_PACKAGE, cargo};
use crate::stages::{Outcome, Stages};

pub(crate) fn run() -> ExitCode {
    let mut stages = Stages::new("lint");
    let check = |arguments: &[&str]| Outcome::from_result(cargo::run(cargo().args(arguments)));
    stages.run("format", || check(&["fmt", "--all", "--check"]));
    stages.run("clippy", || check(&clippy(&[])));
    stages.run("all features", all_features);
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

/// Everything but the peers, whose sources in C nobody else compiles.
fn all_features() -> Outcome {
    let mut selection = vec!["--all-features", "--exclude", BENCH_PACKAGE];
    let has_compiler = cargo::has_c_compiler();
    if !has_compiler {
        selection.extend(["--exclude", DIFFERENTIAL_PACKAGE]);
    }
    match cargo::run(cargo().args(clippy(&selection))) {
        Ok(()) if has_compiler => Outcome::Passed(String::new()),
        Ok(()) => {
            Outcome::Passed(format!("without {DIFFERENTIAL_PACKAGE}, which needs a C compiler"))
        }
        Err(reason) => Outcome::Failed(reason),
    }
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
