//! Power cuts and kills while segments are compacted: every state that the simulated disk may be left in,
//! after every change.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use jvspatial_db::json::disk::{Op, OpKind, SimulatedDisk};
use jvspatial_db::{Database as _, Durability, JsonDb, JsonDbOptions};
use parking_lot::Mutex;

use super::super::figures::{Figures, report, rounds, rounds_of, say, seed, wants_words};
use super::super::script::{self, Found, Script, check, contents, inspect, runtime};
use super::careless::{Careless, Omitted};

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
}

const BATCHES: u64 = 60;

/// Writes batches over several segments, closes, opens again and writes on. Compaction is asked for now and
/// then, or runs in the background.
fn play(seed: u64, options: &JsonDbOptions, omitted: Omitted) -> Played {
    let disk = SimulatedDisk::new();
    let moments = Arc::new(Mutex::new(Vec::new()));
    let begun = Arc::new(AtomicU64::new(0));
    let acknowledged = Arc::new(AtomicU64::new(0));
    let synced = AtomicU64::new(0);
    let sync = options.durability == Durability::Sync;
    disk.observe({
        let (moments, begun, acknowledged) = (moments.clone(), begun.clone(), acknowledged.clone());
        // The compactor and the writer change the disk at the same time: what was promised is looked at
        // before the disk, and what was begun after it.
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
    let pause = Duration::from_millis(1);
    let mut script = Script::new(seed);
    let mut history = vec![script.clone()];
    let runtime = runtime();
    for life in 0..2 {
        let careless = Careless::new(&disk, omitted, pause);
        let db = JsonDb::open_on(Arc::new(careless), options.clone()).unwrap();
        runtime.block_on(async {
            let mut compacting = None;
            while begun.load(Ordering::SeqCst) < BATCHES * (life + 1) / 2 {
                let batch = script.next();
                history.push(script.clone());
                let number = begun.fetch_add(1, Ordering::SeqCst);
                check(&db.write(batch).await.unwrap());
                acknowledged.fetch_add(1, Ordering::SeqCst);
                if !options.compaction && number % 10 == seed % 10 {
                    // Half of the time others write meanwhile.
                    let mut compaction = Box::pin(db.compact());
                    if (number / 10).is_multiple_of(2) {
                        compaction.await.unwrap();
                    } else {
                        assert!((&mut compaction).now_or_never().is_none());
                        compacting = Some(compaction);
                    }
                }
            }
            if let Some(compaction) = compacting {
                compaction.await.unwrap();
            }
            db.close().await.unwrap();
        });
    }
    disk.observe(|_, _| {});
    let moments = std::mem::take(&mut *moments.lock());
    Played { moments, history }
}

/// Counts what was found where at least `least` and at most `most` batches must be.
fn judge(
    figures: &mut Figures,
    found: &Found,
    history: &[Script],
    (least, most): (u64, u64),
    place: &str,
) {
    figures.rounds += 1;
    let (lost, wrong) = match found {
        Found::Holds(state, recovery) => {
            let batches = history.iter().rposition(|script| script.state == *state);
            match batches.map(|batches| batches as u64) {
                None => (false, format!("a part of a batch, {recovery:?}")),
                Some(found) if found < least => (true, format!("{found} batches, {recovery:?}")),
                Some(found) if found > most => (false, format!("{found} batches")),
                Some(_) => return,
            }
        }
        Found::Refused(error) => (true, error.to_string()),
        Found::Incoherent(why) => (false, why.clone()),
    };
    if figures.is_sound() && wants_words() {
        say(format_args!("expected {least} to {most}, found {wrong}, {place}"));
    }
    if lost { figures.lost += 1 } else { figures.torn += 1 }
}

/// Cuts the power in every moment of as many scripts as it takes, or until something is wrong.
fn cut_power(seed: u64, options: &JsonDbOptions, omitted: Omitted, states: u64) -> Figures {
    let mut figures = Figures::default();
    for turn in 0.. {
        cut_power_in(&mut figures, seed.wrapping_add(turn), options, omitted);
        if figures.rounds >= states || !figures.is_sound() {
            break;
        }
    }
    figures
}

fn cut_power_in(figures: &mut Figures, seed: u64, options: &JsonDbOptions, omitted: Omitted) {
    const EACH: u64 = 12;
    let played = play(seed, options, omitted);
    let looks = options.clone().compaction(false);
    let runtime = runtime();
    figures.acknowledged += played.history.len() as u64 - 1;
    for (number, moment) in played.moments.iter().enumerate() {
        if !figures.is_sound() {
            return;
        }
        let place = format!("after change {number}: {:?}, seed {seed}", moment.op);
        let expected = (moment.durable, moment.begun);
        for state in moment.disk.crash_states(seed.wrapping_add(number as u64), EACH) {
            let found = inspect(&runtime, &state, &looks);
            judge(figures, &found, &played.history, expected, &place);
        }
        let found = inspect(&runtime, &moment.disk.kill_state(), &looks);
        let expected = (moment.acknowledged, moment.begun);
        judge(figures, &found, &played.history, expected, &format!("{place}, killed"));
        figures.unknown += moment.begun - moment.acknowledged;
    }
}

#[test]
fn a_power_cut_during_compaction_loses_nothing_acknowledged() {
    let seed = seed();
    let options = script::options();
    let asked =
        cut_power(seed, &options, Omitted::Nothing, rounds_of("compaction/crash/sync", 2_500));
    let unasked =
        cut_power(seed, &options.clone().compaction(true), Omitted::Nothing, rounds(1_500));
    let syncs = [
        ("bytes of a copy", Omitted::Copy),
        ("name of a copy", Omitted::CopyName),
        ("bytes of the manifest", Omitted::Manifest),
        ("name of the manifest", Omitted::ManifestName),
    ];
    let controls = syncs.map(|(name, omitted)| (name, cut_power(seed, &options, omitted, 20_000)));
    report("compaction/crash/sync", seed, &asked, &controls);
    report("compaction/crash/background", seed, &unasked, &[]);
    assert!(asked.is_sound() && unasked.is_sound(), "{asked}; {unasked}");
    for (name, control) in controls {
        assert!(!control.is_sound(), "without a sync of the {name} nothing was found: {control}");
    }
}

#[test]
fn without_sync_a_power_cut_during_compaction_takes_the_newest_batches_and_no_others() {
    let seed = seed();
    let ways = [
        ("compaction/crash/os", Durability::Os),
        ("compaction/crash/interval", Durability::Interval(Duration::from_millis(20))),
    ];
    for (name, durability) in ways {
        let options = script::options().durability(durability);
        let figures = cut_power(seed, &options, Omitted::Nothing, rounds(700));
        let unasked =
            cut_power(seed, &options.clone().compaction(true), Omitted::Nothing, rounds(700));
        let control = cut_power(seed, &options, Omitted::Replacing, 20_000);
        report(name, seed, &figures, &[("no sync of what replaced the lines", control)]);
        assert!(figures.is_sound() && unasked.is_sound(), "{figures}; {unasked}");
        assert!(!control.is_sound(), "{control}");
    }
}

#[test]
fn a_power_cut_after_a_kill_finds_what_the_next_process_made_of_the_leftovers() {
    let seed = seed();
    let (figures, with_leftovers) = cut_twice(seed, Omitted::Nothing, rounds(1_500));
    let (control, _) = cut_twice(seed, Omitted::CopyName, 20_000);
    report("compaction/crash/twice", seed, &figures, &[("no sync of a copy's name", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(with_leftovers > 10, "{with_leftovers}");
    assert!(!control.is_sound(), "{control}");
}

/// Of how many moments one is looked at in [`cut_twice`].
const STRIDE: usize = 7;

/// Stops a script in every seventh moment, has another process compact and write one batch, then cuts the power in
/// every moment of that; counts also how many of the stopped ones had left something behind.
fn cut_twice(seed: u64, omitted: Omitted, states: u64) -> (Figures, u64) {
    let options = script::options();
    let (mut figures, mut with_leftovers) = (Figures::default(), 0);
    for turn in 0.. {
        let played = play(seed.wrapping_add(turn), &options, Omitted::Nothing);
        // Each moment has many states of its own, and those asked for are to come from all of a script.
        let first = (seed.wrapping_add(turn) % STRIDE as u64) as usize;
        for (number, moment) in played.moments.iter().enumerate().skip(first).step_by(STRIDE) {
            // What a power cut left, or a kill.
            let cuts = moment.disk.crash_states(seed ^ number as u64, 2);
            for disk in cuts.chain([moment.disk.kill_state()]) {
                let again = Again { played: &played, moment, disk, omitted, seed };
                with_leftovers += u64::from(again.live(number, &options, &mut figures));
                if !figures.is_sound() {
                    return (figures, with_leftovers);
                }
            }
        }
        if figures.rounds >= states {
            break;
        }
    }
    (figures, with_leftovers)
}

/// The second process.
struct Again<'a> {
    played: &'a Played,
    moment: &'a Moment,
    disk: SimulatedDisk,
    omitted: Omitted,
    seed: u64,
}

impl Again<'_> {
    /// Opens, compacts and writes, and cuts the power after every change of that; returns whether something
    /// was left behind.
    fn live(&self, number: usize, options: &JsonDbOptions, figures: &mut Figures) -> bool {
        let Self { played, moment, disk, omitted, seed } = self;
        let runtime = runtime();
        let place = format!("killed after change {number}: {:?}", moment.op);
        let changes = Arc::new(Mutex::new(Vec::new()));
        disk.observe({
            let changes = changes.clone();
            move |disk, op| changes.lock().push((op.clone(), disk.kill_state()))
        });
        let careless = Careless::new(disk, *omitted, Duration::ZERO);
        let db = match JsonDb::open_on(Arc::new(careless), options.clone()) {
            Ok(db) => db,
            Err(error) => {
                let expected = (moment.durable, moment.begun);
                judge(figures, &Found::Refused(error), &played.history, expected, &place);
                return false;
            }
        };
        let held = runtime.block_on(contents(&db)).unwrap();
        let is_removal = |op: &Op| op.kind == OpKind::Remove && op.path.starts_with("journal/");
        let had_leftovers = changes.lock().iter().any(|(op, _)| is_removal(op));
        let at = played.history.iter().rposition(|script| script.state == held).unwrap();
        let mut history = played.history[..=at].to_vec();
        let mut script = history[at].clone();
        if had_leftovers || number.is_multiple_of(8) {
            runtime.block_on(db.compact()).unwrap();
            let batch = script.next();
            history.push(script);
            check(&runtime.block_on(db.write(batch)).unwrap());
            figures.acknowledged += 1;
        }
        disk.observe(|_, _| {});
        drop(db);
        let expected = (moment.durable.min(at as u64), history.len() as u64 - 1);
        for (op, disk) in changes.lock().drain(..) {
            let place = format!("{place}, then after {op:?}");
            for state in disk.crash_states(seed ^ number as u64, 3) {
                let found = inspect(&runtime, &state, options);
                judge(figures, &found, &history, expected, &place);
            }
        }
        had_leftovers
    }
}
