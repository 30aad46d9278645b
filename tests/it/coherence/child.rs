//! One of the processes: sixteen tasks that read and write.

use std::collections::HashMap;
use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jvspatial::prelude::*;
use jvspatial::{CacheOptions, ErrorKind, RedisOptions};
use tokio::runtime::Runtime;

use super::events::{self, Event};
use super::figures::say;
use super::random::{self, Random};

const TASKS: u16 = 16;
pub(super) const NODES: u16 = 100;

const ROLE: &str = "JVSPATIAL_TEST_COHERENCE_ROLE";
const FILE: &str = "JVSPATIAL_TEST_COHERENCE_FILE";
const DATABASE: &str = "JVSPATIAL_TEST_COHERENCE_DATABASE";
const REDIS: &str = "JVSPATIAL_TEST_COHERENCE_REDIS";
const MILLIS: &str = "JVSPATIAL_TEST_COHERENCE_MILLIS";
const MAX_STALE: &str = "JVSPATIAL_TEST_COHERENCE_MAX_STALE";
const SEED: &str = "JVSPATIAL_TEST_COHERENCE_SEED";

/// What is read and written.
#[derive(Clone, Debug, Serialize, Deserialize, Node)]
pub(super) struct Counter {
    pub(super) count: u64,
}

/// How a process keeps what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// By the entity cache, sharing through Redis.
    Redis,
    /// By the entity cache, following the change feed.
    Feed,
    /// The same over a way to the database that breaks, so it writes nothing and does without answers.
    Reader,
    /// By a map that knows its own writes and hears nothing of others: the control.
    Deaf,
}

impl Role {
    const ALL: [(Self, &str); 4] = [
        (Self::Redis, "redis"),
        (Self::Feed, "feed"),
        (Self::Reader, "reader"),
        (Self::Deaf, "deaf"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(role, _)| *role == self).unwrap().1
    }
}

/// Plays the role of a child if this process is one, and otherwise gives the seed of the test.
///
/// # Panics
/// Without a server: a test that could not look at one must not pass.
pub(super) fn begin(test: &str) -> Option<u64> {
    let Ok(name) = env::var(ROLE) else {
        let seed = random::seed();
        say(format_args!("{test}: seed {seed}"));
        return Some(seed);
    };
    let role = Role::ALL.iter().find(|(_, named)| *named == name).unwrap().0;
    Runtime::new().unwrap().block_on(play(role));
    None
}

pub(super) fn variable(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text:?}")))
}

/// Whether everything that happens is to be told, because a seed is replayed.
pub(super) fn wants_words() -> bool {
    env::var_os(SEED).is_some()
}

/// Makes the nodes.
pub(super) fn prepare(database: &str) {
    Runtime::new().unwrap().block_on(async {
        let graph = Graph::open(database).await.unwrap();
        for node in 0..NODES {
            graph.create_with_key(&key(node), Counter { count: 0 }).await.unwrap();
        }
        graph.close().await.unwrap();
    });
}

fn key(node: u16) -> String {
    format!("node{node}")
}

pub(super) fn id(node: u16) -> Id {
    format!("n.Counter.{}", key(node)).parse().unwrap()
}

async fn play(role: Role) {
    let mut options =
        CacheOptions::new().max_stale(Duration::from_millis(variable(MAX_STALE).unwrap()));
    if role != Role::Deaf {
        options = options.entity_bytes(16 << 20);
    }
    if role == Role::Redis {
        options = options.redis(RedisOptions::new(&env::var(REDIS).unwrap()).unwrap());
    }
    let graph = Graph::builder().url(env::var(DATABASE).unwrap()).cache(options);
    let graph = graph.open().await.unwrap();
    if role == Role::Reader {
        // So that there is something to go on with when the way is cut.
        let all: Vec<Id> = (0..NODES).map(id).collect();
        while graph.cache_statistics().entities.hits == 0 {
            graph.get_many::<Counter>(&all).await.unwrap();
        }
    }
    let start = Instant::now();
    say(format_args!("ready"));
    // The other workers of the runtime go on meanwhile.
    for line in std::io::stdin().lines() {
        match line.unwrap().as_str() {
            "time" => say(format_args!("{}", start.elapsed().as_micros())),
            _ => break,
        }
    }
    let end = Instant::now() + Duration::from_millis(variable(MILLIS).unwrap());
    let kept = Arc::new(Kept::default());
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let random = Random(variable(SEED).unwrap() ^ (u64::from(task) << 32));
            let (graph, kept) = (graph.clone(), Arc::clone(&kept));
            let deaf = (role == Role::Deaf).then_some(kept);
            let is_reader = role == Role::Reader;
            let events = Vec::new();
            tokio::spawn(Worker { task, graph, deaf, is_reader, random, start, events }.work(end))
        })
        .collect();
    let mut events = Vec::new();
    for task in tasks {
        events.extend(task.await.unwrap());
    }
    events::save(Path::new(&env::var(FILE).unwrap()), &events);
    say(format_args!("hits {}", graph.cache_statistics().entities.hits));
    graph.close().await.unwrap();
}

/// The map of the control.
type Kept = Mutex<HashMap<u16, Stored<Counter>>>;

struct Worker {
    task: u16,
    graph: Graph,
    /// What the control keeps.
    deaf: Option<Arc<Kept>>,
    is_reader: bool,
    random: Random,
    start: Instant,
    events: Vec<Event>,
}

impl Worker {
    async fn work(mut self, end: Instant) -> Vec<Event> {
        while Instant::now() < end {
            match self.random.below(20) {
                0..=1 if !self.is_reader => self.write().await,
                2..=4 => self.read_many().await,
                _ => {
                    let node = self.node();
                    self.read(node).await;
                }
            }
            tokio::time::sleep(Duration::from_micros(500 + self.random.below(6_000))).await;
        }
        self.events
    }

    fn node(&mut self) -> u16 {
        u16::try_from(self.random.below(u64::from(NODES))).unwrap()
    }

    fn now(&self) -> i64 {
        i64::try_from(self.start.elapsed().as_micros()).unwrap()
    }

    fn note(&mut self, is_write: bool, node: u16, version: u64, begun: i64) {
        let (task, ended) = (self.task, self.now());
        self.events.push(Event { is_write, task, node, version, begun, ended });
    }

    /// What is under the id of a node; nothing when there was no answer.
    async fn read(&mut self, node: u16) -> Option<Stored<Counter>> {
        let begun = self.now();
        let kept = self.deaf.as_ref().and_then(|kept| kept.lock().unwrap().get(&node).cloned());
        let found = match kept {
            Some(kept) => kept,
            None => match self.graph.get::<Counter>(&id(node)).await {
                Err(_) if self.is_reader => return None,
                found => found.unwrap().unwrap(),
            },
        };
        self.note(false, node, found.version().get(), begun);
        self.keep(node, &found);
        Some(found)
    }

    async fn read_many(&mut self) {
        let nodes: Vec<u16> = (0..4).map(|_| self.node()).collect();
        if self.deaf.is_some() {
            return;
        }
        let ids: Vec<Id> = nodes.iter().copied().map(id).collect();
        let begun = self.now();
        let found = match self.graph.get_many::<Counter>(&ids).await {
            Err(_) if self.is_reader => return,
            found => found.unwrap(),
        };
        for (node, found) in nodes.into_iter().zip(found) {
            self.note(false, node, found.unwrap().version().get(), begun);
        }
    }

    async fn write(&mut self) {
        let node = self.node();
        let Some(mut found) = self.read(node).await else { return };
        found.count += 1;
        let begun = self.now();
        match self.graph.save(&mut found).await {
            Ok(()) => {
                self.note(true, node, found.version().get(), begun);
                self.keep(node, &found);
            }
            // What was kept is older than what the other process wrote.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn keep(&self, node: u16, found: &Stored<Counter>) {
        let Some(kept) = &self.deaf else { return };
        let mut kept = kept.lock().unwrap();
        let newer = kept.get(&node).is_none_or(|kept| kept.version() < found.version());
        if newer {
            kept.insert(node, found.clone());
        }
    }
}

/// A process of this program, seen from the one that started it. It is killed with this.
pub(super) struct Process {
    child: Child,
    words: ChildStdin,
    lines: BufReader<ChildStderr>,
}

/// What a process is told when it is started.
pub(super) struct Orders<'a> {
    pub(super) test: &'a str,
    pub(super) role: Role,
    pub(super) file: &'a Path,
    pub(super) database: &'a str,
    pub(super) redis: Option<&'a str>,
    pub(super) time: Duration,
    pub(super) max_stale: Duration,
    pub(super) seed: u64,
}

impl Process {
    /// Starts one and waits until its graph is open.
    pub(super) fn start(orders: &Orders<'_>) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        // What it panics with is to be among what it tells.
        command.args(["--exact", "--include-ignored", "--nocapture", orders.test]);
        command.env(ROLE, orders.role.name()).env(FILE, orders.file);
        command.env(DATABASE, orders.database).env(REDIS, orders.redis.unwrap_or_default());
        command.env(MILLIS, orders.time.as_millis().to_string());
        command.env(MAX_STALE, orders.max_stale.as_millis().to_string());
        command.env(SEED, orders.seed.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (words, lines) = (child.stdin.take().unwrap(), child.stderr.take().unwrap());
        let mut process = Self { child, words, lines: BufReader::new(lines) };
        assert_eq!(process.line(), "ready");
        process
    }

    /// When its clock began, in microseconds after `start`: both are the machine's, which runs evenly.
    pub(super) fn clock(&mut self, start: Instant) -> i64 {
        let micros = || i64::try_from(start.elapsed().as_micros()).unwrap();
        let mut best = (i64::MAX, 0);
        for _ in 0..100 {
            let asked = micros();
            self.say("time");
            let told: i64 = self.line().parse().unwrap();
            let answered = micros();
            // Not before the question nor after the answer; the shortest exchange says it best.
            best = best.min((answered - asked, (asked + answered) / 2 - told));
        }
        best.1
    }

    pub(super) fn say(&mut self, word: &str) {
        writeln!(self.words, "{word}").unwrap();
    }

    /// Waits for its end; what it told last.
    pub(super) fn end(mut self) -> String {
        let last = self.line();
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "{ended}: {last} {}", self.rest());
        last
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn rest(&mut self) -> String {
        std::iter::from_fn(|| Some(self.line()).filter(|line| !line.is_empty())).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
