//! How much of each segment is still in use.

use super::table::Place;

/// What the lines of one segment are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::json) struct Usage {
    /// Bytes of the file.
    pub bytes: u64,
    /// Lines of documents, replaced ones included.
    pub documents: u64,
    /// Lines that are the present state of a document, and their bytes.
    pub live_documents: u64,
    pub live_bytes: u64,
    /// Bytes of lines that say that a document is gone.
    pub tombstone_bytes: u64,
}

impl Usage {
    /// Whether every document's line is the present state of its document.
    pub(in crate::json) const fn has_no_replaced(&self) -> bool {
        self.documents == self.live_documents
    }
}

/// The usage of all segments, by slot.
#[derive(Debug, Default)]
pub(in crate::json) struct Usages(Vec<Usage>);

impl Usages {
    pub(in crate::json) fn get(&self, slot: u32) -> Usage {
        self.0.get(slot as usize).copied().unwrap_or_default()
    }

    /// The sum over all segments.
    pub(in crate::json) fn total(&self) -> Usage {
        self.0.iter().fold(Usage::default(), |mut total, usage| {
            total.bytes += usage.bytes;
            total.documents += usage.documents;
            total.live_documents += usage.live_documents;
            total.live_bytes += usage.live_bytes;
            total.tombstone_bytes += usage.tombstone_bytes;
            total
        })
    }

    pub(in crate::json) fn entry(&mut self, slot: u32) -> &mut Usage {
        let slot = slot as usize;
        if self.0.len() <= slot {
            self.0.resize(slot + 1, Usage::default());
        }
        &mut self.0[slot]
    }

    /// Notes that a segment has grown.
    pub(in crate::json) fn grow(&mut self, slot: u32, by: Usage) {
        let usage = self.entry(slot);
        usage.bytes += by.bytes;
        usage.documents += by.documents;
        usage.tombstone_bytes += by.tombstone_bytes;
    }

    /// Notes that the line at `place` is the present state of a document.
    pub(in crate::json) fn gain(&mut self, place: Place) {
        let usage = self.entry(place.slot);
        usage.live_documents += 1;
        usage.live_bytes += u64::from(place.len);
    }

    /// Notes that the line at `place`, if there was one, has been replaced.
    pub(in crate::json) fn lose(&mut self, place: Place) {
        if place.len != 0 {
            let usage = self.entry(place.slot);
            usage.live_documents -= 1;
            usage.live_bytes -= u64::from(place.len);
        }
    }
}
