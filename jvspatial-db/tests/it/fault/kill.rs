//! Kills at random moments: while a store is made, opened, written, sealed and closed.

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use jvspatial_db::json::Sabotage;
use jvspatial_db::{Database as _, Durability, JsonDb};

use super::child::{Teller, orders, tell};
use super::figures::{Figures, Random, report, rounds_of, seed, time_is_up};
use super::ledger::{Ledger, WRITERS, write};
use super::script::{options, runtime};

const TEST: &str = "fault::kill::what_was_acknowledged_survives_a_kill_at_any_moment";

#[test]
fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    if let Some((role, home)) = orders() {
        return write_until_killed(&role, Path::new(&home));
    }
    survive_kills("kill", "sync", 300);
}

#[test]
fn without_sync_a_kill_takes_nothing_either() {
    survive_kills("kill/interval", "interval", 30);
    survive_kills("kill/os", "os", 30);
}

fn survive_kills(name: &str, durability: &str, quick: u64) {
    let seed = seed();
    let kills = rounds_of(name, quick);
    let figures = kill_often(&format!("honest {durability}"), seed, kills, |_| false);
    let sabotaged = format!("sabotaged {durability}");
    let control = kill_often(&sabotaged, seed, kills.max(300), |figures| figures.lost > 0);
    report(name, seed, &figures, &[("acknowledge before the write", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(figures.acknowledged > figures.rounds, "too few writes to tell: {figures}");
    assert!(control.lost > 0, "{control}");
}

/// The child: opens, writes from several tasks, closes, and again.
fn write_until_killed(role: &str, home: &Path) {
    let (habit, durability) = role.split_once(' ').unwrap();
    // Segments are compacted meanwhile: a kill may come at any moment of that too.
    let mut options = options().compaction(true).durability(match durability {
        "os" => Durability::Os,
        "interval" => Durability::Interval(Duration::from_millis(20)),
        _ => Durability::Sync,
    });
    if habit == "sabotaged" {
        options = options.sabotage(Sabotage::AcknowledgeBeforeWrite);
    }
    runtime().block_on(async {
        tell("ready");
        loop {
            let db = match JsonDb::open(home, options.clone()).await {
                Ok(db) => db,
                Err(error) => return tell(&format!("error {error}")),
            };
            join_all((0..WRITERS).map(|writer| write(&db, writer, 8))).await;
            db.close().await.unwrap();
        }
    });
}

fn kill_often(role: &str, seed: u64, kills: u64, enough: impl Fn(&Figures) -> bool) -> Figures {
    /// Lives of one database; its journal grows with them.
    const LIVES: u64 = 15;
    let (runtime, mut random) = (runtime(), Random(seed));
    let mut figures = Figures::default();
    // On a machine that is busy with other things it takes longer until anything happens in a life.
    let mut patience = 1;
    while figures.rounds < kills && !enough(&figures) && !time_is_up() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("db");
        let mut ledger = Ledger::default();
        for _ in 0..LIVES.min(kills - figures.rounds) {
            let mut child = Teller::start(TEST, role, &path);
            assert_eq!(child.line(), "ready");
            // A third of the kills meet the opening.
            let micros = if random.one_in(3) { 4_000 } else { 40_000 };
            std::thread::sleep(Duration::from_micros(random.below(micros) * patience));
            ledger.note(&child.kill(), &mut figures);
            if path.exists() {
                ledger.compare(&runtime, &path, &mut figures);
            } else {
                figures.rounds += 1;
            }
            if figures.acknowledged <= 2 * figures.rounds {
                patience = (patience + 1).min(50);
            }
        }
    }
    figures
}
