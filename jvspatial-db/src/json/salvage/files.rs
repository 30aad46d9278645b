//! Which files of a damaged store are read, and in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use super::SalvageReport;
use crate::error::{Error, ErrorKind, Result};
use crate::indexes::IndexInfo;
use crate::json::disk::{Disk, DiskFile, EntryKind};
use crate::json::line::{Line, line_checksum};
use crate::json::lines::{Found, Lines};
use crate::json::manifest::{Declared, FORMAT, Manifest, unavailable};
use crate::json::room;
use crate::json::segment::{JOURNAL, SegmentName};

/// The segments of a store, in the order in which they are read.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub segments: Vec<Segment>,
    /// The last commit that the manifest knows of.
    pub last_commit: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Segment {
    pub path: String,
    /// What its header calls it, or its file where nothing vouches for the header.
    pub name: SegmentName,
    pub file: Arc<dyn DiskFile>,
    pub size: u64,
}

impl Files {
    /// Finds the segments.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Unsupported` when a newer version wrote them, `Unavailable`.
    pub(super) fn find(disk: &dyn Disk, report: &mut SalvageReport) -> Result<Self> {
        let manifest = match Manifest::read(disk) {
            Err(error) if error.kind() == ErrorKind::Corrupt => None,
            result => result?,
        };
        report.has_manifest = manifest.is_some();
        let mut listed = Vec::new();
        let entries = disk.list(JOURNAL).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(Vec::new()),
            _ => Err(unavailable(error)),
        });
        for entry in entries? {
            match SegmentName::parse(&entry.name) {
                Some(name) if entry.kind == EntryKind::File => listed.push(name),
                _ => report.foreign_files.push(format!("{JOURNAL}/{}", entry.name)),
            }
        }
        if listed.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, "there is no journal to salvage"));
        }
        if let Some(manifest) = &manifest {
            choose(manifest, &mut listed, report);
            let definitions = manifest.indexes.iter().flat_map(Declared::to_definition);
            definitions.for_each(|index| report.dropped_indexes.push(IndexInfo::new(&index)));
        }
        let store = manifest.as_ref().map(|manifest| manifest.store.clone());
        let segments = open(disk, listed, store, report)?;
        if manifest.is_none() {
            note_gaps(&segments, report);
        }
        let last_commit = manifest.and_then(|manifest| {
            let sealed = manifest.sealed.last().map(|sealed| sealed.end.sequence);
            manifest.closed.map(|closed| closed.sequence).or(sealed)
        });
        Ok(Self { segments, last_commit })
    }
}

/// Leaves out what compaction had replaced or not finished, unless what took its place is missing.
fn choose(manifest: &Manifest, listed: &mut Vec<SegmentName>, report: &mut SalvageReport) {
    let there: BTreeSet<SegmentName> = listed.iter().copied().collect();
    let mut missing = Vec::new();
    for sealed in &manifest.sealed {
        if !there.contains(&sealed.name()) {
            missing.push(sealed.first()..=sealed.segment);
            report.missing_segments.push(sealed.segment);
        }
    }
    if !there.contains(&SegmentName::new(manifest.active)) {
        report.missing_segments.push(manifest.active);
    }
    listed.retain(|name| {
        let replaces = missing.iter().any(|range| range.contains(&name.number));
        manifest.lists(*name) || replaces || !manifest.has_done_with(*name)
    });
}

/// Opens the segments of one store and puts them in order.
fn open(
    disk: &dyn Disk,
    listed: Vec<SegmentName>,
    store: Option<String>,
    report: &mut SalvageReport,
) -> Result<Vec<Segment>> {
    let mut opened = Vec::with_capacity(listed.len());
    for name in listed {
        let path = name.path();
        let file = disk.open(&path).map_err(unavailable)?;
        let size = file.size().map_err(unavailable)?;
        let header = header(&*file, size);
        if let Some(Header { format, .. }) = &header
            && *format > FORMAT
        {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "segment was written by a newer version of this library",
            )
            .with("file", path)
            .with("expected format", FORMAT)
            .with("found format", format));
        }
        opened.push((Segment { path, name, file, size }, header));
    }
    let store = store.or_else(|| most_common(opened.iter().filter_map(|(_, h)| h.as_ref())));
    let mut segments = Vec::with_capacity(opened.len());
    for (mut segment, header) in opened {
        match header {
            Some(header) if Some(&header.store) != store.as_ref() => {
                report.foreign_files.push(segment.path);
                continue;
            }
            // Files that were swapped are told by what stands in them.
            Some(header) => segment.name = header.name,
            None => {}
        }
        segments.push(segment);
    }
    segments.sort_by(|a, b| (a.name, &a.path).cmp(&(b.name, &b.path)));
    if let Some(active) = segments.last_mut() {
        // What cannot be read there is met, and told, when the lines are read.
        active.size = room::without(&*active.file, active.size).unwrap_or(active.size);
    }
    Ok(segments)
}

struct Header {
    name: SegmentName,
    format: u32,
    store: String,
}

/// The first line of a file, if the first commit vouches for it: a damaged one must not tell a segment of this
/// store from those of another.
fn header(file: &dyn DiskFile, size: u64) -> Option<Header> {
    let mut lines = Lines::new(file, 0, size);
    let Ok(Found::Line(_, first)) = lines.next_line() else { return None };
    let Some(Line::Header(header)) = Line::parse(first) else { return None };
    let (name, format, store) = (header.segment, header.format, header.store.to_owned());
    let checksum = line_checksum(first);
    while let Ok(Found::Line(_, line)) = lines.next_line() {
        if let Some(Line::Commit(commit)) = Line::parse(line) {
            return (commit.previous == checksum).then_some(Header { name, format, store });
        }
    }
    None
}

/// The store that most segments say they belong to.
fn most_common<'a>(headers: impl Iterator<Item = &'a Header>) -> Option<String> {
    let mut counts = BTreeMap::<&str, usize>::new();
    for header in headers {
        *counts.entry(&header.store).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(store, _)| store.to_owned())
}

fn note_gaps(segments: &[Segment], report: &mut SalvageReport) {
    let mut next = 1;
    for Segment { name, .. } in segments {
        if name.generation == 0 {
            // The numbers come from files, so the gap may be anything: what is kept of it is bounded.
            let gap = name.number.saturating_sub(next);
            report.missing_segments.extend((next..name.number).take(1000));
            report.missing_segments.add_unnamed(u64::from(gap.saturating_sub(1000)));
        }
        next = name.number.saturating_add(1).max(next);
    }
}
