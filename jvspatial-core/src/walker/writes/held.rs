//! Writes that wait for a checkpoint, whose batch they are part of.

use jvspatial_db::{Effect, Outcome, Version, WriteBatch};

use super::super::staged::Unwritten;
use super::Writes;
use crate::error::Result;

impl Writes {
    /// How many writes wait.
    pub(in crate::walker) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// How many writes were ever asked for.
    pub(in crate::walker) const fn asked(&self) -> u64 {
        self.asked
    }

    /// Takes up how many writes were asked for before.
    pub(in crate::walker) const fn restore_asked(&mut self, asked: u64) {
        self.asked = asked;
    }

    /// Adds all that waits to a batch.
    pub(in crate::walker) fn add_to(&self, batch: &mut WriteBatch) -> Result<()> {
        self.waiting.iter().try_for_each(|staged| staged.operation.add_to(batch, &staged.id))
    }

    /// All that waits was written.
    pub(in crate::walker) fn note_written(&mut self) {
        let count = self.waiting.len();
        for staged in std::mem::take(&mut self.waiting) {
            if self.looks_ahead
                && let Some(recent) = staged.written()
            {
                self.recent.insert(staged.id.clone(), recent);
            }
            let written = self.counts.note(staged, Outcome::Written(Version::NONE));
            debug_assert!(written.is_none(), "what was written came to something");
        }
        self.gone += count;
        self.forget_waiting();
    }

    /// Takes out those that came to nothing, by their places and in order, and counts them as what they are.
    pub(in crate::walker) fn take_out(
        &mut self,
        failures: impl IntoIterator<Item = (usize, Outcome)>,
    ) -> Vec<Unwritten> {
        let mut failures = failures.into_iter().peekable();
        let waiting = std::mem::take(&mut self.waiting);
        let mut unwritten = Vec::new();
        self.forget_waiting();
        for (place, staged) in waiting.into_iter().enumerate() {
            if let Some((_, outcome)) = failures.next_if(|(failed, _)| *failed == place) {
                unwritten.extend(self.counts.note(staged, outcome));
                continue;
            }
            self.bytes += staged.operation.bytes();
            self.structural += usize::from(staged.operation.is_structural());
            self.places.insert(staged.id.clone(), self.gone + self.waiting.len());
            self.waiting.push_back(staged);
        }
        unwritten
    }

    /// It is not known what became of all that waits, or it was not written.
    pub(in crate::walker) fn lose(&mut self, effect: Effect) {
        let count = self.waiting.len() as u64;
        match effect {
            Effect::None => self.counts.lost += count,
            Effect::Unknown => self.counts.uncertain += count,
        }
        self.waiting.clear();
        self.forget_waiting();
    }

    fn forget_waiting(&mut self) {
        self.places.clear();
        (self.bytes, self.structural, self.since) = (0, 0, None);
    }
}
