//! Any bytes as the active segment of a store whose manifest is sound.
//!
//! The first byte chooses how much of it is repaired, because random bytes never pass a checksum.
//! What opens must hold what the batches before the quarantine say, go on being written to, and open
//! again without anything being taken out.

#![no_main]

use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{Database as _, Encoding, WriteBatch, doc};
use jvspatial_fuzz::journal::{Segment, header, state};
use jvspatial_fuzz::store::{
    MANIFEST, contents, manifest_body, open, runtime, seal_manifest, segment_path,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((mode, text)) = data.split_first() else { return };
    let mut repaired = Segment::new(1, 0);
    let mut closed = None;
    let bytes = match mode % 5 {
        0 => [&header(1), text].concat(),
        1 => {
            repaired.repair(text);
            repaired.bytes
        }
        // A sound journal, then a tail that is not.
        2 => {
            let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
            repaired.repair(&text[..end]);
            [&repaired.bytes, text.get(end + 1..).unwrap_or_default()].concat()
        }
        3 => {
            repaired.repair(text);
            closed = Some(repaired.end());
            repaired.bytes
        }
        _ => text.to_vec(),
    };

    let disk = SimulatedDisk::new();
    let active = segment_path(1);
    disk.set_bytes(&active, bytes.clone()).unwrap();
    disk.set_bytes(MANIFEST, seal_manifest(manifest_body(&[], 1, closed))).unwrap();
    let Ok(db) = open(&disk) else {
        assert_eq!(disk.bytes(&active), Some(bytes), "refused, but changed");
        return;
    };
    let runtime = runtime();
    let recovery = db.recovery().clone();
    let (expected, end) = state(&bytes, recovery.commits);
    // Zeros behind all else are room.
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1).max(end);
    assert_eq!(recovery.quarantined_bytes, (written - end) as u64);
    assert_eq!(disk.bytes(&active).as_deref(), Some(&bytes[..end]), "cut elsewhere");
    let kept = recovery.quarantine.map(|path| disk.bytes(&path).unwrap()).unwrap_or_default();
    assert_eq!(kept, bytes[end..written], "the quarantine holds something else");
    if let Some(closed) = closed {
        assert_eq!(recovery.commits, closed.sequence, "the end is missing after a clean close");
    }
    assert_eq!(contents(&runtime, &db), expected);

    let mut batch = WriteBatch::new(Encoding::Json);
    batch.insert("o.Fuzz.new".parse().unwrap(), &doc! { "n": 1 }).unwrap();
    let report = runtime.block_on(db.write(batch)).unwrap();
    assert!(report.is_complete() != expected.contains_key("o.Fuzz.new"), "{report:?}");
    let expected = contents(&runtime, &db);
    let killed = disk.kill_state();
    runtime.block_on(db.close()).unwrap();
    for disk in [killed, disk.kill_state()] {
        let db = open(&disk).expect("what was opened opens again");
        assert_eq!(db.recovery().quarantined_bytes, 0);
        assert_eq!(contents(&runtime, &db), expected);
        runtime.block_on(db.close()).unwrap();
    }
});
