//! Two processes that keep documents of one database, while what tells them of each other breaks.
//!
//! Each run has sixteen tasks in each of two processes, started from this program, and looks afterwards for a read that should
//! not have been: older than an earlier one, older than a write of its own process, or older than the bound. One line tells
//! what was seen; `cargo xtask coherence` reads it. `JVSPATIAL_TEST_COHERENCE_SECONDS` sets how long a run takes,
//! `JVSPATIAL_TEST_COHERENCE_SEED` replays a seed.
//!
//! Needed are the MongoDB server that `JVSPATIAL_TEST_MONGODB_URI` names and `redis-server` on the path, because a Redis
//! that is frozen and killed has to be the test's own.
#![allow(clippy::disallowed_methods, reason = "processes tell each other what they saw in files")]

mod apart;
mod child;
mod events;
mod figures;
mod judge;
mod nemesis;
mod play;
mod proxy;
mod random;
pub(crate) mod server;
mod untold;
mod wire;

use std::time::Duration;

use play::{Play, run};

/// For how long after a write of another process what was kept may still be read, whatever happens.
const MAX_STALE: Duration = Duration::from_secs(5);

/// The bound where silence is to be longer than it.
const SHORT_STALE: Duration = Duration::from_secs(2);

/// The same while Redis is well, for all but a thousandth of the reads that came too early.
const WELL: Duration = Duration::from_millis(100);

#[test]
#[ignore = "needs MongoDB and redis-server"]
fn through_redis_that_freezes_dies_and_is_cut_off_reads_are_never_too_old() {
    let test = "coherence::through_redis_that_freezes_dies_and_is_cut_off_reads_are_never_too_old";
    let Some(seed) = child::begin(test) else { return };
    let seen = run(test, &Play::redis(seed));
    let deaf = run(test, &Play::deaf(seed));
    figures::report("redis", seed, &seen, &[("deaf", deaf)]);
}

#[test]
#[ignore = "needs MongoDB"]
fn through_the_change_feed_reads_are_never_too_old() {
    let test = "coherence::through_the_change_feed_reads_are_never_too_old";
    let Some(seed) = child::begin(test) else { return };
    let seen = run(test, &Play::feed(seed));
    let deaf = run(test, &Play::deaf(seed));
    figures::report("feed", seed, &seen, &[("deaf", deaf)]);
}

#[test]
#[ignore = "needs MongoDB"]
fn while_the_feed_of_a_process_is_cut_and_frozen_its_reads_are_never_too_old() {
    let test =
        "coherence::while_the_feed_of_a_process_is_cut_and_frozen_its_reads_are_never_too_old";
    let Some(seed) = child::begin(test) else { return };
    let seen = run(test, &Play::broken_feed(seed));
    let deaf = run(test, &Play::deaf(seed));
    figures::report("broken feed", seed, &seen, &[("deaf", deaf)]);
}
