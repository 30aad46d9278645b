//! The newest state of each document, as far as it was found.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use super::SalvageReport;
use crate::id::Id;

/// Where a document's line stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    /// The number of the file among those that are read.
    pub file: u32,
    pub offset: u64,
    /// Its bytes; 0 for a document that an unverified tombstone has deleted.
    pub len: u32,
    pub version: u64,
    /// The checksum of its bytes as they stand in the file.
    pub check: u64,
    pub verified: bool,
    /// Whether a newer line could not be taken.
    pub reverted: bool,
}

impl Kept {
    pub(super) const fn exists(&self) -> bool {
        self.len != 0
    }
}

/// The most ids that are remembered of lines that could not be taken.
const MOST_LOST: usize = 1_000_000;

/// What was found, by id. What is deleted is forgotten, so that memory grows with the living.
#[derive(Debug, Default)]
pub(super) struct Found {
    documents: HashMap<Id, Kept, RandomState>,
    /// Documents of which no line was taken.
    lost: HashSet<Id, RandomState>,
    unnamed: u64,
    /// The last commit that was taken.
    pub last_commit: u64,
}

impl Found {
    /// Takes the newest line of a document; `false` for an unverified one that is not newer than what is
    /// vouched for, and therefore not what was written.
    pub(super) fn take(&mut self, id: Id, kept: Kept) -> bool {
        let is_older = |old: &Kept| old.exists() && old.version >= kept.version;
        if !kept.verified && self.documents.get(&id).is_some_and(is_older) {
            self.miss(id);
            return false;
        }
        self.lost.remove(&id);
        if kept.verified && !kept.exists() {
            self.documents.remove(&id);
        } else {
            self.documents.insert(id, kept);
        }
        true
    }

    /// Notes that a line of a document could not be taken.
    pub(super) fn miss(&mut self, id: Id) {
        if let Some(kept) = self.documents.get_mut(&id) {
            kept.reverted = true;
        } else if self.lost.len() < MOST_LOST {
            self.lost.insert(id);
        } else {
            self.unnamed += 1;
        }
    }

    pub(super) fn exists(&self, id: &Id) -> bool {
        self.documents.get(id).is_some_and(Kept::exists)
    }

    /// The documents in the order in which they stand in the files.
    pub(super) fn in_order(&self) -> Vec<(&Id, &Kept)> {
        let mut documents: Vec<_> =
            self.documents.iter().filter(|(_, kept)| kept.exists()).collect();
        documents.sort_unstable_by_key(|(_, kept)| (kept.file, kept.offset));
        documents
    }

    /// Puts into the report what became of the documents.
    pub(super) fn tell(&self, report: &mut SalvageReport) {
        let mut unverified = Vec::new();
        let mut reverted = Vec::new();
        for (id, kept) in &self.documents {
            report.documents += u64::from(kept.exists());
            report.verified += u64::from(kept.exists() && kept.verified);
            if !kept.verified {
                unverified.push(id);
            }
            if kept.reverted && kept.exists() {
                reverted.push(id);
            }
        }
        let mut lost: Vec<&Id> = self.lost.iter().collect();
        for (ids, listed) in [
            (&mut unverified, &mut report.unverified),
            (&mut reverted, &mut report.reverted),
            (&mut lost, &mut report.lost),
        ] {
            ids.sort_unstable();
            listed.extend(ids.iter().copied().cloned());
        }
        report.lost.add_unnamed(self.unnamed);
    }
}
