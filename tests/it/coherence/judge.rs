//! Whether what two processes saw could have been.

use std::collections::HashMap;
use std::time::Duration;

use super::events::Event;
use super::figures::{Figures, say};
use super::{MAX_STALE, WELL};

/// How many reads that should not have been are told of.
const TOLD: usize = 5;

/// Acknowledged versions of a node: each with the first time at which it, or a higher one, was acknowledged.
#[derive(Debug, Default)]
struct Acknowledged(Vec<(u64, i64)>);

impl Acknowledged {
    fn add(&mut self, write: &Event) {
        self.0.push((write.version, write.ended));
    }

    fn complete(&mut self) {
        self.0.sort_unstable();
        let mut first = i64::MAX;
        for (_, time) in self.0.iter_mut().rev() {
            first = first.min(*time);
            *time = first;
        }
    }

    /// When a version above `version` was acknowledged first.
    fn newer_than(&self, version: u64) -> Option<i64> {
        let place = self.0.partition_point(|(known, _)| *known <= version);
        self.0.get(place).map(|(_, time)| *time)
    }

    /// For how long `read` had been out of date when it began.
    fn age(&self, read: &Event) -> Option<i64> {
        let age = read.begun - self.newer_than(read.version)?;
        (age > 0).then_some(age)
    }
}

/// Judges what processes saw. Until `well` nothing was broken.
pub(super) fn judge(
    processes: &[Vec<Event>],
    well: Option<i64>,
    bound: Duration,
    told: bool,
) -> Figures {
    let mut figures = Figures::default();
    let all = acknowledged(processes.iter().flatten());
    let mut early = Vec::new();
    let mut wrong = 0;
    for (process, events) in processes.iter().enumerate() {
        let own = acknowledged(events.iter());
        let mut seen: HashMap<(u16, u16), u64> = HashMap::new();
        for event in events {
            let highest = seen.entry((event.task, event.node)).or_default();
            let before = *highest;
            *highest = before.max(event.version);
            if event.is_write {
                figures.writes += 1;
                continue;
            }
            figures.reads += 1;
            let age = age_in(&all, event);
            let is_lowered = event.version < before;
            let is_missed = age_in(&own, event).is_some();
            let is_late = age.is_some_and(|age| age > micros(bound));
            figures.stale += u64::from(age.is_some());
            figures.lowered += u64::from(is_lowered);
            figures.missed += u64::from(is_missed);
            figures.late += u64::from(is_late);
            let millis = millis(age.unwrap_or_default());
            figures.worst = figures.worst.max(millis);
            if let (Some(age), Some(well)) = (age, well)
                && event.begun <= well
            {
                early.push(age);
                figures.well = figures.well.max(millis);
            }
            if is_lowered || is_missed || is_late {
                wrong += 1;
                if told && wrong <= TOLD {
                    say(format_args!(
                        "process {process}: lowered {is_lowered} from {before}, missed {is_missed}, late {is_late}, \
                         {millis} ms old: {event:?}"
                    ));
                }
            }
        }
    }
    let slow = early.iter().filter(|age| **age > micros(WELL)).count();
    figures.slow = slow.saturating_sub(early.len() / 1_000) as u64;
    figures
}

fn acknowledged<'a>(events: impl Iterator<Item = &'a Event>) -> HashMap<u16, Acknowledged> {
    let mut all: HashMap<u16, Acknowledged> = HashMap::new();
    events.filter(|event| event.is_write).for_each(|write| {
        all.entry(write.node).or_default().add(write);
    });
    all.values_mut().for_each(Acknowledged::complete);
    all
}

fn age_in(all: &HashMap<u16, Acknowledged>, read: &Event) -> Option<i64> {
    all.get(&read.node)?.age(read)
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap()
}

fn millis(micros: i64) -> u64 {
    u64::try_from(micros / 1_000).unwrap_or_default()
}

const fn event(is_write: bool, task: u16, version: u64, begun: i64, ended: i64) -> Event {
    Event { is_write, task, node: 0, version, begun, ended }
}

#[test]
fn a_read_below_an_earlier_one_of_its_task_is_lowered_and_one_of_another_task_is_not() {
    let seen = |task| [event(false, 0, 2, 0, 1), event(false, task, 1, 2, 3)].to_vec();
    assert_eq!(judge(&[seen(0)], None, MAX_STALE, false).lowered, 1);
    assert_eq!(judge(&[seen(1)], None, MAX_STALE, false).lowered, 0);
}

#[test]
fn a_read_is_stale_once_a_newer_version_is_acknowledged_and_missed_by_who_wrote_it() {
    let write = event(true, 0, 2, 0, 10);
    let read = |begun| event(false, 1, 1, begun, begun + 9);
    let figures = judge(&[vec![write], vec![read(9), read(11)]], None, MAX_STALE, false);
    assert_eq!((figures.stale, figures.missed), (1, 0));
    let figures = judge(&[vec![write, read(9), read(11)]], None, MAX_STALE, false);
    assert_eq!((figures.stale, figures.missed), (1, 1));
}

#[test]
fn a_read_is_late_beyond_the_bound_and_slow_beyond_the_bound_of_good_times() {
    let write = event(true, 0, 2, 0, 0);
    let read = |begun| event(false, 1, 1, begun, begun);
    let ages = [micros(WELL), micros(WELL) + 1, micros(MAX_STALE), micros(MAX_STALE) + 1];
    let reads = ages.map(read).to_vec();
    let figures = judge(&[vec![write], reads.clone()], None, MAX_STALE, false);
    assert_eq!((figures.stale, figures.late, figures.slow), (4, 1, 0));
    let figures = judge(&[vec![write], reads], Some(micros(MAX_STALE)), MAX_STALE, false);
    assert_eq!((figures.late, figures.slow, figures.well, figures.worst), (1, 2, 5_000, 5_000));
}
