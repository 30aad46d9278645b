//! Opening: what stands in the directory becomes the index, or is refused by name and offset.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::disk::{Disk, DiskFile, OpenMode, ROOT};
use super::index::Index;
use super::line;
use super::lines::{Found, Lines};
use super::manifest::{self, End, FORMAT, Manifest, Undone, unavailable};
use super::options::JsonDbOptions;
use super::parallel::{CHUNK_LINES, Journal, PIECE_BYTES, Plan, Planned};
use super::processors::processors;
use super::room;
use super::segment::{JOURNAL, SegmentName, Segments};
use super::segment_reader::{Commits, Read};
use crate::error::{Error, ErrorKind, Result};
use crate::id_generator::IdGenerator;

/// The directory for bytes that were taken out of the journal.
pub(super) const QUARANTINE: &str = "quarantine";

/// A store with fewer bytes is read by one thread.
const SMALL_STORE: u64 = 8 * 1024 * 1024;

/// What opening found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// Whether the store was closed before it was opened, rather than killed.
    pub clean: bool,
    /// How many commits the journal holds.
    pub commits: u64,
    /// How many bytes of an unfinished batch at the end of the journal were moved to `quarantine/`.
    pub quarantined_bytes: u64,
    /// The file that holds them, relative to the database's directory.
    pub quarantine: Option<String>,
}

/// An opened store, before its writer starts.
#[derive(Debug)]
pub(super) struct Opened {
    pub index: Index,
    pub manifest: Manifest,
    pub active: Arc<dyn DiskFile>,
    pub end: End,
    /// The length of the active segment with the room behind its end.
    pub len: u64,
    pub report: RecoveryReport,
}

/// Reads the store on `disk`, or makes one there.
pub(super) fn open(disk: &dyn Disk, options: &JsonDbOptions) -> Result<Opened> {
    match Manifest::read(disk)? {
        Some(manifest) => recover(disk, manifest, options),
        None if options.create => create(disk, options),
        None => {
            Err(Error::new(ErrorKind::NotFound, "database does not exist")
                .with("file", manifest::PATH))
        }
    }
}

/// Makes a store in a directory that holds nothing, or what an earlier attempt left behind.
fn create(disk: &dyn Disk, options: &JsonDbOptions) -> Result<Opened> {
    check_makeable(disk)?;
    let store = IdGenerator::new().next_key();
    let store: String = store.iter().map(|byte| format!("{byte:02x}")).collect();
    disk.create_dir(JOURNAL).map_err(unavailable)?;
    let Begun { file: active, end, len } = begin_segment(disk, &store, (1, 0), Some(options))?;
    disk.sync_dir(ROOT).map_err(unavailable)?;
    let manifest = Manifest {
        format: FORMAT,
        store,
        sealed: Vec::new(),
        active: 1,
        closed: None,
        indexes: Vec::new(),
    };
    manifest.write(disk)?;
    let mut segments = Segments::default();
    let slot = segments.add(SegmentName::new(1), Arc::clone(&active));
    let mut index = Index::new(segments);
    index.usages.entry(slot).bytes = end.bytes;
    let report = RecoveryReport { clean: true, ..RecoveryReport::default() };
    Ok(Opened { index, manifest, active, end, len, report })
}

/// Refuses to make a database among files that are not its own, or over a journal that lost its manifest.
fn check_makeable(disk: &dyn Disk) -> Result<()> {
    for entry in disk.list(ROOT).map_err(unavailable)? {
        if !["LOCK", JOURNAL, manifest::STAGED].contains(&entry.name.as_str()) {
            return Err(Error::invalid("directory is not a database and not empty")
                .with("found", entry.name)
                .with("expected", manifest::PATH));
        }
    }
    if disk.entry(JOURNAL).map_err(unavailable)?.is_none() {
        return Ok(());
    }
    for entry in disk.list(JOURNAL).map_err(unavailable)? {
        let path = format!("{JOURNAL}/{}", entry.name);
        if SegmentName::parse(&entry.name) != Some(SegmentName::new(1)) || has_commits(disk, &path)?
        {
            return Err(Error::corrupt("journal has no manifest")
                .with("file", path)
                .with("expected", manifest::PATH));
        }
        disk.remove(&path).map_err(unavailable)?;
    }
    Ok(())
}

/// Whether a segment holds more than its first line, or something else than the beginning of one.
fn has_commits(disk: &dyn Disk, path: &str) -> Result<bool> {
    const HEADER: &[u8] = b"{\"_segment\":";
    let file = disk.open(path).map_err(unavailable)?;
    let size = file.size().map_err(unavailable)?;
    let size = room::without(&*file, size).map_err(unavailable)?;
    let mut lines = Lines::new(&*file, 0, size);
    match lines.next_line().map_err(unavailable)? {
        Found::Line(_, first) => {
            let begins = |(found, header): (&u8, &u8)| found == header || *found == 0;
            Ok(first.len() as u64 != size || !first.iter().zip(HEADER).all(begins))
        }
        Found::End => Ok(false),
        Found::Ragged(_) => {
            let mut found = [0; 4096];
            let Some(found) = usize::try_from(size).ok().and_then(|size| found.get_mut(..size))
            else {
                return Ok(true);
            };
            file.read_at(found, 0).map_err(unavailable)?;
            // A power cut may have kept the length and lost bytes, which then read as zeros.
            let written = found.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            let found = found.get(..written).unwrap_or_default();
            Ok(!found.starts_with(HEADER) && !HEADER.starts_with(found))
        }
    }
}

/// A segment with nothing but its first line.
pub(super) struct Begun {
    pub file: Arc<dyn DiskFile>,
    pub end: End,
    /// Its length with the room behind its end.
    pub len: u64,
}

/// Makes a segment with nothing but its first line, durable with its name, and with room where commits will be made to it
/// by `options`.
pub(super) fn begin_segment(
    disk: &dyn Disk,
    store: &str,
    (number, sequence): (u32, u64),
    options: Option<&JsonDbOptions>,
) -> Result<Begun, Undone> {
    let name = SegmentName::new(number);
    let path = name.path();
    let mut header = Vec::new();
    let checksum = line::push_header(&mut header, name, FORMAT, store);
    if disk.entry(&path)?.is_some() {
        disk.remove(&path)?;
    }
    let file = disk.open_append(&path, OpenMode::CreateNew)?;
    file.append(&header).map_err(super::disk::AppendError::into_source)?;
    let end = End { bytes: header.len() as u64, sequence, checksum };
    let mut len = end.bytes;
    if let Some(room) = options.and_then(|options| room::first(len, options)) {
        len = room.end;
        if let Err(error) = file.reserve(room) {
            tracing::debug!(%error, "a segment begins without room");
            len = end.bytes;
            file.truncate(len)?;
        }
    }
    file.sync_all().map_err(Undone::Unsynced)?;
    disk.sync_dir(JOURNAL).map_err(Undone::Unsynced)?;
    Ok(Begun { file, end, len })
}

fn recover(disk: &dyn Disk, mut manifest: Manifest, options: &JsonDbOptions) -> Result<Opened> {
    let leftovers = check_segments(disk, &manifest)?;
    let number = manifest.active;
    let name = SegmentName::new(number);
    let path = name.path();
    let threads = threads_for(&manifest);
    let segments = &planned(&manifest);
    let store = &manifest.store;
    let (chunk_lines, piece_bytes) = (CHUNK_LINES, PIECE_BYTES);
    let plan = Plan { disk, store, options, segments, chunk_lines, piece_bytes };
    let Journal { filling, segments, active, read } = plan.read(threads)?;
    let mut index = filling.finish(segments, threads)?;
    let segments = Arc::make_mut(&mut index.segments);
    for (slot, sealed) in (0..).zip(&manifest.sealed) {
        segments.seal(slot, sealed.clone());
    }
    let mut report = RecoveryReport {
        clean: manifest.closed.is_some(),
        commits: read.end.sequence,
        ..RecoveryReport::default()
    };
    if let Some(closed) = manifest.closed.take() {
        read.expect_end(name, &closed)?;
        // From here on the store counts as open, and its last batch as possibly unfinished.
        manifest.write(disk)?;
    } else {
        // The process before may have been killed between a rename and its sync: a power cut must not
        // bring an older manifest back once this process has written past it.
        disk.sync_dir(ROOT).map_err(unavailable)?;
    }
    if let Some(damage) = &read.damage {
        if damage.later_synced >= Some(read.end.sequence + 1) {
            return Err(damage.to_error(name));
        }
        let moved = quarantine(disk, &*active, number, &read)?;
        tracing::warn!(
            file = path,
            offset = read.end.bytes,
            bytes = read.size - read.end.bytes,
            quarantine = moved,
            "moved an unfinished batch out of the journal"
        );
        report.quarantined_bytes = read.size - read.end.bytes;
        report.quarantine = Some(moved);
    } else if !report.clean {
        if active.size().map_err(unavailable)? > read.end.bytes {
            active.truncate(read.end.bytes).map_err(unavailable)?;
        }
        // What was read may be in the system's memory alone, and later batches will call it synced.
        active.sync_data().map_err(unavailable)?;
    }
    for leftover in leftovers {
        disk.remove(&leftover).map_err(unavailable)?;
    }
    let len = read.end.bytes;
    Ok(Opened { index, manifest, active, end: read.end, len, report })
}

/// The segments in the order of the journal.
fn planned(manifest: &Manifest) -> Vec<Planned> {
    let mut sequence = 0;
    let sealed = manifest.sealed.iter().map(|sealed| {
        let commits = Commits::of(sealed, sequence);
        sequence = sealed.end.sequence;
        Planned { name: sealed.name(), commits, end: Some(sealed.end), most: sealed.end.bytes }
    });
    let mut planned: Vec<_> = sealed.collect();
    let name = SegmentName::new(manifest.active);
    // Offsets have 32 bits, so a segment that is being written never gets any longer.
    let most = manifest.closed.map_or(u64::from(u32::MAX), |closed| closed.bytes);
    let end = manifest.closed;
    planned.push(Planned { name, commits: Commits::After(sequence), end, most });
    planned
}

/// How many threads to read a store with: one, when it is read before others have started.
fn threads_for(manifest: &Manifest) -> NonZeroUsize {
    let ends = manifest.sealed.iter().map(|sealed| sealed.end).chain(manifest.closed);
    let bytes = ends.fold(0_u64, |bytes, end| bytes.saturating_add(end.bytes));
    if bytes >= SMALL_STORE { processors() } else { NonZeroUsize::MIN }
}

/// Checks that the journal's directory holds the manifest's segments and no others; returns the paths of
/// what a compaction left that was killed before or after it replaced the manifest.
pub(super) fn check_segments(disk: &dyn Disk, manifest: &Manifest) -> Result<Vec<String>> {
    let listed = || manifest.sealed.iter().flat_map(|sealed| [sealed.first(), sealed.segment]);
    let numbers: Vec<u32> = listed().chain([manifest.active]).collect();
    let ascending = numbers.chunks(2).all(|pair| pair.is_sorted())
        && numbers
            .get(1..)
            .unwrap_or_default()
            .chunks(2)
            .all(|pair| pair.is_sorted_by(|a, b| a < b));
    if !ascending {
        return Err(
            Error::corrupt("manifest lists segments out of order").with("file", manifest::PATH)
        );
    }
    let mut leftovers = Vec::new();
    for entry in disk.list(JOURNAL).map_err(unavailable)? {
        let path = format!("{JOURNAL}/{}", entry.name);
        let known = SegmentName::parse(&entry.name).is_some_and(|name| manifest.lists(name));
        if known {
            continue;
        }
        let unknown = || {
            Error::corrupt("journal holds a file that the manifest does not know")
                .with("file", &path)
        };
        let name = SegmentName::parse(&entry.name).ok_or_else(unknown)?;
        // The next segment is made before the manifest names it, and gets its first commit after.
        let next = manifest.active.checked_add(1).map(SegmentName::new);
        if Some(name) == next && !has_commits(disk, &path)? {
            leftovers.push(path);
            continue;
        }
        if !manifest.has_done_with(name) || !may_begin(disk, name, &manifest.store)? {
            return Err(unknown());
        }
        leftovers.push(path);
    }
    Ok(leftovers)
}

/// Whether a segment begins with its header, as far as that was written.
fn may_begin(disk: &dyn Disk, name: SegmentName, store: &str) -> Result<bool> {
    let mut header = Vec::new();
    line::push_header(&mut header, name, FORMAT, store);
    let file = disk.open(&name.path()).map_err(unavailable)?;
    let size = usize::try_from(file.size().map_err(unavailable)?).unwrap_or(usize::MAX);
    let mut found = vec![0; size.min(header.len())];
    file.read_at(&mut found, 0).map_err(unavailable)?;
    let same = found.iter().zip(&header).take_while(|(found, header)| found == header).count();
    // A power cut may have kept the length and lost bytes, which then read as zeros.
    Ok(found.iter().skip(same).all(|byte| *byte == 0))
}

/// Moves what stands after the last sound commit into a file of its own, then cuts the segment there.
fn quarantine(disk: &dyn Disk, active: &dyn DiskFile, number: u32, read: &Read) -> Result<String> {
    let start = read.end.bytes;
    let copy = || -> io::Result<String> {
        disk.create_dir(QUARANTINE)?;
        disk.sync_dir(ROOT)?;
        let stem = format!("{QUARANTINE}/{number:08}-{start}");
        let mut path = format!("{stem}.jsonl");
        for attempt in 1_u32.. {
            if disk.entry(&path)?.is_none() {
                break;
            }
            path = format!("{stem}-{attempt}.jsonl");
        }
        let file = disk.open_append(&path, OpenMode::CreateNew)?;
        let mut buffer = vec![0; 1 << 16];
        let mut offset = start;
        while offset < read.size {
            let left = usize::try_from(read.size - offset).unwrap_or(usize::MAX);
            let len = left.min(buffer.len());
            let part = buffer.get_mut(..len).unwrap_or_default();
            active.read_at(part, offset)?;
            file.append(part).map_err(super::disk::AppendError::into_source)?;
            offset += part.len() as u64;
        }
        file.sync_all()?;
        disk.sync_dir(QUARANTINE)?;
        active.truncate(start)?;
        active.sync_all()?;
        Ok(path)
    };
    copy().map_err(unavailable)
}

#[cfg(test)]
mod tests;
