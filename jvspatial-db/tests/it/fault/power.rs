//! Power cuts on real file systems: the writer is frozen, the file system shut down under it, and what
//! is on the medium is mounted again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jvspatial_db::json::disk::LocalDisk;
use jvspatial_db::{Database as _, Durability, JsonDb, JsonDbOptions};

use super::altered::Altered;
use super::child::{Teller, orders, tell};
use super::figures::{Figures, Random, report, rounds_of, say, seed, skip, time_is_up};
use super::ledger::{Grace, Ledger, TICK, WRITERS, micros, write};
use super::mount::{Kind, Volume};
use super::script::{options, runtime};

const TEST: &str = "fault::power::what_was_acknowledged_survives_a_power_cut_on_ext4";
const INTERVAL: Duration = Duration::from_millis(20);
/// How much later than asked for the sync of an interval may be begun.
const SLACK: Duration = Duration::from_millis(50);

/// What the child is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Order {
    durability: Durability,
    is_honest: bool,
}

impl Order {
    const fn durability(self) -> &'static str {
        match self.durability {
            Durability::Sync => "sync",
            Durability::Interval(_) => "interval",
            Durability::Os => "os",
        }
    }

    fn role(self) -> String {
        let habit = if self.is_honest { "honest" } else { "altered" };
        format!("{} {habit}", self.durability())
    }

    fn of_role(role: &str) -> Self {
        let (durability, habit) = role.split_once(' ').unwrap();
        let durability = match durability {
            "os" => Durability::Os,
            "interval" => Durability::Interval(INTERVAL),
            _ => Durability::Sync,
        };
        Self { durability, is_honest: habit == "honest" }
    }

    fn options(self) -> JsonDbOptions {
        let options = options().durability(self.durability);
        match self.durability {
            Durability::Sync => options,
            // A segment that is full is synced, which is not to happen in the place of the interval.
            Durability::Interval(_) => options.segment_bytes(64 << 10),
            Durability::Os => options.segment_bytes(16 << 10),
        }
    }

    fn disk(self, home: &Path) -> Arc<dyn jvspatial_db::json::disk::Disk> {
        let disk = LocalDisk::open(home, true).unwrap();
        match (self.is_honest, self.durability) {
            (true, Durability::Interval(_)) => Arc::new(Altered::tells_syncs(disk)),
            (true, _) => Arc::new(disk),
            (false, Durability::Interval(_)) => {
                Arc::new(Altered::tells_syncs(Altered::never_syncs(disk)))
            }
            (false, Durability::Os) => Arc::new(Altered::never_syncs_data(disk)),
            (false, Durability::Sync) => Arc::new(Altered::never_syncs(disk)),
        }
    }
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_on_ext4() {
    if let Some((role, home)) = orders() {
        return write_until_cut(Order::of_role(&role), Path::new(&home));
    }
    survive_cuts(Kind::Ext4, Durability::Sync, 20);
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_on_xfs() {
    survive_cuts(Kind::Xfs, Durability::Sync, 20);
}

#[test]
fn an_interval_bounds_what_a_power_cut_takes_on_ext4() {
    survive_cuts(Kind::Ext4, Durability::Interval(INTERVAL), 10);
}

#[test]
fn an_interval_bounds_what_a_power_cut_takes_on_xfs() {
    survive_cuts(Kind::Xfs, Durability::Interval(INTERVAL), 10);
}

#[test]
fn without_sync_a_power_cut_on_ext4_takes_the_newest_batches_and_no_others() {
    survive_cuts(Kind::Ext4, Durability::Os, 10);
}

#[test]
fn without_sync_a_power_cut_on_xfs_takes_the_newest_batches_and_no_others() {
    survive_cuts(Kind::Xfs, Durability::Os, 10);
}

/// The child: opens, writes from several tasks, closes, and again.
fn write_until_cut(order: Order, home: &Path) {
    runtime().block_on(async {
        tell("ready");
        if matches!(order.durability, Durability::Interval(_)) {
            std::thread::spawn(tell_ticks);
        }
        loop {
            let db = JsonDb::open_on(order.disk(home), order.options()).unwrap();
            join_all((0..WRITERS).map(|writer| write_paced(&db, writer, order))).await;
            db.close().await.unwrap();
        }
    });
}

/// Tells again and again that this process runs: what is late because it did not, no store can make up for.
fn tell_ticks() {
    loop {
        tell(&format!("tick {}", micros()));
        std::thread::sleep(TICK);
    }
}

async fn write_paced(db: &JsonDb, writer: usize, order: Order) {
    if order.durability == Durability::Sync {
        return write(db, writer, 8).await;
    }
    for _ in 0..100 {
        write(db, writer, 1).await;
        // As fast as the processor allows, a store would be sealing segments all the time.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn survive_cuts(kind: Kind, durability: Durability, quick: u64) {
    let honest = Order { durability, is_honest: true };
    let name = format!("power/{}/{}", kind.name(), honest.durability());
    if let Some(why) = kind.is_missing(&["xfs_io"]) {
        return skip(&name, &why);
    }
    let seed = seed();
    let cuts = rounds_of(&name, quick);
    let (figures, newest) = cut_often(kind, honest, seed, cuts, Figures::is_sound);
    let altered = Order { is_honest: false, ..honest };
    let (control, _) = cut_often(kind, altered, seed, 100, Figures::is_sound);
    let told = match durability {
        Durability::Sync => name,
        _ => format!("{name}, {newest} of the newest gone"),
    };
    let habit = match durability {
        Durability::Os => "no sync before the next segment",
        _ => "no sync",
    };
    report(&told, seed, &figures, &[(habit, control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(figures.acknowledged > figures.rounds, "too few writes to tell: {figures}");
    assert!(control.lost > 0, "{control}");
}

/// Cuts the power while it goes on to be sound; also returns how many batches were gone that may be.
fn cut_often(
    kind: Kind,
    order: Order,
    seed: u64,
    cuts: u64,
    is_to_go_on: impl Fn(&Figures) -> bool,
) -> (Figures, u64) {
    /// Lives of one database; its journal grows with them.
    const LIVES: u64 = 15;
    let (runtime, mut random) = (runtime(), Random(seed));
    let mut volume = Volume::new(kind, "rw");
    let (mut figures, mut newest) = (Figures::default(), 0);
    while figures.rounds < cuts && is_to_go_on(&figures) && !time_is_up() {
        let home = volume.path().join(format!("db{}", figures.rounds));
        let mut ledger = Ledger::default();
        for _ in 0..LIVES.min(cuts - figures.rounds) {
            let mut child = Teller::start(TEST, &order.role(), &home);
            assert_eq!(child.line(), "ready");
            let longest = match order.durability {
                // A third of the cuts meet the opening.
                _ if random.one_in(3) => 4_000,
                Durability::Sync => 40_000,
                _ => 250_000,
            };
            std::thread::sleep(Duration::from_micros(random.below(longest)));
            let now = micros();
            child.freeze();
            volume.cut_power();
            let told = child.kill();
            volume.remount();
            ledger.note(&told, &mut figures);
            let grace = match order.durability {
                Durability::Sync => Grace::None,
                Durability::Interval(interval) => {
                    let longest = u64::try_from((interval + SLACK).as_micros()).unwrap();
                    ledger.grace_of_interval(longest, now)
                }
                Durability::Os => Grace::Newest,
            };
            let place = ledger.times_of_syncs(now);
            let lost = figures.lost;
            if home.exists() {
                newest += ledger.compare_with(grace, &runtime, &home, &mut figures);
            } else {
                figures.lost += ledger.count_owed(grace);
                figures.rounds += 1;
            }
            if order.is_honest && figures.lost > lost {
                say(format_args!("round {}, seed {seed}: {place}", figures.rounds));
            }
            if !is_to_go_on(&figures) {
                break;
            }
        }
        let _ = std::fs::remove_dir_all(home);
    }
    (figures, newest)
}
