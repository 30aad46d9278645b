//! Rot: one bit turned in every byte of a store at rest.

use std::sync::Arc;

use jvspatial_db::json::Sabotage;
use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{Database as _, Encoding, ErrorKind, JsonDb, JsonDbOptions, WriteBatch};
use serde_json::json;

use super::figures::{Figures, Random, report, say, seed};
use super::script::{Found, Script, check, inspect, options, runtime};

/// A store that was written by three processes, and its script after each number of batches.
fn store(seed: u64, is_clean: bool) -> (SimulatedDisk, Vec<Script>) {
    let (mut disk, runtime) = (SimulatedDisk::new(), runtime());
    let mut script = Script::new(seed);
    let mut history = vec![script.clone()];
    let open = |disk: &SimulatedDisk| JsonDb::open_on(Arc::new(disk.clone()), options()).unwrap();
    let active = |disk: &SimulatedDisk| {
        let paths = disk.paths();
        let path = paths.iter().rfind(|path| path.starts_with("journal/")).unwrap().clone();
        (path.clone(), disk.bytes(&path).unwrap().len())
    };
    let mut db = open(&disk);
    let mut lives = 0;
    loop {
        check(&runtime.block_on(db.write(script.next())).unwrap());
        history.push(script.clone());
        let (path, len) = active(&disk);
        // Two sealed segments, then an active one in which other processes went on.
        if path.ends_with("00000003.jsonl") && len > 800 * (lives + 1) {
            lives += 1;
            match lives {
                1 => runtime.block_on(db.close()).unwrap(),
                2 => disk = disk.kill_state(),
                _ if is_clean => {
                    runtime.block_on(db.close()).unwrap();
                    return (disk.kill_state(), history);
                }
                _ => return (disk.kill_state(), history),
            }
            db = open(&disk);
        }
    }
}

/// Turns a bit of every byte in turn. Whatever was acknowledged has to be there or the store has to be
/// refused; only of a store that was killed the last batch may be gone, which is then told.
fn turn_bits(seed: u64, is_clean: bool, options: &JsonDbOptions) -> Figures {
    let (store, history) = store(seed, is_clean);
    let (runtime, mut random) = (runtime(), Random(seed));
    let mut figures = Figures { acknowledged: history.len() as u64 - 1, ..Figures::default() };
    let (mut refused, mut dropped) = (0_u64, 0_u64);
    let full = &history.last().unwrap().state;
    let but_last = &history[history.len() - 2].state;
    let active = store.paths().into_iter().rfind(|path| path.starts_with("journal/")).unwrap();
    for path in store.paths() {
        for offset in 0..store.bytes(&path).unwrap().len() {
            let disk = store.kill_state();
            disk.flip(&path, offset, random.below(8) as u8).unwrap();
            let rotten = disk.bytes(&path).unwrap();
            figures.rounds += 1;
            let found = inspect(&runtime, &disk, options);
            let fault = match found {
                Found::Refused(error) if error.kind() == ErrorKind::Corrupt => {
                    refused += 1;
                    error.context("file").is_none().then(|| error.to_string())
                }
                // The number of a later format.
                Found::Refused(error) if error.kind() == ErrorKind::Unsupported => {
                    refused += 1;
                    None
                }
                Found::Holds(state, recovery) if state == *but_last => {
                    dropped += 1;
                    let kept = recovery.quarantine.and_then(|file| disk.bytes(&file));
                    let told = kept.is_some_and(|kept| {
                        kept.len() as u64 == recovery.quarantined_bytes && rotten.ends_with(&kept)
                    });
                    let may = !is_clean && path == active && told;
                    (!may).then(|| "dropped the last batch".to_owned())
                }
                Found::Holds(state, _) if state == *full => {
                    Some("opened as if nothing had happened".to_owned())
                }
                other => Some(format!("{other:?}")),
            };
            if let Some(fault) = fault {
                if options.sabotage.is_none() {
                    say(format_args!("{path} at {offset}, seed {seed}: {fault:.300}"));
                }
                figures.lost += 1;
            }
        }
    }
    assert!(refused > 0, "nothing was refused");
    if options.sabotage.is_none() {
        assert_eq!(is_clean, dropped == 0, "dropped {dropped}");
    }
    figures
}

#[test]
fn no_turned_bit_goes_unnoticed_in_a_store_that_was_killed() {
    look_for_silence("rot/killed", false);
}

#[test]
fn no_turned_bit_goes_unnoticed_in_a_store_that_was_closed() {
    look_for_silence("rot/closed", true);
}

fn look_for_silence(name: &str, is_clean: bool) {
    let seed = seed();
    let figures = turn_bits(seed, is_clean, &options());
    let control = turn_bits(seed, is_clean, &options().sabotage(Sabotage::IgnoreChecksums));
    report(name, seed, &figures, &[("ignore checksums", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(control.lost > 0, "{control}");
}

#[test]
fn a_lost_end_of_line_between_two_large_documents_does_not_hide_what_follows() {
    let (disk, runtime) = (SimulatedDisk::new(), runtime());
    let options = options().segment_bytes(1 << 30);
    let db = JsonDb::open_on(Arc::new(disk.clone()), options.clone()).unwrap();
    let large = "x".repeat(9 * 1024 * 1024);
    let mut end_of_line = 0;
    for number in 0..4 {
        let mut batch = WriteBatch::new(Encoding::Json);
        for half in ['a', 'b'] {
            let text = if number == 1 { large.as_str() } else { "small" };
            let id = format!("o.Large.{number}{half}").parse().unwrap();
            batch.insert(id, &json!({ "text": text })).unwrap();
        }
        let before = disk.bytes("journal/00000001.jsonl").unwrap().len();
        assert!(runtime.block_on(db.write(batch)).unwrap().is_complete());
        if number == 1 {
            let bytes = disk.bytes("journal/00000001.jsonl").unwrap();
            let tail = &bytes[before..];
            end_of_line = before + tail.iter().position(|byte| *byte == b'\n').unwrap();
        }
    }
    let killed = disk.kill_state();
    killed.flip("journal/00000001.jsonl", end_of_line, 0).unwrap();
    let error = JsonDb::open_on(Arc::new(killed), options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(error.context("line"), Some("5"));
}
