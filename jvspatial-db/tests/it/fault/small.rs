//! Real disks and limits that are too small: refused in so many words, nothing lost, and over when
//! there is room again.

use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use jvspatial_db::json::disk::{Disk, LocalDisk};
use jvspatial_db::{Database as _, ErrorKind, JsonDb, JsonDbOptions};
use rustix::process::{Resource, getrlimit, setrlimit};

use super::altered::Altered;
use super::blocks::Blocks;
use super::child::{Teller, give_orders, orders, tell};
use super::figures::{Figures, Random, report, rounds_of, say, seed, skip, time_is_up};
use super::ledger::copy;
use super::mount::{Mount, what_is_missing};
use super::script::{options, runtime};

const CONTROL: &str = "append after the partial line";

/// A store with its blocks, and what was seen of it.
struct Filled<'a> {
    home: &'a Path,
    options: JsonDbOptions,
    db: JsonDb,
    blocks: Blocks,
    random: Random,
    figures: Figures,
}

impl<'a> Filled<'a> {
    fn new(home: &'a Path, options: JsonDbOptions, seed: u64, is_honest: bool) -> Self {
        let disk = LocalDisk::open(home, true).unwrap();
        let disk: Arc<dyn Disk> =
            if is_honest { Arc::new(disk) } else { Arc::new(Altered::never_cuts(disk)) };
        let db = JsonDb::open_on(disk, options.clone()).unwrap();
        let (blocks, random) = (Blocks::default(), Random(seed));
        Self { home, options, db, blocks, random, figures: Figures::default() }
    }

    /// Writes blocks until so many were refused or written.
    async fn write(&mut self, refusals: usize, writes: usize) -> usize {
        let (mut refused, before) = (0, self.blocks.count());
        while refused < refusals && self.blocks.count() - before < writes as u64 {
            let length = 1 + self.random.below(6_000) as usize;
            if let Err(error) = self.blocks.write(&self.db, length).await {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                refused += 1;
            }
        }
        self.blocks.check_open(&self.db, &mut self.figures).await;
        refused
    }

    /// Looks at what a kill would leave now.
    async fn look_at_files(&mut self) {
        match JsonDb::open_on(Arc::new(copy(self.home)), self.options.clone()) {
            Ok(db) => {
                self.blocks.check_open(&db, &mut self.figures).await;
                self.figures.torn += u64::from(db.recovery().quarantined_bytes > 0);
            }
            Err(error) => {
                say(format_args!("after a refusal: {error}"));
                self.figures.lost += 1;
            }
        }
    }

    async fn finish(mut self) -> Figures {
        assert_eq!(self.write(1, 30).await, 0, "there is room now");
        self.look_at_files().await;
        self.figures.rounds = 1;
        self.figures.acknowledged = self.blocks.count();
        // What a control has left need not be closable.
        let _ = self.db.close().await;
        self.figures
    }
}

#[test]
fn a_full_file_system_loses_nothing_and_is_written_again_once_it_has_grown() {
    let name = "small/disk";
    if let Some(why) = what_is_missing(&[]) {
        return skip(name, &why);
    }
    repeat(name, |seed, is_honest| {
        let home = tempfile::tempdir().unwrap();
        let mount = Mount::tmpfs(home.path(), "1m");
        let path = home.path().join("db");
        let mut store = Filled::new(&path, options(), seed, is_honest);
        runtime().block_on(async {
            assert_eq!(store.write(5, usize::MAX).await, 5);
            mount.resize("4m");
            store.finish().await
        })
    });
}

#[test]
fn a_process_at_its_limits_loses_nothing_and_writes_again_once_they_are_raised() {
    const TEST: &str =
        "fault::small::a_process_at_its_limits_loses_nothing_and_writes_again_once_they_are_raised";
    if let Some((role, home)) = orders() {
        return meet_limits(&role, Path::new(&home));
    }
    repeat("small/limits", |seed, is_honest| {
        let home = tempfile::tempdir().unwrap();
        // Writing more than is allowed would otherwise kill the child.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
        command.arg(std::env::current_exe().unwrap());
        give_orders(&mut command, TEST, &format!("{seed} {is_honest}"), &home.path().join("db"));
        let told = Teller::spawn(command).rest();
        let last = told.lines().last().and_then(|line| line.strip_prefix("done "));
        let numbers = last.unwrap_or_else(|| panic!("the child told: {told}")).split(' ');
        let numbers: Vec<u64> = numbers.map(|number| number.parse().unwrap()).collect();
        let [acknowledged, lost, torn] = numbers.try_into().unwrap();
        Figures { rounds: 1, acknowledged, lost, torn, unknown: 0 }
    });
}

fn repeat(name: &str, round: impl Fn(u64, bool) -> Figures) {
    let seed = seed();
    let (mut figures, mut control) = (Figures::default(), Figures::default());
    while figures.rounds < rounds_of(name, 5) && figures.is_sound() && !time_is_up() {
        figures.add(&round(seed.wrapping_add(figures.rounds), true));
    }
    while control.rounds < 20 && control.is_sound() {
        control.add(&round(seed.wrapping_add(control.rounds), false));
    }
    report(name, seed, &figures, &[(CONTROL, control)]);
    assert!(figures.is_sound(), "{figures}");
    assert!(!control.is_sound(), "{control}");
}

/// The child: lets its files grow no further, then has no descriptor left for another segment.
fn meet_limits(role: &str, home: &Path) {
    let (seed, is_honest) = role.split_once(' ').unwrap();
    let (seed, is_honest) = (seed.parse().unwrap(), is_honest == "true");
    let mut store = Filled::new(home, options().segment_bytes(64 << 10), seed, is_honest);
    let figures = runtime().block_on(async {
        let bytes = 1_000 + store.random.below(60_000);
        let refused = under_limit(Resource::Fsize, bytes, async || store.write(5, 1_000).await);
        assert_eq!(refused.await, 5);
        store.look_at_files().await;
        if !is_honest {
            return store.finish().await;
        }
        assert_eq!(store.write(1, 10).await, 0, "the limit is raised");

        let before = count_filled(home);
        let next = next_descriptor();
        let limited = under_limit(Resource::Nofile, next, async || store.write(5, 60).await);
        limited.await;
        assert_eq!(count_filled(home), before, "the limit was not met");
        let figures = store.finish().await;
        assert!(count_filled(home) > before, "no further segment was begun");
        figures
    });
    tell(&format!("done {} {} {}", figures.acknowledged, figures.lost, figures.torn));
}

/// How many segments hold batches; one that could not be begun may have its first line.
fn count_filled(home: &Path) -> usize {
    let entries = std::fs::read_dir(home.join("journal")).unwrap();
    entries.filter(|entry| entry.as_ref().unwrap().metadata().unwrap().len() > 100).count()
}

/// The number of the next file that is opened: inherited descriptors leave gaps among them.
fn next_descriptor() -> u64 {
    let file = std::fs::File::open("/dev/null").unwrap();
    file.as_raw_fd().try_into().unwrap()
}

async fn under_limit<T>(resource: Resource, limit: u64, work: impl AsyncFnOnce() -> T) -> T {
    let before = getrlimit(resource);
    let mut lowered = before;
    lowered.current = Some(limit);
    setrlimit(resource, lowered).unwrap();
    let done = work().await;
    setrlimit(resource, before).unwrap();
    done
}
