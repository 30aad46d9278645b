//! One owner at a time.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use jvspatial_db::json::disk::{Disk, DiskLock, LocalDisk, LockError};
use jvspatial_db::{Database as _, Error, ErrorKind, JsonDb, JsonDbOptions};

use super::altered::Altered;
use super::child::{Teller, orders, tell, wait_for_word};
use super::figures::{Figures, Random, report, rounds_of, seed};
use super::script::runtime;

/// A loser is told within this.
const SOON: Duration = Duration::from_millis(100);

fn open(home: &Path) -> Result<JsonDb, Error> {
    runtime().block_on(JsonDb::open(home, JsonDbOptions::new()))
}

fn close(db: &JsonDb) {
    runtime().block_on(db.close()).unwrap();
}

/// Tries to open what another has open; it must fail soon and, unless the note is gone, name the owner.
fn assert_locked(home: &Path, owner: Option<u32>) {
    let owner = owner.map(|owner| owner.to_string());
    let attempt = || {
        let start = Instant::now();
        let error = open(home).expect_err("it is open elsewhere");
        let elapsed = start.elapsed();
        assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
        assert_eq!(error.context("process"), owner.as_deref(), "{error}");
        elapsed
    };
    // Whoever is told late once may have had no processor.
    let elapsed: Vec<_> = (0..3).map(|_| attempt()).collect();
    assert!(elapsed.iter().any(|elapsed| *elapsed < SOON), "{elapsed:?}");
}

/// The child: opens when told, tells how it went, and holds on until it is told again.
fn open_as_told(role: &str, home: &Path) {
    tell("ready");
    wait_for_word();
    match open(home) {
        Ok(_db) => {
            if role == "parent" {
                let mut sleeper = Command::new("sleep").arg("5").spawn().unwrap();
                tell(&format!("owner of {}", sleeper.id()));
                // The owner is killed long before.
                sleeper.wait().unwrap();
            } else {
                tell("owner");
            }
            wait_for_word();
        }
        Err(error) if error.kind() == ErrorKind::Locked => tell("locked"),
        Err(error) => tell(&format!("error {error}")),
    }
}

fn owner(test: &str, role: &str, home: &Path) -> (Teller, String) {
    let mut child = Teller::start(test, role, home);
    assert_eq!(child.line(), "ready");
    child.say_word();
    let told = child.line();
    assert!(told.starts_with("owner"), "{told}");
    (child, told)
}

#[test]
fn a_second_open_in_this_process_fails_soon_and_names_it() {
    let home = tempfile::tempdir().unwrap();
    let db = open(home.path()).unwrap();
    assert_locked(home.path(), Some(std::process::id()));
    std::fs::remove_file(home.path().join("LOCK")).unwrap();
    assert_locked(home.path(), None);
    close(&db);
    close(&open(home.path()).unwrap());
}

#[test]
fn a_second_open_from_another_process_fails_soon_until_the_owner_is_killed() {
    const TEST: &str =
        "fault::lock::a_second_open_from_another_process_fails_soon_until_the_owner_is_killed";
    if let Some((role, home)) = orders() {
        return open_as_told(&role, Path::new(&home));
    }
    let home = tempfile::tempdir().unwrap();
    let (child, _) = owner(TEST, "owner", home.path());
    assert_locked(home.path(), Some(child.id()));
    std::fs::remove_file(home.path().join("LOCK")).unwrap();
    assert_locked(home.path(), None);
    child.kill();
    close(&open(home.path()).unwrap());
}

#[test]
fn a_program_started_by_the_owner_does_not_keep_the_lock() {
    const TEST: &str = "fault::lock::a_program_started_by_the_owner_does_not_keep_the_lock";
    if let Some((role, home)) = orders() {
        return open_as_told(&role, Path::new(&home));
    }
    let home = tempfile::tempdir().unwrap();
    let (child, told) = owner(TEST, "parent", home.path());
    let sleeper = PathBuf::from(format!("/proc/{}", told.rsplit(' ').next().unwrap()));
    // Its ends of the pipes outlive it in the sleeper, so nothing is read from them.
    child.kill_unheard();
    close(&open(home.path()).unwrap());
    assert!(sleeper.exists(), "the sleeper was gone, so nothing was tested");
}

#[test]
fn of_two_processes_that_open_at_once_one_becomes_the_owner() {
    const TEST: &str = "fault::lock::of_two_processes_that_open_at_once_one_becomes_the_owner";
    if let Some((role, home)) = orders() {
        return open_as_told(&role, Path::new(&home));
    }
    let mut figures = Figures::default();
    for round in 0..rounds_of("lock/processes", 100) {
        let home = tempfile::tempdir().unwrap();
        if round % 2 == 1 {
            close(&open(home.path()).unwrap());
        }
        let mut racers = [(); 2].map(|()| Teller::start(TEST, "racer", home.path()));
        for racer in &mut racers {
            assert_eq!(racer.line(), "ready");
        }
        racers.iter_mut().for_each(Teller::say_word);
        let told = racers.each_mut().map(Teller::line);
        let owners = told.iter().filter(|told| *told == "owner").count();
        assert!(told.iter().all(|told| told == "owner" || told == "locked"), "{told:?}");
        figures.rounds += 1;
        figures.acknowledged += owners as u64;
        figures.torn += u64::from(owners != 1);
        racers.iter_mut().for_each(Teller::say_word);
    }
    report("lock/processes", 0, &figures, &[]);
    assert!(figures.is_sound(), "{figures}");
}

#[test]
fn of_two_threads_that_open_at_once_one_becomes_the_owner_though_the_note_is_deleted() {
    let seed = seed();
    let figures = race(seed, rounds_of("lock/threads", 1_000), |home| {
        Arc::new(LocalDisk::open(home, true).unwrap())
    });
    let control = race(seed, 100, |home| Arc::new(Altered::locks_note(home)));
    report("lock/threads", seed, &figures, &[("lock the note alone", control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(control.torn > 0, "{control}");
}

/// Lets two threads open one directory while the note in it is deleted; counts rounds with two owners,
/// or with none, as torn.
fn race(seed: u64, count: u64, disk: impl Fn(&Path) -> Arc<dyn Disk> + Sync) -> Figures {
    let mut figures = Figures::default();
    let mut random = Random(seed);
    let home = tempfile::tempdir().unwrap();
    for _ in 0..count {
        let path = home.path();
        let delays = [random.below(300), random.below(300), random.below(600)];
        let barrier = Barrier::new(3);
        let held: Vec<DiskLock> = std::thread::scope(|scope| {
            let racers: Vec<_> = delays[..2]
                .iter()
                .map(|delay| {
                    let (barrier, disk) = (&barrier, &disk);
                    scope.spawn(move || {
                        barrier.wait();
                        std::thread::sleep(Duration::from_micros(*delay));
                        match disk(path).lock() {
                            Ok(lock) => Some(lock),
                            Err(LockError::Held { .. }) => None,
                            Err(error) => panic!("{error}"),
                        }
                    })
                })
                .collect();
            barrier.wait();
            std::thread::sleep(Duration::from_micros(delays[2]));
            let _ = std::fs::remove_file(path.join("LOCK"));
            racers.into_iter().filter_map(|racer| racer.join().unwrap()).collect()
        });
        figures.rounds += 1;
        figures.acknowledged += held.len() as u64;
        figures.torn += u64::from(held.len() != 1);
    }
    figures
}

#[test]
fn with_a_lock_on_the_note_alone_two_own_a_database_at_once() {
    let home = tempfile::tempdir().unwrap();
    let open = || JsonDb::open_on(Arc::new(Altered::locks_note(home.path())), JsonDbOptions::new());
    let first = open().unwrap();
    assert_eq!(open().unwrap_err().kind(), ErrorKind::Locked);
    std::fs::remove_file(home.path().join("LOCK")).unwrap();
    let second = open().expect("the control shows that the check of the real lock can fail");
    drop((first, second));
}
