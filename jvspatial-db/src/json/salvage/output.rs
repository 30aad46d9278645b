//! Writing what was found as a new store that was closed.

use std::sync::Arc;

use super::SalvageReport;
use super::files::Files;
use super::found::Found;
use crate::error::{Error, Result};
use crate::id_generator::IdGenerator;
use crate::json::disk::{AppendError, Disk, DiskFile, ROOT};
use crate::json::line::{self, Line, line_checksum};
use crate::json::manifest::{End, FORMAT, Manifest, Sealed, unavailable};
use crate::json::recovery::{Begun, begin_segment};

/// The bytes after which a commit is closed.
const COMMIT_BYTES: usize = 1 << 20;
/// The bytes after which a segment is.
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Writes the documents that were found to `disk`.
///
/// # Errors
/// `Unavailable`, `Corrupt` when a file has changed since it was read.
pub(super) fn write(
    files: &Files,
    found: &Found,
    disk: &dyn Disk,
    report: &mut SalvageReport,
) -> Result<()> {
    let mut output = Output::begin(disk)?;
    let mut line = Vec::new();
    for (id, kept) in found.in_order() {
        let Some(segment) = files.segments.get(kept.file as usize) else { continue };
        line.resize(kept.len as usize, 0);
        segment.file.read_at(&mut line, kept.offset).map_err(unavailable)?;
        let found_check = line_checksum(&line);
        // The end of the line may be what was damaged.
        if let Some(end) = line.last_mut() {
            *end = b'\n';
        }
        let parsed = match Line::parse(&line) {
            Some(Line::Document(parsed)) if found_check == kept.check => parsed,
            _ => {
                return Err(Error::corrupt("journal changed while it was salvaged")
                    .with("file", &segment.path)
                    .with("offset", kept.offset)
                    .with("id", id));
            }
        };
        if let Some(ends) = parsed.ends.map(|ends| ends.parse()).transpose()?
            && !(found.exists(&ends.source) && found.exists(&ends.target))
        {
            report.dangling_edges.push(id.clone());
        }
        output.push(&line)?;
    }
    output.finish()
}

/// A store in the making.
struct Output<'a> {
    disk: &'a dyn Disk,
    manifest: Manifest,
    file: Arc<dyn DiskFile>,
    end: End,
    /// The last commit known to be on disk.
    synced: u64,
    bytes: Vec<u8>,
    checksums: Vec<u64>,
}

impl<'a> Output<'a> {
    fn begin(disk: &'a dyn Disk) -> Result<Self> {
        let key = IdGenerator::new().next_key();
        let store: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let Begun { file, end, .. } = begin_segment(disk, &store, (1, 0), None)?;
        disk.sync_dir(ROOT).map_err(unavailable)?;
        let manifest = Manifest {
            format: FORMAT,
            store,
            sealed: Vec::new(),
            active: 1,
            closed: None,
            indexes: Vec::new(),
        };
        let (bytes, checksums) = (Vec::new(), Vec::new());
        Ok(Self { disk, manifest, file, end, synced: 0, bytes, checksums })
    }

    fn push(&mut self, line: &[u8]) -> Result<()> {
        if self.end.bytes >= SEGMENT_BYTES {
            self.seal()?;
        }
        self.bytes.extend_from_slice(line);
        self.checksums.push(line_checksum(line));
        if self.bytes.len() >= COMMIT_BYTES { self.commit() } else { Ok(()) }
    }

    fn commit(&mut self) -> Result<()> {
        if self.checksums.is_empty() {
            return Ok(());
        }
        let End { bytes, sequence, checksum } = self.end;
        let sequence = sequence + 1;
        let checksum =
            line::push_commit(&mut self.bytes, sequence, self.synced, checksum, &self.checksums);
        self.file.append(&self.bytes).map_err(AppendError::into_source).map_err(unavailable)?;
        self.end = End { bytes: bytes + self.bytes.len() as u64, sequence, checksum };
        self.bytes.clear();
        self.checksums.clear();
        Ok(())
    }

    fn seal(&mut self) -> Result<()> {
        self.commit()?;
        self.file.sync_all().map_err(unavailable)?;
        self.synced = self.end.sequence;
        self.manifest.sealed.push(Sealed::new(self.manifest.active, self.end));
        self.manifest.active += 1;
        let (store, active) = (&self.manifest.store, self.manifest.active);
        let next = (active, self.end.sequence);
        let begun = begin_segment(self.disk, store, next, None)?;
        (self.file, self.end) = (begun.file, begun.end);
        Ok(())
    }

    /// Makes all of it durable; only then is there a store.
    fn finish(mut self) -> Result<()> {
        self.commit()?;
        self.file.sync_all().map_err(unavailable)?;
        self.manifest.closed = Some(self.end);
        Ok(self.manifest.write(self.disk)?)
    }
}
