//! What is wrong is named in one line, and nothing is half loaded.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jvspatial::Graph;

use super::{folder, journal, run};

const AIRPORTS: &str = "\
iata,name,city,state,country,latitude,longitude
ATL,Hartsfield,Atlanta,GA,USA,33.64,-84.43
BRW,Wiley Post,Barrow,AK,USA,71.29,-156.77
";

const ROUTES: &str = "\
origin,destination,count
ATL,BRW,120
BRW,ATL,130
";

/// Writes both files of a small network into `folder`.
fn write_data(folder: &Path, airports: impl AsRef<[u8]>, routes: impl AsRef<[u8]>) {
    fs::write(folder.join("airports.csv"), airports).unwrap();
    fs::write(folder.join("flights-airport.csv"), routes).unwrap();
}

/// Runs with this data, which must be refused with all of `facts` and without a write.
fn assert_refused(airports: impl AsRef<[u8]>, routes: impl AsRef<[u8]>, facts: &[&str]) {
    let folder = folder();
    write_data(folder.path(), airports, routes);
    run(folder.path(), &["--data", "."]).assert_fails_with(facts);
    let journal = journal(folder.path());
    assert!(!journal.contains("_id"), "something was written: {journal}");
    // With sound data the same database can be loaded.
    write_data(folder.path(), AIRPORTS, ROUTES);
    let answer = run(folder.path(), &["--data", ".", "--json"]).answer();
    assert_eq!(answer["airports"], 2);
}

#[test]
fn malformed_airports_are_named_by_file_and_line() {
    let third = "BRW,Wiley Post,Barrow,AK,USA,71.29,-156.77\n";
    let long = format!("BRW,{},Barrow,AK,USA,71.29,-156.77\n", "x".repeat(201));
    for (bad, problem) in [
        ("BRW,Wiley Post,Barrow,AK,USA,71.29\n", "6 cells, but the header has 7"),
        ("BRW,Wiley Post,Barrow,AK,USA,71.29,-156.77,1\n", "8 cells, but the header has 7"),
        ("BRW,,Barrow,AK,USA,71.29,-156.77\n", "name is empty"),
        (",Wiley Post,Barrow,AK,USA,71.29,-156.77\n", "iata is empty"),
        ("B/W,Wiley Post,Barrow,AK,USA,71.29,-156.77\n", "iata \"B/W\" is not made of capital"),
        ("ATL,Wiley Post,Barrow,AK,USA,71.29,-156.77\n", "iata \"ATL\" stands on line 2 already"),
        ("BRW,Wiley Post,Barrow,AK,USA,north,-156.77\n", "latitude \"north\" is no number"),
        ("BRW,Wiley Post,Barrow,AK,USA,,-156.77\n", "latitude is empty"),
        ("BRW,Wiley Post,Barrow,AK,USA,NaN,-156.77\n", "latitude NaN is not between -90 and 90"),
        ("BRW,Wiley Post,Barrow,AK,USA,90.5,-156.77\n", "latitude 90.5 is not between"),
        ("BRW,Wiley Post,Barrow,AK,USA,71.29,-inf\n", "longitude -inf is not between"),
        (long.as_str(), "name has 201 bytes, over 200"),
    ] {
        let airports = AIRPORTS.replace(third, bad);
        assert_refused(airports, ROUTES, &["airports.csv, line 3: ", problem]);
    }
    let not_text = [AIRPORTS.as_bytes(), b"XNA,\xff,Bentonville,AR,USA,36.28,-94.3\n"].concat();
    assert_refused(not_text, ROUTES, &["airports.csv, line 4: ", "not UTF-8"]);
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    let bad = "BRW,Wiley Post,Barrow,AK,USA,north,-156.77\n";
    let header = AIRPORTS.lines().next().unwrap();
    let two_lines = "ATL,\"Harts\nfield\",Atlanta,GA,USA,33.64,-84.43";
    for (airports, place) in [
        (format!("\u{feff}{header}\n\n\n{bad}"), "line 4: "),
        (format!("{header}\n{two_lines}\n{bad}"), "line 4: "),
        (format!("{header}\r\n\r\n{two_lines}\r\n{bad}"), "line 5: "),
        (format!("{header}\r\n\r\n{two_lines}\r\n\r\nBRW\r\n"), "line 6: 1 cells"),
    ] {
        assert_refused(airports, ROUTES, &["airports.csv, ", place]);
    }
}

#[test]
fn malformed_routes_are_named_by_file_and_line() {
    for (bad, problem) in [
        ("BRW,ATL\n", "2 cells, but the header has 3"),
        ("BRW,XXX,130\n", "destination \"XXX\" is no airport of airports.csv"),
        (",ATL,130\n", "origin is empty"),
        ("BRW,ATL,many\n", "count \"many\" is no number"),
        ("BRW,ATL,-1\n", "count \"-1\" is no number"),
        ("BRW,ATL,4294967296\n", "count \"4294967296\" is no number"),
        ("ATL,BRW,130\n", "this route stands on line 2 already"),
    ] {
        let routes = ROUTES.replace("BRW,ATL,130\n", bad);
        assert_refused(AIRPORTS, routes, &["flights-airport.csv, line 3: ", problem]);
    }
}

#[test]
fn a_missing_column_or_file_is_named() {
    let without_name = AIRPORTS.replace("name", "title");
    assert_refused(without_name, ROUTES, &["airports.csv, line 1: no column \"name\""]);
    assert_refused("", ROUTES, &["airports.csv, line 1: no column \"iata\""]);
    assert_refused(AIRPORTS, "", &["flights-airport.csv, line 1: no column \"origin\""]);

    let folder = folder();
    run(folder.path(), &["--data", "nowhere"])
        .assert_fails_with(&["nowhere/airports.csv: cannot be read: No such file"]);
    fs::write(folder.path().join("airports.csv"), AIRPORTS).unwrap();
    run(folder.path(), &["--data", "."])
        .assert_fails_with(&["flights-airport.csv: cannot be read: No such file"]);
}

#[test]
fn columns_may_stand_in_any_order_among_others() {
    let folder = folder();
    write_data(folder.path(), AIRPORTS, "\u{feff}note,count,origin,destination\n,99,ATL,BRW\n");
    let reachable = |flights: &str| {
        let arguments = ["--data", ".", "--json", "--min-flights", flights];
        run(folder.path(), &arguments).answer()["airports"].clone()
    };
    assert_eq!(reachable("99"), 2);
    assert_eq!(reachable("100"), 1);
}

#[test]
fn an_unknown_start_is_named_before_anything_is_loaded() {
    let folder = folder();
    let refused = || run(folder.path(), &["--from", "xyz"]);
    refused().assert_fails_with(&["--from: no airport has the code \"XYZ\""]);
    assert!(!journal(folder.path()).contains("_id"));
    run(folder.path(), &["--json"]).answer();
    refused().assert_fails_with(&["--from: no airport has the code \"XYZ\""]);
}

#[test]
fn other_data_than_was_loaded_is_refused() {
    let folder = folder();
    run(folder.path(), &["--json"]).answer();
    write_data(folder.path(), AIRPORTS, ROUTES);
    run(folder.path(), &["--data", "."])
        .assert_fails_with(&["json:./airports.db holds other data than ."]);
}

#[test]
fn a_database_that_cannot_be_is_named() {
    let folder = folder();
    fs::write(folder.path().join("file"), "").unwrap();
    fs::create_dir(folder.path().join("other")).unwrap();
    fs::write(folder.path().join("other/notes.txt"), "").unwrap();
    for (url, facts) in [
        ("json:file", &["cannot be opened (path: file): it is not a directory"][..]),
        ("json:other", &["other", "not a database", "notes.txt"]),
        ("json:no/such/place", &["(path: no/such/place): its parent directory does not exist"]),
        ("json:", &["names no directory"]),
        ("airports.db", &["has no scheme", "json:<directory>"]),
        ("sqlite:airports.db", &["unknown scheme", "sqlite"]),
    ] {
        run(folder.path(), &["--db", url]).assert_fails_with(facts);
    }
    let secret = run(folder.path(), &["--db", "mongodb://me:canary@host/"]);
    secret.assert_fails_with(if cfg!(feature = "mongodb") {
        &["names no database", "mongodb://<hosts>/<database>"]
    } else {
        &["this build has no MongoDB backend", "mongodb"]
    });
    assert!(!secret.stderr.contains("canary"));
}

#[test]
fn a_database_of_a_newer_format_is_refused_and_left_as_it_is() {
    let folder = folder();
    run(folder.path(), &["--json"]).answer();
    let manifest = folder.path().join("airports.db/MANIFEST.json");
    let newer = fs::read_to_string(&manifest).unwrap().replace("\"format\": 1", "\"format\": 3");
    fs::write(&manifest, &newer).unwrap();
    run(folder.path(), &[]).assert_fails_with(&[
        "airports.db",
        "newer version",
        "expected format: 2",
        "found format: 3",
    ]);
    assert_eq!(fs::read_to_string(&manifest).unwrap(), newer);
}

#[tokio::test]
async fn a_database_open_in_another_process_is_named_with_the_process() {
    let folder = folder();
    let path = folder.path().join("airports.db");
    let graph = Graph::open(&format!("json:{}", path.display())).await.unwrap();
    let process = format!("process: {}", std::process::id());
    run(folder.path(), &[]).assert_fails_with(&["airports.db", "open", &process]);
    graph.close().await.unwrap();
    run(folder.path(), &["--json"]).answer();
}

#[test]
fn a_folder_that_may_not_be_written_is_named() {
    let folder = folder();
    let guarded = folder.path().join("guarded");
    fs::create_dir(&guarded).unwrap();
    fs::set_permissions(&guarded, fs::Permissions::from_mode(0o500)).unwrap();
    let run = run(folder.path(), &["--json", "--db", "json:guarded/airports.db"]);
    // Rights do not bind the superuser, who may run these tests too.
    if fs::write(guarded.join("probe"), "").is_ok() {
        run.answer();
    } else {
        run.assert_fails_with(&["guarded/airports.db", "Permission denied"]);
    }
    fs::set_permissions(&guarded, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn mistakes_on_the_command_line_are_usage_errors() {
    let folder = folder();
    for arguments in [&["--hops", "-1"][..], &["--min-flights", "x"], &["--form", "ATL"], &["ATL"]]
    {
        let run = run(folder.path(), arguments);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{arguments:?}");
    }
    assert!(!folder.path().join("airports.db").exists());
}
