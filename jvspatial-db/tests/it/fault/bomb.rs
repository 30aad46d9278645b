//! Bombs: small files that ask for much. Each is opened by a process that may have 256 MiB of memory.
//!
//! The limit is `RLIMIT_DATA`, which counts what is written to and not, as `RLIMIT_AS` does, the address
//! space that the allocator sets aside for each thread: going beyond it ends the child. `VmHWM`, the most
//! that was ever in memory, is printed. The child's time and the files it writes are bounded as well.

mod plant;

use std::path::Path;
use std::process::Command;

use jvspatial_db::{
    Collection, Database as _, EntityName, ErrorKind, Filter, Handle, Id, JsonDb, JsonDbOptions,
    codec, doc,
};
use rustix::process::{Resource, Rlimit, setrlimit};

use self::plant::{Journal, append, plant_manifest, sparse};
use super::child::{Teller, give_orders, orders, tell};
use super::figures::{rounds, say};
use super::script::runtime;

/// Bytes of memory, of a file that is written, and seconds of work.
const LIMITS: [(Resource, u64); 3] =
    [(Resource::Data, 256 << 20), (Resource::Fsize, 2 << 30), (Resource::Cpu, 30)];

/// What a child told of a store.
#[derive(Debug)]
struct Told {
    /// `opened`, or the kind of the error.
    outcome: String,
    peak_mib: u64,
    /// How many documents there are, commits, and quarantined bytes; or the error.
    rest: String,
}

/// The most memory that this process has had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap().div_ceil(1024)
}

/// Takes this process's resources away.
fn limit() {
    for (resource, most) in LIMITS {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).unwrap();
    }
}

/// The child: opens the store in `home` and reads all of it.
fn open_in_little_room(home: &Path) {
    limit();
    let runtime = runtime();
    match runtime.block_on(JsonDb::open(home, JsonDbOptions::new())) {
        Ok(db) => {
            let mut count = 0;
            for collection in Collection::ALL {
                count += runtime.block_on(db.count(collection, &Filter::all())).unwrap();
                // A filter that no document passes, for which each has to be read and decoded.
                let absent = Filter::parse(&doc! { "context.absent": 1 }).unwrap();
                let read = runtime.block_on(db.count(collection, &absent));
                assert!(read.is_ok_and(|count| count == 0) || home.ends_with("deep"));
            }
            let recovery = db.recovery();
            let (commits, quarantined) = (recovery.commits, recovery.quarantined_bytes);
            tell(&format!("opened {} {count} {commits} {quarantined}", peak()));
        }
        Err(error) => {
            let text: String = format!("{error}").chars().take(300).collect();
            tell(&format!("{:?} {} {text}", error.kind(), peak()));
        }
    }
}

/// Lets a child open the store in `home`.
fn explode(test: &str, home: &Path) -> Told {
    let start = std::time::Instant::now();
    let mut command = Command::new(std::env::current_exe().unwrap());
    give_orders(&mut command, test, "bomb", home);
    // The child of a test that was asked for by name is asked for as well.
    command.arg("--include-ignored");
    let told = Teller::spawn(command).rest();
    let mut words = told.lines().next().unwrap_or_default().splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (outcome, peak) = (word(), word());
    let Ok(peak_mib) = peak.parse() else { panic!("the child did not survive: {told}") };
    let told = Told { outcome, peak_mib, rest: word() };
    let name = test.rsplit("::").next().unwrap();
    let shown = if told.outcome == "opened" { told.rest.as_str() } else { "" };
    say(format_args!(
        "bomb {name}: {} {shown}, peak {} MiB, {} ms",
        told.outcome,
        told.peak_mib,
        start.elapsed().as_millis()
    ));
    told
}

/// Plants a store and lets a child open it; for the child, opens it.
fn bomb(test: &str, plant: impl FnOnce(&Path)) -> Option<Told> {
    let test = format!("fault::bomb::{test}");
    if let Some((_, home)) = orders() {
        open_in_little_room(Path::new(&home));
        return None;
    }
    let room = tempfile::tempdir().unwrap();
    let home = room.path().join("db");
    std::fs::create_dir(&home).unwrap();
    std::fs::create_dir(home.join("journal")).unwrap();
    plant(&home);
    Some(explode(&test, &home))
}

/// The control: what takes more than the limit is seen to.
#[test]
fn a_process_that_wants_more_memory_than_it_may_have_does_not_survive() {
    const TEST: &str =
        "fault::bomb::a_process_that_wants_more_memory_than_it_may_have_does_not_survive";
    if let Some((role, _)) = orders() {
        limit();
        let bytes = vec![1_u8; if role == "much" { 300 << 20 } else { 30 << 20 }];
        return tell(&format!("has {}", bytes.len()));
    }
    for (role, survives) in [("little", true), ("much", false)] {
        let told = Teller::start(TEST, role, Path::new("")).rest();
        assert_eq!(told.starts_with("has "), survives, "{told}");
    }
}

/// A sound journal of a few documents.
fn small() -> Journal {
    let mut journal = Journal::new();
    for number in 0..3 {
        journal.document(&format!("o.Note.{number}"), 1, "{}");
        journal.commit();
    }
    journal
}

#[track_caller]
fn assert_refused(told: Option<Told>, kind: ErrorKind) {
    if let Some(told) = told {
        assert_eq!(told.outcome, format!("{kind:?}"), "{told:?}");
    }
}

#[track_caller]
fn assert_opened(told: Option<Told>, rest: &str) {
    if let Some(told) = told {
        assert_eq!((told.outcome.as_str(), told.rest.as_str()), ("opened", rest), "{told:?}");
    }
}

#[test]
fn a_sparse_manifest_of_a_tebibyte() {
    let told = bomb("a_sparse_manifest_of_a_tebibyte", |home| {
        small().plant(home, 1);
        sparse(&home.join("MANIFEST.json"), 1 << 40);
    });
    assert_refused(told, ErrorKind::Corrupt);
}

#[test]
fn a_sparse_active_segment_of_a_tebibyte() {
    let told = bomb("a_sparse_active_segment_of_a_tebibyte", |home| {
        small().plant(home, 1);
        plant_manifest(home, "", 1, "null");
        sparse(&home.join("journal/00000001.jsonl"), 1 << 40);
    });
    assert_refused(told, ErrorKind::Corrupt);
}

#[test]
fn a_sparse_closed_segment_of_a_tebibyte() {
    let told = bomb("a_sparse_closed_segment_of_a_tebibyte", |home| {
        let end = small().plant(home, 1);
        plant_manifest(home, "", 1, &end);
        sparse(&home.join("journal/00000001.jsonl"), 1 << 40);
    });
    assert_refused(told, ErrorKind::Corrupt);
}

#[test]
fn a_sparse_sealed_segment_of_a_tebibyte() {
    let told = bomb("a_sparse_sealed_segment_of_a_tebibyte", |home| {
        let end = small().plant(home, 1);
        Journal::after(2, 3).plant(home, 2);
        plant_manifest(home, &format!("{{\"segment\":1,\"end\":{end}}}"), 2, "null");
        sparse(&home.join("journal/00000001.jsonl"), 1 << 40);
    });
    assert_refused(told, ErrorKind::Corrupt);
}

#[test]
fn room_of_a_gibibyte() {
    let len = rounds(64 << 20).min(1 << 30);
    let told = bomb("room_of_a_gibibyte", |home| {
        small().plant(home, 1);
        plant_manifest(home, "", 1, "null");
        sparse(&home.join("journal/00000001.jsonl"), len);
    });
    assert_opened(told, "3 3 0");
}

#[test]
fn a_line_of_a_gibibyte_without_an_end() {
    // All of a gibibyte in a run of scale 16.
    let len = rounds(64 << 20).min(1 << 30);
    let told = bomb("a_line_of_a_gibibyte_without_an_end", |home| {
        small().plant(home, 1);
        plant_manifest(home, "", 1, "null");
        sparse(&home.join("journal/00000001.jsonl"), len - 1);
        append(&home.join("journal/00000001.jsonl"), b"x");
    });
    let len = len - small().bytes.len() as u64;
    assert_opened(told, &format!("3 3 {len}"));
}

#[test]
fn a_commit_line_that_declares_as_many_lines_as_there_are_numbers() {
    let told = bomb("a_commit_line_that_declares_as_many_lines_as_there_are_numbers", |home| {
        let mut journal = small();
        journal.document("o.Note.9", 1, "{}");
        journal.commit_as(u64::MAX);
        journal.plant(home, 1);
        plant_manifest(home, "", 1, "null");
    });
    if let Some(told) = told {
        assert!(told.outcome == "opened" && told.rest.starts_with("3 3 "), "{told:?}");
    }
}

#[test]
fn millions_of_versions_of_one_document() {
    let (batches, each) = (rounds(100), 1_000);
    let told = bomb("millions_of_versions_of_one_document", |home| {
        let mut journal = Journal::new();
        for version in 1..=batches * each {
            journal.document("o.Counter.one", version, "{\"text\":\"some more bytes\"}");
            if version % each == 0 {
                journal.commit();
            }
        }
        journal.plant(home, 1);
        plant_manifest(home, "", 1, "null");
    });
    let few = told.as_ref().is_none_or(|told| told.peak_mib < 64);
    assert!(few, "memory goes by lines, not by documents: {told:?}");
    assert_opened(told, &format!("1 {batches} 0"));
}

#[test]
fn a_batch_of_millions_of_lines_that_nothing_closes() {
    let told = bomb("a_batch_of_millions_of_lines_that_nothing_closes", |home| {
        let mut journal = small();
        for version in 1..=2_000_000 {
            journal.tombstone("o.Note.0", version);
        }
        journal.plant(home, 1);
        plant_manifest(home, "", 1, "null");
    });
    if let Some(told) = told {
        assert!(told.outcome == "opened" && told.rest.starts_with("3 3 "), "{told:?}");
    }
}

#[test]
fn a_document_of_a_hundred_thousand_levels() {
    if let Some((_, home)) = orders() {
        return open_in_little_room(Path::new(&home));
    }
    let room = tempfile::tempdir().unwrap();
    let home = room.path().join("deep");
    std::fs::create_dir_all(home.join("journal")).unwrap();
    plant_deep(&home);
    let told = explode("fault::bomb::a_document_of_a_hundred_thousand_levels", &home);
    assert_opened(Some(told), "4 1 0");
    let db = runtime().block_on(JsonDb::open(&home, JsonDbOptions::new())).unwrap();
    for (depth, is_read) in DEPTHS {
        let id: Id = format!("o.Deep.{depth}").parse().unwrap();
        let found = runtime().block_on(db.get_many(&[Handle::new(id)])).unwrap();
        let read = found[0].as_ref().unwrap().to_bson();
        assert_eq!(read.is_ok(), is_read, "{depth} levels");
        assert!(is_read || read.unwrap_err().kind() == ErrorKind::Limit, "{depth} levels");
    }
}

/// How many levels, and whether that many can be read.
const DEPTHS: [(usize, bool); 4] = [(99, true), (100, true), (101, false), (100_000, false)];

fn nested(depth: usize) -> String {
    let inner = depth - 1;
    format!("{{\"a\":{}{}}}", "[".repeat(inner), "]".repeat(inner))
}

fn plant_deep(home: &Path) {
    let mut journal = Journal::new();
    for (depth, _) in DEPTHS {
        journal.document(&format!("o.Deep.{depth}"), 1, &nested(depth));
    }
    journal.commit();
    journal.plant(home, 1);
    plant_manifest(home, "", 1, "null");
}

#[test]
fn text_of_a_hundred_thousand_levels_is_refused_before_anything_is_built() {
    for (depth, is_read) in DEPTHS {
        let maps = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        for text in [nested(depth), maps] {
            let read = codec::parse_json_document(&text);
            assert_eq!(read.is_ok(), is_read, "{depth} levels");
            assert!(is_read || read.unwrap_err().kind() == ErrorKind::Limit, "{depth} levels");
        }
    }
}

#[test]
fn a_manifest_of_a_million_segments() {
    let told = bomb("a_manifest_of_a_million_segments", |home| {
        let end = small().plant(home, 1);
        let sealed: Vec<String> = (1..=1_000_000)
            .map(|number| format!("{{\"segment\":{number},\"end\":{end}}}"))
            .collect();
        plant_manifest(home, &sealed.join(","), 1_000_001, "null");
    });
    if let Some(told) = told {
        assert_ne!(told.outcome, "opened", "{told:?}");
    }
}

#[test]
fn a_manifest_that_calls_its_only_segment_by_the_largest_number() {
    let told = bomb("a_manifest_that_calls_its_only_segment_by_the_largest_number", |home| {
        Journal::after(u32::MAX, 0).plant(home, u32::MAX);
        plant_manifest(home, "", u32::MAX, "null");
    });
    if let Some(told) = told {
        assert!(told.peak_mib < 64, "{told:?}");
    }
}

#[test]
fn a_manifest_of_a_hundred_thousand_nested_lists() {
    let told = bomb("a_manifest_of_a_hundred_thousand_nested_lists", |home| {
        small().plant(home, 1);
        plant_manifest(home, &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)), 1, "null");
    });
    assert_refused(told, ErrorKind::Corrupt);
}

#[test]
fn documents_of_more_types_than_there_are_numbers() {
    let told = bomb("documents_of_more_types_than_there_are_numbers", |home| {
        let mut journal = Journal::new();
        for number in 0..40_000 {
            journal.document(&format!("n.Type{number}.1"), 1, "{}");
        }
        journal.commit();
        journal.plant(home, 1);
        plant_manifest(home, "", 1, "null");
    });
    if told.is_none() {
        // The child: the application's own types still get their names.
        EntityName::new("Mine").unwrap();
    }
    assert_opened(told, "40000 1 0");
}
