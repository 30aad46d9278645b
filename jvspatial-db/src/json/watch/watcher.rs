//! One watch of the journal.

use std::collections::VecDeque;
use std::sync::Arc;

use super::batch::{Batch, Commits, Wanted};
use super::place::Place;
use super::{Ear, Newest, State};
use crate::error::{Error, ErrorKind, Result};
use crate::json::disk::DiskFile;
use crate::json::in_time;
use crate::json::line::{Line, MAX_COMMIT, MAX_HEADER, line_checksum, push_header};
use crate::json::manifest::{End, FORMAT, unavailable};
use crate::json::segment::SegmentName;
use crate::watch::{
    ChangeEvent, DocumentChange, LostHistory, Origin, Progress, ResumeToken, WatchOptions,
};

/// How much of the journal is looked through, and how many changes of it are noted, before any are told; a
/// commit is looked through as a whole.
const LOOKED: u64 = 1024 * 1024;
const NOTED: usize = 1024;

/// How much of the journal is read at once for changes that are told; a line is read as a whole.
const PAGE: u64 = 256 * 1024;

/// A watch under way.
pub(super) struct Watcher {
    ear: Ear,
    options: WatchOptions,
    origin: Origin,
    /// Up to where the journal has been looked through.
    place: Place,
    /// The segment of the place; absent when nothing follows in it.
    file: Option<Arc<dyn DiskFile>>,
    /// Commits before the place that hold something to tell, of the same segment.
    batches: VecDeque<Batch>,
    /// What is told next.
    ready: VecDeque<Progress>,
}

impl Watcher {
    /// A watch that begins at `after`, or else at the newest commit.
    ///
    /// # Errors
    /// `Closed`, `Unavailable`.
    pub(super) fn new(
        mut ear: Ear,
        options: WatchOptions,
        origin: Origin,
        after: Option<Place>,
    ) -> Result<Self> {
        let newest = *ear.newest.borrow_and_update();
        newest.check(false)?;
        let place = Place::after(newest.segment, newest.end);
        let (batches, ready) = (VecDeque::new(), VecDeque::new());
        let mut watcher = Self { ear, options, origin, place, file: None, batches, ready };
        watcher.go_to_newest(newest);
        if let Some(after) = after
            && let Err(reason) = watcher.go_to(after, newest)?
        {
            watcher.note_lost(reason)?;
        }
        Ok(watcher)
    }

    /// Where the watch began.
    pub(super) fn token(&self) -> Result<ResumeToken> {
        let after = self.options.after.clone();
        after.map_or_else(|| self.token_of(self.place), Ok)
    }

    fn token_of(&self, place: Place) -> Result<ResumeToken> {
        self.origin.token(&place.to_bytes())
    }

    fn go_to_newest(&mut self, newest: Newest) {
        self.place = Place::after(newest.segment, newest.end);
        // A segment that was compacted meanwhile holds nothing after its last commit.
        self.file = self.ear.shared.feed.find(&self.ear.shared, newest.segment);
    }

    /// Goes on from a place, or says why that cannot be.
    fn go_to(&mut self, place: Place, newest: Newest) -> Result<Result<(), &'static str>> {
        const OTHER: &str = "the database does not hold the commits that were told before";
        let is_ahead = place.end.sequence > newest.end.sequence
            || place.end.sequence == newest.end.sequence && place.inside.is_some();
        if is_ahead || place.segment > newest.segment {
            return Ok(Err(OTHER));
        }
        let shared = &self.ear.shared;
        let file = shared.feed.find(shared, place.segment);
        let sealed = shared.index.read().segments.sealed();
        let sealed = || sealed.iter().map(|(_, sealed, _)| sealed);
        let Some(file) = file else {
            // Only who knows all of a compacted segment misses nothing of it.
            let is_told = sealed().any(|sealed| {
                sealed.segment == place.segment && sealed.end.sequence == place.end.sequence
            });
            if !is_told || place.inside.is_some() {
                return Ok(Err(COMPACTED));
            }
            (self.place, self.file) = (place, None);
            return Ok(Ok(()));
        };
        let limit =
            if place.segment == newest.segment { newest.end.bytes } else { file_size(&*file)? };
        let before = sealed().take_while(|sealed| sealed.segment < place.segment).last();
        let before = before.map_or(0, |sealed| sealed.end.sequence);
        if place.end.bytes > limit || !ends_there(&*file, &place.end, before)? {
            return Ok(Err(OTHER));
        }
        (self.place, self.file) = (place, Some(file));
        Ok(Ok(()))
    }

    /// Notes that history is lost up to the newest commit, where the watch now is.
    fn note_lost(&mut self, reason: &'static str) -> Result<()> {
        let newest = *self.ear.newest.borrow_and_update();
        self.go_to_newest(newest);
        let token = self.token_of(self.place)?;
        let lost = ChangeEvent::Lost(LostHistory { reason, token });
        self.ready.push_back(Progress::Event(lost));
        Ok(())
    }

    /// The next step, as soon as there is one.
    ///
    /// # Errors
    /// Those of a [`ChangeStream`](crate::ChangeStream).
    pub(super) async fn step(mut self) -> Result<(Progress, Self)> {
        loop {
            let newest = *self.ear.newest.borrow_and_update();
            newest.check(false)?;
            if let Some(step) = self.ready.pop_front() {
                return Ok((step, self));
            }
            if self.place.end.sequence < newest.end.sequence || !self.batches.is_empty() {
                let deadline = self.ear.shared.deadline;
                self = in_time(deadline, move || {
                    self.read(newest)?;
                    Ok(self)
                })
                .await?;
                continue;
            }
            newest.check(true)?;
            // The sender lives in what is shared, which is held here.
            let _ = self.ear.newest.changed().await;
        }
    }

    /// Makes some steps ready of what there is up to `newest`.
    fn read(&mut self, newest: Newest) -> Result<()> {
        if self.batches.is_empty() {
            self.look(newest)?;
        }
        let told = self.batches.back().map(|batch| batch.end);
        self.read_page()?;
        if self.batches.is_empty() && told != Some(self.place.end) && self.ready_is_behind() {
            let token = self.token_of(self.place)?;
            self.ready.push_back(Progress::Passed(token));
        }
        Ok(())
    }

    /// Whether nothing that is ready says where the watch is already.
    fn ready_is_behind(&self) -> bool {
        !matches!(self.ready.back(), Some(Progress::Event(ChangeEvent::Lost(_))))
    }

    /// Looks through some of the journal behind the place.
    fn look(&mut self, newest: Newest) -> Result<()> {
        let Some(file) = self.file.clone() else { return self.go_to_next() };
        let segment = self.place.segment;
        let limit = if segment == newest.segment { newest.end.bytes } else { file_size(&*file)? };
        if self.place.end.bytes >= limit {
            return self.go_to_next();
        }
        let name = SegmentName::new(segment);
        let start = self.place.end;
        let mut commits = Commits::new(&*file, name, start, limit, &self.options);
        let mut noted = 0;
        let mut inside = self.place.inside.take();
        while noted < NOTED && commits.end().bytes - start.bytes < LOOKED {
            let Some(mut batch) = commits.next_commit()? else { break };
            if let Some(inside) = inside.take() {
                if batch.end.checksum != inside.checksum {
                    return self.note_lost("another commit stands where the watch was");
                }
                batch.lines.retain(|line| line.at > inside.lines);
            }
            noted += batch.lines.len();
            self.place.end = batch.end;
            if !batch.lines.is_empty() {
                self.batches.push_back(batch);
            }
        }
        Ok(())
    }

    /// Goes to the beginning of the next segment.
    fn go_to_next(&mut self) -> Result<()> {
        let number = self.place.segment + 1;
        let shared = &self.ear.shared;
        let Some(file) = shared.feed.find(shared, number) else {
            return self.note_lost(COMPACTED);
        };
        let mut expected = Vec::new();
        let name = SegmentName::new(number);
        let checksum = push_header(&mut expected, name, FORMAT, &shared.feed.store);
        let mut found = vec![0; expected.len()];
        file.read_at(&mut found, 0).map_err(unavailable)?;
        if found != expected {
            return Err(Error::corrupt("segment does not belong here")
                .with("file", name.path())
                .with("expected", String::from_utf8_lossy(&expected).trim_end()));
        }
        let end = End { bytes: expected.len() as u64, checksum, ..self.place.end };
        (self.place, self.file) = (Place::after(number, end), Some(file));
        Ok(())
    }

    /// Makes changes ready that stand near one another.
    fn read_page(&mut self) -> Result<()> {
        let wanted = || self.batches.iter().flat_map(|batch| &batch.lines);
        let (Some(first), Some(file)) = (wanted().next(), &self.file) else { return Ok(()) };
        let start = first.offset;
        let is_near = |line: &&Wanted| line.offset + line.len as u64 <= start + PAGE;
        // The first line may be longer than a page.
        let near = wanted().skip(1).take_while(is_near);
        let (count, end) = near.fold((1, start + first.len as u64), |(count, _), line| {
            (count + 1, line.offset + line.len as u64)
        });
        let mut page = vec![0; usize::try_from(end - start).unwrap_or_default()];
        file.read_at(&mut page, start).map_err(unavailable)?;
        let (segment, name) = (self.place.segment, SegmentName::new(self.place.segment));
        let mut left: usize = count;
        while let Some(batch) = self.batches.front_mut().filter(|_| left > 0) {
            let count = batch.lines.len().min(left);
            left -= count;
            for line in batch.lines.get(..count).unwrap_or_default() {
                let from = usize::try_from(line.offset - start).unwrap_or(usize::MAX);
                let bytes = page.get(from..from.saturating_add(line.len)).unwrap_or_default();
                let said = line.read(name, bytes, self.options.documents)?;
                let change = DocumentChange {
                    kind: said.kind,
                    id: said.id,
                    version: Some(said.version),
                    commit: batch.end.sequence,
                    document: said.document,
                    token: self.origin.token(&batch.place(segment, line).to_bytes())?,
                };
                self.ready.push_back(Progress::Event(ChangeEvent::Changed(change)));
            }
            batch.lines.drain(..count);
            if batch.lines.is_empty() {
                self.batches.pop_front();
            }
        }
        Ok(())
    }
}

const COMPACTED: &str = "the journal was compacted";

impl Newest {
    /// Refuses to go on when nothing more will come, `finally` also when what is there has been told.
    fn check(&self, finally: bool) -> Result<()> {
        match self.state {
            State::Closed => Err(Error::new(ErrorKind::Closed, "database was closed")),
            State::Poisoned if finally => Err(Error::new(
                ErrorKind::Poisoned,
                "database takes no more writes; open it again to go on watching",
            )),
            State::Poisoned | State::Open => Ok(()),
        }
    }
}

fn file_size(file: &dyn DiskFile) -> Result<u64> {
    file.size().map_err(unavailable)
}

/// Whether this commit ends at `end`, or the header of a segment behind the commit `before`.
fn ends_there(file: &dyn DiskFile, end: &End, before: u64) -> Result<bool> {
    let start = end.bytes.saturating_sub(MAX_COMMIT.max(MAX_HEADER) as u64);
    let mut bytes = vec![0; usize::try_from(end.bytes - start).unwrap_or_default()];
    file.read_at(&mut bytes, start).map_err(unavailable)?;
    let without_end = bytes.get(..bytes.len().saturating_sub(1)).unwrap_or_default();
    let line = memchr::memrchr(b'\n', without_end).map_or(0, |end| end + 1);
    let line = bytes.get(line..).unwrap_or_default();
    Ok(match Line::parse(line) {
        Some(Line::Commit(commit)) => {
            (commit.sequence, commit.checksum) == (end.sequence, end.checksum)
        }
        Some(Line::Header(_)) => (before, line_checksum(line)) == (end.sequence, end.checksum),
        _ => false,
    })
}
