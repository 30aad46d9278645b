//! How much room a store takes on its disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jvspatial_db::json::disk::{OpKind, SimulatedDisk};
use serde_json::Value;

/// The bytes of all segments.
pub(super) fn bytes(disk: &SimulatedDisk) -> u64 {
    segments(disk).values().map(|bytes| bytes.len() as u64).sum()
}

/// The number of all segments.
pub(super) fn files(disk: &SimulatedDisk) -> u64 {
    segments(disk).len() as u64
}

fn segments(disk: &SimulatedDisk) -> BTreeMap<String, Vec<u8>> {
    let disk = disk.kill_state();
    let paths = disk.paths().into_iter().filter(|path| path.starts_with("journal/"));
    paths.map(|path| (path.clone(), disk.bytes(&path).unwrap())).collect()
}

/// The bytes of the segment that is being written.
pub(super) fn active_bytes(disk: &SimulatedDisk) -> u64 {
    segments(disk).into_values().next_back().map_or(0, |bytes| bytes.len() as u64)
}

/// The number of segments that the manifest lists.
pub(super) fn listed(disk: &SimulatedDisk) -> u64 {
    let manifest: Value = serde_json::from_slice(&disk.bytes("MANIFEST.json").unwrap()).unwrap();
    manifest["sealed"].as_array().unwrap().len() as u64 + 1
}

/// The bytes of the lines that are the present state of a document, read as `docs/format.md` says.
pub(super) fn live_bytes(disk: &SimulatedDisk) -> u64 {
    let disk = disk.kill_state();
    let manifest: Value = serde_json::from_slice(&disk.bytes("MANIFEST.json").unwrap()).unwrap();
    let mut paths = Vec::new();
    for sealed in manifest["sealed"].as_array().unwrap() {
        let number = sealed["segment"].as_u64().unwrap();
        paths.push(match sealed.get("compacted") {
            None => format!("journal/{number:08}.jsonl"),
            Some(compacted) => format!("journal/{number:08}-{}.jsonl", compacted["generation"]),
        });
    }
    paths.push(format!("journal/{:08}.jsonl", manifest["active"].as_u64().unwrap()));
    let mut live = BTreeMap::new();
    for path in paths {
        for line in disk.bytes(&path).unwrap().split_inclusive(|byte| *byte == b'\n') {
            let Ok(Value::Object(line_fields)) = serde_json::from_slice(line) else { continue };
            let Some(id) = line_fields.get("_id") else { continue };
            let len = if line_fields.contains_key("_deleted") { 0 } else { line.len() as u64 };
            live.insert(id.to_string(), len);
        }
    }
    live.values().sum()
}

/// The most bytes that the segments of a disk had at any moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Peak {
    bytes: Arc<AtomicU64>,
}

impl Peak {
    /// Watches a disk on which nothing has been written yet.
    pub(super) fn watch(disk: &SimulatedDisk) -> Self {
        let peak = Self::default();
        let most = Arc::clone(&peak.bytes);
        let sizes = parking_lot::Mutex::new(BTreeMap::<String, u64>::new());
        disk.observe(move |_, op| {
            let mut sizes = sizes.lock();
            match op.kind {
                OpKind::Append if op.ok && op.path.starts_with("journal/") => {
                    *sizes.entry(op.path.clone()).or_default() += op.len;
                }
                OpKind::Remove if op.ok => drop(sizes.remove(&op.path)),
                _ => return,
            }
            most.fetch_max(sizes.values().sum(), Ordering::Relaxed);
        });
        peak
    }

    /// The most bytes since the last time that this was asked.
    pub(super) fn take(&self) -> u64 {
        self.bytes.swap(0, Ordering::Relaxed)
    }
}
