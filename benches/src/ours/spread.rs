//! Walks whose hooks take time, one after the other and spread over workers.

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use jvspatial::prelude::*;
use tokio::runtime::Builder;

use super::graph::{Road, open, runtime};
use crate::data::City;
use crate::measure::{Contender, timed};
use crate::setup::Setup;

/// How many cities are visited by hooks that compute, and by hooks that wait.
const COMPUTED: usize = 200_000;
const AWAITED: usize = 20_000;
/// How long a hook computes.
const WORK: Duration = Duration::from_micros(5);
/// How long a hook waits.
const WAIT: Duration = Duration::from_millis(1);
/// Over how many rounds of [`compute`] it is measured how many take [`WORK`], and how often: the fastest counts, as the
/// others were interrupted.
const TRIAL: u64 = 1_000_000;
const TRIALS: u64 = 20;

/// Computes at each city for as long as it is told to.
#[derive(Debug)]
struct Compute {
    rounds: u64,
}

#[walker(report = u64)]
impl Compute {
    #[on_visit]
    fn city(&self, here: &Stored<City>, walk: &mut Walk<Self>) {
        walk.report(compute(here.check(), self.rounds));
        walk.follow(out::<Road>());
    }
}

/// Waits at each city.
#[derive(Debug)]
struct Await;

#[walker(report = u64)]
impl Await {
    #[on_visit]
    async fn city(&self, here: &Stored<City>, walk: &mut Walk<Self>) {
        tokio::time::sleep(WAIT).await;
        walk.report(here.check());
        walk.follow(out::<Road>());
    }
}

/// Work that nothing can be left out of.
fn compute(seed: u64, rounds: u64) -> u64 {
    (0..rounds)
        .fold(seed, |hash, round| black_box(hash ^ round).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// The rounds that take [`WORK`] on this machine, the same for both sides.
fn rounds() -> u64 {
    static ROUNDS: OnceLock<u64> = OnceLock::new();
    *ROUNDS.get_or_init(|| {
        let trial = |seed| {
            let start = Instant::now();
            black_box(compute(seed, TRIAL));
            start.elapsed().as_nanos().max(1)
        };
        let nanos = (0..TRIALS).map(trial).min().unwrap_or(1);
        u64::try_from(u128::from(TRIAL) * WORK.as_nanos() / nanos).unwrap_or(u64::MAX)
    })
}

/// Hooks that compute, one after the other.
pub(crate) fn computing(setup: &Setup) -> crate::Result<Contender> {
    compute_by(setup, None)
}

/// The same on two workers.
pub(crate) fn computing_on_two(setup: &Setup) -> crate::Result<Contender> {
    compute_by(setup, Some(2))
}

/// The answer is the sum of the reports.
fn compute_by(setup: &Setup, workers: Option<usize>) -> crate::Result<Contender> {
    let store = setup.network_store()?;
    let steps = setup.size(COMPUTED) as u64;
    let runtime = match workers {
        None => runtime()?,
        Some(workers) => {
            Builder::new_multi_thread().worker_threads(workers).enable_time().build()?
        }
    };
    let rounds = rounds();
    Ok(Box::new(move || {
        // Opened for the round alone, as the other side has the same store.
        let graph = runtime.block_on(open(&store.path(), "?durability=os"))?;
        let sample = timed(|| {
            let walk = graph.walk(Compute { rounds }).from(&store.start).max_steps(steps);
            let walk = match workers {
                None => walk,
                Some(workers) => walk.parallel(workers),
            };
            Ok(sum(&runtime.block_on(walk.run())?.reports))
        });
        runtime.block_on(graph.close())?;
        sample
    }))
}

/// Hooks that wait, one after the other.
pub(crate) fn waiting(setup: &Setup) -> crate::Result<Contender> {
    await_by(setup, 1)
}

/// The same with 64 of them under way at once.
pub(crate) fn waiting_by_64(setup: &Setup) -> crate::Result<Contender> {
    await_by(setup, 64)
}

fn await_by(setup: &Setup, concurrency: usize) -> crate::Result<Contender> {
    let store = setup.network_store()?;
    // One after the other, a tenth is enough to wait for.
    let steps = setup.size(AWAITED) as u64 / 10;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build()?;
    Ok(Box::new(move || {
        let graph = runtime.block_on(open(&store.path(), "?durability=os"))?;
        let sample = timed(|| {
            let walk = graph.walk(Await).from(&store.start).max_steps(steps);
            let walk = walk.parallel(concurrency.min(2)).concurrency(concurrency);
            Ok(sum(&runtime.block_on(walk.run())?.reports))
        });
        runtime.block_on(graph.close())?;
        sample
    }))
}

fn sum(reports: &[u64]) -> u64 {
    reports.iter().fold(0, |sum, report| sum.wrapping_add(*report))
}
