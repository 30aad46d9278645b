//! A backup comes back as it was made, or not at all.

use std::path::Path;
use std::sync::Arc;

use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{Database as _, ErrorKind, JsonDb};

use super::bank::{add_up, amounts, make_accounts};
use super::story::{closed, contents_of, files, killed, options, segments, step};

#[tokio::test]
async fn a_backup_on_this_machine_is_restored_and_opened() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    let db = JsonDb::open(path("db"), options()).await.unwrap();
    make_accounts(&db).await;
    let backed_up = db.backup(path("backup")).await.unwrap();
    db.close().await.unwrap();
    let restored = JsonDb::restore(path("backup"), path("again")).await.unwrap();
    assert_eq!(restored, backed_up);
    let db = JsonDb::open(path("again"), options().create(false)).await.unwrap();
    assert!(db.recovery().clean && add_up(&amounts(&db).await));
    db.close().await.unwrap();
    only_the_owner_may_read(&path("again"));

    let taken = JsonDb::restore(path("backup"), path("again")).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Invalid, "{taken}");
    assert!(taken.context("path").unwrap().ends_with("again"), "{taken}");
    let nothing = JsonDb::restore(path("nothing"), path("new")).await.unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::NotFound, "{nothing}");
    assert!(!path("nothing").exists() && !path("new").exists());
    let db = JsonDb::open(path("backup"), options()).await.unwrap();
    let open = JsonDb::restore(path("backup"), path("new")).await.unwrap_err();
    assert_eq!(open.kind(), ErrorKind::Locked, "{open}");
    db.close().await.unwrap();
}

fn only_the_owner_may_read(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path), 0o700);
    assert_eq!(mode(&path.join("journal/00000001.jsonl")), 0o600);
}

#[test]
fn restoring_changes_nothing_in_the_backup_and_loses_nothing() {
    let story = closed();
    let before = files(&story.disk);
    let target = SimulatedDisk::new();
    JsonDb::restore_on(&story.disk, Arc::new(target.clone())).unwrap();
    assert_eq!((files(&story.disk), story.disk.ops().len()), (before.clone(), 0));
    assert_eq!(files(&target), before);
    assert_eq!(contents_of(&target), *story.last());
}

#[test]
fn a_store_that_was_not_closed_is_no_backup() {
    let target = SimulatedDisk::new();
    let refused = JsonDb::restore_on(&killed().disk, Arc::new(target.clone())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    assert_eq!(target.paths(), [""; 0]);
}

#[test]
fn a_backup_that_is_not_as_it_was_made_is_refused_wherever_it_was_damaged() {
    let story = closed();
    let refuse = |disk: &SimulatedDisk, place: &str| {
        let target = SimulatedDisk::new();
        let refused = JsonDb::restore_on(disk, Arc::new(target.clone())).unwrap_err();
        let kind = refused.kind();
        assert!(matches!(kind, ErrorKind::Corrupt | ErrorKind::Unsupported), "{place}: {refused}");
        assert_eq!(target.paths(), [""; 0], "{place}");
    };
    for path in story.disk.paths() {
        let bytes = story.disk.bytes(&path).unwrap();
        for offset in (0..bytes.len()).step_by(step(17)) {
            let disk = story.disk.kill_state();
            disk.flip(&path, offset, (offset % 8) as u8).unwrap();
            refuse(&disk, &format!("{path} at {offset}"));
        }
        let disk = story.disk.kill_state();
        disk.set_bytes(&path, [&bytes[..], b"x\n"].concat()).unwrap();
        refuse(&disk, &format!("{path} with more behind it"));
    }
    for path in segments(&story.disk) {
        let disk = story.disk.kill_state();
        disk.erase(&path).unwrap();
        refuse(&disk, &format!("without {path}"));
    }
}

#[test]
fn without_its_manifest_a_backup_is_none() {
    let story = closed();
    story.disk.erase("MANIFEST.json").unwrap();
    let refused = JsonDb::restore_on(&story.disk, Arc::new(SimulatedDisk::new())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    let refused = JsonDb::open_on(Arc::new(story.disk), options()).unwrap_err();
    assert_eq!(refused.context("expected"), Some("MANIFEST.json"), "{refused}");
}
