//! Any bytes as a file of newline-delimited Extended JSON.
//!
//! What is imported can be exported; the export is imported again whole, into either backend, and exported
//! as the same bytes.

#![no_main]

use std::sync::Arc;

use jvspatial_db::exchange::{Existing, Export, Import, ImportOptions};
use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{Collection, Database, Durability, JsonDb, JsonDbOptions, MemoryDb};
use libfuzzer_sys::fuzz_target;

/// All of a collection as text, its lines sorted: backends choose their own order.
async fn export(db: &dyn Database, collection: Collection) -> Vec<Vec<u8>> {
    let mut text = Vec::new();
    let mut export = Export::open(db, collection).await.expect("a search is opened");
    while let Some(slice) = export.next_slice().await.expect("what was imported is exported") {
        text.extend_from_slice(&slice);
    }
    let mut lines: Vec<Vec<u8>> =
        text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    lines.sort_unstable();
    lines
}

async fn import_again(db: &dyn Database, collection: Collection, lines: &[Vec<u8>]) {
    let options = ImportOptions::new();
    let mut import = Import::new(db, collection, &options);
    for line in lines {
        import.push(line).await.expect("what was exported is imported");
    }
    let report = import.finish().await.expect("what was exported is imported");
    assert_eq!(report.written, lines.len() as u64, "{report:?}");
    assert_eq!(export(db, collection).await, lines, "another text the second time");
}

async fn round_trip(mode: u8, data: &[u8]) {
    let collection = match mode % 2 {
        0 => Collection::Node,
        _ => Collection::Object,
    };
    let existing = [Existing::Fail, Existing::Skip, Existing::Replace][usize::from(mode / 2 % 3)];
    let options = ImportOptions::new().existing(existing).collect_failures(4);
    let first = MemoryDb::new();
    let mut import = Import::new(&first, collection, &options);
    // In pieces, whose borders mean nothing.
    for piece in data.chunks(usize::from(mode / 6) + 1) {
        if import.push(piece).await.is_err() {
            return;
        }
    }
    let Ok(report) = import.finish().await else { return };
    let lines = export(&first, collection).await;
    assert!(lines.len() as u64 <= report.written + report.replaced, "{report:?}");
    import_again(&MemoryDb::new(), collection, &lines).await;
    let options = JsonDbOptions::new().durability(Durability::Os).compaction(false);
    let json = JsonDb::open_on(Arc::new(SimulatedDisk::new()), options).expect("a new store");
    import_again(&json, collection, &lines).await;
    json.close().await.expect("a store on a sound disk is closed");
}

fuzz_target!(|data: &[u8]| {
    let Some((mode, data)) = data.split_first() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(round_trip(*mode, data));
});
