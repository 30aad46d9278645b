//! The lock, in this process and between processes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};

use super::*;

fn assert_held(result: Result<DiskLock, LockError>, by: Option<u32>) {
    match result {
        Err(LockError::Held { pid }) => assert_eq!(pid, by),
        other => panic!("expected the lock to be held, found {other:?}"),
    }
}

/// As [`assert_held`], and told soon: once in three times, since a busy machine may have no processor for it.
fn assert_held_soon(lock: impl Fn() -> Result<DiskLock, LockError>, by: Option<u32>) {
    let attempt = || {
        let started = Instant::now();
        assert_held(lock(), by);
        started.elapsed()
    };
    let elapsed: Vec<_> = (0..3).map(|_| attempt()).collect();
    assert!(elapsed.iter().any(|elapsed| *elapsed < Duration::from_millis(100)), "{elapsed:?}");
}

#[test]
fn a_second_open_in_this_process_is_locked_out_until_the_first_lets_go() {
    let (_home, path, first) = disk();
    let second = LocalDisk::open(&path, true).unwrap();
    let lock = first.lock().unwrap();
    assert_held_soon(|| second.lock(), Some(std::process::id()));
    assert_held_soon(|| first.lock(), Some(std::process::id()));
    drop(lock);
    let lock = second.lock().unwrap();
    drop((first, second));
    assert_held(LocalDisk::open(&path, true).unwrap().lock(), Some(std::process::id()));
    drop(lock);
}

#[test]
fn readers_keep_owners_out_but_not_each_other_and_leave_no_trace() {
    let (_home, path, disk) = disk();
    let (one, two) = (disk.lock_shared().unwrap(), disk.lock_shared().unwrap());
    assert_held(disk.lock(), None);
    drop(one);
    assert_held(disk.lock(), None);
    drop(two);
    assert!(!path.join("LOCK").exists());
    let _lock = disk.lock().unwrap();
    assert_held(disk.lock_shared(), Some(std::process::id()));
}

#[test]
fn deleting_or_garbling_the_note_lets_nobody_in() {
    let (_home, path, disk) = disk();
    let _lock = disk.lock().unwrap();
    fs::write(path.join("LOCK"), "not a number\n").unwrap();
    assert_held(disk.lock(), None);
    fs::remove_file(path.join("LOCK")).unwrap();
    assert_held_soon(|| disk.lock(), None);
    assert_held(LocalDisk::open(&path, true).unwrap().lock(), None);
}

#[test]
fn a_note_that_is_no_regular_file_is_refused() {
    let (home, path, disk) = disk();
    let target = home.path().join("target");
    fs::write(&target, "precious").unwrap();
    symlink(&target, path.join("LOCK")).unwrap();
    assert!(matches!(disk.lock(), Err(LockError::Io(_))));
    assert_eq!(fs::read(&target).unwrap(), b"precious");
    fs::remove_file(path.join("LOCK")).unwrap();
    drop(disk.lock().expect("the failed attempt holds nothing"));
}

/// A process that holds the lock until its input ends or it is killed.
fn holder(path: &Path, env: &str) -> Child {
    let mut holder = child("locking::child_holds_the_lock", path)
        .env(env, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.map(Result::unwrap).any(|line| line.contains("locked")));
    holder
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn child_holds_the_lock() {
    let Some(path) = child_dir() else { return };
    let disk = LocalDisk::open(&path, true).unwrap();
    let _lock = disk.lock().unwrap();
    let mut sleeper = None;
    if std::env::var_os("SPAWN").is_some() {
        let spawned = Command::new("sleep").arg("20").stdout(Stdio::null()).spawn().unwrap();
        fs::write(path.join("sleeper"), spawned.id().to_string()).unwrap();
        sleeper = Some(spawned);
    }
    println!("locked");
    io::stdout().flush().unwrap();
    io::stdin().lines().for_each(drop);
    drop(sleeper);
}

#[test]
fn another_process_is_locked_out_and_its_death_frees_the_lock() {
    let (_home, path, disk) = disk();
    let mut holder = holder(&path, "PLAIN");
    assert_held_soon(|| disk.lock(), Some(holder.id()));
    holder.kill().unwrap();
    holder.wait().unwrap();
    let lock = disk.lock().unwrap();
    assert_held(disk.lock(), Some(std::process::id()));
    drop(lock);
}

#[test]
fn a_process_started_by_the_holder_does_not_inherit_the_lock() {
    let (_home, path, disk) = disk();
    let mut holder = holder(&path, "SPAWN");
    holder.kill().unwrap();
    holder.wait().unwrap();
    let sleeper = fs::read_to_string(path.join("sleeper")).unwrap();
    let sleeper = rustix::process::Pid::from_raw(sleeper.parse().unwrap()).unwrap();
    rustix::process::test_kill_process(sleeper).expect("it outlives the holder");
    drop(disk.lock().unwrap());
    rustix::process::kill_process(sleeper, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn of_many_racing_for_the_lock_one_wins() {
    let (_home, path, _disk) = disk();
    for _ in 0..50 {
        let barrier = std::sync::Barrier::new(4);
        let won: Vec<_> = std::thread::scope(|scope| {
            let race = || {
                let disk = LocalDisk::open(&path, true).unwrap();
                barrier.wait();
                disk.lock().ok()
            };
            let racers: Vec<_> = (0..4).map(|_| scope.spawn(race)).collect();
            racers.into_iter().filter_map(|racer| racer.join().unwrap()).collect()
        });
        assert_eq!(won.len(), 1);
    }
}

#[test]
fn a_lock_given_back_leaves_no_note_and_is_free_although_a_copy_of_its_descriptor_lives() {
    let (_home, path, disk) = disk();
    let lock = lock::acquire(&disk.root).unwrap();
    // What a child process holds between its fork and its exec.
    let copy = lock.dir.try_clone().unwrap();
    drop(lock);
    assert_eq!(fs::read(path.join("LOCK")).unwrap(), b"");
    drop(disk.lock().unwrap());
    drop(copy);
}

#[test]
fn the_note_of_a_dead_process_is_believed_only_when_no_other_comes() {
    let (_home, path, disk) = disk();
    let _lock = disk.lock().unwrap();
    let mut dead = Command::new("true").spawn().unwrap();
    dead.wait().unwrap();
    fs::write(path.join("LOCK"), format!("{}\n", dead.id())).unwrap();
    let started = Instant::now();
    assert_held(disk.lock(), Some(dead.id()));
    assert!(started.elapsed() > Duration::from_millis(15));
}
