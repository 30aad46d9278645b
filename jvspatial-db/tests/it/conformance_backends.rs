//! Every case of the conformance suite on every backend of this crate.

use std::sync::Arc;

use jvspatial_db::conformance::Harness;
use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{Database, Durability, JsonDb, JsonDbOptions, MemoryDb, conformance_tests};

fn open_memory() -> Harness {
    Harness::new(|| async { Ok(Arc::new(MemoryDb::new()) as Arc<dyn Database>) })
}

fn open_json() -> Harness {
    json_in_a_directory(JsonDbOptions::new())
}

/// A segment takes a few dozen documents, so a case writes many of them.
fn open_json_in_small_segments() -> Harness {
    json_in_a_directory(JsonDbOptions::new().durability(Durability::Os).segment_bytes(4096))
}

fn json_in_a_directory(options: JsonDbOptions) -> Harness {
    let directory = tempfile::tempdir().unwrap();
    Harness::new(move || {
        let (path, options) = (directory.path().join("db"), options.clone());
        async move { Ok(Arc::new(JsonDb::open(path, options).await?) as Arc<dyn Database>) }
    })
}

fn open_json_on_a_simulated_disk() -> Harness {
    json_simulated(false)
}

/// Every read has to wait for the medium.
fn open_json_on_a_cold_disk() -> Harness {
    json_simulated(true)
}

fn json_simulated(cold: bool) -> Harness {
    let disk = SimulatedDisk::new();
    disk.set_cold(cold);
    Harness::new(move || {
        let disk = disk.clone();
        async move {
            let db = JsonDb::open_on(Arc::new(disk), JsonDbOptions::new())?;
            Ok(Arc::new(db) as Arc<dyn Database>)
        }
    })
}

conformance_tests!(memory, open_memory);
conformance_tests!(json, open_json);
conformance_tests!(json_in_small_segments, open_json_in_small_segments);
conformance_tests!(json_on_a_simulated_disk, open_json_on_a_simulated_disk);
conformance_tests!(json_on_a_cold_disk, open_json_on_a_cold_disk);
