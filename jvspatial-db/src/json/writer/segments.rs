//! What the writer does to whole segments: beginning the next, and putting compacted ones in their place.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Writer;
use crate::error::{Error, ErrorKind, Result};
use crate::json::compaction::Replacement;
use crate::json::index::{Index, Usage};
use crate::json::manifest::{Manifest, Sealed, Undone, unavailable};
use crate::json::queue::Job;
use crate::json::recovery::{self, Begun};
use crate::json::segment::{JOURNAL, SegmentName};
use crate::json::view::{Purpose, View};

impl Writer {
    /// Begins the next segment when this one is full, or would outgrow its offsets.
    pub(super) fn begin_next_if_full(&mut self, bytes: usize) -> Result<()> {
        let after = self.end.bytes + bytes as u64 + 4096;
        if self.end.bytes < self.options.segment_bytes && after <= u64::from(u32::MAX) {
            return Ok(());
        }
        self.wait_for_compactor();
        self.finish()?;
        let begun = self.begin_next();
        match self.done_or_undone(begun) {
            // Without room for another segment this one goes on, as long as offsets can name its lines.
            Err(error) if after <= u64::from(u32::MAX) && self.poison.is_none() => {
                tracing::warn!(%error, "cannot begin the next segment of the journal yet");
                Ok(())
            }
            result => result,
        }
    }

    /// Lets a compactor catch up that has fallen so far behind that the disk would hold far more than the
    /// documents need.
    fn wait_for_compactor(&mut self) {
        let start = Instant::now();
        // What the next segment and the compactor's copy will add is not there yet.
        let is_behind = |index: &Index| {
            let total = index.usages.total();
            total.bytes * 10 > total.live_bytes * 22
        };
        while self.options.compaction
            && self.shared.compaction.is_gaining()
            && start.elapsed() < self.shared.deadline / 2
            && is_behind(&self.shared.index.read())
        {
            for job in self.shared.queue.wait_for_jobs(Duration::from_millis(2)) {
                self.job(job);
            }
        }
    }

    pub(super) fn job(&mut self, job: Job) {
        match job {
            Job::Seal(reply) => {
                let _ = reply.send(self.seal());
            }
            Job::View(purpose, reply) => {
                let _ = reply.send(self.view(purpose));
            }
            Job::Replace(replacement, reply) => {
                let _ = reply.send(self.replace(replacement));
            }
            Job::AddIndex(built, reply) => {
                let _ = reply.send(self.add_index(*built));
            }
            Job::DropIndex(definition, reply) => {
                let _ = reply.send(self.drop_index(&definition));
            }
        }
    }

    /// Holds the journal open as it is after the last commit.
    fn view(&mut self, purpose: Purpose) -> Result<View> {
        self.check_poison()?;
        let manifest_fault = match purpose {
            Purpose::Copy => self.sync().map(|()| None)?,
            Purpose::Verify => self.manifest.differs_from(&*self.disk),
        };
        let active = (self.slot, Arc::clone(&self.active), self.end);
        let mut view = View::open(&self.shared.index.read(), self.manifest.clone(), active)?;
        view.manifest_fault = manifest_fault;
        Ok(view)
    }

    /// Begins the next segment, unless this one holds no commit.
    pub(super) fn seal(&mut self) -> Result<()> {
        self.check_poison()?;
        let sealed = self.manifest.sealed.last().map_or(0, |sealed| sealed.end.sequence);
        if self.end.sequence == sealed {
            return Ok(());
        }
        self.finish()?;
        let begun = self.begin_next();
        self.done_or_undone(begun)
    }

    /// Puts a compacted segment into the manifest; returns its slot.
    pub(super) fn replace(&mut self, Replacement { replaced, by }: Replacement) -> Result<u32> {
        self.check_poison()?;
        let file = self.disk.open(&by.name().path()).map_err(unavailable)?;
        // Lines are left out because of later ones: these must not be lost with the power.
        self.sync()?;
        // Here and not where the segment is made: should this fail, the name of a segment that is begun at
        // the same time would be lost as well.
        if let Err(error) = self.disk.sync_dir(JOURNAL) {
            return Err(self.poisoned(ErrorKind::Unknown, &error));
        }
        let mut manifest = self.manifest.clone();
        let is_replaced = |sealed: &Sealed| replaced.contains(&sealed.name());
        let at = manifest.sealed.iter().position(is_replaced);
        manifest.sealed.retain(|sealed| !is_replaced(sealed));
        match at {
            Some(at) if manifest.sealed.len() + replaced.len() == self.manifest.sealed.len() => {
                manifest.sealed.insert(at, by.clone());
            }
            _ => return Err(Error::corrupt("compacted segments are not those of the manifest")),
        }
        self.replace_manifest(manifest)?;
        let mut index = self.shared.index.write();
        let segments = Arc::make_mut(&mut index.segments);
        replaced.into_iter().for_each(|name| segments.replace(name));
        let slot = segments.add(by.name(), file);
        segments.seal(slot, by);
        Ok(slot)
    }

    /// Puts a manifest in the place of the one before.
    pub(in crate::json) fn replace_manifest(&mut self, manifest: Manifest) -> Result<()> {
        let written = manifest.write(&*self.disk);
        self.done_or_undone(written)?;
        self.manifest = manifest;
        Ok(())
    }

    /// What is to be said of a change to the manifest.
    fn done_or_undone(&mut self, result: Result<(), Undone>) -> Result<()> {
        match result {
            Err(Undone::Unsynced(error)) => Err(self.poisoned(ErrorKind::Unknown, &error)),
            Err(Undone::Unclear(error)) if self.is_active()? => Err(unavailable(error)),
            result => Ok(result?),
        }
    }

    /// Seals the segment, all of which is on disk, and begins the next.
    fn begin_next(&mut self) -> Result<(), Undone> {
        let number = self.manifest.active + 1;
        let (store, next) = (&self.manifest.store, (number, self.end.sequence));
        let begun = recovery::begin_segment(&*self.disk, store, next, Some(&self.options))?;
        let Begun { file: active, end, len } = begun;
        let mut manifest = self.manifest.clone();
        let sealed = Sealed::new(manifest.active, self.end);
        manifest.sealed.push(sealed.clone());
        manifest.active = number;
        manifest.write(&*self.disk)?;
        let mut index = self.shared.index.write();
        let segments = Arc::make_mut(&mut index.segments);
        segments.seal(self.slot, sealed);
        self.slot = segments.add(SegmentName::new(number), Arc::clone(&active));
        index.usages.grow(self.slot, Usage { bytes: end.bytes, ..Usage::default() });
        drop(index);
        self.shared.feed.hold(self.manifest.active, &self.active, self.end.bytes);
        self.manifest = manifest;
        self.active = active;
        self.end = end;
        self.len = len;
        self.makes_room = true;
        if self.options.compaction {
            self.shared.compaction.note_sealed();
        }
        Ok(())
    }

    /// Whether the manifest on disk is still the one from before a rename that failed.
    fn is_active(&mut self) -> Result<bool> {
        match Manifest::read(&*self.disk) {
            Ok(Some(manifest)) if manifest == self.manifest => Ok(true),
            Ok(_) => {
                Err(self.poisoned(ErrorKind::Unavailable, &"manifest was replaced but not durably"))
            }
            Err(error) => Err(self.poisoned(ErrorKind::Unavailable, &error)),
        }
    }
}
