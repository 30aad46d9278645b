//! A model of the epochs: every order of their steps that shuttle finds keeps their promises.
//!
//! The source is taken in as it is, with the atomics of shuttle in the place of the real ones and few slots.

#![allow(missing_docs, dead_code, unreachable_pub, unused_qualifications)]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use shuttle::sync::Mutex;
use shuttle::thread::{self, JoinHandle};

mod sync {
    pub(super) use shuttle::sync::atomic::{AtomicU64, Ordering};
}

mod slot {
    pub(super) const SLOTS: usize = 2;

    /// One of two parts of a graph.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub(super) struct Slot(pub(super) usize);

    impl Slot {
        pub(super) const fn index(self) -> usize {
            self.0
        }
    }
}

#[path = "../src/cache/epochs.rs"]
mod epochs;

use epochs::{Epochs, Time};
use slot::Slot;
use sync::{AtomicU64, Ordering};

/// How many orders of the steps are tried of each model.
const ORDERS: usize = 10_000;

const A: Slot = Slot(0);
const B: Slot = Slot(1);

/// What may be left out of the order that both sides keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    All,
    /// Who loads takes the time when it has read.
    TimeAfterLoad,
    /// Who writes begins when it has written.
    BusyAfterWrite,
    /// Who writes ends before it writes.
    EndBeforeWrite,
    /// What is kept is used without a look.
    NoLook,
}

/// Two documents, and an answer that is made of both and kept.
#[derive(Debug)]
struct World {
    rules: Rules,
    epochs: Epochs,
    documents: [AtomicU64; 2],
    kept: Mutex<Option<([u64; 2], Time)>>,
}

impl World {
    fn new(rules: Rules) -> Arc<Self> {
        let epochs = Epochs::new();
        epochs.use_now();
        let documents = [AtomicU64::new(0), AtomicU64::new(0)];
        Arc::new(Self { rules, epochs, documents, kept: Mutex::new(None) })
    }

    /// The answer: what is kept, if it is true, or what a load brings.
    fn read(&self) -> [u64; 2] {
        let kept = *self.kept.lock().unwrap();
        if let Some((answer, since)) = kept
            && (self.rules == Rules::NoLook || self.epochs.is_unchanged(since, &[A, B]))
        {
            return answer;
        }
        let before = self.epochs.now();
        let answer = [A, B].map(|slot| self.documents[slot.index()].load(Ordering::SeqCst));
        let since = if self.rules == Rules::TimeAfterLoad { self.epochs.now() } else { before };
        *self.kept.lock().unwrap() = Some((answer, since));
        answer
    }

    fn write(&self, slot: Slot) {
        let slots = [slot];
        let write = || {
            self.documents[slot.index()].fetch_add(1, Ordering::SeqCst);
            // The answer of a database takes its time.
            (0..8).for_each(|_| thread::yield_now());
        };
        match self.rules {
            Rules::EndBeforeWrite => {
                self.epochs.advance(&slots);
                write();
            }
            Rules::BusyAfterWrite => {
                write();
                self.epochs.advance(&slots);
            }
            _ => {
                let busy = self.epochs.begin(&slots);
                write();
                drop(busy);
            }
        }
    }
}

fn spawn<T: Send + 'static>(
    world: &Arc<World>,
    work: impl FnOnce(&World) -> T + Send + 'static,
) -> JoinHandle<T> {
    let world = Arc::clone(world);
    thread::spawn(move || work(&world))
}

/// Two who read twice, those who write each of `written` and read what they wrote, and one who forgets everything, if anybody
/// is to.
fn play(rules: Rules, written: &[Slot], forgets: bool) {
    let world = World::new(rules);
    let readers = [(); 2].map(|()| {
        spawn(&world, |world| {
            let (first, second) = (world.read(), world.read());
            let is_lowered = first[0] > second[0] || first[1] > second[1];
            assert!(!is_lowered, "read {first:?} and then {second:?}");
        })
    });
    let writers = written.iter().map(|slot| {
        let slot = *slot;
        spawn(&world, move |world| {
            world.write(slot);
            let read = world.read();
            assert!(read[slot.index()] >= 1, "read {read:?} after the write of {slot:?}");
        })
    });
    let forgets = forgets.then(|| spawn(&world, |world| world.epochs.advance_all()));
    let tasks: Vec<_> = readers.into_iter().chain(writers).chain(forgets).collect();
    tasks.into_iter().for_each(|task| task.join().unwrap());
    let expected = [A, B].map(|slot| u64::from(written.contains(&slot)));
    assert_eq!(world.read(), expected, "something older stayed");
}

#[test]
fn no_order_of_loads_writes_and_forgetting_shows_or_leaves_a_stale_answer() {
    shuttle::check_random(|| play(Rules::All, &[A, B], true), ORDERS);
}

/// The controls: with any one rule broken some order is found out, among fewer so that it comes sooner.
#[test]
fn a_rule_that_is_broken_shows_in_some_order() {
    for rules in [Rules::TimeAfterLoad, Rules::BusyAfterWrite, Rules::EndBeforeWrite, Rules::NoLook]
    {
        let found = std::panic::catch_unwind(|| {
            shuttle::check_random(move || play(rules, &[A], false), ORDERS)
        });
        assert!(found.is_err(), "the model does not see {rules:?}");
    }
}

#[test]
fn what_was_read_before_the_end_of_a_write_is_not_trusted_after_it() {
    let check = || {
        let epochs = Epochs::new();
        let before = epochs.now();
        assert!(epochs.is_unchanged(before, &[A]));
        let slots = [A];
        let busy = epochs.begin(&slots);
        let meanwhile = epochs.now();
        assert!(!epochs.is_unchanged(before, &[A]));
        assert!(!epochs.is_unchanged(meanwhile, &[A]));
        drop(busy);
        assert!(!epochs.is_unchanged(meanwhile, &[B, A]));
        assert!(epochs.is_unchanged(epochs.now(), &[A]));
        assert!(epochs.is_unchanged(before, &[B]));
    };
    shuttle::check_random(check, 1);
}

#[test]
fn a_slot_is_busy_until_the_last_of_its_writes_has_ended() {
    let check = || {
        let epochs = Epochs::new();
        let (two, one) = ([A, A], [A]);
        let (first, second) = (epochs.begin(&two), epochs.begin(&one));
        drop(second);
        assert!(!epochs.is_unchanged(epochs.now(), &[A]));
        drop(first);
        assert!(epochs.is_unchanged(epochs.now(), &[A]));
    };
    shuttle::check_random(check, 1);
}

#[test]
fn after_everything_was_forgotten_nothing_read_before_is_trusted() {
    let check = || {
        let epochs = Epochs::new();
        let before = epochs.now();
        epochs.advance_all();
        assert!(!epochs.is_unchanged(before, &[]));
        assert!(epochs.is_unchanged(epochs.now(), &[A]));
    };
    shuttle::check_random(check, 1);
}

#[test]
fn a_write_is_the_only_one_unless_another_overlaps_it() {
    let check = || {
        let (epochs, slots) = (Epochs::new(), [A]);
        let before = [(A, epochs.shown(A))];
        let (time, alone) = epochs.begin(&slots).end(&before);
        assert_eq!(alone, slots);
        assert!(epochs.is_unchanged(time, &slots));
        let before = [(A, epochs.shown(A))];
        let (busy, other) = (epochs.begin(&slots), epochs.begin(&slots));
        let beside = [(A, epochs.shown(A))];
        let third = epochs.begin(&slots);
        assert!(third.end(&beside).1.is_empty(), "it began beside others");
        assert!(other.end(&before).1.is_empty(), "another is under way");
        let (time, alone) = busy.end(&before);
        assert!(alone.is_empty(), "another has ended meanwhile");
        epochs.advance(&slots);
        assert!(!epochs.is_unchanged(time, &slots), "what comes later is later than its end");
    };
    shuttle::check_random(check, 1);
}
