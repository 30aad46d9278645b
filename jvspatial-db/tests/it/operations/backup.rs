//! A backup is the store at one commit, or it is none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jvspatial_db::json::Sabotage;
use jvspatial_db::json::disk::{Fault, OpKind, SimulatedDisk};
use jvspatial_db::{Database as _, ErrorKind, JsonDb, JsonDbOptions};
use parking_lot::Mutex;

use super::super::room::without_room;
use super::bank::{Writers, add_up, amounts, make_accounts};
use super::story::{
    contents, contents_of, files, open, options, runtime, segments, step, write_story,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_under_writers_and_compaction_is_one_commit() {
    let db = Arc::new(open(&SimulatedDisk::new()));
    make_accounts(&db).await;
    let writers = Writers::start(&db);
    let mut mixed = 0;
    let mut before: Option<Vec<[i64; 2]>> = None;
    // On a busy machine compaction, and a write between two backups, take a while to come round.
    let patience = Instant::now() + Duration::from_secs(30);
    let is_compacted = async || db.stats().await.unwrap().compaction.segments > 0;
    let mut rounds = 0;
    while rounds < 40 || mixed == 0 || !is_compacted().await {
        rounds += 1;
        assert!(Instant::now() < patience, "{rounds} rounds, of which {mixed} tell");
        let copy = SimulatedDisk::new();
        let report = db.backup_to(Arc::new(copy.clone())).await.unwrap();
        let backup = JsonDb::open_on(Arc::new(copy), options().create(false)).unwrap();
        assert!(backup.recovery().clean);
        assert_eq!(backup.recovery().commits, report.commits);
        let found = amounts(&backup).await;
        assert!(add_up(&found), "{found:?}");
        backup.close().await.unwrap();
        // The control: halves of two backups do not add up.
        if let Some(before) = before.replace(found.clone()) {
            let halves = found.iter().zip(before).map(|(now, then)| [now[0], then[1]]);
            mixed += u64::from(!add_up(&halves.collect::<Vec<_>>()));
        }
    }
    writers.stop().await;
    db.close().await.unwrap();
}

#[test]
fn a_backup_holds_all_that_was_written_and_can_be_written_on() {
    let disk = SimulatedDisk::new();
    let db = open(&disk);
    let states = write_story(&db, &disk);
    let copy = SimulatedDisk::new();
    let report = runtime().block_on(db.backup_to(Arc::new(copy.clone()))).unwrap();
    assert_eq!((report.segments, report.commits), (3, states.len() as u64 - 1));
    let bytes: usize = segments(&copy).iter().map(|path| copy.bytes(path).unwrap().len()).sum();
    assert_eq!(report.bytes, bytes as u64);
    assert!(JsonDb::verify_on(&copy).unwrap().is_sound());
    assert_eq!(contents_of(&copy), *states.last().unwrap());
    let again = open(&copy);
    runtime().block_on(make_accounts(&again));
    runtime().block_on(again.close()).unwrap();
    assert_eq!(contents_of(&copy).len(), states.last().unwrap().len() + 8);
    runtime().block_on(db.close()).unwrap();
}

#[test]
fn nothing_is_overwritten() {
    let disk = SimulatedDisk::new();
    let db = open(&disk);
    for taken in ["notes.txt", "MANIFEST.json", "journal/00000001.jsonl"] {
        let target = SimulatedDisk::new();
        target.set_bytes(taken, b"mine").unwrap();
        let before = files(&target);
        let refused = runtime().block_on(db.backup_to(Arc::new(target.clone()))).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{taken}: {refused}");
        assert_eq!(files(&target), before);
    }
    let itself = runtime().block_on(db.backup_to(Arc::new(disk.clone()))).unwrap_err();
    assert_eq!(itself.kind(), ErrorKind::Locked);
    runtime().block_on(db.close()).unwrap();
}

/// Backs up a store with a flipped bit here and there; returns how often that succeeded.
fn back_up_rot(options: JsonDbOptions) -> usize {
    let (disk, runtime) = (SimulatedDisk::new(), runtime());
    let db = JsonDb::open_on(Arc::new(disk.clone()), options).unwrap();
    write_story(&db, &disk);
    let mut backed_up = 0;
    let target = SimulatedDisk::new();
    for path in segments(&disk) {
        let written = without_room(&disk.bytes(&path).unwrap()).len();
        for offset in (0..written).step_by(step(13)) {
            disk.flip(&path, offset, (offset % 8) as u8).unwrap();
            match runtime.block_on(db.backup_to(Arc::new(target.clone()))) {
                Ok(_) => {
                    backed_up += 1;
                    target.paths().iter().for_each(|path| target.erase(path).unwrap());
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                    assert_eq!(error.context("file"), Some(path.as_str()), "{error}");
                    assert_eq!(target.paths(), [""; 0], "what failed is cleared away");
                }
            }
            disk.flip(&path, offset, (offset % 8) as u8).unwrap();
        }
    }
    runtime.block_on(db.backup_to(Arc::new(target.clone()))).unwrap();
    runtime.block_on(db.close()).unwrap();
    backed_up
}

#[test]
fn rot_is_not_backed_up() {
    assert_eq!(back_up_rot(options()), 0);
    let control = back_up_rot(options().sabotage(Sabotage::IgnoreChecksums));
    assert!(control > 0, "without checksums some must be backed up");
}

#[test]
fn a_target_without_room_is_told_and_cleared() {
    let disk = SimulatedDisk::new();
    let db = open(&disk);
    write_story(&db, &disk);
    let target = SimulatedDisk::new();
    target.set_capacity(Some(6000));
    let full = runtime().block_on(db.backup_to(Arc::new(target.clone()))).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Unavailable, "{full}");
    assert_eq!(target.paths(), [""; 0]);
    target.set_capacity(None);
    runtime().block_on(db.backup_to(Arc::new(target))).unwrap();
    runtime().block_on(db.close()).unwrap();
}

/// Cuts the power after every change of a backup's target; returns how many states there were and how many
/// held something else than nothing or the whole.
fn cut_power(faults: &[Fault]) -> (u64, u64) {
    let disk = SimulatedDisk::new();
    let db = open(&disk);
    let states = write_story(&db, &disk);
    let target = SimulatedDisk::new();
    faults.iter().for_each(|fault| target.fail(fault.clone()));
    let moments = Arc::new(Mutex::new(Vec::new()));
    target.observe({
        let moments = Arc::clone(&moments);
        move |disk, _| moments.lock().push(disk.kill_state())
    });
    let runtime = runtime();
    runtime.block_on(db.backup_to(Arc::new(target.clone()))).unwrap();
    runtime.block_on(db.close()).unwrap();
    target.observe(|_, _| {});
    let moments = std::mem::take(&mut *moments.lock());
    let (mut tried, mut wrong) = (0, 0);
    let done = moments.len() - 1;
    for (number, moment) in moments.into_iter().enumerate() {
        let states_of = moment.crash_states(number as u64, 60).chain([moment.kill_state()]);
        for state in states_of {
            tried += 1;
            wrong += match JsonDb::open_on(Arc::new(state), options().create(false)) {
                // Once the backup is done, it is there.
                Err(error) => {
                    let kind = error.kind();
                    u64::from(number == done || kind != ErrorKind::NotFound)
                }
                Ok(db) => {
                    let found = runtime.block_on(contents(&db));
                    let is_whole = db.recovery().clean && found == *states.last().unwrap();
                    runtime.block_on(db.close()).unwrap();
                    u64::from(!is_whole)
                }
            };
        }
    }
    (tried, wrong)
}

#[test]
fn a_backup_cut_off_by_the_power_is_none() {
    let (tried, wrong) = cut_power(&[]);
    assert_eq!(wrong, 0, "of {tried}");
    assert!(tried > 200, "{tried}");
    for kind in [OpKind::SyncAll, OpKind::SyncDir] {
        let (_, wrong) = cut_power(&[Fault::ignored(kind).from_then_on()]);
        assert!(wrong > 0, "without {kind:?} some must be broken");
    }
}

#[tokio::test]
async fn a_backup_goes_on_when_its_future_is_dropped() {
    let db = open(&SimulatedDisk::new());
    make_accounts(&db).await;
    let target = SimulatedDisk::new();
    {
        let mut backup = Box::pin(db.backup_to(Arc::new(target.clone())));
        // Long enough for the writer's answer, so that the copying has begun.
        while target.paths().is_empty() {
            let short = Duration::from_micros(200);
            let _ = tokio::time::timeout(short, backup.as_mut()).await;
        }
    }
    for _ in 0..500 {
        if target.paths().contains(&"MANIFEST.json".to_owned()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    db.close().await.unwrap();
    assert!(target.paths().contains(&"MANIFEST.json".to_owned()));
}
