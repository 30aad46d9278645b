//! The end of a store while its segments are compacted, and calls for compaction side by side.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use jvspatial_db::json::disk::{OpKind, SimulatedDisk};
use jvspatial_db::{Database as _, Encoding, ErrorKind, JsonDb, JsonDbOptions, WriteBatch};
use serde_json::json;

use super::super::figures::{Figures, Random, report, rounds, say, seed};
use super::super::script::{self, Found, Script, check, contents, inspect, runtime};
use super::careless::{Careless, Omitted};
use super::world::World;
use super::{killed, open, options, space};

/// Every kind of call that a store makes.
const CALLS: [OpKind; 14] = [
    OpKind::CreateDir,
    OpKind::CreateFile,
    OpKind::Open,
    OpKind::List,
    OpKind::Entry,
    OpKind::Rename,
    OpKind::Remove,
    OpKind::SyncDir,
    OpKind::Append,
    OpKind::ReadAt,
    OpKind::Size,
    OpKind::Truncate,
    OpKind::SyncData,
    OpKind::SyncAll,
];

fn calls(disk: &SimulatedDisk) -> u64 {
    CALLS.iter().map(|kind| disk.count(*kind)).sum()
}

/// A store of some megabytes in few segments, of which half is garbage.
fn large() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let options = large_options();
    let db = open(&disk, &options);
    runtime().block_on(async {
        for turn in 0..2 {
            for start in (0..12_000).step_by(500) {
                let mut batch = WriteBatch::new(Encoding::Json);
                for number in start..start + 500 {
                    let id = format!("o.Note.{}", turn * 6_000 + number).parse().unwrap();
                    let fields = json!({ "text": "x".repeat(200) });
                    if turn == 0 || number >= 6_000 {
                        batch.insert(id, &fields).unwrap();
                    } else {
                        let id = format!("o.Note.{}", number * 2).parse().unwrap();
                        batch.delete(id, None, false).unwrap();
                    }
                }
                assert!(db.write(batch).await.unwrap().is_complete());
            }
        }
        db.close().await.unwrap();
    });
    killed(&disk)
}

fn large_options() -> JsonDbOptions {
    JsonDbOptions::new().segment_bytes(16 * 1024 * 1024).compaction(false)
}

#[test]
fn a_store_is_closed_at_once_though_a_large_segment_is_being_compacted() {
    let store = large();
    let runtime = runtime();
    let disk = store.kill_state();
    let db = open(&disk, &large_options());
    let opened = calls(&disk);
    runtime.block_on(db.compact()).unwrap();
    // In calls of the disk, because how long one takes is up to the machine.
    let whole = calls(&disk) - opened;
    assert!(whole > 40, "{whole}");
    let mut random = Random(seed());
    let mut longest = 0;
    let mut cut_off = 0;
    for _ in 0..12 {
        let disk = store.kill_state();
        let db = open(&disk, &large_options());
        let until = calls(&disk) + random.below(80) * whole / 100;
        let (told, closing) = runtime.block_on(async {
            let mut compaction = Box::pin(db.compact());
            assert!((&mut compaction).now_or_never().is_none());
            while calls(&disk) < until {
                std::thread::yield_now();
            }
            let closing = calls(&disk);
            db.close().await.unwrap();
            (compaction.await, calls(&disk) - closing)
        });
        longest = longest.max(closing);
        if let Err(error) = told {
            assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
            cut_off += 1;
        }
        // Who is told that it is closed may open it at once, and nobody else touches a file then.
        let (calls_then, paths) = (calls(&disk), disk.paths());
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(calls(&disk), calls_then);
        assert_eq!(disk.paths(), paths);
        let db = open(&disk, &large_options());
        assert!(db.recovery().clean);
        runtime.block_on(db.close()).unwrap();
    }
    say(format_args!("closing took at most {longest} calls, compaction {whole}"));
    assert!(cut_off > 3, "{cut_off}");
    assert!(longest < 20 + whole / 4, "{longest} of {whole} calls");
}

#[test]
fn a_store_that_is_dropped_or_killed_during_compaction_is_whole_when_it_is_opened_again() {
    let (seed, runtime) = (seed(), runtime());
    let mut figures = Figures::default();
    let mut random = Random(seed);
    for round in 0..rounds(60) {
        let (disk, mut script) = (SimulatedDisk::new(), Script::new(seed ^ round));
        let options = script::options().compaction(round % 2 == 0);
        let db = open(&disk, &options);
        for _ in 0..40 {
            check(&runtime.block_on(db.write(script.next())).unwrap());
            figures.acknowledged += 1;
        }
        let mut compaction = Box::pin(db.compact());
        let _ = (&mut compaction).now_or_never();
        std::thread::sleep(Duration::from_micros(random.below(1_500)));
        let killed = disk.kill_state();
        drop(compaction);
        drop(db);
        let start = Instant::now();
        let again = loop {
            match JsonDb::open_on(Arc::new(disk.clone()), script::options()) {
                Err(error) if error.kind() == ErrorKind::Locked => {
                    assert!(start.elapsed() < Duration::from_secs(5), "{error}");
                    std::thread::yield_now();
                }
                opened => break opened.unwrap(),
            }
        };
        figures.rounds += 2;
        let held = runtime.block_on(contents(&again));
        figures.lost += u64::from(held.as_ref() != Ok(&script.state));
        runtime.block_on(again.close()).unwrap();
        match inspect(&runtime, &killed, &script::options()) {
            Found::Holds(state, _) => figures.lost += u64::from(state != script.state),
            _ => figures.lost += 1,
        }
        for disk in [&disk, &killed] {
            assert_eq!(space::files(disk), space::listed(disk), "leftovers: {:?}", disk.paths());
        }
    }
    report("compaction/ended", seed, &figures, &[]);
    assert!(figures.is_sound(), "{figures}");
}

#[test]
fn calls_for_compaction_side_by_side_are_all_answered_while_others_write() {
    let disk = SimulatedDisk::new();
    let db = open(&disk, &options());
    let mut world = World::new(seed(), 60);
    runtime().block_on(async {
        for _ in 0..10 {
            let write = async {
                for _ in 0..60 {
                    let planned = world.next();
                    let report = db.write(planned.batch).await.unwrap();
                    assert_eq!(report.written(), planned.written);
                }
            };
            let (compacted, ()) = tokio::join!(join_all((0..8).map(|_| db.compact())), write);
            for report in compacted {
                report.unwrap();
            }
        }
        world.compare(&db).await.unwrap();
        db.close().await.unwrap();
        let error = db.compact().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
        let db = open(&killed(&disk), &options());
        world.compare(&db).await.unwrap();
    });
}

#[test]
fn compaction_comes_to_an_end_while_others_never_stop_writing() {
    let disk = SimulatedDisk::new();
    // So slow that there always is another segment by the time that one is done.
    let slow = Careless::new(&disk, Omitted::Nothing, Duration::from_millis(20));
    let db = JsonDb::open_on(Arc::new(slow), options().compaction(false)).unwrap();
    let mut world = World::new(seed(), 100);
    runtime().block_on(async {
        for _ in 0..200 {
            assert!(db.write(world.next().batch).await.is_ok());
        }
        let mut compaction = Box::pin(db.compact());
        let start = Instant::now();
        while (&mut compaction).now_or_never().is_none() {
            let _ = db.write(world.next().batch).await.unwrap();
            assert!(start.elapsed() < Duration::from_secs(20), "it runs after the writers");
        }
    });
}
