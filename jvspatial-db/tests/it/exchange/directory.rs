//! A whole database in a directory.
#![expect(clippy::disallowed_methods, reason = "it plants and looks at files")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use jvspatial_db::conformance::Picture;
use jvspatial_db::exchange::{self, ImportOptions};
use jvspatial_db::json::disk::{Disk as _, Fault, OpKind, OpenMode, ROOT, SimulatedDisk};
use jvspatial_db::{Collection, Database, Ends, ErrorKind, Id, Link, MemoryDb, WriteBatch, doc};
use parking_lot::Mutex;

use super::databases;

async fn fill(db: &dyn Database) {
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    for key in 0..3_000 {
        let id = format!("n.City.{key:04}").parse().unwrap();
        batch.insert(id, &doc! { "name": "x".repeat(200), "key": key }).unwrap();
    }
    for key in 0..100 {
        let source = format!("n.City.{key:04}").parse().unwrap();
        let target = format!("n.City.{:04}", key + 1).parse().unwrap();
        let ends = Ends { source, target, bidirectional: key % 2 == 0 };
        let id = format!("e.Road.{key:04}").parse().unwrap();
        batch.insert_edge(id, &doc! {}, Link { ends, unique: false }).unwrap();
    }
    batch.insert("o.Note.1".parse().unwrap(), &doc! { "text": "é\n" }).unwrap();
    assert!(db.write(batch).await.unwrap().is_complete());
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn a_database_goes_through_a_directory_whole() {
    for (db, other) in databases().into_iter().zip(databases().into_iter().rev()) {
        fill(&*db).await;
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("export");
        let reports = exchange::export_directory(&*db, &path).await.unwrap();
        let counts = Collection::ALL.map(|collection| reports[&collection].documents);
        assert_eq!(counts, [3_000, 100, 1, 0]);
        let names = ["edge.jsonl", "jvspatial.jsonl", "node.jsonl", "object.jsonl"];
        let mut found: Vec<_> = std::fs::read_dir(&path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort_unstable();
        assert_eq!(found, names);
        assert_eq!(mode(&path), 0o700);
        for name in names {
            assert_eq!(mode(&path.join(name)), 0o600);
        }
        let note = std::fs::read_to_string(path.join("object.jsonl")).unwrap();
        assert_eq!(
            note,
            "{\"_id\":\"o.Note.1\",\"_version\":1,\"entity\":\"Note\",\"context\":{\"text\":\"é\\n\"}}\n"
        );
        let options = ImportOptions::new();
        let reports = exchange::import_directory(&*other, &path, options).await.unwrap();
        assert_eq!(Collection::ALL.map(|collection| reports[&collection].written), counts);
        assert_eq!(Picture::of(&*other).await, Picture::of(&*db).await);
    }
}

#[tokio::test]
async fn a_directory_that_is_not_empty_is_left_alone() {
    let [memory, _] = databases();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("mine"), "text").unwrap();
    let error = exchange::export_directory(&*memory, directory.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.context("found"), Some("mine"));
    assert_eq!(error.context("path"), Some(&*directory.path().display().to_string()));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    let missing = directory.path().join("a").join("b");
    let error = exchange::export_directory(&*memory, missing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let file = directory.path().join("mine");
    let error = exchange::export_directory(&*memory, file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn a_directory_is_imported_only_when_every_name_in_it_is_known() {
    let [memory, _] = databases();
    let import =
        async |path: &Path| exchange::import_directory(&*memory, path, ImportOptions::new()).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let error = import(path).await.unwrap_err();
    assert_eq!(error.message(), "directory holds no export");
    let error = import(&path.join("missing")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(std::fs::read_dir(path).unwrap().count(), 0);
    std::fs::write(path.join("object.jsonl"), "").unwrap();
    assert_eq!(import(path).await.unwrap().len(), 1);
    for name in ["node.jsonl.new", "nodes.jsonl", "LOCK"] {
        std::fs::write(path.join(name), "").unwrap();
        let error = import(path).await.unwrap_err();
        assert_eq!((error.kind(), error.context("found")), (ErrorKind::Invalid, Some(name)));
        std::fs::remove_file(path.join(name)).unwrap();
    }
    std::os::unix::fs::symlink("object.jsonl", path.join("node.jsonl")).unwrap();
    let error = import(path).await.unwrap_err();
    assert_eq!((error.kind(), error.context("found")), (ErrorKind::Invalid, Some("node.jsonl")));
}

#[tokio::test]
async fn a_bad_line_is_named_with_its_file() {
    let [memory, _] = databases();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let node = "{\"_id\":\"n.City.a\",\"entity\":\"City\",\"context\":{}}\n";
    std::fs::write(path.join("node.jsonl"), node).unwrap();
    std::fs::write(path.join("edge.jsonl"), format!("\n{node}")).unwrap();
    let error = exchange::import_directory(&*memory, path, ImportOptions::new()).await.unwrap_err();
    assert_eq!((error.context("file"), error.context("line")), (Some("edge.jsonl"), Some("2")));
    assert_eq!(memory.count(Collection::Node, &jvspatial_db::Filter::all()).await.unwrap(), 1);
}

#[tokio::test]
async fn an_export_that_fails_leaves_nothing() {
    let [memory, _] = databases();
    fill(&*memory).await;
    let kinds =
        [OpKind::CreateFile, OpKind::Append, OpKind::SyncAll, OpKind::Rename, OpKind::SyncDir];
    for kind in kinds {
        for nth in 1..=4 {
            let disk = SimulatedDisk::new();
            disk.fail(Fault::broken(kind).nth(nth));
            let exported = exchange::export_to_disk(&*memory, Arc::new(disk.clone())).await;
            let Err(error) = exported else {
                assert!(disk.count(kind) < nth, "{kind:?} {nth}");
                continue;
            };
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{kind:?}");
            assert_eq!(disk.list(ROOT).unwrap(), [], "{kind:?} {nth}");
        }
    }
}

#[tokio::test]
async fn an_export_removes_no_file_that_it_has_not_made() {
    let [memory, _] = databases();
    let disk = SimulatedDisk::new();
    disk.observe(|disk, op| {
        if op.kind == OpKind::CreateFile && op.path == "edge.jsonl.new" {
            disk.open_append("object.jsonl.new", OpenMode::CreateNew).unwrap();
        }
    });
    exchange::export_to_disk(&*memory, Arc::new(disk.clone())).await.unwrap_err();
    let left: Vec<String> = disk.list(ROOT).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(left, ["object.jsonl.new"]);
}

/// What an import finds after power cuts at any moment of an export.
#[derive(Debug, Default)]
struct Cuts {
    /// All that was exported.
    whole: u64,
    /// Nothing, and says so, before the export was done.
    refused: u64,
    /// Less than was exported, or nothing after the export was done.
    lost: u64,
}

async fn cut_power(fault: Option<Fault>) -> Cuts {
    let [memory, _] = databases();
    let mut batch = WriteBatch::new(memory.capabilities().encoding);
    let (a, b): (Id, Id) = ("n.City.a".parse().unwrap(), "n.City.b".parse().unwrap());
    batch.insert(a.clone(), &doc! {}).unwrap();
    batch.insert(b.clone(), &doc! {}).unwrap();
    let ends = Ends { source: a, target: b, bidirectional: false };
    batch.insert_edge("e.Road.1".parse().unwrap(), &doc! {}, Link { ends, unique: true }).unwrap();
    batch.insert("o.Note.1".parse().unwrap(), &doc! {}).unwrap();
    assert!(memory.write(batch).await.unwrap().is_complete());
    let expected = Picture::of(&*memory).await;

    let disk = SimulatedDisk::new();
    let states = Arc::new(Mutex::new(Vec::new()));
    disk.observe({
        let states = Arc::clone(&states);
        move |disk, _| states.lock().extend(disk.crash_states(1, 500))
    });
    disk.fail(fault.unwrap_or_else(|| Fault::ignored(OpKind::Lock)).from_then_on());
    exchange::export_to_disk(&*memory, Arc::new(disk.clone())).await.unwrap();
    let before: Vec<SimulatedDisk> = std::mem::take(&mut states.lock());
    let after = disk.crash_states(1, 500);
    let mut cuts = Cuts::default();
    let states = before.into_iter().map(|state| (state, false));
    for (state, done) in states.chain(after.map(|state| (state, true))) {
        let copy = MemoryDb::new();
        let options = ImportOptions::new();
        match exchange::import_from_disk(&copy, Arc::new(state), options).await {
            Ok(_) if Picture::of(&copy).await == expected => cuts.whole += 1,
            Err(_) if !done => cuts.refused += 1,
            _ => cuts.lost += 1,
        }
    }
    cuts
}

#[tokio::test]
async fn a_power_cut_leaves_a_whole_export_or_one_that_is_refused() {
    let cuts = cut_power(None).await;
    assert_eq!(cuts.lost, 0, "{cuts:?}");
    assert!(cuts.whole > 0 && cuts.refused > 20, "{cuts:?}");
}

#[tokio::test]
async fn control_an_export_without_a_sync_is_found_incomplete() {
    for kind in [OpKind::SyncDir, OpKind::SyncAll] {
        let cuts = cut_power(Some(Fault::ignored(kind))).await;
        assert!(cuts.lost > 0, "{kind:?} {cuts:?}");
    }
}
