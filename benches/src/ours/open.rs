//! Opening stores that were closed.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::graph::{Opened, Road, create_cities};
use crate::Result;
use crate::data::City;
use crate::measure::{Contender, Sample, alone};
use crate::setup::Setup;

/// Opens the [network store](Setup::network_store); the answer is the number of its documents.
pub(crate) fn open_4m(setup: &Setup) -> Result<Contender> {
    let store = setup.network_store()?;
    Ok(Box::new(move || open(&store.path())))
}

/// The seconds for opening a store of 10,000 documents.
pub(crate) fn open_10k(setup: &Setup) -> Result<f64> {
    let directory = setup.temporary_directory()?;
    let path = directory.path().join("graph.db");
    let opened = Opened::new(&path, "?durability=os")?;
    opened.runtime.block_on(create_cities(&opened.graph, setup.size(10_000)))?;
    drop(opened);
    let contender = Box::new(move || open(&path));
    let median: Duration = alone(setup.rounds, setup.warm_up, contender)?;
    Ok(median.as_secs_f64())
}

/// Times the opening alone; the answer is the number of documents found.
fn open(path: &Path) -> Result<Sample> {
    let start = Instant::now();
    let opened = Opened::new(path, "")?;
    let elapsed = start.elapsed();
    Ok(Sample { elapsed, answer: documents(&opened)? })
}

fn documents(opened: &Opened) -> Result<u64> {
    opened.runtime.block_on(async {
        let nodes = opened.graph.nodes::<City>().count().await?;
        Ok(nodes + opened.graph.edges::<Road>().count().await?)
    })
}

/// The bytes of memory that each document of the [network store](Setup::network_store) takes once it is open.
///
/// A process of its own measures them, because what this one has freed would be counted as if it were free.
pub(crate) fn memory_4m(setup: &Setup) -> Result<f64> {
    let store = setup.network_store()?;
    let mut child = Command::new(env::current_exe()?);
    child.arg("--memory-of").arg(store.path()).stderr(Stdio::inherit());
    let output = child.output()?;
    if !output.status.success() {
        return Err(format!("the process that measures memory failed: {}", output.status).into());
    }
    let growth: u64 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(growth as f64 / store.documents as f64)
}

/// By how many bytes the resident memory of this process grows when it opens the store at `path`.
pub(crate) fn growth(path: &Path) -> Result<u64> {
    let before = resident()?;
    let opened = Opened::new(path, "")?;
    let after = resident()?;
    drop(opened);
    Ok(after.saturating_sub(before))
}

/// The resident memory of this process in bytes.
fn resident() -> Result<u64> {
    status("VmRSS:")
}

/// What the system says of this process under a name, in bytes.
#[cfg(target_os = "linux")]
pub(crate) fn status(name: &str) -> Result<u64> {
    #[expect(clippy::disallowed_methods, reason = "it is no file on a disk")]
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kibibytes.ok_or("the system does not say how much memory is resident")? * 1024)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn status(_name: &str) -> Result<u64> {
    Err("resident memory is measured on Linux alone".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::floor;

    #[test]
    fn opening_finds_as_many_documents_as_the_floor_and_leaves_the_store_as_it_was() {
        let setup = Setup::new(true, None, None).unwrap();
        let mut ours = open_4m(&setup).unwrap();
        let mut floor = floor::open::open_4m(&setup).unwrap();
        assert_eq!(ours().unwrap().answer, 400_000);
        assert_eq!(floor().unwrap().answer, 400_000);
        assert_eq!(ours().unwrap().answer, 400_000);
    }

    #[test]
    fn memory_grows_with_what_is_allocated() {
        let before = resident().unwrap();
        let bytes = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(resident().unwrap() >= before + bytes.len() as u64 / 2);
    }
}
