//! Changes that are told twice: by who made them, and by the database.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use jvspatial_db::{ChangeKind, Id, Version};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::slot::id_number;
use super::touched::Touched;
use super::written::Written;

/// How many changes are remembered of each kind. A change that was forgotten is taken for one that nobody told.
const MANY: usize = 16_384;

impl Written {
    /// What became of a document; nothing where the database does not tell its version, as of what other programs write.
    pub(super) fn by(id: &Id, kind: ChangeKind, version: Option<Version>) -> Option<Self> {
        let version = match kind {
            ChangeKind::Deleted => Self::GONE,
            _ => version.filter(|version| *version > Version::NONE)?.get(),
        };
        Some(Self { id: id_number(id), version })
    }
}

/// What was told by one of the two and not by the other yet.
#[derive(Debug, Default)]
pub(super) struct Told {
    state: Mutex<State>,
    waits: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Told by processes, and when.
    by_processes: Ring<Instant>,
    /// Told by the database, until when a process may tell it, and what was touched.
    by_database: Ring<(Instant, Touched)>,
    /// Told by the database, of what nobody else will tell.
    foreign: Vec<Touched>,
}

impl Told {
    /// Processes have told of `written`, and of all that it touched.
    pub(super) fn by_processes(&self, written: &[Written]) {
        let now = Instant::now();
        let mut state = self.state.lock();
        for written in written {
            if state.by_database.take(written).is_none() {
                state.by_processes.put(*written, now);
            }
        }
    }

    /// The database has told of `written`, of which a process may tell for `grace`, or has told within `memory`. Without
    /// it no process will. It touched what `touched` says.
    pub(super) fn by_database(
        &self,
        written: Option<Written>,
        touched: impl FnOnce() -> Touched,
        grace: Duration,
        memory: Duration,
    ) {
        let now = Instant::now();
        let mut state = self.state.lock();
        match written {
            Some(written) => {
                let told = state.by_processes.take(&written);
                if told.is_some_and(|told| now.duration_since(told) < memory) {
                    return;
                }
                // Of two of one name only one would be waited for.
                let at_once = if state.by_database.has(&written) {
                    Some(touched())
                } else {
                    let pushed_out = state.by_database.put(written, (now + grace, touched()));
                    pushed_out.map(|(_, touched)| touched)
                };
                state.foreign.extend(at_once);
            }
            None => state.foreign.push(touched()),
        }
        drop(state);
        self.waits.notify_one();
    }

    /// Waits until there is something that [`untold`](Self::untold) may return.
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub(super) async fn waits(&self) {
        loop {
            let notified = self.waits.notified();
            {
                let state = self.state.lock();
                if !state.foreign.is_empty() || !state.by_database.is_empty() {
                    return;
                }
            }
            notified.await;
        }
    }

    /// What the database told and no process did in time.
    pub(super) fn untold(&self) -> Vec<Touched> {
        let now = Instant::now();
        let mut state = self.state.lock();
        let mut untold = std::mem::take(&mut state.foreign);
        while let Some((_, touched)) = state.by_database.take_first(|(until, _)| *until <= now) {
            untold.push(touched);
        }
        untold
    }

    /// Forgets all that was told.
    pub(super) fn clear(&self) {
        *self.state.lock() = State::default();
    }
}

/// A map whose oldest entries go when there are too many.
#[derive(Debug)]
struct Ring<T> {
    /// Each with the number it was put in under.
    entries: HashMap<Written, (u64, T), RandomState>,
    /// In the order in which they were put in; some have been taken out.
    order: VecDeque<(u64, Written)>,
    next: u64,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self { entries: HashMap::default(), order: VecDeque::new(), next: 0 }
    }
}

impl<T> Ring<T> {
    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn has(&self, written: &Written) -> bool {
        self.entries.contains_key(written)
    }

    /// Puts an entry in, where one of the same name goes, and returns the oldest when it has to go.
    fn put(&mut self, written: Written, entry: T) -> Option<T> {
        self.next += 1;
        self.entries.insert(written, (self.next, entry));
        self.order.push_back((self.next, written));
        let is_full = self.order.len() > MANY;
        is_full.then(|| self.take_first(|_| true)).flatten()
    }

    fn take(&mut self, written: &Written) -> Option<T> {
        let (_, entry) = self.entries.remove(written)?;
        self.tidy();
        Some(entry)
    }

    /// Takes the oldest entry, if it is such.
    fn take_first(&mut self, is_such: impl Fn(&T) -> bool) -> Option<T> {
        self.tidy();
        let (_, written) = self.order.front()?;
        if !is_such(&self.entries.get(written)?.1) {
            return None;
        }
        let (_, entry) = self.entries.remove(written)?;
        self.tidy();
        Some(entry)
    }

    /// Leaves no entry in front that was taken out.
    fn tidy(&mut self) {
        while let Some((number, written)) = self.order.front() {
            if self.entries.get(written).is_some_and(|(entered, _)| entered == number) {
                return;
            }
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn id() -> Id {
        "n.City.a".parse().unwrap()
    }

    fn saved(version: u64) -> Written {
        Written::by(&id(), ChangeKind::Updated, Some(Version::new(version))).unwrap()
    }

    fn hear(told: &Told, written: Option<Written>, grace: Duration) {
        told.by_database(written, || Touched::by_change(&id(), false), grace, MINUTE);
    }

    #[test]
    fn what_both_tell_is_no_news_whoever_is_first() {
        let told = Told::default();
        told.by_processes(&[saved(2)]);
        hear(&told, Some(saved(2)), Duration::ZERO);
        assert!(told.untold().is_empty());
        hear(&told, Some(saved(3)), MINUTE);
        told.by_processes(&[saved(3)]);
        assert!(told.state.lock().by_database.is_empty());
    }

    #[test]
    fn what_no_process_tells_in_time_is_news() {
        let told = Told::default();
        hear(&told, Some(saved(2)), MINUTE);
        assert!(told.untold().is_empty());
        hear(&told, Some(saved(3)), Duration::ZERO);
        told.by_processes(&[saved(2)]);
        assert_eq!(told.untold().len(), 1);
        assert!(told.untold().is_empty());
    }

    #[test]
    fn each_telling_is_for_one_change() {
        let told = Told::default();
        let gone = Written::by(&id(), ChangeKind::Deleted, None);
        told.by_processes(&[gone.unwrap()]);
        hear(&told, gone, MINUTE);
        hear(&told, gone, Duration::ZERO);
        assert_eq!(told.untold().len(), 1, "another removal that nobody told");
        hear(&told, gone, MINUTE);
        hear(&told, gone, MINUTE);
        told.by_processes(&[gone.unwrap()]);
        assert_eq!(told.untold().len(), 1, "one of two was told");
    }

    #[test]
    fn what_was_told_long_ago_is_not_what_is_told_now() {
        let told = Told::default();
        told.by_processes(&[saved(2)]);
        let touched = || Touched::by_change(&id(), false);
        told.by_database(Some(saved(2)), touched, Duration::ZERO, Duration::ZERO);
        assert_eq!(told.untold().len(), 1);
    }

    #[test]
    fn a_change_without_a_version_is_news_at_once() {
        assert_eq!(Written::by(&id(), ChangeKind::Updated, None), None);
        assert_eq!(Written::by(&id(), ChangeKind::Created, Some(Version::NONE)), None);
        let told = Told::default();
        hear(&told, None, MINUTE);
        assert_eq!(told.untold().len(), 1);
    }

    #[test]
    fn more_than_is_remembered_is_news() {
        let told = Told::default();
        let many = MANY as u64 + 10;
        (1..=many).for_each(|version| told.by_processes(&[saved(version)]));
        (1..=many).for_each(|version| hear(&told, Some(saved(version)), Duration::ZERO));
        assert_eq!(told.untold().len(), 10);
        (1..=many).for_each(|version| hear(&told, Some(saved(version)), MINUTE));
        assert_eq!(told.untold().len(), 10, "those that there was no room to wait for");
    }
}
