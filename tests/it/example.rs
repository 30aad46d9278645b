//! The example `airports`, run as a person runs it.

#![allow(clippy::disallowed_methods)]

mod bad_input;
mod interruption;

#[path = "../../examples/airports/model.rs"]
mod model;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tempfile::TempDir;

/// Where whoever runs the tests has built the example, with the features of this test.
const BUILT: &str = "JVSPATIAL_TEST_AIRPORTS";

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| std::env::var_os(BUILT).map_or_else(build, PathBuf::from))
}

/// Builds the example as this test is: cargo names the programs of a package to its tests, but not its examples.
fn build() -> PathBuf {
    // <target>/<profile>/deps/<test>
    let test = std::env::current_exe().unwrap();
    let profile_folder = test.ancestors().nth(2).unwrap();
    let profile = match profile_folder.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        profile => profile,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let built = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--example", "airports", "--message-format", "json"])
        .args(cfg!(feature = "mongodb").then_some("--features=mongodb"))
        .args(["--profile", profile, "--target-dir"])
        .arg(profile_folder.parent().unwrap())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(built.status.success(), "the example does not build");
    let messages = String::from_utf8(built.stdout).unwrap();
    let executable = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_example = message["target"]["name"] == "airports";
        is_example.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
    });
    executable.expect("cargo names the program it built")
}

/// The example with `arguments`, to be run in `folder`.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.current_dir(folder).args(arguments);
    command
}

/// What one run printed, and how it ended.
#[derive(Debug)]
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    /// The object that a run with `--json` printed.
    fn answer(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        assert_eq!(self.stderr, "");
        assert_eq!(self.stdout.lines().count(), 1);
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The one line by which a run failed, which must hold all of `facts`.
    fn assert_fails_with(&self, facts: &[&str]) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert_eq!(self.stdout, "");
        let lines: Vec<_> = self.stderr.lines().collect();
        let [line] = lines.as_slice() else {
            panic!("expected one line, found {lines:?}");
        };
        let line = line.strip_prefix("error: ").expect("it is called an error");
        for fact in facts {
            assert!(line.contains(fact), "{line:?} does not say {fact:?}");
        }
    }
}

fn run(folder: &Path, arguments: &[&str]) -> Run {
    let output = command(folder, arguments).output().unwrap();
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Everything that was ever written to the database `airports.db` in `folder`.
fn journal(folder: &Path) -> String {
    let Ok(segments) = std::fs::read_dir(folder.join("airports.db/journal")) else {
        return String::new();
    };
    segments.map(|segment| std::fs::read_to_string(segment.unwrap().path()).unwrap()).collect()
}

#[test]
fn walks_find_the_airports_of_the_data() {
    let folder = folder();
    let found = |arguments: &[&str]| {
        let answer = run(folder.path(), &[&["--json"], arguments].concat()).answer();
        (answer["airports"].clone(), answer["by_hop"].clone())
    };
    assert_eq!(
        found(&["--from", "ATL", "--min-flights", "100", "--hops", "2"]),
        (json!(292), json!([1, 161, 130]))
    );
    assert_eq!(
        found(&["--from", "ATL", "--min-flights", "1000", "--hops", "10"]),
        (json!(229), json!([1, 115, 110, 3]))
    );
    assert_eq!(
        found(&["--from", "brw", "--min-flights", "100", "--hops", "10"]),
        (json!(296), json!([1, 2, 23, 258, 12]))
    );
    assert_eq!(found(&["--hops", "0"]), (json!(1), json!([1])));
}

#[test]
fn json_names_the_busiest_airport_of_each_state() {
    let answer = run(folder().path(), &["--json", "--hops", "10", "--min-flights", "1"]).answer();
    let busiest = answer["busiest"].as_array().unwrap();
    // Five of the 56 states in the data have airports, but no flights.
    assert_eq!(busiest.len(), 51);
    let flights: Vec<_> = busiest.iter().map(|row| row["flights"].as_u64().unwrap()).collect();
    assert!(flights.is_sorted_by(|a, b| a >= b));
    assert_eq!(
        busiest[0],
        json!({
            "state": "GA",
            "iata": "ATL",
            "name": "William B Hartsfield-Atlanta Intl",
            "city": "Atlanta",
            "flights": 829_034,
            "hops": 0,
        })
    );
    let alaska = busiest.iter().find(|row| row["state"] == "AK").unwrap();
    assert_eq!((&alaska["iata"], &alaska["flights"]), (&json!("ANC"), &json!(38_656)));
    assert_eq!(answer["from"], "ATL");
    assert_eq!(answer["database"]["airports"], 3_376);
    assert_eq!(answer["database"]["routes"], 5_366);
}

#[test]
fn a_second_run_reuses_the_database() {
    let folder = folder();
    let first = run(folder.path(), &["--json"]).answer();
    let written = journal(folder.path());
    let second = run(folder.path(), &["--json"]).answer();
    assert!(first["database"]["load_seconds"].is_f64());
    assert!(second["database"]["load_seconds"].is_null());
    assert_eq!(first["busiest"], second["busiest"]);
    assert_eq!(journal(folder.path()), written);
}

#[test]
fn text_has_aligned_tables_and_no_colour_in_a_pipe() {
    let Run { code, stdout, stderr } = run(folder().path(), &["--top", "2"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(!stdout.contains('\u{1b}'));
    for part in [
        "3,376 airports and 5,366 routes in json:./airports.db (loaded in ",
        "Within 2 hops of ATL (William B Hartsfield-Atlanta Intl, Atlanta, GA)",
        "  hops  airports    in all\n     0         1         1\n     1       161       162\n",
        "\n     2       130       292\n",
        "  state  airport  city       flights  hops\n  GA     ATL      Atlanta    829,034     0\n",
        "  IL     ORD      Chicago    700,832     1\n  and 49 more; --top 0 shows all\n",
        "Walked over 292 airports in ",
    ] {
        assert!(stdout.contains(part), "{stdout} lacks {part:?}");
    }
    let all = run(folder().path(), &["--top", "0", "--db", "memory:"]).stdout;
    assert!(all.contains("  WV     CRW      Charleston") && !all.contains("more; --top"), "{all}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = folder();
    let mut command = command(folder.path(), &["--db", "memory:"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &[][..]));
}
