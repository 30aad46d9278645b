//! Compaction: it changes no answer, blocks nobody, loses nothing wherever it is cut off, and keeps the
//! journal small.

mod bound;
mod careless;
mod closing;
mod crash;
mod edges;
mod failing;
mod model;
mod readers;
mod rot;
mod space;
mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jvspatial_db::json::disk::{OpKind, SimulatedDisk};
use jvspatial_db::{JsonDb, JsonDbOptions};

/// The options of these tests unless they say otherwise: small segments, compacted in the background.
fn options() -> JsonDbOptions {
    JsonDbOptions::new().segment_bytes(4096)
}

fn open(disk: &SimulatedDisk, options: &JsonDbOptions) -> JsonDb {
    JsonDb::open_on(Arc::new(disk.clone()), options.clone()).unwrap()
}

/// What a killed process leaves, as if it had been on disk for long: nothing is remembered of files that
/// are gone.
fn killed(disk: &SimulatedDisk) -> SimulatedDisk {
    let (disk, fresh) = (disk.kill_state(), SimulatedDisk::new());
    for path in disk.paths() {
        fresh.set_bytes(&path, disk.bytes(&path).unwrap()).unwrap();
    }
    fresh
}

/// Waits until nothing has changed on the disk for a while, so that compaction has come to its end.
fn settle(disk: &SimulatedDisk) {
    const QUIET: Duration = Duration::from_millis(500);
    let kinds =
        [OpKind::CreateFile, OpKind::Append, OpKind::Rename, OpKind::Remove, OpKind::SyncDir];
    let changes = || kinds.map(|kind| disk.count(kind));
    let (mut last, mut since) = (changes(), Instant::now());
    while since.elapsed() < QUIET {
        std::thread::sleep(Duration::from_millis(10));
        let now = changes();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
}
