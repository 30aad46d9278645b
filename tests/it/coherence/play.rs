//! One run from its beginning to what it saw.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::child::{self, Orders, Process, Role};
use super::events;
use super::figures::{Figures, say};
use super::judge::judge;
use super::nemesis::torment;
use super::random::Random;
use super::server::Redis;

/// How long a run takes, in seconds, unless it is told otherwise.
const SECONDS: u64 = 5;

/// What a run is like.
#[derive(Debug)]
pub(super) struct Play {
    role: Role,
    seed: u64,
    time: Duration,
    /// How much of it nothing is broken.
    well: Duration,
}

impl Play {
    pub(super) fn redis(seed: u64) -> Self {
        let time = seconds();
        Self { role: Role::Redis, seed, time, well: time / 4 }
    }

    pub(super) fn feed(seed: u64) -> Self {
        let time = seconds();
        Self { role: Role::Feed, seed, time, well: time }
    }

    /// The control, which need not be long.
    pub(super) fn deaf(seed: u64) -> Self {
        let time = Duration::from_secs(2);
        Self { role: Role::Deaf, seed, time, well: time }
    }
}

fn seconds() -> Duration {
    let seconds = child::variable("JVSPATIAL_TEST_COHERENCE_SECONDS").unwrap_or(SECONDS);
    Duration::from_secs(seconds.max(2))
}

/// Runs two processes of `play`, each in the test `test`, and judges what they saw.
pub(super) fn run(test: &str, play: &Play) -> Figures {
    let database = database();
    child::prepare(&database);
    let mut redis = (play.role == Role::Redis).then(Redis::start);
    let url = redis.as_ref().map(Redis::url);
    let directory = tempfile::tempdir().unwrap();
    let files = [0, 1].map(|process| directory.path().join(format!("{process}")));
    let mut processes = files.each_ref().map(|file| {
        Process::start(&Orders {
            test,
            role: play.role,
            file,
            database: &database,
            redis: url.as_deref(),
            time: play.time,
            seed: play.seed ^ u64::from(file == &files[0]),
        })
    });
    let start = Instant::now();
    let clocks = processes.each_mut().map(|process| process.clock(start));
    processes.iter_mut().for_each(|process| process.say("go"));
    let well = start.elapsed() + play.well;
    let end = Instant::now() + play.time;
    sleep(play.well);
    let rounds = match &mut redis {
        Some(redis) => torment(redis, &mut Random(play.seed), start, end),
        None => play.time.as_secs(),
    };
    for process in processes {
        let last = process.end();
        // A cache that is never used cannot be wrong.
        let hits = last.strip_prefix("hits ").and_then(|hits| hits.parse::<u64>().ok());
        assert!(play.role == Role::Deaf || hits.is_some_and(|hits| hits > 0), "{last}");
        say(format_args!("{:?}: {last}", play.role));
    }
    let seen = [0, 1].map(|process| events::load(&files[process], clocks[process]));
    // A feed promises nothing but the bound that holds whatever happens.
    let well = (play.role != Role::Feed).then(|| i64::try_from(well.as_micros()).unwrap());
    let figures = judge(&seen, well, play.role != Role::Deaf);
    Figures { rounds, ..figures }
}

/// The URL of a database of one's own, which goes with the server.
fn database() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let uri = std::env::var("JVSPATIAL_TEST_MONGODB_URI")
        .expect("JVSPATIAL_TEST_MONGODB_URI names a server");
    let (server, query) = uri.split_once('?').unwrap_or((&uri, ""));
    let (server, process) = (server.trim_end_matches('/'), std::process::id());
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{server}/coherence_{process}_{next}?{query}")
}
