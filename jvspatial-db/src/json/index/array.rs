//! Growable arrays in mappings of their own, so that the system can back large ones with large pages.
//!
//! A page of 4 KiB costs more to be given than to be filled, and millions of documents need a hundred
//! thousand of them; of large pages they need a few hundred.

use std::alloc::{Layout, handle_alloc_error};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use memmap2::{MmapMut, MmapOptions};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What can stand in an [`Array`]: it is its bytes, and zeroes are one.
pub(in crate::json) trait Flat:
    FromBytes + IntoBytes + Immutable + KnownLayout
{
}

impl<T: FromBytes + IntoBytes + Immutable + KnownLayout> Flat for T {}

/// A growable array. Room that is not used takes addresses, no memory.
pub(in crate::json) struct Array<T> {
    map: Option<MmapMut>,
    len: usize,
    /// Whether it has been said how long it will be.
    is_expected: bool,
    of: PhantomData<T>,
}

/// How much room there is at first: one small page.
const FIRST_BYTES: usize = 4096;

/// Growing copies, so it is done in large steps.
const STEP: usize = 8;

/// From this room on large pages are asked for: what they round up to is little beside what fills them.
const LARGE_BYTES: usize = 16 << 20;

impl<T: Flat> Array<T> {
    /// So many zeroes.
    pub(in crate::json) fn zeroed(len: usize) -> Self {
        let mut array = Self::default();
        if len > 0 {
            array.grow(len, len);
        }
        array.len = len;
        array
    }

    /// Makes room for `len` in all if there are addresses for it; unlike with a vector, too much costs nothing.
    #[inline]
    pub(in crate::json) fn expect(&mut self, len: usize) {
        if len > self.capacity() && !self.is_expected {
            self.is_expected = true;
            self.try_grow(len);
        }
    }

    #[inline]
    pub(in crate::json) fn push(&mut self, item: &T) {
        self.extend(std::slice::from_ref(item));
    }

    /// Appends `items`.
    #[inline]
    pub(in crate::json) fn extend(&mut self, items: &[T]) {
        let start = self.len;
        let end = start + items.len();
        if end > self.capacity() {
            self.grow(end, end.saturating_mul(STEP));
        }
        self.len = end;
        if let Some(room) = self.get_mut(start..end) {
            room.as_mut_bytes().copy_from_slice(items.as_bytes());
        }
    }

    /// Makes it longer by zeroes, or shorter.
    pub(in crate::json) fn resize(&mut self, len: usize) {
        if len > self.len {
            if len > self.capacity() {
                self.grow(len, len.saturating_mul(STEP));
            }
            let start = std::mem::replace(&mut self.len, len);
            // What stood there before it was made shorter.
            self.get_mut(start..).unwrap_or_default().as_mut_bytes().fill(0);
        }
        self.len = len;
    }

    fn capacity(&self) -> usize {
        self.map.as_ref().map_or(0, |map| map.len() / size_of::<T>())
    }

    #[cold]
    fn grow(&mut self, needed: usize, wanted: usize) {
        // There may be too few addresses for more than is needed.
        if !self.try_grow(wanted) && !self.try_grow(needed) {
            handle_alloc_error(Layout::array::<T>(needed).unwrap_or(Layout::new::<T>()));
        }
    }

    fn try_grow(&mut self, len: usize) -> bool {
        let Some(bytes) = len.checked_mul(size_of::<T>()).map(|bytes| bytes.max(FIRST_BYTES))
        else {
            return false;
        };
        let Ok(mut map) = MmapOptions::new().len(bytes).no_reserve_swap().map_anon() else {
            return false;
        };
        #[cfg(target_os = "linux")]
        if bytes >= LARGE_BYTES {
            // Without them all goes as well, if slower.
            let _ = map.advise(memmap2::Advice::HugePage);
        }
        let before = self.as_bytes();
        if let Some(room) = map.get_mut(..before.len()) {
            room.copy_from_slice(before);
        }
        self.map = Some(map);
        true
    }
}

impl<T> Default for Array<T> {
    fn default() -> Self {
        Self { map: None, len: 0, is_expected: false, of: PhantomData }
    }
}

impl<T: Flat> Deref for Array<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        let bytes = self.map.as_ref().and_then(|map| map.get(..self.len * size_of::<T>()));
        let items =
            bytes.and_then(|bytes| FromBytes::ref_from_bytes_with_elems(bytes, self.len).ok());
        items.unwrap_or_default()
    }
}

impl<T: Flat> DerefMut for Array<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        let bytes = self.map.as_mut().and_then(|map| map.get_mut(..self.len * size_of::<T>()));
        let items =
            bytes.and_then(|bytes| FromBytes::mut_from_bytes_with_elems(bytes, self.len).ok());
        items.unwrap_or_default()
    }
}

impl<T> fmt::Debug for Array<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Array").field("len", &self.len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_a_vector_holds_however_it_grows() {
        let mut array = Array::<u32>::default();
        let mut vector = Vec::new();
        for step in 0..200_000_u32 {
            array.push(&step);
            vector.push(step);
        }
        array.extend(&[1, 2, 3]);
        vector.extend([1, 2, 3]);
        assert_eq!(*array, *vector);
        for len in [150_000, 10, 70_000, 3_000_000] {
            array.resize(len);
            vector.resize(len, 0);
            assert_eq!(*array, *vector, "{len}");
        }
    }

    #[test]
    fn room_that_is_not_used_takes_no_memory() {
        let mut array = Array::<u64>::zeroed(3);
        array.expect(1 << 37);
        array.push(&7);
        assert_eq!(*array, [0, 0, 0, 7]);
    }
}
