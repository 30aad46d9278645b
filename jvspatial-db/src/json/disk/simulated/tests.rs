#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod faults;
mod likeness;
mod power_cuts;
mod promises;

use std::collections::BTreeSet;

use super::*;
use crate::json::disk::ROOT;

const LIMIT: u64 = 100_000;

fn create(disk: &SimulatedDisk, path: &str, bytes: &[u8]) -> Arc<dyn DiskFile> {
    let file = disk.open_append(path, OpenMode::CreateNew).unwrap();
    file.append(bytes).unwrap();
    file
}

/// A disk with one durable file.
fn with_durable(path: &str, bytes: &[u8]) -> (SimulatedDisk, Arc<dyn DiskFile>) {
    let disk = SimulatedDisk::new();
    let file = create(&disk, path, bytes);
    file.sync_data().unwrap();
    disk.sync_dir(ROOT).unwrap();
    (disk, file)
}

/// Every content that `path` may have after a power cut; `None` when it may be missing.
fn outcomes(disk: &SimulatedDisk, path: &str) -> BTreeSet<Option<Vec<u8>>> {
    let states = disk.crash_states(1, LIMIT);
    assert!(states.is_exhaustive(), "{states:?}");
    states.map(|state| state.bytes(path)).collect()
}

fn some<const N: usize>(contents: [&[u8]; N]) -> BTreeSet<Option<Vec<u8>>> {
    contents.into_iter().map(|bytes| Some(bytes.to_vec())).collect()
}
