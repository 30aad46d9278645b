//! Kills at each system call of a fixed script, by `strace`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use jvspatial_db::json::Sabotage;
use jvspatial_db::json::disk::LocalDisk;
use jvspatial_db::{Database as _, JsonDb};

use super::child::{Teller, give_orders, orders, tell};
use super::figures::{Figures, report, skip};
use super::ledger::{Ledger, write};
use super::script::{options, runtime};

const TEST: &str = "fault::strace::what_was_acknowledged_survives_a_kill_at_each_system_call";

/// The calls that change a file, a name or a lock; a kill at any other leaves what a kill at the next of
/// these does.
const CALLS: &str = "openat2,mkdirat,write,pwrite64,writev,fsync,fdatasync,renameat,unlinkat,ftruncate,flock,fchmod";

#[test]
fn what_was_acknowledged_survives_a_kill_at_each_system_call() {
    if let Some((role, home)) = orders() {
        return play(&role, Path::new(&home));
    }
    if !has_strace() {
        return skip("strace", "needs strace");
    }
    let calls = calls();
    let reached = reached(&calls);
    let (mut figures, mut control) = (Figures::default(), Figures::default());
    for (call, count) in &reached {
        kill_at("honest", call, *count, &mut figures);
        if call == "pwrite64" && control.is_sound() {
            kill_at("sabotaged", call, *count, &mut control);
        }
    }
    // Batches and segments repeat, so a call that is hidden has its like later on.
    let test = format!("strace, {} of {} calls", reached.len(), calls.len());
    report(&test, 0, &figures, &[("acknowledge before the write", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(figures.rounds > 60, "the script makes more calls than that: {figures}");
    assert!(control.lost > 0, "{control}");
}

pub(super) fn has_strace() -> bool {
    let version = Command::new("strace").arg("-V").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// The child: makes a store, writes over several segments, closes, and once more.
fn play(role: &str, home: &Path) {
    tell("ready");
    let runtime = runtime();
    let options = match role {
        "sabotaged" => options().sabotage(Sabotage::AcknowledgeBeforeWrite),
        _ => options(),
    };
    for batches in [14, 3] {
        // On this thread, so that each run makes the same calls in the same order.
        let disk = LocalDisk::open(home, true).unwrap();
        let db = JsonDb::open_on(std::sync::Arc::new(disk), options.clone()).unwrap();
        runtime.block_on(async {
            write(&db, 0, batches).await;
            db.close().await.unwrap();
        });
    }
}

/// Starts the child of a test under `strace`.
pub(super) fn strace((test, role): (&str, &str), home: &Path, arguments: &[&str]) -> Teller {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq"]).args(arguments);
    command.arg("--").arg(std::env::current_exe().unwrap());
    give_orders(&mut command, test, role, home);
    Teller::spawn(command)
}

/// The calls of an undisturbed run after the child was ready: thread, name, and which of its thread's
/// calls of that name it is.
fn calls() -> Vec<(String, String, u64)> {
    let home = tempfile::tempdir().unwrap();
    let log = home.path().join("log");
    let trace = format!("trace={CALLS}");
    let arguments = ["-o", log.to_str().unwrap(), "-e", &trace];
    let told = strace((TEST, "honest"), &home.path().join("db"), &arguments).rest();
    Ledger::default().note(&told, &mut Figures::default());
    let log = std::fs::read_to_string(log).unwrap();
    let mut counts = BTreeMap::<(String, String), u64>::new();
    let mut calls = Vec::new();
    let mut is_ready = false;
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((name, arguments)) = rest.trim_start().split_once('(') else { continue };
        if !CALLS.split(',').any(|call| call == name) {
            continue;
        }
        let count = counts.entry((thread.to_owned(), name.to_owned())).or_default();
        *count += 1;
        is_ready |= name == "writev" && arguments.contains("ready");
        if is_ready && !is_wake_up(arguments) {
            calls.push((thread.to_owned(), name.to_owned(), *count));
        }
    }
    assert!(is_ready, "{log}");
    calls
}

/// Whether a call wakes the reactor of a runtime, which is no call of the store: how often that is needed depends on who is faster.
fn is_wake_up(arguments: &str) -> bool {
    arguments.contains(r#""\1\0\0\0\0\0\0\0", 8)"#)
}

/// What `strace` can be told to strike: it counts for each thread, so the first thread to make so many
/// calls of a name hides the others.
fn reached(calls: &[(String, String, u64)]) -> BTreeSet<(String, u64)> {
    calls.iter().map(|(_, name, count)| (name.clone(), *count)).collect()
}

fn kill_at(role: &str, call: &str, count: u64, figures: &mut Figures) {
    // With fewer wake-ups in a run than in the one before, the call is an earlier one of its thread.
    let is_killed = (0..5).any(|_| is_killed_at(role, call, count, figures));
    assert!(is_killed, "{call} {count} was not reached");
}

fn is_killed_at(role: &str, call: &str, count: u64, figures: &mut Figures) -> bool {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("db");
    let trace = format!("trace={call}");
    let inject = format!("inject={call}:signal=SIGKILL:when={count}");
    let log = home.path().join("log");
    let arguments = ["-o", log.to_str().unwrap(), "-e", &trace, "-e", &inject];
    let told = strace((TEST, role), &path, &arguments).rest();
    let mut ledger = Ledger::default();
    ledger.note(&told, figures);
    if path.exists() {
        ledger.compare(&runtime(), &path, figures);
    }
    std::fs::read_to_string(log).unwrap().contains("killed by SIGKILL")
}
