//! Measuring two contenders by turns in one process.
//!
//! A machine that slows down halfway slows both down; the median forgets the odd round.

use std::time::{Duration, Instant};

use crate::Result;

/// One measured round: how long the work took, and what it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) elapsed: Duration,
    /// A number that depends on all of the work; both sides must arrive at the same one.
    pub(crate) answer: u64,
}

/// Something prepared, of which each call does and times one round.
///
/// It times itself, so that clearing up between rounds stays out of the figure.
pub(crate) type Contender = Box<dyn FnMut() -> Result<Sample>>;

/// The median times of two contenders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) ours: Duration,
    pub(crate) beside: Duration,
}

/// Times `work`, whose value is the answer.
pub(crate) fn timed(work: impl FnOnce() -> Result<u64>) -> Result<Sample> {
    let start = Instant::now();
    let answer = work()?;
    Ok(Sample { elapsed: start.elapsed(), answer })
}

/// The median time of one contender over so many rounds.
pub(crate) fn alone(rounds: u32, warm_up: bool, mut one: Contender) -> Result<Duration> {
    if warm_up {
        one()?;
    }
    let mut times = Vec::new();
    for _ in 0..rounds {
        times.push(one()?.elapsed);
    }
    median(&mut times)
}

/// The median times of both, round by round, each going first in every other round.
///
/// # Errors
///
/// Those of the contenders, and a difference between their answers: then they did not do the same.
pub(crate) fn by_turns(
    rounds: u32,
    warm_up: bool,
    mut ours: Contender,
    mut beside: Contender,
) -> Result<Pair> {
    let mut times = (Vec::new(), Vec::new());
    for round in 0..rounds + u32::from(warm_up) {
        let (our, other) = if round % 2 == 0 {
            let other = beside()?;
            (ours()?, other)
        } else {
            (ours()?, beside()?)
        };
        if our.answer != other.answer {
            return Err(format!(
                "the two sides did different work: ours came to {}, the other to {}",
                our.answer, other.answer
            )
            .into());
        }
        if round > 0 || !warm_up {
            times.0.push(our.elapsed);
            times.1.push(other.elapsed);
        }
    }
    Ok(Pair { ours: median(&mut times.0)?, beside: median(&mut times.1)? })
}

fn median(times: &mut [Duration]) -> Result<Duration> {
    times.sort_unstable();
    let middle = times.len() / 2;
    match times {
        [] => Err("no round was measured".into()),
        times if times.len() % 2 == 1 => Ok(times[middle]),
        times => Ok((times[middle - 1] + times[middle]) / 2),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    fn contender(
        name: char,
        log: &Rc<RefCell<String>>,
        millis: &'static [u64],
        answer: u64,
    ) -> Contender {
        let (log, mut times) = (Rc::clone(log), millis.iter().copied());
        Box::new(move || {
            log.borrow_mut().push(name);
            let elapsed = Duration::from_millis(times.next().ok_or("a round too many")?);
            Ok(Sample { elapsed, answer })
        })
    }

    #[test]
    fn both_run_by_turns_and_the_warm_up_does_not_count() {
        let log = Rc::default();
        let ours = contender('o', &log, &[900, 3, 1, 2], 7);
        let floor = contender('f', &log, &[900, 10, 30, 20], 7);
        let pair = by_turns(3, true, ours, floor).unwrap();
        assert_eq!(pair.ours, Duration::from_millis(2));
        assert_eq!(pair.beside, Duration::from_millis(20));
        assert_eq!(*log.borrow(), "foof".repeat(2));
    }

    #[test]
    fn different_answers_are_an_error() {
        let log = Rc::default();
        let error =
            by_turns(1, false, contender('o', &log, &[1], 7), contender('f', &log, &[1], 8))
                .unwrap_err();
        assert!(error.to_string().contains("ours came to 7, the other to 8"), "{error}");
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let log = Rc::default();
        let time = alone(4, false, contender('f', &log, &[1, 100, 3, 5], 0)).unwrap();
        assert_eq!(time, Duration::from_millis(4));
        assert!(alone(0, false, contender('f', &log, &[], 0)).is_err());
    }
}
