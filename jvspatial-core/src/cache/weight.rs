//! How much an answer weighs.

use std::sync::Arc;

use serde::Serialize;

use super::stable_hash;
use crate::entity::Stored;

/// A value that knows how many bytes it takes, about.
pub trait Weigh {
    /// How many bytes.
    fn weigh(&self) -> usize;
}

impl<T> Weigh for Stored<T> {
    fn weigh(&self) -> usize {
        // Its fields take about as much in memory as they do stored, and those are kept with them.
        size_of::<Self>() + 2 * self.stored_bytes()
    }
}

impl<T: Weigh> Weigh for Vec<T> {
    fn weigh(&self) -> usize {
        size_of::<Self>() + self.iter().map(T::weigh).sum::<usize>()
    }
}

impl<T: Weigh> Weigh for Option<T> {
    fn weigh(&self) -> usize {
        self.as_ref().map_or(size_of::<Self>(), T::weigh)
    }
}

impl<T: Weigh + ?Sized> Weigh for Arc<T> {
    fn weigh(&self) -> usize {
        T::weigh(self)
    }
}

impl<T: Weigh> Weigh for [T] {
    fn weigh(&self) -> usize {
        self.iter().map(T::weigh).sum()
    }
}

impl<T: Weigh, U: Weigh> Weigh for (T, U) {
    fn weigh(&self) -> usize {
        self.0.weigh() + self.1.weigh()
    }
}

/// A value to be weighed by whichever way its type has: [`Weigh`], else what serde says of it, else its size.
///
/// The ways are methods of one name, of which the compiler takes the first that the type has.
#[derive(Debug)]
pub struct Weighed<'a, T>(pub &'a T);

impl<T: Weigh> Weighed<'_, T> {
    /// How many bytes the value says that it takes.
    pub fn weigh(&self) -> usize {
        self.0.weigh()
    }
}

/// What serde says of a value.
pub trait WeighBySerde {
    /// How many bytes it says.
    fn weigh(&self) -> usize;
}

impl<T: Serialize> WeighBySerde for Weighed<'_, T> {
    fn weigh(&self) -> usize {
        size_of::<T>() + stable_hash::weight(self.0)
    }
}

/// What a value takes itself.
pub trait WeighBySize {
    /// How many bytes it has.
    fn weigh(&self) -> usize;
}

impl<T> WeighBySize for &Weighed<'_, T> {
    fn weigh(&self) -> usize {
        size_of::<T>()
    }
}

/// A value that may hold nothing.
pub trait Emptiness {
    /// Whether it holds nothing.
    fn is_empty(&self) -> bool;
}

impl<T> Emptiness for Vec<T> {
    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}

impl<T> Emptiness for [T] {
    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}

impl<T> Emptiness for Option<T> {
    fn is_empty(&self) -> bool {
        self.is_none()
    }
}

impl Emptiness for String {
    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}

impl<K, V, S> Emptiness for std::collections::HashMap<K, V, S> {
    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}

impl<K, V> Emptiness for std::collections::BTreeMap<K, V> {
    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}

impl<T: Emptiness + ?Sized> Emptiness for Arc<T> {
    fn is_empty(&self) -> bool {
        T::is_empty(self)
    }
}
