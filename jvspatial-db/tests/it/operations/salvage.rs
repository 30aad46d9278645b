//! Salvage: everything undamaged is there, nothing is invented, and the source stays as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{Id, JsonDb, SalvageReport};

use super::super::room::without_room;
use super::story::{State, Story, closed, contents_of, files, killed, segments, step};

/// A line of the journal that is about a document.
pub(super) struct Line {
    pub(super) file: String,
    pub(super) start: usize,
    /// Where its id ends.
    pub(super) named: usize,
    pub(super) commit: u64,
    pub(super) id: Id,
}

/// The lines of a sound journal that was never compacted, and the range of each commit.
pub(super) struct Journal {
    pub(super) lines: Vec<Line>,
    pub(super) commits: BTreeMap<u64, (String, std::ops::Range<usize>)>,
}

impl Journal {
    pub(super) fn of(disk: &SimulatedDisk) -> Self {
        let mut journal = Self { lines: Vec::new(), commits: BTreeMap::new() };
        for file in segments(disk) {
            let (mut start, mut first, mut from) = (0, journal.lines.len(), 0);
            let bytes = disk.bytes(&file).unwrap();
            for bytes in without_room(&bytes).split_inclusive(|byte| *byte == b'\n') {
                let line: serde_json::Value = serde_json::from_slice(bytes).unwrap();
                let end = start + bytes.len();
                if let Some(id) = line.get("_id") {
                    let id: Id = id.as_str().unwrap().parse().unwrap();
                    let named = start + "{\"_id\":\"\"".len() + id.to_string().len();
                    journal.lines.push(Line { file: file.clone(), start, named, commit: 0, id });
                } else if let Some(commit) = line.get("_commit") {
                    let commit = commit.as_u64().unwrap();
                    journal.lines[first..].iter_mut().for_each(|line| line.commit = commit);
                    journal.commits.insert(commit, (file.clone(), from..end));
                    (first, from) = (journal.lines.len(), end);
                } else {
                    from = end;
                }
                start = end;
            }
        }
        journal
    }

    /// The commits of which a byte in `range` of `file` is a part.
    pub(super) fn touched(&self, file: &str, range: std::ops::Range<usize>) -> BTreeSet<u64> {
        let meets = |of: &std::ops::Range<usize>| of.start < range.end && range.start < of.end;
        let commits = self.commits.iter();
        commits.filter(|(_, (f, of))| f == file && meets(of)).map(|(commit, _)| *commit).collect()
    }
}

/// Salvages `disk` and makes sure that it stays as it was.
pub(super) fn salvage(disk: &SimulatedDisk) -> (State, SalvageReport) {
    let (before, changes) = (files(disk), disk.ops().len());
    let target = SimulatedDisk::new();
    let report = JsonDb::salvage_on(disk, Arc::new(target.clone())).unwrap();
    assert_eq!((files(disk), disk.ops().len()), (before, changes), "the source was changed");
    assert!(JsonDb::verify_on(&target).unwrap().is_sound());
    let state = contents_of(&target);
    assert_eq!(report.documents, state.len() as u64, "{report:?}");
    (state, report)
}

/// Compares what was salvaged with what was written when the commits `damaged` are. `unnamed` are documents
/// whose line does not tell its id any more.
pub(super) fn judge(
    story: &Story,
    journal: &Journal,
    (state, report): &(State, SalvageReport),
    damaged: &BTreeSet<u64>,
    unnamed: impl Fn(&Id) -> bool,
) -> Result<(), String> {
    let newest: BTreeMap<&Id, u64> =
        journal.lines.iter().map(|line| (&line.id, line.commit)).collect();
    let in_doubt = |id: &Id| report.unverified.first().contains(id);
    let listed = |id: &Id| {
        in_doubt(id) || report.reverted.first().contains(id) || report.lost.first().contains(id)
    };
    for (id, commit) in &newest {
        let (written, found) = (story.last().get(id), state.get(id));
        let is_excused = damaged.contains(commit) && (listed(id) || unnamed(id));
        // A damaged id may have become another one, which then is in doubt.
        if written != found && !is_excused && !in_doubt(id) {
            return Err(format!("{id}: {found:?} instead of {written:?}, {report:?}"));
        }
        if !damaged.is_empty() && written != found && found.is_some() && !listed(id) && !unnamed(id)
        {
            return Err(format!("{id} is not the newest and not told, {report:?}"));
        }
    }
    for (id, stored) in state {
        let was_written = story.states.iter().any(|state| state.get(id) == Some(stored));
        if !was_written && !in_doubt(id) {
            return Err(format!("{id} is invented: {stored:?}, {report:?}"));
        }
    }
    let touched = newest.values().filter(|commit| damaged.contains(commit)).count();
    if report.verified + (touched as u64) + 1 < story.last().len() as u64 {
        return Err(format!("{} in damaged commits, {report:?}", touched));
    }
    Ok(())
}

fn flip_everywhere(story: &Story, quick: usize) {
    let journal = Journal::of(&story.disk);
    for path in segments(&story.disk) {
        for offset in (0..story.disk.bytes(&path).unwrap().len()).step_by(step(quick)) {
            let bit = (offset % 8) as u8;
            let disk = story.disk.kill_state();
            disk.flip(&path, offset, bit).unwrap();
            let salvaged = salvage(&disk);
            let damaged = journal.touched(&path, offset..offset + 1);
            let hit = journal.lines.iter().rfind(|line| line.file == path && line.start <= offset);
            let hit = hit.filter(|line| offset < line.named);
            let unnamed = |id: &Id| hit.is_some_and(|line| line.id == *id);
            let judged = judge(story, &journal, &salvaged, &damaged, unnamed);
            if let Err(why) = judged {
                panic!("{path}, bit {bit} at {offset}: {why}");
            }
        }
    }
}

#[test]
fn a_flipped_bit_costs_no_more_than_its_batch() {
    flip_everywhere(&closed(), 13);
    flip_everywhere(&killed(), 17);
}

#[test]
fn a_flipped_bit_that_is_not_looked_for_would_be_found_by_the_judge() {
    let story = closed();
    let journal = Journal::of(&story.disk);
    let (mut state, report) = salvage(&story.disk);
    let none = BTreeSet::new();
    judge(&story, &journal, &(state.clone(), report.clone()), &none, |_| false).unwrap();
    let id = state.keys().next().unwrap().clone();
    let stored = state.remove(&id).unwrap();
    let salvaged = (state.clone(), report.clone());
    assert!(judge(&story, &journal, &salvaged, &none, |_| false).is_err(), "lost");
    let mut body = stored.body.clone();
    body[10] ^= 1;
    state.insert(id, super::story::Stored { body, ..stored });
    assert!(judge(&story, &journal, &(state, report), &none, |_| false).is_err(), "invented");
}

#[test]
fn what_is_not_damaged_is_salvaged_as_it_was_and_vouched_for() {
    for story in [closed(), killed()] {
        let manifests = [true, false];
        for has_manifest in manifests {
            let disk = story.disk.kill_state();
            if !has_manifest {
                disk.erase("MANIFEST.json").unwrap();
            }
            let (state, report) = salvage(&disk);
            assert_eq!(state, *story.last());
            assert_eq!(report.verified, report.documents);
            assert!(report.unverified.is_empty() && report.unvouched.is_empty(), "{report:?}");
            assert!(report.reverted.is_empty() && report.lost.is_empty(), "{report:?}");
            assert!(report.missing_segments.is_empty() && report.foreign_files.is_empty());
            assert_eq!((report.missing_commits, report.has_manifest), (0, has_manifest));
        }
    }
}

#[test]
fn two_neighbouring_batches_that_are_damaged_cost_no_more_than_themselves() {
    let story = closed();
    let journal = Journal::of(&story.disk);
    let commits: Vec<u64> = journal.commits.keys().copied().collect();
    for pair in commits.windows(2) {
        let disk = story.disk.kill_state();
        let mut lines = BTreeSet::new();
        for commit in pair {
            let (file, range) = &journal.commits[commit];
            // In the fields of its second line.
            let line = journal.lines.iter().filter(|line| line.commit == *commit).nth(1).unwrap();
            assert!(range.contains(&line.named));
            disk.flip(file, line.named + 60, 3).unwrap();
            lines.insert(line.id.clone());
        }
        let salvaged = salvage(&disk);
        let damaged = pair.iter().copied().collect();
        judge(&story, &journal, &salvaged, &damaged, |_| false).unwrap();
        assert_eq!(salvaged.1.missing_commits, 2);
        let told = |id: &Id| {
            let report = &salvaged.1;
            [&report.unverified, &report.reverted, &report.lost]
                .iter()
                .any(|l| l.first().contains(id))
        };
        let newest: BTreeMap<&Id, u64> =
            journal.lines.iter().map(|line| (&line.id, line.commit)).collect();
        for id in lines.iter().filter(|id| pair.contains(&newest[id])) {
            assert!(told(id), "{id}: {:?}", salvaged.1);
        }
    }
}

#[test]
fn a_damaged_end_of_line_costs_nothing() {
    let story = killed();
    for path in segments(&story.disk) {
        let bytes = story.disk.bytes(&path).unwrap();
        for end in (0..bytes.len()).filter(|&end| bytes[end] == b'\n' && end + 1 < bytes.len()) {
            let disk = story.disk.kill_state();
            disk.flip(&path, end, 0).unwrap();
            let (state, report) = salvage(&disk);
            assert_eq!(state, *story.last(), "{path} at {end}: {report:?}");
        }
    }
}
