//! How far the messages of a bus were heard.

use std::collections::BTreeSet;

use parking_lot::Mutex;

/// Up to which number all messages of an era are known.
#[derive(Debug, Default)]
pub(super) struct Hearing(Mutex<Option<Heard>>);

#[derive(Debug)]
struct Heard {
    era: u64,
    /// All up to this one.
    number: u64,
    /// Own messages above it, which need not be heard to be known.
    own: BTreeSet<u64>,
}

impl Hearing {
    /// All messages of `era` up to `number` are known, by whoever listens.
    pub(super) fn heard(&self, era: u64, number: u64) {
        let mut known = self.0.lock();
        match &mut *known {
            Some(heard) if heard.era == era => heard.reach(number),
            _ => *known = Some(Heard { era, number, own: BTreeSet::new() }),
        }
    }

    /// This process sent the message `number` of `era`.
    pub(super) fn sent(&self, era: u64, number: u64) {
        if let Some(heard) = self.0.lock().as_mut().filter(|heard| heard.era == era) {
            heard.own.insert(number);
            heard.reach(heard.number);
        }
    }

    /// Nothing is heard any more.
    pub(super) fn stop(&self) {
        *self.0.lock() = None;
    }

    /// The era and the number up to which all of its messages are known, while messages are heard.
    pub(super) fn place(&self) -> Option<(u64, u64)> {
        self.0.lock().as_ref().map(|heard| (heard.era, heard.number))
    }
}

impl Heard {
    fn reach(&mut self, number: u64) {
        self.number = self.number.max(number);
        while let Some(own) = self.own.first().copied().filter(|own| *own <= self.number + 1) {
            self.number = self.number.max(own);
            self.own.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_message_is_known_once_all_before_it_were_heard() {
        let hearing = Hearing::default();
        hearing.sent(1, 1);
        assert_eq!(hearing.place(), None);
        hearing.heard(1, 4);
        hearing.sent(1, 7);
        hearing.sent(1, 5);
        assert_eq!(hearing.place(), Some((1, 5)));
        hearing.heard(1, 6);
        assert_eq!(hearing.place(), Some((1, 7)));
        hearing.heard(1, 6);
        assert_eq!(hearing.place(), Some((1, 7)));
    }

    #[test]
    fn with_an_era_the_numbers_begin_anew() {
        let hearing = Hearing::default();
        hearing.heard(1, 40);
        hearing.sent(1, 42);
        hearing.heard(2, 3);
        hearing.sent(1, 4);
        assert_eq!(hearing.place(), Some((2, 3)));
        hearing.stop();
        assert_eq!(hearing.place(), None);
    }
}
