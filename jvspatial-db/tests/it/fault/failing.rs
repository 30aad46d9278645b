//! Real disks that fail: one that ends before its file system thinks, which a sync is told once, and
//! one that its file system turns read-only.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jvspatial_db::json::disk::{Disk, LocalDisk};
use jvspatial_db::{Database as _, ErrorKind, JsonDb};
use tokio::runtime::Runtime;

use super::altered::Altered;
use super::blocks::Blocks;
use super::figures::{Figures, Random, report, rounds_of, say, seed, skip, time_is_up};
use super::mount::{Kind, Volume};
use super::script::{options, runtime};

/// The largest block; the sum of as many as are written exceeds the medium.
const LARGEST: u64 = 200_000;
const MOST_BLOCKS: u64 = 200;

/// How a disk fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// The medium is smaller than its file system believes: the sync that meets the end fails, later
    /// ones do not, and what they were to write is gone with the cache.
    Ends,
    /// The file system meets an error and takes no more writes.
    TurnsReadOnly,
}

/// What breaks a promise, `None` where none is to be broken.
type Alter = Option<fn(LocalDisk) -> Altered>;

#[test]
fn nothing_is_acknowledged_that_a_failing_disk_did_not_keep() {
    let alter: Alter = Some(Altered::repeats_syncs);
    fail_often("failing/end", Failure::Ends, ("repeat the sync", alter));
}

#[test]
fn nothing_is_acknowledged_once_a_file_system_has_turned_read_only() {
    let alter: Alter = Some(Altered::swallows_faults);
    fail_often("failing/read-only", Failure::TurnsReadOnly, ("ignore the error", alter));
}

fn fail_often(name: &str, failure: Failure, (habit, alter): (&str, Alter)) {
    if let Some(why) = Kind::Ext4.is_missing(&[]) {
        return skip(name, &why);
    }
    if failure == Failure::TurnsReadOnly && !trigger(&failure.volume()).exists() {
        return skip(name, "needs trigger_fs_error in /sys/fs/ext4");
    }
    let (seed, runtime) = (seed(), runtime());
    let mut random = Random(seed);
    let mut figures = Figures::default();
    while figures.rounds < rounds_of(name, 3) && figures.is_sound() && !time_is_up() {
        fail(failure, None, &runtime, &mut random, &mut figures);
    }
    let mut control = Figures::default();
    while control.rounds < 10 && control.is_sound() {
        fail(failure, alter, &runtime, &mut random, &mut control);
    }
    report(name, seed, &figures, &[(habit, control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(figures.acknowledged > figures.rounds, "too few writes to tell: {figures}");
    assert!(control.lost > 0, "{control}");
}

impl Failure {
    fn volume(self) -> Volume {
        match self {
            Self::Ends => Volume::on_medium(Kind::Ext4, "12m", "rw"),
            Self::TurnsReadOnly => Volume::new(Kind::Ext4, "errors=remount-ro"),
        }
    }
}

/// Where the file system can be told that it has met an error.
fn trigger(volume: &Volume) -> PathBuf {
    Path::new("/sys/fs/ext4").join(volume.device()).join("trigger_fs_error")
}

/// Writes until the disk has failed, looks at what can be read, and at what is there after a restart.
fn fail(
    failure: Failure,
    alter: Alter,
    runtime: &Runtime,
    random: &mut Random,
    figures: &mut Figures,
) {
    let mut volume = failure.volume();
    let home = volume.path().join("db");
    let disk = LocalDisk::open(&home, true).unwrap();
    let disk: Arc<dyn Disk> = match alter {
        None => Arc::new(disk),
        Some(alter) => Arc::new(alter(disk)),
    };
    // Segments of both kinds: many that are small, and one that is never sealed.
    let options = if random.one_in(2) { options() } else { options().segment_bytes(1 << 30) };
    let db = JsonDb::open_on(disk, options.clone()).unwrap();
    let mut blocks = Blocks::default();
    let end = random.below(MOST_BLOCKS / 2);
    runtime.block_on(async {
        let mut kinds = Vec::new();
        for turn in 0..MOST_BLOCKS {
            if failure == Failure::TurnsReadOnly && turn == end {
                std::fs::write(trigger(&volume), "1").unwrap();
            }
            let length = 1 + random.below(LARGEST) as usize;
            if let Err(error) = blocks.write(&db, length).await {
                kinds.push(error.kind());
            }
            if kinds.len() > 3 {
                break;
            }
        }
        if alter.is_none() {
            let [first, later @ ..] = kinds.as_slice() else { panic!("the disk did not fail") };
            assert_eq!(*first, ErrorKind::Unknown);
            assert!(later.iter().all(|kind| *kind == ErrorKind::Poisoned), "{kinds:?}");
            blocks.check_open(&db, figures).await;
        }
        figures.unknown += u64::from(!kinds.is_empty());
        let closed = db.close().await;
        assert!(alter.is_some() || closed.unwrap_err().kind() == ErrorKind::Poisoned);
    });
    drop(db);
    figures.rounds += 1;
    figures.acknowledged += blocks.count();
    volume.grow_medium();
    volume.remount();
    match JsonDb::open_on(Arc::new(LocalDisk::open(&home, false).unwrap()), options) {
        Ok(db) => runtime.block_on(async {
            blocks.check_reopened(&db, figures).await;
            let _ = db.close().await;
        }),
        Err(error) => {
            say(format_args!("after a failure: {error}"));
            figures.lost += 1;
        }
    }
}
