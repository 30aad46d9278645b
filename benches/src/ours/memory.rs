//! How much memory walks take above the opened database.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use jvspatial::prelude::*;

use super::graph::{Opened, Road};
use super::hub;
use super::open::status;
use crate::Result;
use crate::data::City;
use crate::network_store::NetworkStore;
use crate::setup::Setup;

/// Reports every city that it meets.
#[derive(Debug, Default)]
struct Gather;

#[walker(report = String)]
impl Gather {
    #[on_visit]
    fn city(&mut self, here: &Stored<City>, walk: &mut Walk<Self>) {
        walk.report(here.name.clone());
        walk.follow(out::<Road>());
    }
}

/// The bytes above the opened [network store](Setup::network_store) that a walk over it takes at most, which hands its
/// reports on as they come.
pub(crate) fn walk_1m(setup: &Setup) -> Result<f64> {
    of_child(&*setup.network_store()?)
}

/// The same over a city with a million neighbours.
pub(crate) fn walk_hub_1m(setup: &Setup) -> Result<f64> {
    of_child(&hub::store(setup)?)
}

/// A process of its own measures it, because what this one has freed would be counted as if it were free.
fn of_child(store: &NetworkStore) -> Result<f64> {
    let mut child = Command::new(env::current_exe()?);
    child.arg("--memory-of-walk").arg(store.path()).arg(store.start.to_string());
    let output = child.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("the process that measures memory failed: {}", output.status).into());
    }
    let growth: u64 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(growth as f64)
}

/// By how many bytes the resident memory of this process grows at most while it walks over the store at `path`.
pub(crate) fn growth(path: &Path, start: &str) -> Result<u64> {
    let opened = Opened::new(path, "")?;
    let start: Id = start.parse()?;
    forget_peak()?;
    let before = status("VmRSS:")?;
    let reported = opened.runtime.block_on(async {
        let mut reports = opened.graph.walk(Gather).from(&start).stream();
        let mut reported = 0_u64;
        while reports.try_next().await?.is_some() {
            reported += 1;
        }
        Result::<_>::Ok(reported)
    })?;
    let most = status("VmHWM:")?;
    if reported < 2 {
        return Err("the walk met nothing".into());
    }
    Ok(most.saturating_sub(before))
}

/// Lets the most memory that this process has had begin anew.
fn forget_peak() -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "it is no file on a disk")]
    std::fs::write("/proc/self/clear_refs", "5")?;
    Ok(())
}
