//! Rot: a store at rest that is damaged in every way there is.
//!
//! Damage has to be refused by name, with one exception: of a store that was killed, what follows the
//! last sound commit of the active segment is moved to the quarantine and told. That may be more than the
//! last batch only when no commit line is left that knows of an earlier one to have been on disk, because
//! then nothing tells such a segment from one that was never longer: see [`Judge::active`].
//!
//! Zeros at the end of that segment are room for further commits, also where a batch has stood.
//!
//! Two kinds of damage cannot be told from a state that the store itself was in, and are judged by that:
//! - An earlier manifest that knows all segments there are, and does not say where the active one ended,
//!   is what a kill leaves before the manifest of a close is in place. Everything is still there.
//! - A whole directory as it was earlier is that store. Only a witness outside of it could know more.

mod damage;
mod open;

use std::sync::Arc;

use jvspatial_db::json::Sabotage;
use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{Database as _, Encoding, Error, ErrorKind, JsonDb, JsonDbOptions, WriteBatch};
use serde_json::json;

use self::damage::{Damage, commit_lines, lines};
use super::super::room::without_room;
use super::figures::{Figures, Random, report, rounds, say, seed};
use super::script::{Found, Script, State, check, inspect, options, runtime};

const MANIFEST: &str = "MANIFEST.json";

/// A store that was written by three processes.
struct Store {
    disk: SimulatedDisk,
    is_clean: bool,
    /// What it held after each number of batches.
    history: Vec<State>,
    /// The disk as it was after each step.
    past: Vec<SimulatedDisk>,
    /// The segment that is written.
    active: String,
}

impl Store {
    /// Writes `sealed` segments, then an active one in which other processes go on.
    fn new(seed: u64, is_clean: bool, sealed: usize) -> Self {
        let (mut disk, runtime) = (SimulatedDisk::new(), runtime());
        let mut script = Script::new(seed);
        let (mut history, mut past) = (vec![script.state.clone()], Vec::new());
        let open =
            |disk: &SimulatedDisk| JsonDb::open_on(Arc::new(disk.clone()), options()).unwrap();
        let mut db = open(&disk);
        let mut lives = 0;
        loop {
            past.push(disk.kill_state());
            check(&runtime.block_on(db.write(script.next())).unwrap());
            history.push(script.state.clone());
            past.push(disk.kill_state());
            let mut segments = segments(&disk);
            let active = segments.pop().unwrap();
            let len = without_room(&disk.bytes(&active).unwrap()).len();
            if segments.len() == sealed && len > 400 * sealed * (lives + 1) {
                lives += 1;
                let is_last = lives == 3;
                if lives == 1 || is_last && is_clean {
                    runtime.block_on(db.close()).unwrap();
                }
                disk = disk.kill_state();
                if is_last {
                    return Self { disk, is_clean, history, past, active };
                }
                past.push(disk.clone());
                db = open(&disk);
                disk = disk.clone();
            }
        }
    }

    fn bytes(&self, path: &str) -> Vec<u8> {
        self.disk.bytes(path).unwrap()
    }

    fn full(&self) -> &State {
        self.history.last().unwrap()
    }
}

/// The paths of the segments on `disk`, in order.
fn segments(disk: &SimulatedDisk) -> Vec<String> {
    disk.paths().into_iter().filter(|path| path.starts_with("journal/")).collect()
}

/// The promise that a control does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Control {
    IgnoreChecksums,
    IgnoreCommitLines,
    BelieveAnyEnd,
}

/// Says of each damage what may become of it.
struct Judge<'a> {
    store: &'a Store,
    options: JsonDbOptions,
    /// Whether the manifest is replaced by one that agrees with whatever stands in the journal.
    agrees: bool,
    figures: Figures,
    /// How often the store was refused, and how often something was moved to the quarantine.
    refused: u64,
    dropped: u64,
}

impl<'a> Judge<'a> {
    fn new(store: &'a Store, options: JsonDbOptions) -> Self {
        let figures =
            Figures { acknowledged: store.history.len() as u64 - 1, ..Figures::default() };
        Self { store, options, agrees: false, figures, refused: 0, dropped: 0 }
    }

    /// A judge of a store that does not keep one of its promises.
    fn control(store: &'a Store, control: Control) -> Self {
        let options = match control {
            Control::IgnoreChecksums => options().sabotage(Sabotage::IgnoreChecksums),
            Control::IgnoreCommitLines => options().sabotage(Sabotage::IgnoreCommitLines),
            Control::BelieveAnyEnd => options(),
        };
        Self { agrees: control == Control::BelieveAnyEnd, ..Self::new(store, options) }
    }

    /// Does the damage to a copy of the store and compares what is found.
    fn try_damage(&mut self, runtime: &tokio::runtime::Runtime, damage: &Damage) {
        let disk = self.store.disk.kill_state();
        damage.apply(&disk);
        if self.agrees {
            damage::agree(&disk);
        }
        self.figures.rounds += 1;
        let found = inspect(runtime, &disk, &self.options);
        let fault = match found {
            Found::Refused(error) => {
                self.refused += 1;
                Self::refusal(damage, &error)
            }
            Found::Incoherent(why) => Err(why),
            Found::Holds(state, recovery) => {
                let quarantined =
                    recovery.quarantine.map(|path| disk.bytes(&path).unwrap()).unwrap_or_default();
                assert_eq!(quarantined.len() as u64, recovery.quarantined_bytes);
                self.dropped += u64::from(!quarantined.is_empty());
                match self.active(damage) {
                    // An earlier manifest over a journal that has nothing it does not know.
                    _ if damage.is_of(MANIFEST) && damage.is_older => {
                        let is_full = state == *self.store.full() && quarantined.is_empty();
                        is_full.then_some(()).ok_or_else(|| "lost by an old manifest".to_owned())
                    }
                    Some((batches, rest)) if state == self.store.history[batches] => {
                        (quarantined == rest).then_some(()).ok_or("not all is kept".to_owned())
                    }
                    Some(_) => Err("holds another number of batches".to_owned()),
                    None if state == *self.store.full() => {
                        Err("opened as if nothing had happened".to_owned())
                    }
                    None => Err("opened, with less or something else in it".to_owned()),
                }
            }
        };
        if let Err(fault) = fault {
            if self.options.sabotage.is_none() && !self.agrees {
                say(format_args!("{damage}: {fault:.300}"));
            }
            self.figures.lost += 1;
        }
    }

    /// What may be left of a store of which only the active segment is damaged, and what must then be in
    /// the quarantine: the batches before the damage, and all that follows them. `None` if the damage has
    /// to be refused.
    ///
    /// - After a clean close nothing may be missing.
    /// - If a commit line after the damage, as it was written, knows the next batch to have been on disk,
    ///   that batch was acknowledged and is damaged.
    /// - Otherwise all that is left is a sound beginning and perhaps bytes that vouch for nothing. A
    ///   process that was killed, or a power cut under `Durability::Os`, leaves the very same bytes,
    ///   so no reader could refuse the one and open the other.
    fn active(&self, damage: &Damage) -> Option<(usize, Vec<u8>)> {
        let store = self.store;
        let [(path, Some(after))] = damage.files.as_slice() else { return None };
        if store.is_clean || *path != store.active {
            return None;
        }
        let before = store.bytes(path);
        let same = before.iter().zip(after).take_while(|(a, b)| a == b).count();
        let header = lines(&before).next()?.len();
        if same < header {
            return None;
        }
        let commits = commit_lines(&before);
        let sealed = store.history.len() - 1 - commits.len();
        let sound = commits.iter().take_while(|commit| commit.end <= same).count();
        let start = if sound == 0 { header } else { commits[sound - 1].end };
        let rest = without_room(&after[start..]);
        let next = (sealed + sound + 1) as u64;
        let knows = |line: &[u8]| {
            commits
                .iter()
                .any(|commit| before[commit.start..commit.end] == *line && commit.synced >= next)
        };
        let is_known = lines(rest).any(knows);
        (!is_known).then(|| (sealed + sound, rest.to_vec()))
    }

    /// Whether a refusal names the kind of damage and a file that is damaged.
    fn refusal(damage: &Damage, error: &Error) -> Result<(), String> {
        let file = error.context("file").unwrap_or_default();
        let is_named = damage.is_of(MANIFEST) || damage.is_of(file);
        let fits = match error.kind() {
            ErrorKind::Corrupt => is_named && !file.is_empty(),
            // The number of a later format.
            ErrorKind::Unsupported => is_named && error.context("found format").is_some(),
            // A file that is not there.
            ErrorKind::Unavailable => damage
                .files
                .iter()
                .any(|(path, bytes)| bytes.is_none() && format!("{error}").contains(path)),
            _ => false,
        };
        fits.then_some(()).ok_or_else(|| format!("refused as {:?}: {error}", error.kind()))
    }
}

/// Does all of `damages` to a store of `sealed` segments and an active one, and checks each; the control does every
/// `step`th of them.
fn look_for_silence(
    name: &str,
    (is_clean, sealed): (bool, usize),
    damages: fn(&Store, &mut Random) -> Vec<Damage>,
    (control, step): (Control, usize),
) {
    let (seed, runtime) = (seed(), runtime());
    let store = Store::new(seed, is_clean, sealed);
    let damages = damages(&store, &mut Random(seed));
    let mut judge = Judge::new(&store, options());
    damages.iter().for_each(|damage| judge.try_damage(&runtime, damage));
    let mut broken = Judge::control(&store, control);
    damages.iter().step_by(step).for_each(|damage| broken.try_damage(&runtime, damage));
    let name = format!("rot/{name}/{}", if is_clean { "closed" } else { "killed" });
    report(&name, seed, &judge.figures, &[(&format!("{control:?}"), broken.figures)]);
    assert!(judge.refused > 0, "nothing was refused");
    assert!(!is_clean || judge.dropped == 0, "dropped {}", judge.dropped);
    assert!(judge.figures.is_sound(), "{}", judge.figures);
    assert!(broken.figures.lost > 0, "{}", broken.figures);
}

#[test]
fn no_turned_bit_goes_unnoticed_in_a_store_that_was_killed() {
    look_for_silence("bits", (false, 1), damage::bits, (Control::IgnoreChecksums, 13));
}

#[test]
fn no_turned_bit_goes_unnoticed_in_a_store_that_was_closed() {
    look_for_silence("bits", (true, 1), damage::bits, (Control::IgnoreChecksums, 13));
}

#[test]
fn no_cut_of_any_file_goes_unnoticed_in_a_store_that_was_killed() {
    look_for_silence("cuts", (false, 1), damage::cuts, (Control::IgnoreCommitLines, 7));
}

#[test]
fn no_cut_of_any_file_goes_unnoticed_in_a_store_that_was_closed() {
    look_for_silence("cuts", (true, 1), damage::cuts, (Control::BelieveAnyEnd, 7));
}

#[test]
fn no_zeroed_block_goes_unnoticed_in_a_store_that_was_killed() {
    look_for_silence("blocks", (false, 2), damage::blocks, (Control::IgnoreChecksums, 1));
}

#[test]
fn no_zeroed_block_goes_unnoticed_in_a_store_that_was_closed() {
    look_for_silence("blocks", (true, 2), damage::blocks, (Control::IgnoreChecksums, 1));
}

#[test]
fn no_missing_doubled_or_moved_line_goes_unnoticed_in_a_store_that_was_killed() {
    look_for_silence("lines", (false, 2), damage::lines_moved, (Control::IgnoreChecksums, 1));
}

#[test]
fn no_missing_doubled_or_moved_line_goes_unnoticed_in_a_store_that_was_closed() {
    look_for_silence("lines", (true, 2), damage::lines_moved, (Control::IgnoreChecksums, 1));
}

#[test]
fn no_missing_doubled_or_moved_batch_goes_unnoticed_in_a_store_that_was_killed() {
    look_for_silence("batches", (false, 2), damage::batches_moved, (Control::IgnoreChecksums, 1));
}

#[test]
fn no_missing_doubled_or_moved_batch_goes_unnoticed_in_a_store_that_was_closed() {
    look_for_silence("batches", (true, 2), damage::batches_moved, (Control::IgnoreChecksums, 1));
}

#[test]
fn no_missing_moved_foreign_or_older_file_goes_unnoticed_in_a_store_that_was_killed() {
    look_for_silence("files", (false, 2), damage::files_moved, (Control::BelieveAnyEnd, 1));
}

#[test]
fn no_missing_moved_foreign_or_older_file_goes_unnoticed_in_a_store_that_was_closed() {
    look_for_silence("files", (true, 2), damage::files_moved, (Control::BelieveAnyEnd, 1));
}

#[test]
fn nothing_appended_to_any_file_goes_unnoticed_in_a_store_that_was_killed() {
    look_for_silence("appended", (false, 2), damage::appended, (Control::IgnoreCommitLines, 1));
}

#[test]
fn nothing_appended_to_any_file_goes_unnoticed_in_a_store_that_was_closed() {
    look_for_silence("appended", (true, 2), damage::appended, (Control::BelieveAnyEnd, 1));
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
