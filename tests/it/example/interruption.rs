//! A load that was stopped in the middle is noticed and finished.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use jvspatial::Graph;
use tempfile::TempDir;

use super::model::{Airport, Flight, Load};
use super::{command, folder, journal, run};

/// So many airports, each with a route to the `ROUTES` that follow it.
const AIRPORTS: usize = 2_000;
const ROUTES: usize = 20;

/// Writes a network large enough to be stopped in the middle of its loading.
fn write_large_data(folder: &Path) {
    let mut airports = "iata,name,city,state,country,latitude,longitude\n".to_owned();
    let mut routes = "origin,destination,count\n".to_owned();
    for airport in 0..AIRPORTS {
        writeln!(airports, "A{airport},name,city,ST,USA,1.5,2.5").unwrap();
        for step in 1..=ROUTES {
            writeln!(routes, "A{airport},A{},100", (airport + step) % AIRPORTS).unwrap();
        }
    }
    fs::write(folder.join("airports.csv"), airports).unwrap();
    fs::write(folder.join("flights-airport.csv"), routes).unwrap();
}

/// Starts a load in `folder`, kills it once the journal shows `sign`, and says whether that was in the
/// middle.
fn kill_when_journal_shows(folder: &Path, sign: &str) -> bool {
    let mut command = command(folder, &["--data", ".", "--from", "A0"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !journal(folder).contains(sign) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{sign} never came");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    !journal(folder).contains("\"complete\":true")
}

/// A folder with data and a load of it that was killed twice: among its airports, then its routes.
fn half_loaded() -> TempDir {
    // On a busy machine the load may win the race.
    let attempt = || {
        let folder = folder();
        write_large_data(folder.path());
        let signs = ["\"n.Airport.", "\"e.Flight."];
        signs.iter().all(|sign| kill_when_journal_shows(folder.path(), sign)).then_some(folder)
    };
    (0..20).find_map(|_| attempt()).expect("a load is stopped in the middle")
}

#[tokio::test]
async fn a_load_that_was_killed_is_finished_by_the_next_run() {
    let folder = half_loaded();
    let other = run(folder.path(), &[]);
    other.assert_fails_with(&["json:./airports.db is half loaded with other data than"]);

    let arguments = ["--data", ".", "--from", "A0", "--json", "--hops", "1000"];
    let answer = run(folder.path(), &arguments).answer();
    assert_eq!(answer["airports"], AIRPORTS);
    assert!(answer["database"]["load_seconds"].is_f64());

    let path = folder.path().join("airports.db");
    let graph = Graph::open(&format!("json:{}", path.display())).await.unwrap();
    assert!(graph.objects::<Load>().first().await.unwrap().unwrap().complete);
    assert_eq!(graph.nodes::<Airport>().count().await.unwrap(), AIRPORTS as u64);
    assert_eq!(graph.edges::<Flight>().count().await.unwrap(), (AIRPORTS * ROUTES) as u64);
    graph.close().await.unwrap();
}

#[test]
fn of_two_runs_at_once_at_least_one_answers_and_the_other_says_why_not() {
    let folder = folder();
    let start = || {
        let mut command = command(folder.path(), &["--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut answers = 0;
    for child in [start(), start()] {
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            answers += 1;
        } else {
            let reason = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{reason}");
            assert!(
                reason.contains("open elsewhere") && reason.contains("airports.db"),
                "{reason}"
            );
        }
    }
    assert!(answers > 0);
    assert_eq!(run(folder.path(), &["--json"]).answer()["airports"], 292);
}
