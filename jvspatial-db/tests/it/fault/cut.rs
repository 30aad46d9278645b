//! A journal cut after every byte opens to a whole number of batches.

use std::sync::Arc;

use jvspatial_db::json::Sabotage;
use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{Database as _, ErrorKind, JsonDb, JsonDbOptions};

use super::super::room::without_room;
use super::figures::{Figures, report, rounds, rounds_of, say, seed};
use super::script::{Found, Script, check, inspect, options, runtime};

/// A journal left by a process that was killed, and its newest segment.
struct Journal {
    disk: SimulatedDisk,
    /// The script after each number of batches.
    history: Vec<Script>,
    active: String,
    bytes: Vec<u8>,
    /// Batches in the segments before.
    sealed: usize,
}

/// Writes at least 200 batches, and on until the newest segment holds some of them and not many: each byte of it is a cut.
fn journal(seed: u64) -> Journal {
    let least = rounds(1024) as usize;
    let (disk, runtime) = (SimulatedDisk::new(), runtime());
    let db = JsonDb::open_on(Arc::new(disk.clone()), options().segment_bytes(32 * 1024)).unwrap();
    let mut script = Script::new(seed);
    let mut history = vec![script.clone()];
    loop {
        check(&runtime.block_on(db.write(script.next())).unwrap());
        history.push(script.clone());
        let paths = disk.paths();
        let active = paths.into_iter().rfind(|path| path.starts_with("journal/")).unwrap();
        let bytes = disk.bytes(&active).unwrap();
        let is_long = (least..2 * least).contains(&without_room(&bytes).len());
        if history.len() > 200 && is_long {
            assert!(!active.ends_with("00000001.jsonl"));
            let sealed = history.len() - 1 - borders(&bytes).len();
            return Journal { disk: disk.kill_state(), history, active, bytes, sealed };
        }
    }
}

/// Where commit lines end.
fn borders(segment: &[u8]) -> Vec<usize> {
    let mut borders = Vec::new();
    let mut start = 0;
    for line in segment.split_inclusive(|byte| *byte == b'\n') {
        start += line.len();
        if line.starts_with(b"{\"_commit\":") {
            borders.push(start);
        }
    }
    borders
}

/// Cuts after every `step`th byte that was written, and after a few of the zeros behind them.
fn cut_everywhere(seed: u64, options: &JsonDbOptions, step: usize) -> Figures {
    const ZEROS: usize = 509;
    let journal = journal(seed);
    let written = without_room(&journal.bytes).len();
    let borders = borders(&journal.bytes);
    let header = 1 + journal.bytes.iter().position(|byte| *byte == b'\n').unwrap();
    let (disk, runtime) = (journal.disk, runtime());
    let mut figures = Figures::default();
    let zeros = (written + 1..=journal.bytes.len()).step_by(ZEROS);
    for end in (0..=written).step_by(step).chain(zeros) {
        // What an earlier round has written is put back: a manifest that was closed would name the cut.
        let disk = disk.kill_state();
        disk.set_bytes(&journal.active, journal.bytes.get(..end).unwrap()).unwrap();
        let closed = borders.iter().filter(|border| **border <= end).count();
        let expected = &journal.history.get(journal.sealed + closed).unwrap().state;
        figures.rounds += 1;
        figures.acknowledged += closed as u64;
        match inspect(&runtime, &disk, options) {
            // The first line is durable before the manifest names the segment.
            Found::Refused(error) if end < header && error.kind() == ErrorKind::Corrupt => {}
            Found::Holds(state, recovery) if state == *expected && end >= header => {
                let start = borders.iter().rfind(|border| **border <= end).unwrap_or(&header);
                let rest = without_room(&journal.bytes[*start..end]).len();
                assert_eq!(recovery.quarantined_bytes, rest as u64, "cut at {end}");
            }
            Found::Holds(state, _) => {
                let whole = journal.history.iter().any(|script| script.state == state);
                if whole { figures.lost += 1 } else { figures.torn += 1 }
            }
            Found::Refused(error) => {
                say(format_args!("cut at {end}: {error}"));
                figures.lost += 1;
            }
            Found::Incoherent(_) => figures.torn += 1,
        }
    }
    figures
}

#[test]
fn a_journal_cut_after_any_byte_opens_to_all_batches_whose_commit_line_is_whole() {
    let seed = seed();
    let figures = cut_everywhere(seed, &options(), 1);
    let control = cut_everywhere(seed, &options().sabotage(Sabotage::IgnoreCommitLines), 50);
    report("cut", seed, &figures, &[("ignore commit lines", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(control.torn > 0, "{control}");
}

/// Cuts each segment of a store at every border between batches, and counts the cuts that are not
/// refused as lost.
fn cut_at_borders(seed: u64, is_closed: bool) -> Figures {
    let (disk, runtime) = (SimulatedDisk::new(), runtime());
    let mut script = Script::new(seed);
    let db = JsonDb::open_on(Arc::new(disk.clone()), options()).unwrap();
    for _ in 0..rounds_of("closed", 60) {
        check(&runtime.block_on(db.write(script.next())).unwrap());
    }
    if is_closed {
        runtime.block_on(db.close()).unwrap();
    }
    let disk = disk.kill_state();
    let mut figures = Figures::default();
    for path in disk.paths().into_iter().filter(|path| path.starts_with("journal/")) {
        let bytes = disk.bytes(&path).unwrap();
        let header = 1 + bytes.iter().position(|byte| *byte == b'\n').unwrap();
        let ends = [0, header].into_iter().chain(borders(&bytes));
        for end in ends.filter(|end| *end < bytes.len()) {
            let cut = disk.kill_state();
            cut.set_bytes(&path, bytes.get(..end).unwrap()).unwrap();
            figures.rounds += 1;
            match inspect(&runtime, &cut, &options()) {
                Found::Refused(error) => {
                    assert_eq!(error.kind(), ErrorKind::Corrupt);
                    assert_eq!(error.context("file"), Some(path.as_str()));
                }
                _ => figures.lost += 1,
            }
        }
    }
    figures.acknowledged = rounds_of("closed", 60);
    figures
}

#[test]
fn a_journal_shortened_after_a_clean_close_is_refused() {
    let seed = seed();
    let figures = cut_at_borders(seed, true);
    // Without the line that closing writes, a shorter journal is one that was killed earlier.
    let control = cut_at_borders(seed, false);
    report("closed", seed, &figures, &[("kill instead of closing", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(control.lost > 0, "{control}");
}
