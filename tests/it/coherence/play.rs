//! One run from its beginning to what it saw.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::child::{self, Orders, Process, Role};
use super::events;
use super::figures::{Figures, say};
use super::judge::judge;
use super::nemesis::{torment, torment_way};
use super::proxy::Proxy;
use super::random::Random;
use super::server::Redis;
use super::{MAX_STALE, SHORT_STALE};

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
    max_stale: Duration,
}

impl Play {
    pub(super) fn redis(seed: u64) -> Self {
        let time = seconds();
        Self { role: Role::Redis, seed, time, well: time / 4, max_stale: MAX_STALE }
    }

    pub(super) fn feed(seed: u64) -> Self {
        let time = seconds();
        Self { role: Role::Feed, seed, time, well: time, max_stale: MAX_STALE }
    }

    /// One process reads over a way that breaks, so that its feed is cut and frozen; the other writes.
    pub(super) fn broken_feed(seed: u64) -> Self {
        let time = seconds();
        let well = Duration::from_millis(500);
        Self { role: Role::Reader, seed, time, well, max_stale: SHORT_STALE }
    }

    /// The control, which need not be long.
    pub(super) fn deaf(seed: u64) -> Self {
        let time = Duration::from_secs(2);
        Self { role: Role::Deaf, seed, time, well: time, max_stale: SHORT_STALE }
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
    let way = (play.role == Role::Reader).then(|| Proxy::to(server(&database)));
    let directory = tempfile::tempdir().unwrap();
    let files = [0, 1].map(|process| directory.path().join(format!("{process}")));
    let broken = way.as_ref().map(|way| through(way, &database));
    let mut processes = files.each_ref().map(|file| {
        let is_first = file == &files[0];
        let over = broken.as_deref().filter(|_| is_first);
        Process::start(&Orders {
            test,
            role: if way.is_some() && !is_first { Role::Feed } else { play.role },
            file,
            database: over.unwrap_or(&database),
            redis: url.as_deref(),
            time: play.time,
            max_stale: play.max_stale,
            seed: play.seed ^ u64::from(is_first),
        })
    });
    let start = Instant::now();
    let clocks = processes.each_mut().map(|process| process.clock(start));
    processes.iter_mut().for_each(|process| process.say("go"));
    let well = start.elapsed() + play.well;
    let end = Instant::now() + play.time;
    sleep(play.well);
    let mut random = Random(play.seed);
    let rounds = match (&mut redis, &way) {
        (Some(redis), _) => torment(redis, &mut random, start, end),
        (None, Some(way)) => torment_way(way, &mut random, end),
        (None, None) => play.time.as_secs(),
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
    let is_fast = [Role::Redis, Role::Deaf].contains(&play.role);
    let well = is_fast.then(|| i64::try_from(well.as_micros()).unwrap());
    let figures = judge(&seen, well, play.max_stale, play.role != Role::Deaf);
    Figures { rounds, ..figures }
}

/// The URL of a database of one's own, which goes with the server.
pub(super) fn database() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let uri = std::env::var("JVSPATIAL_TEST_MONGODB_URI")
        .expect("JVSPATIAL_TEST_MONGODB_URI names a server");
    let (server, query) = uri.split_once('?').unwrap_or((&uri, ""));
    let (server, process) = (server.trim_end_matches('/'), std::process::id());
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{server}/coherence_{process}_{next}?{query}")
}

/// The first host of a URL.
fn server(url: &str) -> String {
    let hosts = url.strip_prefix("mongodb://").and_then(|rest| rest.split('/').next());
    hosts.and_then(|hosts| hosts.split(',').next()).unwrap().to_owned()
}

/// The URL of the same database through `way`.
fn through(way: &Proxy, url: &str) -> String {
    let path = url.strip_prefix("mongodb://").and_then(|rest| rest.split_once('/')).unwrap().1;
    let name = path.split('?').next().unwrap();
    format!("mongodb://127.0.0.1:{}/{name}?directConnection=true", way.port())
}
