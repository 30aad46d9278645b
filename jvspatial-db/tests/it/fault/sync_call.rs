//! Each system call of a script that syncs fails in turn, by `strace`.

use std::path::Path;
use std::sync::Arc;

use jvspatial_db::json::disk::{Disk, LocalDisk};
use jvspatial_db::{Database as _, ErrorKind, JsonDb};

use super::altered::Altered;
use super::blocks::Blocks;
use super::child::{orders, tell};
use super::figures::{Figures, report, say, skip};
use super::script::{options, runtime};
use super::strace::{has_strace, strace};

const TEST: &str = "fault::sync_call::a_sync_that_the_system_refuses_is_not_asked_for_again";
const LENGTH: usize = 600;

#[test]
fn a_sync_that_the_system_refuses_is_not_asked_for_again() {
    if let Some((role, home)) = orders() {
        return play(&role, Path::new(&home));
    }
    if !has_strace() {
        return skip("sync call", "needs strace");
    }
    let (mut figures, mut control) = (Figures::default(), Figures::default());
    for call in ["fdatasync", "fsync"] {
        let before = figures.rounds;
        while fail("honest", call, figures.rounds - before + 1, &mut figures) {}
        assert!(figures.rounds - before > 5, "the script makes more calls of {call}: {figures}");
        fail("repeats", call, 3, &mut control);
    }
    report("sync call", 0, &figures, &[("repeat the sync", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(control.torn > 0, "{control}");
}

/// The child: makes a store, writes over several segments, closes, and once more; after a failure it
/// goes on asking a little.
fn play(role: &str, home: &Path) {
    let runtime = runtime();
    let mut blocks = Blocks::default();
    for count in [14, 3] {
        let db = LocalDisk::open(home, true).map(|disk| match role {
            "repeats" => Arc::new(Altered::repeats_syncs(disk)) as Arc<dyn Disk>,
            _ => Arc::new(disk),
        });
        let Ok(Ok(db)) = db.map(|disk| JsonDb::open_on(disk, options())) else {
            return tell("refused");
        };
        let is_whole = runtime.block_on(async {
            let mut kinds = Vec::new();
            for _ in 0..count {
                match blocks.write(&db, LENGTH).await {
                    Ok(()) => tell("ack"),
                    Err(error) => kinds.push(error.kind()),
                }
            }
            let mut seen = Figures::default();
            blocks.check_open(&db, &mut seen).await;
            let mut unlike = kinds.iter().skip(1).filter(|kind| **kind != ErrorKind::Poisoned);
            let is_told = unlike.next().is_none();
            if !seen.is_sound() || !is_told {
                tell(&format!("error {seen}, {kinds:?}"));
            }
            match kinds.first() {
                None => {}
                Some(ErrorKind::Unknown) => tell("unknown"),
                Some(kind) => tell(&format!("error {kind:?}")),
            }
            db.close().await.is_ok() && kinds.is_empty()
        });
        if !is_whole {
            return;
        }
    }
}

/// Lets the call numbered `count` fail, as `strace` counts; whether there are so many.
fn fail(role: &str, call: &str, count: u64, figures: &mut Figures) -> bool {
    let home = tempfile::tempdir().unwrap();
    let [path, log] = ["db", "log"].map(|name| home.path().join(name));
    let inject = format!("inject={call}:error=EIO:when={count}");
    let arguments = ["-o", log.to_str().unwrap(), "-e", "trace=fsync,fdatasync", "-e", &inject];
    let told = strace((TEST, role), &path, &arguments).rest();
    let log = std::fs::read_to_string(log).unwrap();
    let mut later = log.lines().skip_while(|line| !line.contains("(INJECTED)"));
    if later.next().is_none() {
        return false;
    }
    figures.rounds += 1;
    // The system may report success the second time, though the bytes are gone.
    figures.torn += later.filter(|line| line.contains("sync(")).count() as u64;
    let mut acknowledged = 0;
    for line in told.lines() {
        match line {
            "ack" => acknowledged += 1,
            "unknown" => figures.unknown += 1,
            "refused" => {}
            _ => panic!("{call} {count}: the child told: {told}"),
        }
    }
    figures.acknowledged += acknowledged as u64;
    let reopened =
        LocalDisk::open(&path, true).map(|disk| JsonDb::open_on(Arc::new(disk), options()));
    match reopened.unwrap() {
        Ok(db) => runtime().block_on(async {
            Blocks::of_length(LENGTH, acknowledged).check_reopened(&db, figures).await;
            db.close().await.unwrap();
        }),
        Err(error) => {
            say(format_args!("after {call} {count}: {error}"));
            figures.lost += 1;
        }
    }
    true
}
