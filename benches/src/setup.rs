//! What a run of the benches shares: its sizes, its rounds, its place on a disk and a large store there.

use std::cell::OnceCell;
use std::env;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tempfile::TempDir;

use crate::Result;
use crate::network_store::NetworkStore;
use crate::ours::graph;

/// How much `--quick` divides every size by.
const QUICK: usize = 10;

/// The sizes, rounds and directory of one run.
#[derive(Debug)]
pub(crate) struct Setup {
    /// The measured rounds of each bench, of which the median counts.
    pub(crate) rounds: u32,
    /// Whether an unmeasured round comes first, to fill caches and wake the clock of the processor.
    pub(crate) warm_up: bool,
    quick: bool,
    dir: PathBuf,
    network_store: OnceCell<Rc<NetworkStore>>,
}

/// The nodes of a large graph.
pub(crate) const NETWORK: usize = 1_000_000;

impl Setup {
    /// Takes the target directory for files if `dir` is `None`; refuses a directory in memory.
    pub(crate) fn new(quick: bool, rounds: Option<u32>, dir: Option<&Path>) -> Result<Self> {
        let dir = match dir {
            Some(dir) => dir.to_owned(),
            None => target_directory()?,
        };
        if is_in_memory(&dir)? {
            return Err(format!(
                "{} is kept in memory, where syncing costs nothing: name a directory on a disk with --dir",
                dir.display()
            )
            .into());
        }
        let rounds = rounds.unwrap_or(if quick { 1 } else { 5 });
        Ok(Self { rounds, warm_up: !quick, quick, dir, network_store: OnceCell::new() })
    }

    /// A number of documents or operations, smaller in a quick run.
    pub(crate) fn size(&self, full: usize) -> usize {
        if self.quick { full / QUICK } else { full }
    }

    /// The name of a row; one of a quick run cannot be taken for the figure itself.
    pub(crate) fn label(&self, name: &str) -> String {
        if self.quick { format!("{name}/quick") } else { name.to_owned() }
    }

    /// The store of [`NETWORK`] nodes and three times as many edges, built when first asked for.
    pub(crate) fn network_store(&self) -> Result<Rc<NetworkStore>> {
        if let Some(store) = self.network_store.get() {
            return Ok(Rc::clone(store));
        }
        let store = graph::build_network(self.temporary_directory()?, self.size(NETWORK))?;
        Ok(Rc::clone(self.network_store.get_or_init(|| Rc::new(store))))
    }

    /// A new empty directory on the measured disk, removed when dropped.
    pub(crate) fn temporary_directory(&self) -> Result<TempDir> {
        tempfile::Builder::new().prefix("jvspatial-bench-").tempdir_in(&self.dir).map_err(|error| {
            format!("cannot make a directory in {}: {error}", self.dir.display()).into()
        })
    }
}

/// Where cargo put this program, two levels up: `target/release/jvspatial-benches`.
fn target_directory() -> Result<PathBuf> {
    let program = env::current_exe()?;
    let directory = program.ancestors().nth(2).ok_or("the program lies in no target directory")?;
    Ok(directory.to_owned())
}

#[cfg(target_os = "linux")]
#[allow(clippy::useless_conversion, reason = "the type of `f_type` differs by architecture")]
fn is_in_memory(dir: &Path) -> Result<bool> {
    const TMPFS: i64 = 0x0102_1994;
    const RAMFS: i64 = 0x8584_58f6;
    let kind = rustix::fs::statfs(dir)
        .map_err(|error| format!("cannot look at {}: {error}", dir.display()))?
        .f_type;
    Ok([TMPFS, RAMFS].contains(&i64::from(kind)))
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_dir: &Path) -> Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_run_is_smaller_and_says_so_in_its_names() {
        let setup = Setup::new(true, None, None).unwrap();
        assert_eq!(setup.size(1_000_000), 100_000);
        assert_eq!(setup.label("walk_1m"), "walk_1m/quick");
        assert_eq!(setup.rounds, 1);
    }

    #[test]
    fn a_directory_that_does_not_exist_is_an_error() {
        let missing = Path::new("/does/not/exist");
        assert!(
            Setup::new(false, None, Some(missing))
                .and_then(|setup| setup.temporary_directory())
                .is_err()
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_directory_in_memory_is_refused() {
        let shared_memory = Path::new("/dev/shm");
        if shared_memory.is_dir() && is_in_memory(shared_memory).unwrap() {
            let error = Setup::new(false, None, Some(shared_memory)).unwrap_err();
            assert!(error.to_string().contains("--dir"), "{error}");
        }
    }
}
