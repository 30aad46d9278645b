//! A full disk: refused in so many words, nothing acknowledged lost, and over when there is room again.

use std::sync::Arc;

use jvspatial_db::json::disk::{Disk, Fault, OpKind, SimulatedDisk};
use jvspatial_db::{Database as _, ErrorKind, JsonDb};

use super::altered::Altered;
use super::figures::{Figures, report, seed};
use super::script::{Found, Script, check, contents, inspect, options, runtime};

const BATCHES: usize = 24;

/// How many appends an undisturbed script makes.
fn appends(seed: u64) -> u64 {
    let (disk, runtime) = (SimulatedDisk::new(), runtime());
    let db = JsonDb::open_on(Arc::new(disk.clone()), options()).unwrap();
    let mut script = Script::new(seed);
    let before = disk.count(OpKind::Append);
    for _ in 0..BATCHES {
        check(&runtime.block_on(db.write(script.next())).unwrap());
    }
    disk.count(OpKind::Append) - before
}

/// Plays a script whose append number `nth` and the two after it meet a full disk after `short` bytes.
/// `heals` frees the disk the moment it has refused a write.
fn play_full(
    seed: u64,
    disk: &SimulatedDisk,
    seam: Arc<dyn Disk>,
    (nth, short): (u64, usize),
    figures: &mut Figures,
) {
    let runtime = runtime();
    let db = JsonDb::open_on(seam, options()).unwrap();
    let mut script = Script::new(seed);
    disk.fail(Fault::full(OpKind::Append).nth(nth).short(short).from_then_on());
    for _ in 0..BATCHES {
        let before = script.state.clone();
        let batch = script.next();
        match runtime.block_on(db.write(batch)) {
            Ok(report) => {
                check(&report);
                figures.acknowledged += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                figures.unknown += u64::from(error.effect() == jvspatial_db::Effect::Unknown);
                figures.torn += u64::from(runtime.block_on(contents(&db)) != Ok(before.clone()));
                disk.heal();
                // The same batch again, as its sender would have kept it.
                let mut again = script.before_last();
                let report = runtime.block_on(db.write(again.next())).expect("there is room now");
                check(&report);
                script = again;
                figures.acknowledged += 1;
            }
        }
        figures.torn += u64::from(runtime.block_on(contents(&db)).as_ref() != Ok(&script.state));
    }
    figures.rounds += 1;
    match inspect(&runtime, &disk.kill_state(), &options()) {
        Found::Holds(state, recovery) if state == script.state => {
            figures.torn += u64::from(recovery.quarantined_bytes > 0);
        }
        _ => figures.lost += 1,
    }
    let _ = runtime.block_on(db.close());
}

#[test]
fn a_full_disk_loses_nothing_and_writing_goes_on_when_there_is_room() {
    let seed = seed();
    let appends = appends(seed);
    let mut figures = Figures::default();
    let mut control = Figures::default();
    for nth in 1..=appends {
        for short in [0, 1, 100, usize::MAX] {
            let disk = SimulatedDisk::new();
            play_full(seed, &disk, Arc::new(disk.clone()), (nth, short), &mut figures);
            if nth < 4 && (1..usize::MAX).contains(&short) {
                let disk = SimulatedDisk::new();
                let seam = Arc::new(Altered::never_cuts(disk.clone()));
                play_full(seed, &disk, seam, (nth, short), &mut control);
            }
        }
    }
    report("full", seed, &figures, &[("append after the partial line", control)]);
    assert!(figures.is_sound() && figures.unknown == 0, "{figures}");
    assert!(!control.is_sound(), "{control}");
}

#[test]
fn a_store_that_fills_its_disk_goes_on_where_it_stopped_once_the_disk_has_grown() {
    let (disk, runtime) = (SimulatedDisk::new(), runtime());
    let db = JsonDb::open_on(Arc::new(disk.clone()), options()).unwrap();
    let mut script = Script::new(seed());
    let mut capacity = 2_000;
    let mut refusals = 0;
    disk.set_capacity(Some(capacity));
    for _ in 0..60 {
        let before = script.state.clone();
        let mut written = runtime.block_on(db.write(script.next()));
        while let Err(error) = written {
            refusals += 1;
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            assert_eq!(runtime.block_on(contents(&db)).unwrap(), before);
            capacity += 300;
            disk.set_capacity(Some(capacity));
            let mut again = script.before_last();
            written = runtime.block_on(db.write(again.next()));
            script = again;
        }
        check(&written.unwrap());
        match inspect(&runtime, &disk.kill_state(), &options()) {
            Found::Holds(state, _) => assert_eq!(state, script.state),
            other => panic!("{other:?}"),
        }
    }
    assert!(refusals > 10, "{refusals}");
}
