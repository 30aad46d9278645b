//! The journal as it is at one commit, held open: what is verified or copied while writing goes on.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::disk::{AppendError, Disk, DiskFile};
use super::index::{Index, Snapshot};
use super::manifest::{self, End, Manifest, unavailable};
use super::recovery::check_segments;
use super::segment::SegmentName;
use super::segment_reader::Commits;
use crate::error::{Error, ErrorKind, Result};

/// What the writer is asked to hold the journal open for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The manifest on disk is looked at as well.
    Verify,
    /// What is copied is made durable first, so that no copy is ahead of its origin.
    Copy,
}

/// The journal at one commit.
#[derive(Debug)]
pub(super) struct View {
    /// As it would be had the store been closed at that commit.
    pub manifest: Manifest,
    /// The segments in order, the active one last.
    pub parts: Vec<Part>,
    /// The index at that commit; absent when the store is not open.
    pub snapshot: Option<Snapshot>,
    /// Why the manifest on disk is not what it should be.
    pub manifest_fault: Option<Error>,
}

/// One segment of a view.
#[derive(Debug)]
pub(super) struct Part {
    pub name: SegmentName,
    /// Its slot in the index.
    pub slot: u32,
    pub commits: Commits,
    pub end: End,
    pub file: Arc<dyn DiskFile>,
}

impl View {
    /// The journal of an open store. Compaction may unlink its files afterwards; they stay open here.
    ///
    /// # Errors
    /// `Corrupt` when the index and the manifest do not know the same segments.
    pub(super) fn open(
        index: &Index,
        mut manifest: Manifest,
        active: (u32, Arc<dyn DiskFile>, End),
    ) -> Result<Self> {
        let mut parts = Vec::with_capacity(manifest.sealed.len() + 1);
        let open = index.segments.sealed();
        if !open.iter().map(|(_, sealed, _)| sealed).eq(&manifest.sealed) {
            return Err(Error::corrupt("manifest does not list the segments that are open")
                .with("file", manifest::PATH));
        }
        let mut sequence = 0;
        for (slot, sealed, file) in open {
            let (name, end) = (sealed.name(), sealed.end);
            parts.push(Part { name, slot, commits: Commits::of(&sealed, sequence), end, file });
            sequence = end.sequence;
        }
        let (slot, file, end) = active;
        let name = SegmentName::new(manifest.active);
        let file = Arc::new(Prefix { file, len: end.bytes });
        parts.push(Part { name, slot, commits: Commits::After(sequence), end, file });
        manifest.closed = Some(end);
        Ok(Self { manifest, parts, snapshot: Some(index.snapshot()), manifest_fault: None })
    }

    /// The journal of a store that was closed cleanly and is not open.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Invalid` when it was not closed, `Corrupt` when a segment is missing
    /// or is one too many, `Unsupported`, `Unavailable`.
    pub(super) fn closed(disk: &dyn Disk) -> Result<Self> {
        let manifest = Manifest::read(disk)?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "database does not exist").with("file", manifest::PATH)
        })?;
        let Some(closed) = manifest.closed else {
            return Err(Error::invalid("database was not closed; open it and back it up instead"));
        };
        check_segments(disk, &manifest)?;
        let mut parts = Vec::with_capacity(manifest.sealed.len() + 1);
        let mut sequence = 0;
        for sealed in &manifest.sealed {
            let (name, end) = (sealed.name(), sealed.end);
            let (commits, file) = (Commits::of(sealed, sequence), open_segment(disk, name)?);
            parts.push(Part { name, slot: 0, commits, end, file });
            sequence = end.sequence;
        }
        let name = SegmentName::new(manifest.active);
        let (commits, file) = (Commits::After(sequence), open_segment(disk, name)?);
        parts.push(Part { name, slot: 0, commits, end: closed, file });
        Ok(Self { manifest, parts, snapshot: None, manifest_fault: None })
    }

    /// The last commit.
    pub(super) fn sequence(&self) -> u64 {
        self.parts.last().map_or(0, |part| part.end.sequence)
    }
}

/// Opens a segment that the manifest names.
///
/// # Errors
/// `Corrupt` when it is not there, `Unavailable`.
pub(super) fn open_segment(disk: &dyn Disk, name: SegmentName) -> Result<Arc<dyn DiskFile>> {
    disk.open(&name.path()).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            Error::corrupt("segment of the journal is missing").with("file", name.path())
        }
        _ => unavailable(error),
    })
}

/// The beginning of a file that is longer or goes on growing.
#[derive(Debug)]
pub(super) struct Prefix {
    pub file: Arc<dyn DiskFile>,
    pub len: u64,
}

impl DiskFile for Prefix {
    fn append(&self, _: &[u8]) -> Result<(), AppendError> {
        Err(AppendError::new(0, io::ErrorKind::Unsupported.into()))
    }

    fn reserve(&self, _: Range<u64>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(buf, offset)
    }

    fn read_at_cached(&self, buf: &mut [u8], offset: u64) -> io::Result<bool> {
        self.file.read_at_cached(buf, offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.file.size()?.min(self.len))
    }

    fn truncate(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_data(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_all(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
