//! Keys of many documents in one piece of memory.

use std::ops::Range;

/// A key and the place of its index.
pub(crate) type PlacedKey<'a> = (u16, &'a [u8]);

/// Keys one behind the other, each with the place of its index.
#[derive(Debug, Default)]
pub(crate) struct KeyList {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

/// Where a key stands.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    /// [`MAX_KEY_BYTES`](super::MAX_KEY_BYTES) at most.
    len: u16,
    index: u16,
}

impl KeyList {
    pub(crate) const fn len(&self) -> usize {
        self.spans.len()
    }

    /// The keys with these numbers, as far as there are.
    pub(crate) fn range(
        &self,
        range: Range<usize>,
    ) -> impl ExactSizeIterator<Item = PlacedKey<'_>> + Clone {
        self.spans.get(range).unwrap_or_default().iter().map(|span| self.key(span))
    }

    /// All keys.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = PlacedKey<'_>> + Clone {
        self.range(0..self.len())
    }

    /// Where a key begins whose bytes are going to be [written](Self::bytes).
    pub(super) const fn begin(&self) -> usize {
        self.bytes.len()
    }

    /// Where the bytes of a key are to be appended.
    pub(super) const fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends the key that [began](Self::begin) at `start`.
    pub(super) fn end(&mut self, index: u16, start: usize) {
        let len = self.bytes.len() - start;
        self.spans.push(Span { start, len: len as u16, index });
    }

    /// Puts the keys from `from` on in order, each once.
    pub(super) fn settle(&mut self, from: usize) {
        if self.spans.len() < from + 2 {
            return;
        }
        let mut own = self.spans.split_off(from);
        own.sort_unstable_by(|a, b| self.key(a).cmp(&self.key(b)));
        own.dedup_by(|a, b| self.key(a) == self.key(b));
        self.spans.extend(own);
    }

    fn key(&self, span: &Span) -> PlacedKey<'_> {
        let end = span.start + usize::from(span.len);
        (span.index, self.bytes.get(span.start..end).unwrap_or_default())
    }
}

/// What is done with the keys of a whole batch.
#[cfg(feature = "json")]
impl KeyList {
    pub(crate) const fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The key number `at`.
    pub(crate) fn get(&self, at: usize) -> Option<PlacedKey<'_>> {
        self.spans.get(at).map(|span| self.key(span))
    }

    /// Whether `key` is among those with these numbers, which stand in order.
    pub(crate) fn holds(&self, range: Range<usize>, key: PlacedKey<'_>) -> bool {
        let spans = self.spans.get(range).unwrap_or_default();
        spans.binary_search_by(|span| self.key(span).cmp(&key)).is_ok()
    }

    /// Adds a key.
    pub(crate) fn push(&mut self, (index, key): PlacedKey<'_>) {
        let start = self.begin();
        self.bytes.extend_from_slice(key);
        self.end(index, start);
    }

    /// Adds the keys of another list behind these.
    pub(crate) fn append(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
            return;
        }
        let shift = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        let shifted = |span: Span| Span { start: span.start + shift, ..span };
        self.spans.extend(other.spans.into_iter().map(shifted));
    }

    /// Makes room for `times` as many keys as there are.
    pub(crate) fn reserve_times(&mut self, times: usize) {
        self.bytes.reserve(self.bytes.len().saturating_mul(times));
        self.spans.reserve(self.spans.len().saturating_mul(times));
    }

    /// Forgets all but the first `count` keys.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.spans.truncate(count);
    }
}
