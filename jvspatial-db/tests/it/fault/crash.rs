//! Power cuts: every state that the simulated disk may be left in, after every change of a script.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jvspatial_db::json::disk::{Fault, Op, OpKind, SimulatedDisk};
use jvspatial_db::{Database as _, Durability, Encoding, JsonDb, JsonDbOptions, WriteBatch};
use parking_lot::Mutex;

use super::figures::{Figures, report, rounds_of, seed, time_is_up};
use super::script::{Found, Script, check, inspect, options, runtime};

/// The disk as it was after one change.
struct Moment {
    op: Op,
    disk: SimulatedDisk,
    /// Batches that must survive a power cut now.
    durable: u64,
    /// Batches that were acknowledged.
    acknowledged: u64,
    /// Batches that were begun.
    begun: u64,
}

/// A script that was played on a disk.
struct Played {
    moments: Vec<Moment>,
    /// The script after each number of batches.
    history: Vec<Script>,
    acknowledged: u64,
}

/// What must be found whole or not at all.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Unit {
    Batch,
    /// Several batches in one transaction.
    Transaction,
    /// As many batches one after the other, which nothing keeps together.
    Batches,
}

/// Creates a store, writes batches over several segments, closes, opens again and writes on.
fn play(seed: u64, unit: Unit, options: &JsonDbOptions, faults: &[Fault]) -> Played {
    const BATCHES: u64 = 50;
    let disk = SimulatedDisk::new();
    let moments = Arc::new(Mutex::new(Vec::new()));
    let begun = Arc::new(AtomicU64::new(0));
    let acknowledged = Arc::new(AtomicU64::new(0));
    let synced = AtomicU64::new(0);
    let sync = options.durability == Durability::Sync;
    disk.observe({
        let (moments, begun, acknowledged) = (moments.clone(), begun.clone(), acknowledged.clone());
        move |disk, op| {
            let acknowledged = acknowledged.load(Ordering::SeqCst);
            if op.kind == OpKind::SyncData && op.ok {
                synced.store(acknowledged, Ordering::SeqCst);
            }
            let durable = if sync { acknowledged } else { synced.load(Ordering::SeqCst) };
            let (op, disk) = (op.clone(), disk.kill_state());
            let begun = begun.load(Ordering::SeqCst);
            moments.lock().push(Moment { op, disk, durable, acknowledged, begun });
        }
    });
    for fault in faults {
        disk.fail(fault.clone());
    }
    let mut script = Script::new(seed);
    let mut history = vec![script.clone()];
    let runtime = runtime();
    for life in 0..2 {
        let db = JsonDb::open_on(Arc::new(disk.clone()), options.clone()).unwrap();
        runtime.block_on(async {
            while begun.load(Ordering::SeqCst) < BATCHES * (life + 1) / 2 {
                let mut batches = vec![script.next()];
                if unit != Unit::Batch {
                    batches.extend([(); 2].map(|()| script.next()));
                }
                history.push(script.clone());
                begun.fetch_add(1, Ordering::SeqCst);
                if unit == Unit::Transaction {
                    let tx = db.begin().await.unwrap();
                    for batch in batches {
                        check(&tx.write(batch).await.unwrap());
                    }
                    tx.commit().await.unwrap();
                } else {
                    for batch in batches {
                        check(&db.write(batch).await.unwrap());
                    }
                }
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            db.close().await.unwrap();
        });
    }
    disk.observe(|_, _| {});
    let moments = std::mem::take(&mut *moments.lock());
    Played { moments, history, acknowledged: BATCHES }
}

impl Figures {
    /// Counts what was found where at least `least` and at most `most` batches must be.
    fn judge(&mut self, found: &Found, history: &[Script], least: u64, most: u64, place: &str) {
        self.rounds += 1;
        let wrong = match found {
            Found::Holds(state, recovery) => {
                let batches = history.iter().rposition(|script| script.state == *state);
                match batches.map(|batches| batches as u64) {
                    None => Some((false, "a part of a batch".to_owned())),
                    Some(found) if found < least => {
                        Some((true, format!("{found} batches, {recovery:?}")))
                    }
                    Some(found) if found > most => Some((false, format!("{found} batches"))),
                    Some(_) => None,
                }
            }
            Found::Refused(error) => Some((true, error.to_string())),
            Found::Incoherent(why) => Some((false, why.clone())),
        };
        let Some((lost, wrong)) = wrong else { return };
        if self.is_sound() && super::figures::wants_words() {
            super::figures::say(format_args!("expected {least} to {most}, found {wrong}, {place}"));
        }
        if lost { self.lost += 1 } else { self.torn += 1 }
    }
}

/// Plays scripts until one is found wrong: what a control has to come to.
fn find_fault(seed: u64, options: &JsonDbOptions, faults: &[Fault]) -> Figures {
    cut_power(seed, Unit::Batch, options, faults, 20_000)
}

/// Cuts the power in every moment of as many scripts as it takes.
fn cut_power(
    seed: u64,
    unit: Unit,
    options: &JsonDbOptions,
    faults: &[Fault],
    states: u64,
) -> Figures {
    // So many of the states of each moment that those asked for come from several scripts.
    let each = (states / 200).clamp(10, 60);
    let mut figures = Figures::default();
    for turn in 0.. {
        let played = play(seed.wrapping_add(turn), unit, options, faults);
        cut_power_in(&mut figures, seed.wrapping_add(turn), &played, options, each);
        if figures.rounds >= states || !figures.is_sound() || time_is_up() {
            break;
        }
    }
    figures
}

fn cut_power_in(
    figures: &mut Figures,
    seed: u64,
    played: &Played,
    options: &JsonDbOptions,
    each: u64,
) {
    let runtime = runtime();
    figures.acknowledged += played.acknowledged;
    for (number, moment) in played.moments.iter().enumerate() {
        if !figures.is_sound() {
            return;
        }
        let place = format!("after change {number}: {:?}", moment.op);
        for state in moment.disk.crash_states(seed.wrapping_add(number as u64), each) {
            let found = inspect(&runtime, &state, options);
            figures.judge(&found, &played.history, moment.durable, moment.begun, &place);
        }
        let found = inspect(&runtime, &moment.disk.kill_state(), options);
        let place = format!("{place}, killed");
        figures.judge(&found, &played.history, moment.acknowledged, moment.begun, &place);
        figures.unknown += moment.begun - moment.acknowledged;
    }
}

#[test]
fn every_power_cut_leaves_what_was_acknowledged_and_whole_batches() {
    let seed = seed();
    let figures = cut_power(seed, Unit::Batch, &options(), &[], rounds_of("crash/sync", 10_000));
    let syncs = [
        ("data of a segment", Fault::ignored(OpKind::SyncData).under("journal/")),
        ("first line of a segment", Fault::ignored(OpKind::SyncAll).under("journal/")),
        ("name of a segment", Fault::ignored(OpKind::SyncDir).under("journal")),
        ("bytes of the manifest", Fault::ignored(OpKind::SyncAll).under("MANIFEST")),
        ("name of the manifest", Fault::ignored(OpKind::SyncDir).under(".")),
    ];
    let controls =
        syncs.map(|(name, fault)| (name, find_fault(seed, &options(), &[fault.from_then_on()])));
    report("crash/sync", seed, &figures, &controls);
    assert!(figures.is_sound(), "{figures}");
    for (name, control) in controls {
        assert!(!control.is_sound(), "without a sync of the {name} nothing was found: {control}");
    }
}

#[test]
fn every_power_cut_leaves_transactions_whole_or_not_at_all() {
    let seed = seed();
    let rounds = rounds_of("crash/transactions", 1_000);
    let figures = cut_power(seed, Unit::Transaction, &options(), &[], rounds);
    let control = cut_power(seed, Unit::Batches, &options(), &[], 6_000);
    report("crash/transactions", seed, &figures, &[("batches without a transaction", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(control.torn > 0, "{control}");
}

#[test]
fn without_sync_a_power_cut_takes_the_newest_batches_and_no_others() {
    let seed = seed();
    let ways = [
        ("crash/os", Durability::Os),
        ("crash/interval", Durability::Interval(Duration::from_micros(100))),
    ];
    for (name, durability) in ways {
        let options = options().durability(durability);
        let figures = cut_power(seed, Unit::Batch, &options, &[], rounds_of(name, 1_000));
        let fault = Fault::ignored(OpKind::SyncData).under("journal/").from_then_on();
        let control = find_fault(seed, &options, &[fault]);
        report(name, seed, &figures, &[("no sync before the next segment", control)]);
        assert!(figures.is_sound(), "{figures}");
        assert!(!control.is_sound(), "{control}");
    }
}

#[test]
fn an_interval_ends_with_a_sync() {
    let options = options().durability(Durability::Interval(Duration::from_millis(5)));
    let disk = SimulatedDisk::new();
    let db = JsonDb::open_on(Arc::new(disk.clone()), options.clone()).unwrap();
    let (runtime, mut script) = (runtime(), Script::new(seed()));
    for _ in 0..5 {
        check(&runtime.block_on(db.write(script.next())).unwrap());
    }
    std::thread::sleep(Duration::from_millis(300));
    for state in disk.crash_states(1, 100) {
        match inspect(&runtime, &state, &options) {
            Found::Holds(state, _) => assert_eq!(state, script.state),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_interval_ends_with_a_sync_among_batches_that_change_nothing() {
    let options = options().durability(Durability::Interval(Duration::from_millis(5)));
    let disk = SimulatedDisk::new();
    let db = JsonDb::open_on(Arc::new(disk.clone()), options.clone()).unwrap();
    let (runtime, mut script) = (runtime(), Script::new(seed()));
    check(&runtime.block_on(db.write(script.next())).unwrap());
    let before = disk.count(OpKind::SyncData);
    let start = Instant::now();
    let missing = || async {
        while start.elapsed() < Duration::from_millis(400) {
            let mut batch = WriteBatch::new(Encoding::Json);
            batch.delete("n.Account.none".parse().unwrap(), None, false).unwrap();
            assert_eq!(db.write(batch).await.unwrap().written(), 0);
        }
    };
    std::thread::scope(|scope| {
        // From several threads, so that the writer never finds its queue empty for long.
        for _ in 0..3 {
            scope.spawn(|| super::script::runtime().block_on(join_all((0..64).map(|_| missing()))));
        }
        // Far beyond the interval, for a machine that is busy with other things.
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(disk.count(OpKind::SyncData), before + 1);
    });
}

#[test]
fn a_power_cut_after_a_kill_takes_nothing_that_the_next_process_acknowledged() {
    let seed = seed();
    let options = options();
    let figures = kill_then_cut(seed, &options, &[], rounds_of("crash/twice", 2_000));
    let fault = Fault::ignored(OpKind::SyncDir).under(".").from_then_on();
    let control = kill_then_cut(seed, &options, &[fault], 4_000);
    report("crash/twice", seed, &figures, &[("no sync of the directory", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(!control.is_sound(), "{control}");
}

/// Kills a script in every moment, lets another process write one batch, then cuts the power. The faults
/// are those of the second process.
fn kill_then_cut(seed: u64, options: &JsonDbOptions, faults: &[Fault], states: u64) -> Figures {
    let mut figures = Figures::default();
    for turn in 0.. {
        kill_then_cut_in(&mut figures, seed.wrapping_add(turn), options, faults);
        if figures.rounds >= states || !figures.is_sound() || time_is_up() {
            break;
        }
    }
    figures
}

fn kill_then_cut_in(figures: &mut Figures, seed: u64, options: &JsonDbOptions, faults: &[Fault]) {
    const EACH: u64 = 8;
    let played = play(seed, Unit::Batch, options, &[]);
    let runtime = runtime();
    for (number, moment) in played.moments.iter().enumerate() {
        let place = format!("after kill {number}: {:?}", moment.op);
        let disk = moment.disk.kill_state();
        for fault in faults {
            disk.fail(fault.clone());
        }
        let opening = Arc::new(Mutex::new(Vec::new()));
        disk.observe({
            let opening = opening.clone();
            move |disk, _| opening.lock().push(disk.kill_state())
        });
        let opened = JsonDb::open_on(Arc::new(disk.clone()), options.clone());
        disk.observe(|_, _| {});
        for disk in opening.lock().drain(..) {
            for state in disk.crash_states(seed ^ number as u64, EACH) {
                let found = inspect(&runtime, &state, options);
                let place = format!("{place}, while opening");
                figures.judge(&found, &played.history, moment.durable, moment.begun, &place);
            }
        }
        let db = match opened {
            Ok(db) => db,
            Err(error) => {
                let found = Found::Refused(error);
                figures.judge(&found, &played.history, moment.durable, moment.begun, &place);
                continue;
            }
        };
        let held = runtime.block_on(super::script::contents(&db)).unwrap();
        let mut script =
            played.history.iter().rfind(|script| script.state == held).unwrap().clone();
        check(&runtime.block_on(db.write(script.next())).unwrap());
        figures.acknowledged += 1;
        for state in disk.crash_states(seed ^ number as u64, EACH) {
            let found = inspect(&runtime, &state, options);
            figures.judge(&found, std::slice::from_ref(&script), 0, 0, &place);
        }
        runtime.block_on(db.close()).unwrap();
    }
}
