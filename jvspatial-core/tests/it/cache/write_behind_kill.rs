//! Kills at random moments of a process that writes behind: what it had flushed is there, and of what it had not, what was
//! acknowledged first.
//!
//! A quick run takes 20 kills, `JVSPATIAL_TEST_FAULT_ROUNDS=write_behind/kill=300` so many.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jvspatial_core::{Entity as _, Graph, WriteBehind};

use super::write_behind::open;
use crate::life::{Life, long_rounds, orders, runtime};
use crate::model::City;

const TEST: &str =
    "cache::write_behind_kill::what_was_flushed_survives_a_kill_and_the_rest_is_lost_from_its_end";
const FIGURES: &str = "write_behind/kill";
const HONEST: &str = "honest";
/// Says that it has flushed, and has not: the mistake that the test must notice.
const BOASTER: &str = "boaster";
/// The key of the city that counts the others.
const COUNTER: &str = "counter";
/// After how many cities they are flushed.
const FLUSH: u64 = 32;
/// How many kills more may be needed to learn something.
const PATIENCE: u64 = 200;
/// What a process says, each with the number of the city.
const ACKNOWLEDGED: &str = "acknowledged ";
const FLUSHED: &str = "flushed ";

#[test]
fn what_was_flushed_survives_a_kill_and_the_rest_is_lost_from_its_end() {
    if let Some((role, home)) = orders() {
        return runtime().block_on(live(&role, &home));
    }
    let seed = RandomState::new().build_hasher().finish();
    let (mut figures, mut control) = (Figures::default(), Figures::default());
    let rounds = long_rounds(FIGURES).unwrap_or(20);
    // A busy machine may let no process come far before it is killed, and later ones are given more time.
    while figures.kills < rounds || (!figures.tells() && figures.kills < rounds + PATIENCE) {
        figures.add_kill(HONEST, seed);
    }
    while control.kills < PATIENCE && control.lost == 0 {
        control.add_kill(BOASTER, seed);
    }
    let line = format!("fault {FIGURES}: {figures}; seed {seed}; control no flush: {control}\n");
    // Past the test harness, which keeps the output of a test that passes to itself.
    let _ = std::io::stderr().write_all(line.as_bytes());
    assert_eq!((figures.lost, figures.torn), (0, 0), "{figures}");
    assert!(figures.tells(), "too few to tell: {figures}");
    assert!(control.lost > 0, "{control}");
}

async fn graph(home: &Path) -> Graph {
    // A killed process takes nothing with it that it has handed to the system.
    let url = format!("json:{}?durability=os", home.display());
    open(jvspatial_db::open(&url).await.unwrap(), WriteBehind::new()).await
}

/// Creates cities and counts them in one more, until it is killed.
async fn live(role: &str, home: &Path) {
    let say = |what: &str, number: u64| {
        let mut output = std::io::stdout().lock();
        output.write_all(format!("\n{what}{number}\n").as_bytes()).unwrap();
        output.flush().unwrap();
    };
    let graph = graph(home).await;
    let mut counter = graph.create_with_key(COUNTER, City::new(COUNTER)).await.unwrap();
    for number in 1.. {
        graph.create_with_key(&number.to_string(), City::new("one of many")).await.unwrap();
        counter.visits = number;
        graph.save(&mut counter).await.unwrap();
        say(ACKNOWLEDGED, number);
        if number.is_multiple_of(FLUSH) {
            if role == HONEST {
                graph.flush().await.unwrap();
            }
            say(FLUSHED, number);
        }
    }
}

/// What the kills have shown.
#[derive(Debug, Default)]
struct Figures {
    kills: u64,
    /// Cities whose writes were acknowledged, and those of them that had been flushed.
    acknowledged: u64,
    flushed: u64,
    /// Acknowledged, not flushed and gone, as is said.
    unwritten: u64,
    /// Flushed and gone.
    lost: u64,
    /// Databases that held a write without each one before it, or one that nobody had made.
    torn: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, acknowledged, flushed, unwritten, lost, torn } = self;
        write!(f, "kills {kills}, acknowledged {acknowledged}, flushed {flushed}, ")?;
        write!(f, "unwritten {unwritten}, lost {lost}, torn {torn}")
    }
}

impl Figures {
    /// Whether some was flushed and some was not.
    fn tells(&self) -> bool {
        self.flushed > 0 && self.unwritten > 0
    }

    /// Lets a process write, kills it and looks at what is left.
    fn add_kill(&mut self, role: &str, seed: u64) {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("db");
        let mut random = RandomState::new().build_hasher();
        random.write_u64(seed ^ self.kills);
        let mut writer = Writer::start(role, &home);
        while writer.acknowledged.load(Ordering::Relaxed) == 0 {
            assert!(writer.life.0.try_wait().unwrap().is_none(), "it ended before it was killed");
            std::thread::sleep(Duration::from_micros(200));
        }
        let longest = 40_000 * (1 + (self.kills / 20).min(9));
        std::thread::sleep(Duration::from_micros(random.finish() % longest));
        let (acknowledged, flushed) = writer.kill();
        self.kills += 1;
        self.acknowledged += acknowledged;
        self.flushed += flushed;
        runtime().block_on(self.judge(&home, acknowledged, flushed));
    }

    async fn judge(&mut self, home: &Path, acknowledged: u64, flushed: u64) {
        let graph = graph(home).await;
        let mut cities = 0;
        while let Some(id) = City::id((cities + 1).to_string()).ok()
            && graph.get::<City>(&id).await.unwrap().is_some()
        {
            cities += 1;
        }
        let all = graph.nodes::<City>().count().await.unwrap();
        let counter = graph.get::<City>(&City::id(COUNTER).unwrap()).await.unwrap();
        let counted = counter.as_ref().map_or(0, |counter| counter.visits);
        let is_whole = all == cities + u64::from(counter.is_some());
        // A city is made just before it is counted, and the last may not have been told of.
        let is_in_order = counted == cities || counted + 1 == cities;
        let is_known = cities <= acknowledged + 1;
        self.torn += u64::from(!(is_whole && is_in_order && is_known));
        self.unwritten += acknowledged.saturating_sub(flushed.max(counted));
        self.lost += flushed.saturating_sub(counted);
        graph.close().await.unwrap();
    }
}

/// A process that writes, and the last numbers that it has said.
struct Writer {
    life: Life,
    acknowledged: Arc<AtomicU64>,
    flushed: Arc<AtomicU64>,
    listener: std::thread::JoinHandle<()>,
}

impl Writer {
    fn start(role: &str, home: &Path) -> Self {
        let mut life = Life::start(TEST, role, home, Stdio::piped());
        let output = BufReader::new(life.0.stdout.take().unwrap());
        let [acknowledged, flushed]: [Arc<AtomicU64>; 2] = Default::default();
        let heard = [(ACKNOWLEDGED, acknowledged.clone()), (FLUSHED, flushed.clone())];
        let listener = std::thread::spawn(move || {
            // A line is written at once, so that none is torn by the kill.
            for line in output.lines().map_while(Result::ok) {
                for (what, number) in &heard {
                    if let Some(said) = line.strip_prefix(what) {
                        number.store(said.parse().unwrap(), Ordering::Relaxed);
                    }
                }
            }
        });
        Self { life, acknowledged, flushed, listener }
    }

    /// How far it had come by what it said.
    fn kill(mut self) -> (u64, u64) {
        self.life.0.kill().unwrap();
        self.life.0.wait().unwrap();
        self.listener.join().unwrap();
        [&self.acknowledged, &self.flushed].map(|number| number.load(Ordering::Relaxed)).into()
    }
}
