//! How an import goes.

use crate::limits::MAX_BATCH_OPERATIONS;

/// What becomes of a document whose id is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Existing {
    /// Its line fails.
    #[default]
    Fail,
    /// It is left out. An import that was interrupted can be repeated like this.
    Skip,
    /// It replaces what is there as a whole, at the version that the line gives, also when the stored
    /// version is higher. Edges of a replaced node stay.
    Replace,
}

/// How an import treats what it finds, and how much it writes at once.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    pub(super) existing: Existing,
    pub(super) batch_documents: usize,
    pub(super) batch_bytes: usize,
    pub(super) collect: Option<usize>,
}

/// What one batch may hold at most: it is in memory and, in the JSON database, one write.
const MAX_BATCH_BYTES: usize = 64 * 1024 * 1024;

impl ImportOptions {
    /// Ids that are taken and lines that are bad end the import; batches of 10,000 documents or 8 MiB.
    pub const fn new() -> Self {
        Self {
            existing: Existing::Fail,
            batch_documents: 10_000,
            batch_bytes: 8 * 1024 * 1024,
            collect: None,
        }
    }

    /// Chooses what becomes of a document whose id is taken. Default: [`Existing::Fail`].
    #[must_use]
    pub const fn existing(mut self, existing: Existing) -> Self {
        self.existing = existing;
        self
    }

    /// Sets how many documents are written at once, 1 to 100,000. Default: 10,000.
    #[must_use]
    pub fn batch_documents(mut self, most: usize) -> Self {
        self.batch_documents = most.clamp(1, MAX_BATCH_OPERATIONS);
        self
    }

    /// Sets after how many bytes of lines a batch is written though it holds fewer documents, at most
    /// 64 MiB. Default: 8 MiB.
    #[must_use]
    pub fn batch_bytes(mut self, most: usize) -> Self {
        self.batch_bytes = most.clamp(1, MAX_BATCH_BYTES);
        self
    }

    /// Goes on past lines that cannot be imported, counts them all and keeps the first `kept` of them for
    /// the report. Default: the first such line ends the import.
    #[must_use]
    pub const fn collect_failures(mut self, kept: usize) -> Self {
        self.collect = Some(kept);
        self
    }
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self::new()
    }
}
