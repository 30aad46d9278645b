//! What happens to Redis while processes count on it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::child::wants_words;
use super::figures::say;
use super::proxy::Proxy;
use super::random::Random;
use super::server::Redis;

/// Breaks Redis, and lets it get well, until `end`. Returns how often. Times are told on the clock that began at `start`.
pub(super) fn torment(redis: &mut Redis, random: &mut Random, start: Instant, end: Instant) -> u64 {
    let tell = |what: &str| {
        if wants_words() {
            say(format_args!("{} {what}", start.elapsed().as_micros()));
        }
    };
    let mut rounds = 0;
    while Instant::now() < end {
        match random.below(8) {
            // Some pauses are shorter than the silence after which a process is given up, some longer.
            0..=2 => {
                redis.freeze();
                tell("frozen");
                pause(random, 100, 3_000);
                redis.thaw();
                tell("thawed");
            }
            3 => {
                redis.kill();
                tell("killed");
                pause(random, 1, 1_500);
                redis.restart();
                tell("restarted");
            }
            4 => {
                redis.command("CLIENT KILL TYPE pubsub");
                redis.command("CLIENT KILL TYPE normal SKIPME yes");
            }
            5 => redis.command("FLUSHALL"),
            6 => redis.command("CLIENT KILL TYPE pubsub"),
            _ => redis.command("CLIENT KILL TYPE normal SKIPME yes"),
        }
        tell("again well");
        rounds += 1;
        pause(random, 50, 1_500);
    }
    rounds
}

/// Breaks the way of a process to its database, and lets it get well, until `end`. Returns how often.
pub(super) fn torment_way(way: &Proxy, random: &mut Random, end: Instant) -> u64 {
    let mut rounds = 0;
    while Instant::now() < end {
        if random.below(2) == 0 {
            way.freeze();
            pause(random, 100, 3_500);
            way.thaw();
        } else {
            way.cut();
            pause(random, 1, 500);
            way.mend();
        }
        rounds += 1;
        pause(random, 500, 1_000);
    }
    rounds
}

fn pause(random: &mut Random, least: u64, most: u64) {
    sleep(Duration::from_millis(least + random.below(most - least)));
}
