//! Whether a history of one document could have happened one call after the other.

use std::collections::HashSet;

/// A document as callers see it: its version and what it holds. `None` when there is none.
pub(super) type State = Option<(u64, i64)>;

/// What was called and what was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Read(State),
    Insert { value: i64, told: Told },
    Save { expected: u64, value: i64, told: Told },
    Delete { expected: Option<u64>, told: Told },
}

/// What a write was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Written(u64),
    Conflict {
        found: u64,
    },
    Missing,
    Taken,
    /// It may have happened, then or later.
    Unknown,
}

/// One call of a history.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) process: usize,
    /// When it was made and when it was answered, on one clock.
    pub(super) from: u64,
    pub(super) until: u64,
    pub(super) event: Event,
}

impl Call {
    /// Whether it was left open what became of it.
    fn is_open(&self) -> bool {
        matches!(
            self.event,
            Event::Insert { told: Told::Unknown, .. }
                | Event::Save { told: Told::Unknown, .. }
                | Event::Delete { told: Told::Unknown, .. }
        )
    }

    fn end(&self) -> u64 {
        if self.is_open() { u64::MAX } else { self.until }
    }

    /// The state after it, if it can be answered so in this state.
    fn apply(&self, state: State) -> Option<State> {
        let (next, answer) = match &self.event {
            Event::Read(seen) => return (*seen == state).then_some(state),
            Event::Insert { value, told } => match state {
                None => (Some((1, *value)), (Told::Written(1), told)),
                Some(_) => (state, (Told::Taken, told)),
            },
            Event::Save { expected, value, told } => match state {
                None => (state, (Told::Missing, told)),
                Some((version, _)) if version == *expected => {
                    (Some((version + 1, *value)), (Told::Written(version + 1), told))
                }
                Some((version, _)) => (state, (Told::Conflict { found: version }, told)),
            },
            Event::Delete { expected, told } => match state {
                None => (state, (Told::Missing, told)),
                Some((version, _)) if expected.is_none_or(|expected| expected == version) => {
                    (None, (Told::Written(version + 1), told))
                }
                Some((version, _)) => (state, (Told::Conflict { found: version }, told)),
            },
        };
        let (right, told) = answer;
        (right == *told || *told == Told::Unknown).then_some(next)
    }
}

/// The most calls that a history may have.
pub(super) const MAX_CALLS: usize = 30;

/// Whether there is an order of the calls, each at a moment between its beginning and its end, in which every answer is
/// right. The document does not exist before. Calls that were left open may stand anywhere after their beginning, or
/// nowhere.
pub(super) fn is_linearizable(history: &[Call]) -> bool {
    assert!(history.len() <= MAX_CALLS, "a history of {} calls", history.len());
    let closed: u32 = (0..history.len()).filter(|n| !history[*n].is_open()).map(|n| 1 << n).sum();
    let mut seen: HashSet<(u32, State)> = HashSet::new();
    let mut waiting = vec![(0_u32, None)];
    while let Some((done, state)) = waiting.pop() {
        if done & closed == closed {
            return true;
        }
        if !seen.insert((done, state)) {
            continue;
        }
        let left = || (0..history.len()).filter(|n| done & (1 << n) == 0);
        let first_end = left().map(|n| history[n].end()).min().unwrap_or(u64::MAX);
        for n in left().filter(|n| history[*n].from <= first_end) {
            if let Some(next) = history[n].apply(state) {
                waiting.push((done | 1 << n, next));
            }
        }
    }
    false
}

fn call(from: u64, until: u64, event: Event) -> Call {
    Call { process: 0, from, until, event }
}

fn insert(from: u64, until: u64, told: Told) -> Call {
    call(from, until, Event::Insert { value: 1, told })
}

fn save(from: u64, until: u64, told: Told) -> Call {
    call(from, until, Event::Save { expected: 1, value: 2, told })
}

fn read(from: u64, until: u64, seen: State) -> Call {
    call(from, until, Event::Read(seen))
}

#[test]
fn a_history_in_order_is_linearizable_and_one_with_an_old_answer_is_not() {
    let written = [insert(0, 1, Told::Written(1)), save(2, 3, Told::Written(2))];
    let with = |read: Call| [written.to_vec(), vec![read]].concat();
    assert!(is_linearizable(&with(read(4, 5, Some((2, 2))))));
    assert!(!is_linearizable(&with(read(4, 5, Some((1, 1))))));
    assert!(!is_linearizable(&with(read(4, 5, None))));
    assert!(!is_linearizable(&with(read(4, 5, Some((2, 3))))));
    // During the save, either answer is right, but not the old one after the new one.
    assert!(is_linearizable(&with(read(2, 5, Some((1, 1))))));
    let back = [read(2, 2, Some((2, 2))), read(3, 3, Some((1, 1)))];
    assert!(!is_linearizable(&[written.to_vec(), back.to_vec()].concat()));
}

#[test]
fn of_two_saves_from_one_version_one_must_be_told_of_a_conflict() {
    let first = insert(0, 1, Told::Written(1));
    let won = save(2, 9, Told::Written(2));
    let lost = save(2, 9, Told::Conflict { found: 2 });
    assert!(is_linearizable(&[first.clone(), won.clone(), lost.clone()]));
    assert!(!is_linearizable(&[first.clone(), won.clone(), won]));
    assert!(!is_linearizable(&[first, lost.clone(), lost]));
}

#[test]
fn what_was_left_open_may_have_happened_later_or_not_at_all() {
    let open = [insert(0, 1, Told::Written(1)), save(2, 3, Told::Unknown)];
    let then = |reads: &[State]| {
        let reads = reads.iter().zip(4..).map(|(seen, at)| read(at, at, *seen));
        is_linearizable(&open.iter().cloned().chain(reads).collect::<Vec<_>>())
    };
    let (before, after) = (Some((1, 1)), Some((2, 2)));
    assert!(then(&[]) && then(&[before]) && then(&[after]) && then(&[before, after]));
    assert!(!then(&[after, before]));
}

#[test]
fn deletes_and_duplicates_are_answered_as_they_must_be() {
    let delete = |at, expected, told| call(at, at, Event::Delete { expected, told });
    let history = [
        insert(0, 0, Told::Written(1)),
        insert(1, 1, Told::Taken),
        delete(2, Some(7), Told::Conflict { found: 1 }),
        delete(3, None, Told::Written(2)),
        delete(4, None, Told::Missing),
        save(5, 5, Told::Missing),
        insert(6, 6, Told::Written(1)),
    ];
    assert!(is_linearizable(&history));
    assert!(!is_linearizable(&history[1..]));
}
