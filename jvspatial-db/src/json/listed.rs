//! Lists in reports, which must not grow with the damage they tell of.

/// The first 1,000 of what may be more, and how many there are in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    first: Vec<T>,
    total: u64,
}

/// How many are kept.
const KEPT: usize = 1000;

impl<T> Listed<T> {
    /// The first of them, 1,000 at the most, in the order in which they were found.
    pub fn first(&self) -> &[T] {
        &self.first
    }

    /// How many there are.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub(super) fn push(&mut self, item: T) {
        self.total += 1;
        if self.first.len() < KEPT {
            self.first.push(item);
        }
    }

    /// Counts one that nobody can name any more.
    pub(super) fn add_unnamed(&mut self, count: u64) {
        self.total += count;
    }

    /// The one added last, unless it was only counted.
    pub(super) fn last_mut(&mut self) -> Option<&mut T> {
        if self.total == self.first.len() as u64 { self.first.last_mut() } else { None }
    }
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { first: Vec::new(), total: 0 }
    }
}

impl<T> Extend<T> for Listed<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.push(item));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_is_counted() {
        let mut listed = Listed::default();
        listed.extend(0..1500);
        assert_eq!((listed.first().len(), listed.total()), (1000, 1500));
        assert_eq!(listed.last_mut(), None);
    }
}
