//! A disk that is full or fails while segments are compacted: the old ones stay, and nothing is lost.

use std::time::{Duration, Instant};

use jvspatial_db::json::disk::{Fault, OpKind, SimulatedDisk};
use jvspatial_db::{Database as _, ErrorKind, JsonDb};

use super::super::figures::{Figures, report, say, seed};
use super::super::script::{self, Found, Script, check, contents, inspect, runtime};
use super::world::World;
use super::{killed, open, options, space};

/// A store with some segments that are mostly garbage, and the script that wrote it.
fn store(seed: u64) -> (SimulatedDisk, Script) {
    let (disk, runtime, mut script) = (SimulatedDisk::new(), runtime(), Script::new(seed));
    let db = open(&disk, &script::options());
    for _ in 0..45 {
        check(&runtime.block_on(db.write(script.next())).unwrap());
    }
    runtime.block_on(db.close()).unwrap();
    assert!(space::files(&disk) > 2);
    (killed(&disk), script)
}

/// Opens a copy of a store.
fn reopened(store: &SimulatedDisk) -> (SimulatedDisk, JsonDb) {
    let disk = killed(store);
    let db = open(&disk, &script::options());
    (disk, db)
}

/// The segments by name, to see that an attempt left them as they were.
fn segments(disk: &SimulatedDisk) -> Vec<String> {
    disk.paths().into_iter().filter(|path| path.starts_with("journal/")).collect()
}

/// What a compaction of the store asks of the disk.
fn count(store: &SimulatedDisk, kind: OpKind) -> u64 {
    let (disk, db) = reopened(store);
    let before = disk.count(kind);
    runtime().block_on(db.compact()).unwrap();
    disk.count(kind) - before
}

#[test]
fn a_full_disk_fails_a_compaction_and_nothing_else() {
    let (seed, runtime) = (seed(), runtime());
    let (store, script) = store(seed);
    let mut figures = Figures::default();
    for nth in 1..=count(&store, OpKind::Append) {
        for short in [0, 1, 100, usize::MAX] {
            let (disk, db) = reopened(&store);
            let mut script = script.clone();
            disk.fail(Fault::full(OpKind::Append).nth(nth).short(short).from_then_on());
            let error = runtime.block_on(db.compact()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "append {nth}: {error}");
            figures.rounds += 1;
            figures.torn +=
                u64::from(runtime.block_on(contents(&db)).as_ref() != Ok(&script.state));
            match inspect(&runtime, &disk.kill_state(), &script::options()) {
                Found::Holds(state, _) if state == script.state => {}
                _ => figures.lost += 1,
            }
            disk.heal();
            check(&runtime.block_on(db.write(script.next())).expect("there is room now"));
            runtime.block_on(db.compact()).expect("there is room now");
            figures.acknowledged += 1;
            match inspect(&runtime, &disk.kill_state(), &script::options()) {
                Found::Holds(state, _) if state == script.state => {}
                _ => figures.lost += 1,
            }
        }
    }
    report("compaction/full", seed, &figures, &[]);
    assert!(figures.is_sound(), "{figures}");
    // The next segment and the copy, with a manifest each.
    assert!(figures.rounds >= 4 * 4, "{figures}");
}

#[test]
fn a_disk_with_too_little_room_for_a_copy_takes_it_once_it_has_grown() {
    let (seed, runtime) = (seed(), runtime());
    let (store, script) = store(seed);
    let full =
        store.paths().iter().map(|path| store.bytes(path).unwrap().len() as u64).sum::<u64>();
    let (mut refused, mut done) = (0, 0);
    for room in (0..6_000).step_by(150) {
        let (disk, db) = reopened(&store);
        let mut script = script.clone();
        disk.set_capacity(Some(full + room));
        match runtime.block_on(db.compact()) {
            Ok(_) => done += 1,
            Err(error) => {
                refused += 1;
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            }
        }
        // There may or may not be room for a batch, but never for half of one.
        match runtime.block_on(db.write(script.next())) {
            Ok(report) => check(&report),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                script = script.before_last();
            }
        }
        assert_eq!(runtime.block_on(contents(&db)).as_ref(), Ok(&script.state));
        disk.set_capacity(None);
        runtime.block_on(db.compact()).unwrap();
        check(&runtime.block_on(db.write(script.next())).unwrap());
        match inspect(&runtime, &disk.kill_state(), &script::options()) {
            Found::Holds(state, _) => assert_eq!(state, script.state),
            other => panic!("{other:?}"),
        }
        assert!(segments(&disk).len() <= 3, "{:?}", segments(&disk));
    }
    assert!(refused > 3 && done > 3, "{refused}, {done}");
}

#[test]
fn compaction_in_the_background_goes_on_without_being_asked_once_there_is_room() {
    let (disk, runtime) = (SimulatedDisk::new(), runtime());
    let db = open(&disk, &options());
    let mut world = World::new(seed(), 40);
    // Copies fail, all else goes on.
    for number in 1..100 {
        let copy = format!("journal/{number:08}-");
        disk.fail(Fault::full(OpKind::Append).under(&copy).from_then_on());
    }
    for _ in 0..300 {
        let planned = world.next();
        assert_eq!(runtime.block_on(db.write(planned.batch)).unwrap().written(), planned.written);
    }
    let is_bounded = || space::bytes(&disk) <= space::live_bytes(&disk) * 22 / 10 + 2 * 4096;
    assert!(!is_bounded(), "there is nothing to compact");
    disk.heal();
    let planned = world.next();
    assert_eq!(runtime.block_on(db.write(planned.batch)).unwrap().written(), planned.written);
    let start = Instant::now();
    while !is_bounded() {
        assert!(start.elapsed() < Duration::from_secs(20), "it has given up");
        std::thread::sleep(Duration::from_millis(20));
    }
    runtime.block_on(world.compare(&db)).unwrap();
}

/// Whether a failure of this call leaves it open which manifest, or which batch, is on the disk.
fn leaves_doubt(kind: OpKind, path: &str, after_the_fact: bool) -> bool {
    match kind {
        OpKind::SyncData | OpKind::SyncDir => true,
        // The first line of a segment, and a manifest; not a copy.
        OpKind::SyncAll => !path.contains('-'),
        OpKind::Rename => after_the_fact,
        _ => false,
    }
}

#[test]
fn a_call_that_fails_in_a_compaction_loses_nothing_and_is_told() {
    const KINDS: [OpKind; 11] = [
        OpKind::CreateFile,
        OpKind::Open,
        OpKind::Entry,
        OpKind::Append,
        OpKind::ReadAt,
        OpKind::Size,
        OpKind::SyncData,
        OpKind::SyncAll,
        OpKind::SyncDir,
        OpKind::Rename,
        OpKind::Remove,
    ];
    let (seed, runtime) = (seed(), runtime());
    let (store, script) = store(seed);
    let (mut figures, mut poisoned) = (Figures::default(), 0);
    for kind in KINDS {
        for nth in 1..=count(&store, kind) {
            for after_the_fact in [false, true] {
                let (disk, db) = reopened(&store);
                let place = format!("{kind:?} {nth}, after the fact: {after_the_fact}");
                let fault = Fault::broken(kind).nth(nth);
                disk.fail(if after_the_fact { fault.after_the_fact() } else { fault });
                let before = disk.ops().len();
                let told = runtime.block_on(db.compact());
                disk.heal();
                figures.rounds += 1;
                if told.is_ok() {
                    say(format_args!("{place}: not told"));
                    figures.torn += 1;
                }
                let failed = disk.ops().into_iter().skip(before).find(|op| !op.ok);
                let path = failed.map(|op| op.path).unwrap_or_default();
                let mut now = script.clone();
                match runtime.block_on(db.write(now.next())) {
                    Ok(report) => {
                        check(&report);
                        figures.acknowledged += 1;
                        if let Err(error) = runtime.block_on(db.compact()) {
                            say(format_args!("{place}, then: {error}"));
                            figures.torn += 1;
                        }
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Poisoned, "{place}: {error}");
                        if !leaves_doubt(kind, &path, after_the_fact) {
                            say(format_args!("{place} of {path}: poisoned by {error}"));
                            figures.torn += 1;
                        }
                        poisoned += 1;
                        now = now.before_last();
                    }
                }
                assert_eq!(runtime.block_on(contents(&db)).as_ref(), Ok(&now.state), "{place}");
                for state in disk.crash_states(seed, 6).chain([disk.kill_state()]) {
                    match inspect(&runtime, &state, &script::options()) {
                        Found::Holds(state, _) if state == now.state => {}
                        other => {
                            say(format_args!("{place}: {other:.300?}"));
                            figures.lost += 1;
                        }
                    }
                }
            }
        }
    }
    report("compaction/failing", seed, &figures, &[]);
    assert!(figures.is_sound(), "{figures}");
    assert!(poisoned > 5 && figures.acknowledged > 20, "{poisoned}, {figures}");
}
