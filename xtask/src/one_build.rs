//! All tests and the programs they start, as one build.
//!
//! Cargo compiles the drivers, and whatever stands on them, anew for each other choice of packages and features, and
//! that takes longer than most of what is run with them.

use std::path::{Path, PathBuf};
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

/// All of it as it was built: programs and examples too, because tests start them.
#[derive(Debug)]
pub(crate) struct OneBuild {
    programs: Vec<Program>,
}

/// A program that was built, by the name of its target.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: String,
    package: String,
    /// The version of the package.
    version: String,
    /// The directory of the package.
    directory: PathBuf,
    /// Whether it is a test harness with the tests in it.
    is_test: bool,
    path: PathBuf,
}

impl OneBuild {
    /// Builds it, by `cargo test`: for `cargo build` the dependencies would lack what only tests ask of them, and be built
    /// again.
    pub(crate) fn make() -> Result<Self, String> {
        Self::of(&mut cargo_to("test"))
    }

    fn of(command: &mut Command) -> Result<Self, String> {
        command.args(["--no-run", "--message-format=json-render-diagnostics"]);
        Self::from_messages(&cargo::output(command)?)
    }

    pub(crate) fn from_messages(messages: &str) -> Result<Self, String> {
        let mut programs: Vec<_> = messages.lines().filter_map(Program::from_message).collect();
        programs.sort_by(|a, b| a.key().cmp(&b.key()));
        if programs.is_empty() {
            Err("cargo names no program".to_owned())
        } else {
            Ok(Self { programs })
        }
    }

    /// The test programs, those of one package after the other.
    pub(crate) fn tests(&self) -> impl Iterator<Item = &Program> {
        self.programs.iter().filter(|program| program.is_test)
    }

    /// The program `name` of `package`, or the tests of that name.
    pub(crate) fn find(&self, package: &str, name: &str) -> Result<PathBuf, String> {
        let is_wanted = |program: &&Program| program.package == package && program.name == name;
        let found = self.programs.iter().find(is_wanted).map(|program| program.path.clone());
        found.ok_or_else(|| format!("cargo names no program {name} of {package}"))
    }
}

/// The test program of `package` in `built`, or in a build of no more than those.
pub(crate) fn test_program(built: Option<&OneBuild>, package: &str) -> Result<PathBuf, String> {
    match built {
        Some(built) => built.find(package, TESTS),
        None => OneBuild::of(cargo_to("test").args(["--test", TESTS]))?.find(package, TESTS),
    }
}

impl Program {
    /// What a message of cargo says of a program.
    fn from_message(message: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(message).ok()?;
        let (package, version) = name_and_version(message["package_id"].as_str()?)?;
        Some(Self {
            name: message["target"]["name"].as_str()?.to_owned(),
            package: package.to_owned(),
            version: version.to_owned(),
            directory: Path::new(message["manifest_path"].as_str()?).parent()?.to_owned(),
            is_test: message["profile"]["test"].as_bool()?,
            path: PathBuf::from(message["executable"].as_str()?),
        })
    }

    /// By package, and a program before the tests in it.
    fn key(&self) -> (&str, &str, bool) {
        (&self.package, &self.name, self.is_test)
    }

    /// Runs it as `cargo test` does, and needs no turn among those who build.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.current_dir(&self.directory);
        command.env("CARGO", cargo().get_program()).env("CARGO_MANIFEST_DIR", &self.directory);
        command.env("CARGO_PKG_NAME", &self.package).env("CARGO_PKG_VERSION", &self.version);
        command
    }
}

/// What cargo's id of a package says, `path+file:///…/name#version` or `…#name@version`.
fn name_and_version(id: &str) -> Option<(&str, &str)> {
    let (place, version) = id.rsplit_once('#')?;
    version.split_once('@').or_else(|| Some((place.rsplit('/').next()?, version)))
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
    fn a_program_is_told_from_those_of_the_same_name_and_from_its_own_tests() {
        let message = |id: &str, target: &str, is_test: bool, program: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"{id}","manifest_path":"/p/Cargo.toml","target":{{"name":"{target}"}},"profile":{{"test":{is_test}}},"executable":{program}}}"#
            )
        };
        let differential = "path+file:///home/d#jvspatial-differential@0.1.0";
        let messages = [
            message("registry+https://somewhere#bson@3.0.0", "bson", false, "null"),
            message("path+file:///home/jvspatial/jvspatial-db#0.1.0", "it", true, r#""/t/db""#),
            message("path+file:///home/jvspatial#0.1.0", "it", true, r#""/t/facade""#),
            message(differential, "it", true, r#""/t/tests""#),
            message(differential, DIFFERENTIAL_PACKAGE, true, r#""/t/units""#),
            message(differential, DIFFERENTIAL_PACKAGE, false, r#""/t/d""#),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ]
        .join("\n");
        let built = OneBuild::from_messages(&messages).unwrap();
        let found = |package, name| built.find(package, name).ok();
        assert_eq!(found("jvspatial-db", "it"), Some(PathBuf::from("/t/db")));
        assert_eq!(found("jvspatial", "it"), Some(PathBuf::from("/t/facade")));
        assert_eq!(found(DIFFERENTIAL_PACKAGE, DIFFERENTIAL_PACKAGE), Some(PathBuf::from("/t/d")));
        assert_eq!(found("jvspatial-core", "it"), None);
        let tests: Vec<_> = built.tests().map(|test| test.path.to_str().unwrap()).collect();
        assert_eq!(tests, ["/t/facade", "/t/db", "/t/tests", "/t/units"]);
        assert!(OneBuild::from_messages("").is_err());
    }

    #[test]
    fn a_test_finds_its_package_as_cargo_would_tell_it() {
        let message = r#"{"reason":"compiler-artifact","package_id":"path+file:///home/d#cities@0.2.0","manifest_path":"/home/d/Cargo.toml","target":{"name":"it"},"profile":{"test":true},"executable":"/t/it"}"#;
        let command = Program::from_message(message).unwrap().command();
        assert_eq!(command.get_current_dir(), Some(Path::new("/home/d")));
        let told = |name: &str| {
            command
                .get_envs()
                .find(|(named, _)| *named == name)
                .unwrap()
                .1
                .unwrap()
                .to_str()
                .unwrap()
        };
        assert_eq!(told("CARGO_MANIFEST_DIR"), "/home/d");
        assert_eq!((told("CARGO_PKG_NAME"), told("CARGO_PKG_VERSION")), ("cities", "0.2.0"));
    }
}
