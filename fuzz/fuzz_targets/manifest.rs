//! Any bytes as the manifest of a sound journal, as they are or with their checksum repaired.
//!
//! A manifest that is accepted leads to all that the journal holds: there is no other truth it could
//! tell about these three segments.

#![no_main]

use std::sync::LazyLock;

use jvspatial_db::Database as _;
use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_fuzz::journal::{End, Segment, State};
use jvspatial_fuzz::store::{
    MANIFEST, contents, manifest_body, open, runtime, seal_manifest, segment_path,
};
use libfuzzer_sys::fuzz_target;

struct Journal {
    segments: Vec<(Vec<u8>, End)>,
    state: State,
}

static JOURNAL: LazyLock<Journal> = LazyLock::new(|| {
    let mut segments = Vec::new();
    let mut sequence = 0;
    for number in 1..=3 {
        let mut segment = Segment::new(number, sequence);
        for batch in 0..2 {
            let id = format!("n.City.{number}{batch}");
            let line = format!(
                "{{\"_id\":\"{id}\",\"_version\":1,\"entity\":\"City\",\"context\":{{\"a\":{batch}}}}}"
            );
            segment.line(line.as_bytes());
            segment.commit(1);
        }
        sequence = segment.end().sequence;
        segments.push((segment.bytes.clone(), segment.end()));
    }
    let mut journal = Journal { segments, state: State::new() };
    let sound = manifest_body(&sealed(&journal), 3, None);
    let disk = disk(&journal, seal_manifest(sound));
    let db = open(&disk).expect("the sound store opens");
    journal.state = contents(&runtime(), &db);
    assert_eq!(journal.state.len(), 6);
    journal
});

fn sealed(journal: &Journal) -> Vec<(u32, End)> {
    (1..).zip(&journal.segments[..2]).map(|(number, (_, end))| (number, *end)).collect()
}

fn disk(journal: &Journal, manifest: Vec<u8>) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    for (number, (bytes, _)) in (1..).zip(&journal.segments) {
        disk.set_bytes(&segment_path(number), bytes.clone()).unwrap();
    }
    disk.set_bytes(MANIFEST, manifest).unwrap();
    disk
}

fuzz_target!(|data: &[u8]| {
    let Some((mode, text)) = data.split_first() else { return };
    let manifest = match mode % 2 {
        0 => text.to_vec(),
        _ => seal_manifest(text.to_vec()),
    };
    let disk = disk(&JOURNAL, manifest);
    let Ok(db) = open(&disk) else { return };
    let runtime = runtime();
    assert_eq!(db.recovery().quarantined_bytes, 0);
    assert_eq!(contents(&runtime, &db), JOURNAL.state);
    runtime.block_on(db.close()).unwrap();
    let db = open(&disk.kill_state()).expect("what was closed opens again");
    assert!(db.recovery().clean);
    assert_eq!(contents(&runtime, &db), JOURNAL.state);
    runtime.block_on(db.close()).unwrap();
});
