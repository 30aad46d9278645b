//! Verifying a store that is not open: as opening reads it, without changing anything.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::super::disk::Disk;
use super::super::line::DocumentLine;
use super::super::manifest::{self, End, Manifest, unavailable};
use super::super::options::JsonDbOptions;
use super::super::recovery::check_segments;
use super::super::room;
use super::super::segment::{JOURNAL, SegmentName};
use super::super::segment_reader::{At, Commits, Read, Reader, Sink};
use super::super::view::{Prefix, open_segment};
use super::VerifyReport;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;

pub(super) fn verify(disk: &dyn Disk) -> Result<VerifyReport> {
    let mut report = VerifyReport::default();
    let manifest = match Manifest::read(disk) {
        Ok(Some(manifest)) => manifest,
        Ok(None) if disk.entry(JOURNAL).map_err(unavailable)?.is_none() => {
            return Err(Error::new(ErrorKind::NotFound, "database does not exist")
                .with("file", manifest::PATH));
        }
        Ok(None) => {
            let fault = Error::corrupt("journal has no manifest").with("file", manifest::PATH);
            report.findings.push(fault);
            return Ok(report);
        }
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            report.findings.push(error);
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    report.findings.extend(check_segments(disk, &manifest).err());
    let mut living = Living::default();
    for sealed in &manifest.sealed {
        let commits = Commits::of(sealed, report.commits);
        let of = (commits, false);
        let read = read(disk, sealed.name(), &manifest.store, of, &mut living, &mut report);
        report.findings.extend(read.and_then(|r| r.expect_end(sealed.name(), &sealed.end)).err());
        // What follows is judged by what should have been here.
        report.commits = sealed.end.sequence;
    }
    let name = SegmentName::new(manifest.active);
    let of = (Commits::After(report.commits), manifest.closed.is_none());
    let read = read(disk, name, &manifest.store, of, &mut living, &mut report);
    match read {
        Ok(read) => {
            report.commits = read.end.sequence;
            report.unfinished_bytes = unfinished(&read, manifest.closed);
            report.findings.extend(judge_end(&read, name, manifest.closed).err());
        }
        Err(error) => report.findings.push(error),
    }
    report.documents = living.documents.len() as u64;
    Ok(report)
}

/// Reads one segment; its bytes are counted.
fn read(
    disk: &dyn Disk,
    name: SegmentName,
    store: &str,
    (commits, may_have_room): (Commits, bool),
    living: &mut Living,
    report: &mut VerifyReport,
) -> Result<Read> {
    report.segments += 1;
    living.pending.clear();
    let file = open_segment(disk, name)?;
    let mut len = file.size().map_err(unavailable)?;
    if may_have_room {
        len = room::without(&*file, len).map_err(unavailable)?;
    }
    let file = Prefix { file, len };
    let reader = Reader::begin(&file, name, store, commits, &JsonDbOptions::new())?;
    let read = reader.read_all(living)?;
    report.bytes += read.size;
    Ok(read)
}

/// Whether the active segment ends as it was closed, or as a process that was killed may leave it.
fn judge_end(read: &Read, name: SegmentName, closed: Option<End>) -> Result<()> {
    match (closed, &read.damage) {
        (Some(closed), _) => read.expect_end(name, &closed),
        (None, Some(damage)) if damage.later_synced > Some(read.end.sequence) => {
            Err(damage.to_error(name))
        }
        (None, _) => Ok(()),
    }
}

fn unfinished(read: &Read, closed: Option<End>) -> u64 {
    let dropped =
        matches!(&read.damage, Some(damage) if damage.later_synced <= Some(read.end.sequence));
    if closed.is_none() && dropped { read.size - read.end.bytes } else { 0 }
}

/// Which documents there are.
#[derive(Default)]
struct Living {
    documents: HashSet<Id, RandomState>,
    /// Since the last commit: the document, and whether it exists.
    pending: Vec<(Id, bool)>,
}

impl Sink for Living {
    fn document(&mut self, line: &DocumentLine<'_>, _at: &At<'_>) -> Result<()> {
        if let Some(ends) = &line.ends {
            ends.parse()?;
        }
        self.pending.push((Id::parse_stored(line.id)?, true));
        Ok(())
    }

    fn tombstone(&mut self, id: &str, _version: u64, _at: &At<'_>) -> Result<()> {
        self.pending.push((Id::parse_stored(id)?, false));
        Ok(())
    }

    fn commit(&mut self, _sequence: u64) -> Result<()> {
        for (id, exists) in self.pending.drain(..) {
            if exists {
                self.documents.insert(id);
            } else {
                self.documents.remove(&id);
            }
        }
        Ok(())
    }
}
