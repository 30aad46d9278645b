//! The figures of a store are those of its files.

use std::collections::BTreeMap;
use std::path::Path;

use jvspatial_db::{
    Database as _, Durability, Encoding, ErrorKind, JsonDb, JsonDbOptions, Version, WriteBatch,
};
use serde_json::json;

use super::super::room::without_room;
use super::story::id;

/// The files beneath `path` and their bytes.
fn files(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for dir in ["", "journal", "quarantine"] {
        let Ok(entries) = std::fs::read_dir(path.join(dir)) else { continue };
        for entry in entries.map(|entry| entry.unwrap()).filter(|e| e.path().is_file()) {
            let name = format!("{dir}/{}", entry.file_name().to_string_lossy());
            files.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
    files
}

/// The bytes of the segments without the room behind their last commit.
fn journal(files: &BTreeMap<String, Vec<u8>>) -> u64 {
    let segments = files.iter().filter(|(name, _)| name.starts_with("journal/"));
    segments.map(|(_, bytes)| without_room(bytes).len() as u64).sum()
}

/// The bytes of the files whose name begins with `prefix`.
fn sum(files: &BTreeMap<String, Vec<u8>>, prefix: &str) -> u64 {
    files.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, b)| b.len() as u64).sum()
}

fn count_lines(files: &BTreeMap<String, Vec<u8>>, what: &str) -> u64 {
    let lines = files.iter().filter(|(name, _)| name.starts_with("journal/"));
    let lines = lines.flat_map(|(_, bytes)| bytes.split_inclusive(|byte| *byte == b'\n'));
    let lines = lines.filter(|line| String::from_utf8_lossy(line).contains(what));
    lines.map(|line| line.len() as u64).sum()
}

async fn write(db: &JsonDb, turns: std::ops::Range<u64>) {
    for turn in turns {
        let mut batch = WriteBatch::new(Encoding::Json);
        let kept = id("n.City.kept");
        match turn {
            0 => batch.insert(kept, &json!({ "turn": turn })).unwrap(),
            _ => batch.update(kept, Version::new(turn), &json!({ "turn": turn })).unwrap(),
        }
        batch.insert(id(&format!("o.Note.{turn}")), &json!({ "text": "x".repeat(40) })).unwrap();
        if turn % 2 == 1 {
            batch.delete(id(&format!("o.Note.{}", turn - 1)), None, false).unwrap();
        }
        assert!(db.write(batch).await.unwrap().is_complete());
    }
}

#[tokio::test]
async fn figures_add_up_with_the_files_on_disk() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("db");
    let options = || JsonDbOptions::new().segment_bytes(1 << 20);
    let db = JsonDb::open(&path, options()).await.unwrap();
    write(&db, 0..40).await;
    db.close().await.unwrap();
    // An unfinished batch of a process that was killed.
    let manifest = path.join("MANIFEST.json");
    let db = JsonDb::open(&path, options()).await.unwrap();
    let open_manifest = std::fs::read(&manifest).unwrap();
    db.close().await.unwrap();
    std::fs::write(&manifest, open_manifest).unwrap();
    let segment = path.join("journal/00000001.jsonl");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes.extend_from_slice(b"{\"_id\":\"n.Ci");
    std::fs::write(&segment, bytes).unwrap();

    let db = JsonDb::open(&path, options()).await.unwrap();
    assert_eq!(db.recovery().quarantined_bytes, 12);
    let before = db.stats().await.unwrap();
    write(&db, 40..60).await;
    let stats = db.stats().await.unwrap();
    let files = files(&path);
    assert!(journal(&files) < sum(&files, "journal/"), "there is room");
    assert_eq!(stats.live_bytes + stats.dead_bytes, journal(&files), "{stats:?}");
    assert_eq!(stats.tombstone_bytes, count_lines(&files, "\"_deleted\":true"));
    let latest = count_lines(&files, "\"_version\":60,");
    let mut notes = 0;
    for turn in (1..60).step_by(2) {
        notes += count_lines(&files, &format!("\"o.Note.{turn}\",\"_version\":1,"));
    }
    assert_eq!(stats.live_bytes, latest + notes);
    assert_eq!(stats.quarantined_bytes, 12);
    assert_eq!(stats.bytes_on_disk, sum(&files, ""), "{files:?}");
    assert_eq!((stats.nodes, stats.edges, stats.objects, stats.system), (1, 0, 30, 0));
    assert_eq!((stats.segments, stats.commits), (1, 60));
    assert_eq!((before.syncs, stats.syncs), (0, 20));

    db.compact().await.unwrap();
    let compacted = db.stats().await.unwrap();
    assert_eq!(compacted.live_bytes, stats.live_bytes);
    assert_eq!(
        compacted.live_bytes + compacted.dead_bytes,
        journal(&self::files(&path)),
        "{compacted:?}"
    );
    assert_eq!((compacted.compaction.segments, compacted.compaction_failure), (1, None));
    assert_eq!(compacted.tombstone_bytes, 0);
    db.close().await.unwrap();
    assert_eq!(db.stats().await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn without_syncs_none_are_counted() {
    let home = tempfile::tempdir().unwrap();
    let options = JsonDbOptions::new().durability(Durability::Os);
    let db = JsonDb::open(home.path().join("db"), options).await.unwrap();
    write(&db, 0..10).await;
    assert_eq!(db.stats().await.unwrap().syncs, 0);
    db.close().await.unwrap();
}
