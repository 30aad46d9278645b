//! The clock on the wall may jump: what is kept lives by one that never does.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use super::*;

const TEST: &str =
    "cached_query::clock::what_is_kept_lives_for_its_time_whatever_the_clock_on_the_wall_shows";
const HOME: &str = "JVSPATIAL_TEST_CLOCK";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const LIFE: Duration = Duration::from_secs(2);

impl Towns {
    #[cached_query(ttl = "2s")]
    async fn timed(&self) -> u32 {
        self.runs.fetch_add(1, Ordering::SeqCst)
    }
}

#[test]
fn what_is_kept_lives_for_its_time_whatever_the_clock_on_the_wall_shows() {
    if let Some(home) = std::env::var_os(HOME) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        return runtime.unwrap().block_on(live(Path::new(&home)));
    }
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"];
    let mut libraries =
        folders.iter().map(|folder| Path::new(folder).join("faketime/libfaketime.so.1"));
    let Some(library) = libraries.find(|library| library.exists()) else {
        return writeln!(std::io::stderr(), "fault clock: skipped: needs faketime").unwrap();
    };
    let home = tempfile::tempdir().unwrap();
    let lives = |jumps_all: bool| {
        set(home.path(), "+0");
        let mut life = Command::new(std::env::current_exe().unwrap());
        life.args(["--exact", "--nocapture", TEST]).env(HOME, home.path());
        life.env("LD_PRELOAD", &library).env("FAKETIME_NO_CACHE", "1");
        life.env("FAKETIME_TIMESTAMP_FILE", home.path().join("clock"));
        life.env("FAKETIME_DONT_FAKE_MONOTONIC", if jumps_all { "0" } else { "1" });
        life.stdin(Stdio::null()).output().unwrap()
    };
    let told = lives(false);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    // The control: where the other clock jumps as well, too little is kept.
    let told = lives(true);
    assert!(String::from_utf8_lossy(&told.stderr).contains("kept for too short"), "{told:?}");
}

/// Moves the clock on the wall of the other process.
#[expect(clippy::disallowed_methods, reason = "it tells a library, not a store")]
fn set(home: &Path, offset: &str) {
    std::fs::write(home.join("clock.new"), offset).unwrap();
    std::fs::rename(home.join("clock.new"), home.join("clock")).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "it is the clock that jumps")]
fn clock() -> SystemTime {
    SystemTime::now()
}

/// In the process whose clock jumps.
async fn live(home: &Path) {
    let options = CacheOptions::new().entity_bytes(1 << 20).time_to_live(LIFE).negative(LIFE);
    let towns = Towns::with(options).await;
    let town = towns.town("Oslo", 700_000).await.id().clone();
    let missing = towns.town("Atlantis", 0).await;
    towns.graph.delete(missing.id()).await.unwrap();
    let hits = || towns.graph.cache_statistics().entities.hits;
    let read = async || {
        let before = hits();
        assert!(towns.graph.get::<Town>(&town).await.unwrap().is_some());
        assert!(towns.graph.get::<Town>(missing.id()).await.unwrap().is_none());
        (hits() - before, towns.timed().await)
    };
    let real = clock();
    assert_eq!(read().await, (0, 0));
    set(home, "+1d");
    assert!(clock() > real + DAY / 2, "the clock stands still");
    assert_eq!(read().await, (2, 0), "kept for too short");
    set(home, "-1d");
    assert!(clock() < real - DAY / 2, "the clock stands still");
    assert_eq!(read().await, (2, 0), "kept for too short");
    std::thread::sleep(LIFE);
    assert_eq!(read().await, (0, 1), "kept for too long");
    assert_eq!(read().await, (2, 1), "kept for too short");
}
