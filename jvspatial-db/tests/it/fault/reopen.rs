//! What one process wrote the next one reads, whatever a batch was made of.

use std::sync::Arc;

use jvspatial_db::json::Sabotage;
use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Database as _, Encoding, Ends, ErrorKind, Handle, Id, JsonDb, JsonDbOptions, Link, Version,
    WriteBatch,
};
use serde_json::json;

use super::figures::{Figures, report, rounds_of, seed};
use super::script::{Found, Script, check, contents, inspect, options, runtime};

#[test]
fn an_edge_changed_in_the_batch_that_creates_it_keeps_its_ends() {
    let (disk, runtime) = (SimulatedDisk::new(), runtime());
    let [a, b, edge] = ["n.A.a", "n.A.b", "e.E.e"].map(|id| id.parse::<Id>().unwrap());
    let ends = Ends { source: a.clone(), target: b.clone(), bidirectional: false };
    let mirrored = Ends { source: b.clone(), target: a.clone(), bidirectional: true };
    let mut batch = WriteBatch::new(Encoding::Json);
    batch.insert(a, &json!({})).unwrap();
    batch.insert(b, &json!({})).unwrap();
    batch.insert_edge(edge.clone(), &json!({"n": 1}), Link { ends, unique: true }).unwrap();
    batch.update(edge.clone(), Version::FIRST, &json!({"n": 2})).unwrap();
    let mut again = WriteBatch::new(Encoding::Json);
    again.delete(edge.clone(), None, false).unwrap();
    let link = Link { ends: mirrored.clone(), unique: true };
    again.insert_edge(edge.clone(), &json!({"n": 3}), link).unwrap();
    again.update(edge.clone(), Version::FIRST, &json!({"n": 4})).unwrap();

    let db = JsonDb::open_on(Arc::new(disk.clone()), options()).unwrap();
    for batch in [batch, again] {
        assert!(runtime.block_on(db.write(batch)).unwrap().is_complete());
    }
    let killed = disk.kill_state();
    let reopened = JsonDb::open_on(Arc::new(killed), options()).unwrap();
    assert_eq!(reopened.recovery().quarantined_bytes, 0);
    for db in [&db, &reopened] {
        let found = runtime.block_on(db.get_many(&[Handle::new(edge.clone())])).unwrap();
        let found = found[0].as_ref().unwrap();
        assert_eq!(found.ends.as_ref(), Some(&mirrored));
        assert_eq!(found.body.as_bytes(), br#"{"n":4}"#);
    }
}

#[test]
fn encoded_fields_on_two_lines_are_refused_before_they_are_written() {
    let (disk, runtime) = (SimulatedDisk::new(), runtime());
    let db = JsonDb::open_on(Arc::new(disk.clone()), options()).unwrap();
    let id: Id = "o.Note.1".parse().unwrap();
    let mut batch = WriteBatch::new(Encoding::Json);
    batch.insert(id.clone(), &json!({ "text": "two\nlines" })).unwrap();
    assert!(runtime.block_on(db.write(batch)).unwrap().is_complete());
    let mut batch = WriteBatch::new(Encoding::Json);
    batch.update_encoded(id.clone(), Version::FIRST, b"{\n  \"text\": 1\n}", 1).unwrap();
    let error = runtime.block_on(db.write(batch)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let reopened = JsonDb::open_on(Arc::new(disk.kill_state()), options()).unwrap();
    assert_eq!(reopened.recovery().quarantined_bytes, 0);
    let found = runtime.block_on(reopened.get_many(&[Handle::new(id)])).unwrap();
    assert_eq!(found[0].as_ref().unwrap().version, Version::FIRST);
}

/// Plays scripts and looks after every batch at what a kill would leave; counts what is not as it was
/// written as lost.
fn read_back(seed: u64, batches: u64, options: &JsonDbOptions) -> Figures {
    let runtime = runtime();
    let mut figures = Figures::default();
    while figures.rounds < batches && figures.is_sound() {
        let disk = SimulatedDisk::new();
        let db = JsonDb::open_on(Arc::new(disk.clone()), options.clone()).unwrap();
        let mut script = Script::new(seed.wrapping_add(figures.rounds));
        for _ in 0..40 {
            check(&runtime.block_on(db.write(script.next())).unwrap());
            figures.rounds += 1;
            figures.acknowledged += 1;
            let killed = inspect(&runtime, &disk.kill_state(), options);
            let seen = runtime.block_on(contents(&db));
            let is_kept = matches!(killed, Found::Holds(state, _) if state == script.state);
            figures.lost += u64::from(!is_kept || seen.as_ref() != Ok(&script.state));
        }
    }
    figures
}

#[test]
fn every_script_is_read_back_as_it_was_written() {
    let seed = seed();
    let figures = read_back(seed, rounds_of("reopen", 400), &options());
    let sabotaged = options().sabotage(Sabotage::AcknowledgeBeforeWrite);
    let control = read_back(seed, 40, &sabotaged);
    report("reopen", seed, &figures, &[("acknowledge before the write", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(control.lost > 0, "{control}");
}
