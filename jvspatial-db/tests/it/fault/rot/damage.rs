//! The ways to damage the files of a store.

use std::collections::BTreeSet;
use std::fmt;

use jvspatial_db::json::disk::SimulatedDisk;
use xxhash_rust::xxh3::xxh3_64;

use super::super::super::room::without_room;
use super::{MANIFEST, Random, Store, rounds, segments};

/// Files that are no longer as they were written.
pub(super) struct Damage {
    what: String,
    /// What stands in each changed file now; `None` when it is gone.
    pub(super) files: Vec<(String, Option<Vec<u8>>)>,
    /// Whether the changed files are as they once were.
    pub(super) is_older: bool,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<&str> = self.files.iter().map(|(path, _)| path.as_str()).collect();
        write!(f, "{} in {files:?}", self.what)
    }
}

impl Damage {
    fn new(what: impl Into<String>, path: &str, bytes: Vec<u8>) -> Self {
        let files = vec![(path.to_owned(), Some(bytes))];
        Self { what: what.into(), files, is_older: false }
    }

    fn missing(path: &str) -> Self {
        let files = vec![(path.to_owned(), None)];
        Self { what: "missing".to_owned(), files, is_older: false }
    }

    /// Whether it is one of `path`.
    pub(super) fn is_of(&self, path: &str) -> bool {
        self.files.iter().any(|(changed, _)| changed == path)
    }

    pub(super) fn apply(&self, disk: &SimulatedDisk) {
        for (path, bytes) in &self.files {
            match bytes {
                Some(bytes) => disk.set_bytes(path, bytes.clone()).unwrap(),
                None => disk.erase(path).unwrap(),
            }
        }
    }
}

/// The lines of a file, each with its end.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    without_room(bytes).split_inclusive(|byte| *byte == b'\n')
}

/// Where a commit line stands, and the last batch that it knows to have been on disk.
pub(super) struct Commit {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) synced: u64,
}

pub(super) fn commit_lines(segment: &[u8]) -> Vec<Commit> {
    let mut commits = Vec::new();
    let mut end = 0;
    for line in lines(segment) {
        let start = end;
        end += line.len();
        if line.starts_with(b"{\"_commit\":") {
            // In a damaged segment a line may only begin like one.
            let value: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
            let synced = value["synced"].as_u64();
            commits.extend(synced.map(|synced| Commit { start, end, synced }));
        }
    }
    commits
}

/// One bit of every byte turned; in a long run several of them.
pub(super) fn bits(store: &Store, random: &mut Random) -> Vec<Damage> {
    let mut damages = Vec::new();
    for path in store.disk.paths() {
        let bytes = store.bytes(&path);
        for offset in 0..bytes.len() {
            let first = random.below(8);
            for bit in (first..).take(rounds(1).min(8) as usize) {
                let mut bytes = bytes.clone();
                bytes[offset] ^= 1 << (bit % 8);
                damages.push(Damage::new(format!("bit {} of {offset}", bit % 8), &path, bytes));
            }
        }
    }
    damages
}

/// Every file cut after every byte.
pub(super) fn cuts(store: &Store, _: &mut Random) -> Vec<Damage> {
    let cut = |path: &String| {
        let bytes = store.bytes(path);
        let cut = |len| Damage::new(format!("cut to {len}"), path, bytes[..len].to_vec());
        (0..bytes.len()).map(cut).collect::<Vec<_>>()
    };
    store.disk.paths().iter().flat_map(cut).collect()
}

/// Zeros in the place of each block, aligned or not.
pub(super) fn blocks(store: &Store, _: &mut Random) -> Vec<Damage> {
    let mut damages = Vec::new();
    for path in store.disk.paths() {
        let bytes = store.bytes(&path);
        for size in [512, 4096] {
            for start in (0..bytes.len()).step_by(64) {
                let mut bytes = bytes.clone();
                let end = bytes.len().min(start + size);
                bytes[start..end].fill(0);
                damages.push(Damage::new(format!("zeros at {start}..{end}"), &path, bytes));
            }
        }
    }
    damages
}

/// Each part removed, doubled, and swapped with the next.
fn moved(what: &str, path: &str, parts: &[&[u8]], keep: usize) -> Vec<Damage> {
    let mut damages = Vec::new();
    let mut damage = |how: &str, at: usize, parts: &[&[u8]]| {
        damages.push(Damage::new(format!("{what} {at} {how}"), path, parts.concat()));
    };
    for at in keep..parts.len() {
        let mut removed = parts.to_vec();
        removed.remove(at);
        damage("removed", at, &removed);
        let mut doubled = parts.to_vec();
        doubled.insert(at, parts[at]);
        damage("doubled", at, &doubled);
        let next = at + 1;
        if next < parts.len() && parts[at] != parts[next] {
            let mut swapped = parts.to_vec();
            swapped.swap(at, next);
            damage("swapped", at, &swapped);
        }
    }
    damages
}

pub(super) fn lines_moved(store: &Store, _: &mut Random) -> Vec<Damage> {
    let moved = |path: &String| {
        let bytes = store.bytes(path);
        moved("line", path, &lines(&bytes).collect::<Vec<_>>(), 0)
    };
    store.disk.paths().iter().flat_map(moved).collect()
}

pub(super) fn batches_moved(store: &Store, _: &mut Random) -> Vec<Damage> {
    let moved = |path: &String| {
        let bytes = store.bytes(path);
        let mut start = lines(&bytes).next().unwrap().len();
        let mut parts = vec![&bytes[..start]];
        for commit in commit_lines(&bytes) {
            parts.push(&bytes[start..commit.end]);
            start = commit.end;
        }
        moved("batch", path, &parts, 1)
    };
    segments(&store.disk).iter().flat_map(moved).collect()
}

/// Files missing, swapped, taken from another store, and as they were at any moment before.
pub(super) fn files_moved(store: &Store, random: &mut Random) -> Vec<Damage> {
    let paths = store.disk.paths();
    let mut damages: Vec<Damage> = paths.iter().map(|path| Damage::missing(path)).collect();
    let journal = segments(&store.disk);
    for (at, first) in journal.iter().enumerate() {
        for second in &journal[at + 1..] {
            let mut swapped = Damage::new("swapped", first, store.bytes(second));
            swapped.files.push((second.clone(), Some(store.bytes(first))));
            damages.push(swapped);
        }
    }
    let foreign = Store::new(random.next(), store.is_clean, segments(&store.disk).len() - 1);
    for path in &paths {
        damages.push(Damage::new("foreign", path, foreign.bytes(path)));
    }
    // A segment that this store does not have, its own or another's.
    let next = "journal/00000004.jsonl";
    damages.push(Damage::new("foreign", next, foreign.bytes(&journal[1])));
    damages.push(Damage::new("its own third", next, store.bytes(&journal[2])));
    let mut seen: BTreeSet<_> =
        paths.iter().map(|path| (path.clone(), store.bytes(path))).collect();
    for (moment, disk) in store.past.iter().enumerate() {
        for path in disk.paths() {
            let bytes = disk.bytes(&path).unwrap();
            if paths.contains(&path) && seen.insert((path.clone(), bytes.clone())) {
                let mut older = Damage::new(format!("as at step {moment}"), &path, bytes);
                older.is_older = true;
                damages.push(older);
            }
        }
    }
    assert!(damages.iter().any(|damage| damage.is_older && damage.is_of(MANIFEST)));
    damages
}

/// What another program, or a copy gone wrong, may leave after the end of a file.
pub(super) fn appended(store: &Store, random: &mut Random) -> Vec<Damage> {
    let active = store.bytes(&store.active);
    let commits = commit_lines(&active);
    let [.., before, last] = commits.as_slice() else { panic!("fewer than two batches") };
    let noise: Vec<u8> = (0..200).map(|_| random.next() as u8).collect();
    let tails: [(&str, &[u8]); 8] = [
        ("noise", &noise),
        ("zeros", &[0; 4096]),
        ("an end of line", b"\n"),
        ("a blank", b" "),
        ("JSON", b"{\"a\":1}\n"),
        (
            "a document",
            b"{\"_id\":\"o.Note.9\",\"_version\":1,\"entity\":\"Note\",\"context\":{}}\n",
        ),
        ("the last batch", &active[before.end..last.end]),
        ("the last commit", &active[last.start..last.end]),
    ];
    let mut damages = Vec::new();
    for path in store.disk.paths() {
        let bytes = store.bytes(&path);
        for (what, tail) in tails {
            damages.push(Damage::new(
                format!("{what} appended"),
                &path,
                [without_room(&bytes), tail].concat(),
            ));
            damages.push(Damage::new(
                format!("{what} appended to the room"),
                &path,
                [&bytes[..], tail].concat(),
            ));
        }
    }
    damages
}

/// Puts a manifest in place that agrees with whatever stands in the journal.
pub(super) fn agree(disk: &SimulatedDisk) {
    let mut ends = Vec::new();
    let mut store = String::new();
    for path in segments(disk) {
        let bytes = disk.bytes(&path).unwrap();
        let Some(header) = lines(&bytes).next() else { return };
        let Ok(header) = serde_json::from_slice::<serde_json::Value>(header) else { return };
        store = header["store"].as_str().unwrap_or_default().to_owned();
        let Some(last) = commit_lines(&bytes).pop() else { return };
        let line: serde_json::Value = serde_json::from_slice(&bytes[last.start..last.end]).unwrap();
        let number =
            path.trim_matches(|letter: char| !letter.is_ascii_digit()).trim_start_matches('0');
        ends.push(format!(
            "{{\"segment\":{number},\"end\":{{\"bytes\":{},\"sequence\":{},\"checksum\":{}}}}}",
            last.end, line["_commit"], line["checksum"]
        ));
    }
    let active = ends.len();
    ends.pop();
    let mut text = format!(
        "{{\"format\":1,\"store\":\"{store}\",\"sealed\":[{}],\"active\":{active},\"closed\":null,\n  \"checksum\": \"",
        ends.join(",")
    );
    let checksum = xxh3_64(text.as_bytes());
    text.push_str(&format!("{checksum:016x}\"\n}}\n"));
    disk.set_bytes(MANIFEST, text).unwrap();
}
