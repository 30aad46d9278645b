//! A store of one large graph, built once in a run and shared by the rows that need it.
#![expect(clippy::disallowed_methods, reason = "the floors read the files of the store bare")]

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jvspatial::Id;
use tempfile::TempDir;

use crate::Result;

/// The directory of the journal in a store, as `docs/format.md` names it.
const JOURNAL: &str = "journal";

/// A closed store of the first cities and the edges of a [`Network`](crate::data::Network).
///
/// Whoever opens it must not write to it, and must close it; [`copy_to`](Self::copy_to) makes one to write to.
#[derive(Debug)]
pub(crate) struct NetworkStore {
    directory: TempDir,
    /// City 0, from which every other can be reached.
    pub(crate) start: Id,
    /// How many nodes and edges there are.
    pub(crate) documents: u64,
}

impl NetworkStore {
    /// Takes over a directory with a closed store in [`path`](Self::path).
    pub(crate) fn new(directory: TempDir, start: Id, documents: u64) -> Self {
        Self { directory, start, documents }
    }

    pub(crate) fn path(&self) -> PathBuf {
        Self::path_in(&self.directory)
    }

    /// Where in its directory the store is.
    pub(crate) fn path_in(directory: &TempDir) -> PathBuf {
        directory.path().join("network.db")
    }

    /// The files of the journal, in order.
    pub(crate) fn segments(&self) -> Result<Vec<PathBuf>> {
        segments(&self.path())
    }

    /// Makes a copy that may be written to.
    ///
    /// Nothing writes to a segment again once there is a later one, so only the last is copied; the
    /// others are the same files under a second name.
    pub(crate) fn copy_to(&self, path: &Path) -> Result<()> {
        let journal = path.join(JOURNAL);
        DirBuilder::new().recursive(true).mode(0o700).create(&journal)?;
        let segments = self.segments()?;
        for (number, segment) in segments.iter().enumerate() {
            let name = segment.file_name().ok_or("a segment has no name")?;
            if number + 1 < segments.len() {
                fs::hard_link(segment, journal.join(name))?;
            } else {
                fs::copy(segment, journal.join(name))?;
            }
        }
        fs::copy(self.path().join("MANIFEST.json"), path.join("MANIFEST.json"))?;
        Ok(())
    }
}

fn segments(store: &Path) -> Result<Vec<PathBuf>> {
    let mut segments = fs::read_dir(store.join(JOURNAL))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<PathBuf>>>()?;
    segments.sort_unstable();
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_to_a_copy_does_not_reach_the_store() {
        let directory = TempDir::new().unwrap();
        let store = NetworkStore::new(directory, "n.City.1".parse().unwrap(), 1);
        let journal = store.path().join(JOURNAL);
        fs::create_dir_all(&journal).unwrap();
        fs::write(store.path().join("MANIFEST.json"), "manifest").unwrap();
        for name in ["00000001.jsonl", "00000002.jsonl"] {
            fs::write(journal.join(name), name).unwrap();
        }

        let home = TempDir::new_in(store.directory.path()).unwrap();
        let copy = home.path().join("copy.db");
        store.copy_to(&copy).unwrap();
        let copied = segments(&copy).unwrap();
        assert_eq!(copied.len(), 2);
        assert_eq!(fs::read_to_string(&copied[0]).unwrap(), "00000001.jsonl");
        fs::write(&copied[1], "changed").unwrap();
        fs::write(copy.join("MANIFEST.json"), "changed").unwrap();

        let last = &store.segments().unwrap()[1];
        assert_eq!(fs::read_to_string(last).unwrap(), "00000002.jsonl");
        let manifest = fs::read_to_string(store.path().join("MANIFEST.json")).unwrap();
        assert_eq!(manifest, "manifest");
    }
}
