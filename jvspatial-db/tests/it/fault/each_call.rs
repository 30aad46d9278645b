//! Kills at each call that a fixed script makes to its disk: before it, after it, and within each append.
//!
//! `strace.rs` strikes system calls, but not all of them, because `strace` counts for each thread. Here
//! the process kills itself, so that no call of the seam is left out. What a call does inside, and the making
//! of the directory before the first, is for `strace.rs`.

use std::path::Path;
use std::sync::Arc;

use jvspatial_db::json::Sabotage;
use jvspatial_db::json::disk::LocalDisk;
use jvspatial_db::{Collection, Database as _, JsonDb};

use super::child::{Teller, orders, tell};
use super::deadly::{Deadly, Fate, Moment};
use super::figures::{Figures, report, say};
use super::script::{Script, State, check, contents, options, runtime};

const TEST: &str =
    "fault::each_call::what_was_acknowledged_survives_a_kill_at_each_call_of_the_disk";

/// Fixed, as the script is; its batches are checked to be of every kind.
const SEED: u64 = 59;
/// The batches of each time that the store is open.
const LIVES: [usize; 2] = [14, 2];

#[test]
fn what_was_acknowledged_survives_a_kill_at_each_call_of_the_disk() {
    if let Some((role, home)) = orders() {
        return play(&role, Path::new(&home));
    }
    let history = history();
    let history = &history;
    let mut figures = Figures::default();
    let mut struck = Vec::new();
    let mut control = Figures::default();
    // Side by side, because most of the time is spent waiting for the medium.
    std::thread::scope(|scope| {
        let strikes = [Moment::Before, Moment::After, Moment::Within].map(|moment| {
            let strike = move || strike_each("honest", moment, history, |_| false);
            (moment, scope.spawn(strike))
        });
        control = strike_each("sabotaged", Moment::Before, history, |figures| figures.lost > 0).0;
        for (moment, strike) in strikes {
            let (seen, calls) = strike.join().unwrap();
            let kills = seen.rounds;
            assert_eq!(kills, calls, "kills {moment} a call: {seen}");
            struck.push(format!("{moment} {kills} of {calls} calls"));
            figures.add(&seen);
        }
    });
    let test = format!("each call, {}", struck.join(", "));
    report(&test, SEED, &figures, &[("acknowledge before the write", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(figures.rounds > 150, "the script makes more calls than that: {figures}");
    assert!(control.lost > 0, "{control}");
}

/// The child: makes a store, writes over several segments, closes, and once more.
fn play(role: &str, home: &Path) {
    let [habit, moment, last] = role.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let options = match habit {
        "sabotaged" => options().sabotage(Sabotage::AcknowledgeBeforeWrite),
        _ => options(),
    };
    let fate = Fate::new(moment.parse().unwrap(), last.parse().unwrap());
    let mut script = Script::new(SEED);
    for batches in LIVES {
        let disk = Deadly::new(LocalDisk::open(home, true).unwrap(), &fate);
        let db = JsonDb::open_on(Arc::new(disk), options.clone()).unwrap();
        runtime().block_on(async {
            for _ in 0..batches {
                check(&db.write(script.next()).await.unwrap());
                tell("ack");
            }
            db.close().await.unwrap();
        });
    }
    tell(&format!("end {}", fate.made()));
}

/// What is stored after each number of batches.
fn history() -> Vec<State> {
    let mut script = Script::new(SEED);
    let mut history = vec![script.state.clone()];
    for _ in 0..LIVES.into_iter().sum() {
        script.next();
        history.push(script.state.clone());
    }
    let is_kind = |does: fn(&State, &State) -> bool| history.windows(2).any(|w| does(&w[0], &w[1]));
    assert!(is_kind(|old, new| new.iter().any(|(id, now)| old.get(id).is_some_and(|o| o != now))));
    assert!(is_kind(|old, new| count_gone(old, new, Collection::Object) > 0));
    // A node that takes its edges along.
    assert!(is_kind(|old, new| count_gone(old, new, Collection::Node) > 0
        && count_gone(old, new, Collection::Edge) > 0));
    history
}

fn count_gone(old: &State, new: &State, collection: Collection) -> usize {
    old.keys().filter(|id| id.collection() == collection && !new.contains_key(*id)).count()
}

/// Kills one process after the other, each a call later, until one comes to its end or it is enough: what
/// was seen, and the number of calls that the last process made.
fn strike_each(
    habit: &str,
    moment: Moment,
    history: &[State],
    enough: impl Fn(&Figures) -> bool,
) -> (Figures, u64) {
    let mut figures = Figures::default();
    loop {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("db");
        let told =
            Teller::start(TEST, &format!("{habit} {moment} {}", figures.rounds + 1), &path).rest();
        let mut acknowledged = 0;
        let mut end = None;
        for line in told.lines() {
            match line.split_once(' ') {
                None if line == "ack" => acknowledged += 1,
                Some(("end", calls)) => end = Some(calls.parse().unwrap()),
                _ => panic!("the child told: {told}"),
            }
        }
        if let Some(calls) = end {
            let sealed = path.join("journal/00000002.jsonl");
            assert!(sealed.exists(), "the script is too short to fill a segment");
            return (figures, calls);
        }
        compare(&path, acknowledged, history, &mut figures);
        if enough(&figures) {
            return (figures, 0);
        }
    }
}

/// Opens what a killed process left and compares it with what it told.
fn compare(home: &Path, acknowledged: usize, history: &[State], figures: &mut Figures) {
    figures.rounds += 1;
    figures.acknowledged += acknowledged as u64;
    let disk = LocalDisk::open(home, true).unwrap();
    let db = match JsonDb::open_on(Arc::new(disk), options()) {
        Ok(db) => db,
        Err(error) => {
            say(format_args!("after a kill: {error}"));
            figures.lost += 1;
            return;
        }
    };
    let found = runtime().block_on(async {
        let found = contents(&db).await;
        db.close().await.unwrap();
        found
    });
    let stored = found.and_then(|state| {
        let stored = history.iter().position(|known| *known == state);
        stored.ok_or_else(|| format!("no number of batches leads to {state:?}"))
    });
    match stored {
        Ok(stored) => {
            figures.lost += acknowledged.saturating_sub(stored) as u64;
            figures.unknown += stored.saturating_sub(acknowledged) as u64;
        }
        Err(why) => {
            say(format_args!("after a kill: {why}"));
            figures.torn += 1;
        }
    }
}
