//! All tests and the programs they start, as one build.
//!
//! Cargo compiles the drivers, and whatever stands on them, anew for each other choice of packages and features, and
//! that takes longer than most of what is run with them.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::cargo::{self, BENCH_PACKAGE, DIFFERENTIAL_PACKAGE, cargo};

/// Who has tests or programs that talk to a server, with what they need for it.
const PACKAGES: [(&str, &[&str]); 5] = [
    ("jvspatial-db", &["mongodb"]),
    ("jvspatial-core", &["mongodb", "redis"]),
    ("jvspatial-cache", &["redis"]),
    ("jvspatial", &["mongodb", "redis"]),
    (DIFFERENTIAL_PACKAGE, &["server"]),
];

/// The name of every test program.
pub(crate) const TESTS: &str = "it";

/// A `cargo build` or `cargo test` of it; the targets are still to be said. The drivers need a C compiler and are left out where
/// there is none.
pub(crate) fn cargo_to(verb: &str) -> Command {
    command(verb, cargo::has_c_compiler())
}

/// A `cargo test` of the test programs in it; which tests they run is still to be said.
pub(crate) fn test_programs() -> Command {
    let mut command = cargo_to("test");
    command.args(["--test", TESTS]);
    command
}

fn command(verb: &str, with_drivers: bool) -> Command {
    let mut command = cargo();
    command.args([verb, "--workspace", "--exclude", BENCH_PACKAGE]);
    if with_drivers {
        let features = PACKAGES.iter().flat_map(|(package, features)| {
            features.iter().map(move |feature| format!("{package}/{feature}"))
        });
        command.args(["--features", &features.collect::<Vec<_>>().join(",")]);
    }
    command
}

/// Builds all of it, programs and examples too, because tests start them, and says where the example `name` of `package` is.
///
/// By `cargo test`: for `cargo build` the dependencies would lack what only tests ask of them, and be built again.
pub(crate) fn example(package: &str, name: &str) -> Result<PathBuf, String> {
    let mut command = cargo_to("test");
    command.args(["--no-run", "--message-format=json-render-diagnostics"]);
    find_program(&cargo::output(&mut command)?, package, name)
}

/// Builds the test programs and says where the program `name` of `package` is.
pub(crate) fn program(package: &str, name: &str) -> Result<PathBuf, String> {
    let mut command = test_programs();
    command.args(["--no-run", "--message-format=json-render-diagnostics"]);
    find_program(&cargo::output(&mut command)?, package, name)
}

/// A program among the messages of cargo.
fn find_program(messages: &str, package: &str, name: &str) -> Result<PathBuf, String> {
    let mut programs = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_wanted = message["reason"] == "compiler-artifact"
            && message["target"]["name"] == name
            && message["package_id"].as_str().is_some_and(|id| is_of(id, package));
        is_wanted.then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    programs.next_back().ok_or_else(|| format!("cargo names no program {name} of {package}"))
}

/// Whether cargo's id of a package, `path+file:///…/name#version` or `…#name@version`, is that of `package`.
fn is_of(id: &str, package: &str) -> bool {
    let Some((place, version)) = id.rsplit_once('#') else { return false };
    let named = version.split_once('@').map(|(name, _)| name);
    named.or_else(|| place.rsplit('/').next()) == Some(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_are_left_out_where_nobody_could_compile_them() {
        let words = |command: Command| -> String {
            let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
            words.join(" ")
        };
        assert_eq!(
            words(command("test", true)),
            "test --workspace --exclude jvspatial-benches --features jvspatial-db/mongodb,\
             jvspatial-core/mongodb,jvspatial-core/redis,jvspatial-cache/redis,jvspatial/mongodb,jvspatial/redis,\
             jvspatial-differential/server"
        );
        assert_eq!(words(command("build", false)), "build --workspace --exclude jvspatial-benches");
    }

    #[test]
    fn a_program_is_told_from_those_of_the_same_name() {
        let message = |id: &str, target: &str, program: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"{id}","target":{{"name":"{target}"}},"executable":{program}}}"#
            )
        };
        let messages = [
            message("registry+https://somewhere#bson@3.0.0", "bson", "null"),
            message("path+file:///home/jvspatial/jvspatial-db#0.1.0", "it", r#""/t/db""#),
            message("path+file:///home/jvspatial#0.1.0", "it", r#""/t/facade""#),
            message("path+file:///home/d#jvspatial-differential@0.1.0", "it", r#""/t/tests""#),
            message(
                "path+file:///home/d#jvspatial-differential@0.1.0",
                "jvspatial-differential",
                r#""/t/d""#,
            ),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ]
        .join("\n");
        let found = |package, name| find_program(&messages, package, name).ok();
        assert_eq!(found("jvspatial-db", "it"), Some(PathBuf::from("/t/db")));
        assert_eq!(found("jvspatial", "it"), Some(PathBuf::from("/t/facade")));
        let name = DIFFERENTIAL_PACKAGE;
        assert_eq!(found(name, name), Some(PathBuf::from("/t/d")));
        assert_eq!(found("jvspatial-core", "it"), None);
    }
}
