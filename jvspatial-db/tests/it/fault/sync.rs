//! A failed sync: the write in hand may have happened, nothing is written after it, and it is never
//! asked for again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jvspatial_db::json::disk::{Disk, Fault, OpKind, SimulatedDisk};
use jvspatial_db::{Database as _, Durability, Encoding, ErrorKind, JsonDb, WriteBatch};
use serde_json::json;

use super::altered::Altered;
use super::figures::{Figures, report, say, seed};
use super::script::{Found, Script, check, contents, inspect, options, runtime};

const BATCHES: usize = 30;
const KINDS: [OpKind; 3] = [OpKind::SyncData, OpKind::SyncAll, OpKind::SyncDir];

fn count_syncs(disk: &SimulatedDisk) -> u64 {
    KINDS.iter().map(|kind| disk.count(*kind)).sum()
}

/// What became of a script in which one sync failed.
struct Failed {
    disk: SimulatedDisk,
    /// The script after each number of batches.
    history: Vec<Script>,
    acknowledged: usize,
    kinds: Vec<ErrorKind>,
    /// Syncs that were asked for after the one that failed.
    later_syncs: u64,
    /// Whether readers saw what was acknowledged and nothing else.
    is_visible: bool,
}

/// Plays a script whose sync number `nth` of `kind` fails; `None` when there are not so many.
fn play(seed: u64, kind: OpKind, nth: u64, repeats: bool) -> Option<Failed> {
    let (disk, runtime) = (SimulatedDisk::new(), runtime());
    let seam: Arc<dyn Disk> = match repeats {
        true => Arc::new(Altered::repeats_syncs(disk.clone())),
        false => Arc::new(disk.clone()),
    };
    let db = JsonDb::open_on(seam, options()).unwrap();
    disk.fail(Fault::broken(kind).nth(nth));
    let mut script = Script::new(seed);
    let (mut history, mut kinds) = (vec![script.clone()], Vec::new());
    let mut acknowledged = 0;
    let mut is_visible = true;
    for _ in 0..BATCHES {
        let batch = script.next();
        if kinds.is_empty() {
            history.push(script.clone());
        }
        match runtime.block_on(db.write(batch)) {
            Ok(report) => {
                check(&report);
                acknowledged += 1;
            }
            Err(error) => kinds.push(error.kind()),
        }
        let seen = runtime.block_on(contents(&db));
        is_visible &= seen.as_ref() == Ok(&history[acknowledged].state);
    }
    let _ = runtime.block_on(db.close());
    let ops = disk.ops();
    let failed = ops.iter().position(|op| op.kind.is_sync() && !op.ok)?;
    let later_syncs = ops[failed + 1..].iter().filter(|op| op.kind.is_sync()).count() as u64;
    Some(Failed { disk, history, acknowledged, kinds, later_syncs, is_visible })
}

/// Lets each sync of a script fail in turn; cuts the power afterwards.
fn fail_each(seed: u64, repeats: bool) -> Figures {
    let runtime = runtime();
    let mut figures = Figures::default();
    for kind in KINDS {
        for nth in 1.. {
            let Some(failed) = play(seed, kind, nth, repeats) else { break };
            figures.rounds += 1;
            figures.acknowledged += failed.acknowledged as u64;
            let place = format!("{kind:?} {nth}, seed {seed}");
            if !repeats {
                let mut kinds = failed.kinds.iter();
                let unknown = kinds.next().is_none_or(|kind| *kind == ErrorKind::Unknown);
                let poisoned = kinds.all(|kind| *kind == ErrorKind::Poisoned);
                assert!(unknown && poisoned, "{place}: {:?}", failed.kinds);
                assert_eq!(failed.later_syncs, 0, "{place}");
                figures.unknown += u64::from(!failed.kinds.is_empty());
            }
            figures.torn += u64::from(!failed.is_visible);
            for state in failed.disk.crash_states(seed, 20) {
                match inspect(&runtime, &state, &options()) {
                    Found::Holds(state, _) => {
                        let found = failed.history.iter().rposition(|s| s.state == state);
                        figures.torn += u64::from(found.is_none());
                        let lost = found.is_some_and(|found| found < failed.acknowledged);
                        figures.lost += u64::from(lost);
                        if lost && !repeats {
                            say(format_args!("{place}: {found:?} of {}", failed.acknowledged));
                        }
                    }
                    other => {
                        if !repeats {
                            say(format_args!("{place}: {other:?}"));
                        }
                        figures.lost += 1;
                    }
                }
            }
        }
    }
    figures
}

#[test]
fn a_failed_sync_is_never_repeated_and_loses_nothing_acknowledged() {
    let seed = seed();
    let figures = fail_each(seed, false);
    let control = fail_each(seed, true);
    report("sync", seed, &figures, &[("repeat the sync", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(figures.rounds > BATCHES as u64, "{figures}");
    assert!(control.lost > 0, "{control}");
}

#[test]
fn writers_that_wait_for_one_sync_all_learn_that_its_outcome_is_unknown() {
    let (disk, runtime) = (SimulatedDisk::new(), runtime());
    let db = JsonDb::open_on(Arc::new(disk.clone()), options()).unwrap();
    let insert = |number: u64| {
        let mut batch = WriteBatch::new(Encoding::Json);
        batch.insert(format!("o.Note.{number}").parse().unwrap(), &json!({})).unwrap();
        batch
    };
    disk.fail(Fault::broken(OpKind::SyncData));
    let errors = runtime.block_on(join_all((0..8).map(|number| db.write(insert(number)))));
    let kinds: Vec<_> = errors.into_iter().map(|result| result.unwrap_err().kind()).collect();
    assert!(kinds.contains(&ErrorKind::Unknown), "{kinds:?}");
    // One that came after the failed sync was not part of it.
    let told = |kind: &ErrorKind| matches!(kind, ErrorKind::Unknown | ErrorKind::Poisoned);
    assert!(kinds.iter().all(told), "{kinds:?}");
    let syncs = count_syncs(&disk);
    assert_eq!(runtime.block_on(db.write(insert(9))).unwrap_err().kind(), ErrorKind::Poisoned);
    assert!(runtime.block_on(contents(&db)).unwrap().is_empty());
    assert_eq!(runtime.block_on(db.close()).unwrap_err().kind(), ErrorKind::Poisoned);
    assert_eq!(count_syncs(&disk), syncs);
}

#[test]
fn an_interval_whose_sync_fails_takes_no_more_writes() {
    let (disk, runtime) = (SimulatedDisk::new(), runtime());
    let options = options().durability(Durability::Interval(Duration::from_millis(5)));
    let db = JsonDb::open_on(Arc::new(disk.clone()), options).unwrap();
    let mut script = Script::new(seed());
    disk.fail(Fault::broken(OpKind::SyncData));
    check(&runtime.block_on(db.write(script.next())).unwrap());
    let written = script.state.clone();
    std::thread::sleep(Duration::from_millis(100));
    let error = runtime.block_on(db.write(script.next())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Poisoned);
    assert_eq!(runtime.block_on(contents(&db)).unwrap(), written);
}
