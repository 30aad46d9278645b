//! Changes that no process tells of: one is killed between its write and its message, or the writer is no process of ours.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use jvspatial::prelude::*;
use jvspatial::{CacheOptions, RedisOptions};
use tokio::runtime::Runtime;

use super::apart::Apart;
use super::child::{Counter, id, prepare};
use super::figures::{Figures, report, say};
use super::play::database;
use super::server::Redis;
use super::{random, wire};

/// So long that nobody misses the process that was killed, nor forgets because of silence, while the test waits.
const MAX_STALE: Duration = Duration::from_secs(60);

/// What nobody tells is known within this.
const BOUND: Duration = Duration::from_millis(1_500);

const DATABASE: &str = "JVSPATIAL_TEST_COHERENCE_UNTOLD_DATABASE";
const REDIS: &str = "JVSPATIAL_TEST_COHERENCE_UNTOLD_REDIS";
const NAMESPACE: &str = "JVSPATIAL_TEST_COHERENCE_UNTOLD_NAMESPACE";

#[test]
#[ignore = "needs MongoDB and redis-server"]
fn what_a_process_wrote_that_was_killed_before_it_told_is_read_by_others() {
    let test =
        "coherence::untold::what_a_process_wrote_that_was_killed_before_it_told_is_read_by_others";
    if env::var_os(NAMESPACE).is_some() {
        return Runtime::new().unwrap().block_on(write_and_wait());
    }
    let [seen, deaf] = run(|world, namespace| {
        let mut writer = Writer::start(test, world, namespace);
        let written = writer.written();
        // The handle of std sends SIGKILL.
        writer.child.kill().unwrap();
        written
    });
    report("killed", random::seed(), &seen, &[("deaf", deaf)]);
}

#[test]
#[ignore = "needs MongoDB and redis-server"]
fn what_another_program_wrote_is_read_by_all() {
    let [seen, deaf] = run(|world, namespace| {
        wire::set(&world.database, "node", &node(namespace).to_string(), "count", 1);
        Instant::now()
    });
    report("foreign", random::seed(), &seen, &[("deaf", deaf)]);
}

#[test]
#[ignore = "needs MongoDB and redis-server"]
fn what_a_process_has_told_nobody_tells_again() {
    let world = World { database: database(), redis: Redis::start() };
    prepare(&world.database);
    let messages = || world.redis.number(&format!("jv:{HEARING}:state"), "msg");
    Runtime::new().unwrap().block_on(async {
        let readers = Readers::open(&world, HEARING).await;
        let before = messages();
        for _ in 0..20 {
            let modified =
                readers.near.modify::<Counter>(&readers.node, |counter| counter.count += 1);
            modified.await.unwrap();
        }
        tokio::time::sleep(PATIENCE).await;
        assert_eq!(messages() - before, 20);
        // The control: of what nobody told each of both tells.
        wire::set(&world.database, "node", &readers.node.to_string(), "count", 1);
        tokio::time::sleep(PATIENCE).await;
        assert_eq!(messages() - before, 22);
        readers.close().await;
    });
}

/// More than the time that a process has to tell of a change.
const PATIENCE: Duration = Duration::from_millis(600);

const HEARING: &str = "hearing";
const DEAF: &str = "deaf";

/// What those of a namespace read and write.
fn node(namespace: &str) -> Id {
    id(u16::from(namespace == DEAF))
}

/// A database with a document, and a Redis.
struct World {
    database: String,
    redis: Redis,
}

/// What processes saw that follow the database, and that do not, of what `write` wrote for their namespace at the time that
/// it returns.
fn run(write: impl Fn(&World, &str) -> Instant) -> [Figures; 2] {
    let world = World { database: database(), redis: Redis::start() };
    prepare(&world.database);
    let runtime = Runtime::new().unwrap();
    let readers =
        [HEARING, DEAF].map(|namespace| runtime.block_on(Readers::open(&world, namespace)));
    let written = [HEARING, DEAF].map(|namespace| write(&world, namespace));
    let seen: Vec<_> = std::iter::zip(readers, written)
        .map(|(readers, written)| runtime.spawn(readers.watch(written)))
        .collect();
    let seen: Vec<Figures> = seen.into_iter().map(|seen| runtime.block_on(seen).unwrap()).collect();
    [seen[0], seen[1]]
}

/// Two readers: of what one has kept in memory, and of what is kept in Redis.
struct Readers {
    near: Graph,
    far: Graph,
    node: Id,
}

impl Readers {
    async fn open(world: &World, namespace: &str) -> Self {
        let open = async |bytes| {
            let builder = match namespace {
                HEARING => Graph::builder().url(world.database.clone()),
                _ => Graph::builder().database(Apart::without_feed(&world.database).await),
            };
            builder.cache(options(bytes, &world.redis.url(), namespace)).open().await.unwrap()
        };
        let readers = Self { near: open(1 << 20).await, far: open(1).await, node: node(namespace) };
        // Nothing is kept before others are heard.
        let start = Instant::now();
        while readers.near.cache_statistics().entities.hits == 0 {
            assert_eq!(readers.read().await, [0, 0]);
            assert!(start.elapsed() < Duration::from_secs(5), "nothing is kept");
        }
        readers
    }

    async fn read(&self) -> [u64; 2] {
        let read =
            async |graph: &Graph| graph.get::<Counter>(&self.node).await.unwrap().unwrap().count;
        [read(&self.near).await, read(&self.far).await]
    }

    /// Reads until both know what was `written` at that time, or ought to.
    async fn watch(self, written: Instant) -> Figures {
        let mut figures = Figures { rounds: 1, writes: 1, ..Figures::default() };
        loop {
            let begun = written.elapsed();
            let stale = self.read().await.into_iter().filter(|count| *count == 0).count();
            figures.reads += 2;
            figures.stale += u64::try_from(stale).unwrap();
            if stale == 0 {
                break;
            }
            figures.worst = u64::try_from(begun.as_millis()).unwrap();
            if begun > BOUND {
                figures.late = u64::try_from(stale).unwrap();
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.close().await;
        figures
    }

    async fn close(self) {
        for graph in [self.near, self.far] {
            graph.close().await.unwrap();
        }
    }
}

fn options(bytes: u64, redis: &str, namespace: &str) -> CacheOptions {
    let redis = RedisOptions::new(redis).unwrap().namespace(namespace);
    CacheOptions::new().entity_bytes(bytes).max_stale(MAX_STALE).redis(redis)
}

/// The process: writes, and never learns that it has, so that nobody is told.
async fn write_and_wait() {
    let database = Apart::without_answers(&env::var(DATABASE).unwrap()).await;
    let namespace = env::var(NAMESPACE).unwrap();
    let cache = options(1 << 20, &env::var(REDIS).unwrap(), &namespace);
    let graph = Graph::builder().database(database).cache(cache).open().await.unwrap();
    let mut counter = graph.get::<Counter>(&node(&namespace)).await.unwrap().unwrap();
    counter.count += 1;
    graph.save(&mut counter).await.unwrap();
    say(format_args!("answered"));
}

/// The process, seen from the one that started it. It is killed with this.
struct Writer {
    child: Child,
    lines: BufReader<ChildStderr>,
}

impl Writer {
    fn start(test: &str, world: &World, namespace: &str) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "--include-ignored", "--nocapture", test]);
        command.env(DATABASE, &world.database).env(REDIS, world.redis.url());
        command.env(NAMESPACE, namespace);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        Self { child, lines }
    }

    /// Waits until it has written; when that was known.
    fn written(&mut self) -> Instant {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        let written = Instant::now();
        assert_eq!(line.trim_end(), "written");
        written
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // One that was killed is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
