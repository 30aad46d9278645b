//! The form of a value in Redis, where anybody may have written anything.
//!
//! ```text
//! 0   magic       "jvc"
//! 3   format      1
//! 4   kind        0 as it is, 1 compressed by LZ4
//! 5   reserved    0 0 0
//! 8   version     u64, the highest byte first
//! 16  checksum    u64, xxh3 of everything else and of the key
//! 24  length      u32, of the value when it is not compressed
//! 28  value
//! ```
//!
//! The scripts read the first 16 bytes. A change of any of this is another format.

use bytes::Bytes;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::cache::Entry;

const MAGIC: &[u8; 4] = b"jvc\x01";
const HEADER: usize = 28;
const AS_IT_IS: u8 = 0;
const COMPRESSED: u8 = 1;

/// More than LZ4 can make of one byte, so that a short value never asks for a long buffer.
const MAX_RATIO: usize = 256;

/// A value under our key that is not ours, damaged, of another format, or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Foreign;

/// The envelope of `value` under `key`, compressed if it has `compress_from` bytes and gets shorter by that.
pub(super) fn seal(key: &[u8], version: u64, value: &[u8], compress_from: usize) -> Vec<u8> {
    let compressed = (value.len() >= compress_from)
        .then(|| lz4_flex::block::compress(value))
        .filter(|compressed| compressed.len() < value.len());
    let kind = if compressed.is_some() { COMPRESSED } else { AS_IT_IS };
    let body = compressed.as_deref().unwrap_or(value);
    // The bound on values is far below the end of the range.
    let len = u32::try_from(value.len()).unwrap_or(u32::MAX);
    let mut sealed = Vec::with_capacity(HEADER + body.len());
    sealed.extend_from_slice(MAGIC);
    sealed.extend_from_slice(&[kind, 0, 0, 0]);
    sealed.extend_from_slice(&version.to_be_bytes());
    sealed.extend_from_slice(&[0; 8]);
    sealed.extend_from_slice(&len.to_be_bytes());
    sealed.extend_from_slice(body);
    let checksum = checksum(key, &sealed);
    sealed[16..24].copy_from_slice(&checksum.to_be_bytes());
    sealed
}

/// The value in an envelope under `key`, of at most `max_value` bytes.
///
/// Nothing is allocated that the envelope's own length does not justify.
pub(super) fn open(key: &[u8], sealed: Vec<u8>, max_value: usize) -> Result<Entry, Foreign> {
    let (Some(magic), Some(kind), Some(version), Some(sum), Some(len)) = (
        sealed.first_chunk::<4>(),
        sealed.get(4..8),
        chunk::<8>(&sealed, 8),
        chunk::<8>(&sealed, 16),
        chunk::<4>(&sealed, 24),
    ) else {
        return Err(Foreign);
    };
    let len = usize::try_from(u32::from_be_bytes(len)).unwrap_or(usize::MAX);
    if magic != MAGIC || len > max_value || u64::from_be_bytes(sum) != checksum(key, &sealed) {
        return Err(Foreign);
    }
    let version = u64::from_be_bytes(version);
    let body = &sealed[HEADER..];
    match kind {
        [AS_IT_IS, 0, 0, 0] if body.len() == len => {
            Ok(Entry { version, value: Bytes::from(sealed).slice(HEADER..) })
        }
        [COMPRESSED, 0, 0, 0] if len <= body.len().saturating_mul(MAX_RATIO) => {
            let mut value = vec![0; len];
            match lz4_flex::block::decompress_into(body, &mut value) {
                Ok(written) if written == len => Ok(Entry { version, value: value.into() }),
                _ => Err(Foreign),
            }
        }
        _ => Err(Foreign),
    }
}

fn chunk<const N: usize>(bytes: &[u8], from: usize) -> Option<[u8; N]> {
    bytes.get(from..from + N)?.try_into().ok()
}

/// The key is part of it, so that a value which was moved to another key is none.
fn checksum(key: &[u8], sealed: &[u8]) -> u64 {
    let mut hasher = Xxh3::with_seed(xxh3_64(key));
    hasher.update(&sealed[..16]);
    hasher.update(&sealed[24..]);
    hasher.digest()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 10_000;

    fn opened(sealed: &[u8]) -> Result<Entry, Foreign> {
        open(b"key", sealed.to_vec(), MAX)
    }

    #[test]
    fn an_envelope_of_another_key_format_or_kind_is_foreign() {
        let sealed = seal(b"key", 7, b"value", usize::MAX);
        assert_eq!(opened(&sealed).unwrap().version, 7);
        assert_eq!(open(b"other", sealed.clone(), MAX), Err(Foreign));
        for (place, byte) in [(0, b'J'), (3, 2), (4, 2), (5, 1)] {
            let mut other = sealed.clone();
            other[place] = byte;
            let sum = checksum(b"key", &other);
            other[16..24].copy_from_slice(&sum.to_be_bytes());
            assert_eq!(opened(&other), Err(Foreign), "byte {place}");
        }
    }

    #[test]
    fn a_value_over_the_bound_is_foreign_however_short_its_envelope() {
        for len in [MAX, MAX + 1, 1 << 20] {
            let sealed = seal(b"key", 1, &vec![b'a'; len], 1);
            assert_eq!(opened(&sealed).is_ok(), len <= MAX, "{len} bytes");
        }
    }

    #[test]
    fn a_declared_length_is_not_believed() {
        let mut sealed = seal(b"key", 1, &[b'a'; 1_000], 1);
        sealed[24..28].copy_from_slice(&9_999_u32.to_be_bytes());
        let sum = checksum(b"key", &sealed);
        sealed[16..24].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(opened(&sealed), Err(Foreign));
    }

    #[test]
    fn the_form_of_an_envelope_stays() {
        let sealed = seal(b"key", 0x0102_0304_0506_0708, b"abc", usize::MAX);
        assert_eq!(&sealed[..16], b"jvc\x01\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08");
        assert_eq!(&sealed[24..], b"\0\0\0\x03abc");
        assert_eq!(checksum(b"key", &sealed).to_be_bytes(), sealed[16..24]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_sealed_opens(
            key in vec(any::<u8>(), 0..40),
            version: u64,
            value in vec(0_u8..4, 0..3_000),
            compress_from in 0_usize..4_000,
        ) {
            let sealed = seal(&key, version, &value, compress_from);
            let entry = open(&key, sealed, MAX);
            prop_assert_eq!(entry, Ok(Entry { version, value: value.into() }));
        }

        #[test]
        fn random_bytes_are_foreign(bytes in vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(opened(&bytes), Err(Foreign));
        }

        /// A change, a cut or bytes behind the end are found by the checksum.
        #[test]
        fn a_damaged_envelope_is_foreign(
            value in vec(0_u8..4, 0..500),
            place: prop::sample::Index,
            flip in 1_u8..,
            cut: prop::sample::Index,
            more in vec(any::<u8>(), 1..20),
        ) {
            let sealed = seal(b"key", 3, &value, 100);
            let mut changed = sealed.clone();
            changed[place.index(sealed.len())] ^= flip;
            prop_assert_eq!(opened(&changed), Err(Foreign));
            prop_assert_eq!(opened(&sealed[..cut.index(sealed.len())]), Err(Foreign));
            prop_assert_eq!(opened(&[&sealed[..], &more].concat()), Err(Foreign));
        }

        /// Behind a right checksum anything may stand: somebody may have made it on purpose.
        #[test]
        fn a_forged_envelope_never_panics_nor_exceeds_the_bound(
            kind in 0_u8..3,
            len in prop_oneof![0_u32..2_000, any::<u32>()],
            body in vec(any::<u8>(), 0..300),
        ) {
            let mut sealed = b"jvc\x01".to_vec();
            sealed.extend_from_slice(&[kind, 0, 0, 0]);
            sealed.extend_from_slice(&[0; 16]);
            sealed.extend_from_slice(&len.to_be_bytes());
            sealed.extend_from_slice(&body);
            let sum = checksum(b"key", &sealed);
            sealed[16..24].copy_from_slice(&sum.to_be_bytes());
            if let Ok(entry) = opened(&sealed) {
                prop_assert!(entry.value.len() <= MAX);
                prop_assert_eq!(entry.value.len(), len as usize);
            }
        }
    }
}
