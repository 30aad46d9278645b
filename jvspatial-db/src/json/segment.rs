//! The journal's segments: how their files are called, and those that are open.

use std::sync::Arc;

use super::disk::DiskFile;
use super::manifest::Sealed;

/// The directory of the segments.
pub(super) const JOURNAL: &str = "journal";
const SUFFIX: &str = ".jsonl";

/// What a segment's file is called after: its number, and how often it has been compacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SegmentName {
    pub number: u32,
    pub generation: u32,
}

impl SegmentName {
    /// A segment that was never compacted.
    pub(super) const fn new(number: u32) -> Self {
        Self { number, generation: 0 }
    }

    /// The path of its file, such as `journal/00000001.jsonl` or, compacted, `journal/00000001-1.jsonl`.
    pub(super) fn path(self) -> String {
        let Self { number, generation } = self;
        if generation == 0 {
            format!("{JOURNAL}/{number:08}{SUFFIX}")
        } else {
            format!("{JOURNAL}/{number:08}-{generation}{SUFFIX}")
        }
    }

    /// The segment whose file is called `file`.
    pub(super) fn parse(file: &str) -> Option<Self> {
        let stem = file.strip_suffix(SUFFIX)?;
        let (number, generation) = stem.split_once('-').unwrap_or((stem, "0"));
        let name = Self { number: number.parse().ok()?, generation: generation.parse().ok()? };
        // Only one spelling counts.
        (name.path().strip_prefix(JOURNAL)?.strip_prefix('/')? == file).then_some(name)
    }
}

/// A segment that is open for reading.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub name: SegmentName,
    pub file: Arc<dyn DiskFile>,
    role: Role,
}

/// What a segment is to the journal.
#[derive(Clone, Debug)]
enum Role {
    /// It is being written.
    Active,
    /// It is part of the journal and never written again.
    Sealed(Sealed),
    /// Another has taken its place; only readers that came before know it.
    Replaced,
}

/// The open segments. A place in the index names one by its *slot*, which never is given to another.
#[derive(Clone, Debug, Default)]
pub(super) struct Segments(Vec<Option<Segment>>);

impl Segments {
    /// Opens a segment to readers; returns its slot.
    pub(super) fn add(&mut self, name: SegmentName, file: Arc<dyn DiskFile>) -> u32 {
        self.0.push(Some(Segment { name, file, role: Role::Active }));
        // Segments have at least 4 KiB each, so slots run out long after disks.
        (self.0.len() - 1) as u32
    }

    /// Notes that a segment is never written again.
    pub(super) fn seal(&mut self, slot: u32, sealed: Sealed) {
        if let Some(Some(segment)) = self.0.get_mut(slot as usize) {
            segment.role = Role::Sealed(sealed);
        }
    }

    /// Notes that the sealed segment `name` is not part of the journal any more.
    pub(super) fn replace(&mut self, name: SegmentName) {
        for segment in self.0.iter_mut().flatten().filter(|segment| segment.name == name) {
            segment.role = Role::Replaced;
        }
    }

    /// The sealed segments with their slots, in the order of the journal.
    pub(super) fn sealed(&self) -> Vec<(u32, Sealed, Arc<dyn DiskFile>)> {
        let mut sealed: Vec<_> = (0..)
            .zip(&self.0)
            .filter_map(|(slot, segment)| match segment {
                Some(Segment { role: Role::Sealed(sealed), file, .. }) => {
                    Some((slot, sealed.clone(), Arc::clone(file)))
                }
                _ => None,
            })
            .collect();
        sealed.sort_unstable_by_key(|(_, sealed, _)| sealed.segment);
        sealed
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Segment> {
        self.0.get(slot as usize)?.as_ref()
    }

    /// The file of a segment that is open, be it part of the journal or not any more.
    pub(super) fn find(&self, name: SegmentName) -> Option<Arc<dyn DiskFile>> {
        let segment = self.0.iter().flatten().find(|segment| segment.name == name)?;
        Some(Arc::clone(&segment.file))
    }

    /// The path of a segment's file, for messages.
    pub(super) fn path(&self, slot: u32) -> String {
        self.get(slot)
            .map_or_else(|| "a segment that is gone".to_owned(), |found| found.name.path())
    }

    /// Lets go of a segment that no place names any more.
    pub(super) fn remove(&mut self, slot: u32) {
        if let Some(segment) = self.0.get_mut(slot as usize) {
            *segment = None;
        }
    }

    /// The slot of the segment added last.
    pub(super) fn last(&self) -> u32 {
        self.0.len().saturating_sub(1) as u32
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::disk::{Disk as _, SimulatedDisk};
    use super::super::manifest::End;
    use super::*;

    fn sealed(number: u32) -> Sealed {
        Sealed::new(number, End { bytes: 1, sequence: u64::from(number), checksum: 0 })
    }

    /// Open segments with these numbers.
    fn open(numbers: &[u32]) -> Segments {
        let disk = SimulatedDisk::new();
        disk.set_bytes("segment", "").unwrap();
        let mut segments = Segments::default();
        for (slot, number) in (0..).zip(numbers) {
            let file = disk.open("segment").unwrap();
            assert_eq!(segments.add(SegmentName::new(*number), file), slot);
            assert_eq!(segments.last(), slot);
        }
        segments
    }

    fn listed(segments: &Segments) -> Vec<(u32, u32)> {
        segments.sealed().iter().map(|(slot, sealed, _)| (*slot, sealed.segment)).collect()
    }

    #[test]
    fn only_the_one_spelling_of_a_name_is_a_segment() {
        let compacted = SegmentName { number: 7, generation: 12 };
        assert_eq!(SegmentName::new(1).path(), "journal/00000001.jsonl");
        assert_eq!(compacted.path(), "journal/00000007-12.jsonl");
        for name in [SegmentName::new(1), SegmentName::new(123_456_789), compacted] {
            let path = name.path();
            assert_eq!(SegmentName::parse(path.strip_prefix("journal/").unwrap()), Some(name));
        }
        for bad in [
            "1.jsonl",
            "00000001.json",
            "+0000001.jsonl",
            "x.jsonl",
            "00000001.jsonl.new",
            "00000001-0.jsonl",
            "00000001-01.jsonl",
            "00000001-.jsonl",
            "00000001-1-1.jsonl",
        ] {
            assert_eq!(SegmentName::parse(bad), None, "{bad}");
        }
    }
    #[test]
    fn sealed_segments_are_listed_in_the_order_of_the_journal_without_the_one_being_written() {
        let mut segments = open(&[3, 1, 4, 2]);
        assert_eq!(listed(&segments), []);
        for (slot, number) in [(0, 3), (1, 1), (3, 2)] {
            segments.seal(slot, sealed(number));
        }
        assert_eq!(listed(&segments), [(1, 1), (3, 2), (0, 3)]);
    }

    #[test]
    fn a_segment_that_was_replaced_is_still_open_and_listed_no_more() {
        let mut segments = open(&[1, 2, 3]);
        for (slot, number) in [(0, 1), (1, 2), (2, 3)] {
            segments.seal(slot, sealed(number));
        }
        segments.replace(SegmentName::new(2));
        assert_eq!(listed(&segments), [(0, 1), (2, 3)]);
        assert_eq!(segments.get(1).unwrap().name, SegmentName::new(2));
    }

    #[test]
    fn a_segment_that_was_let_go_leaves_the_slots_of_the_others_as_they_are() {
        let mut segments = open(&[1, 2, 3]);
        segments.remove(1);
        assert!(segments.get(1).is_none());
        assert_eq!(segments.path(0), "journal/00000001.jsonl");
        assert_eq!(segments.path(1), "a segment that is gone");
        assert_eq!(segments.path(2), "journal/00000003.jsonl");
        assert_eq!(segments.last(), 2);
    }
}
