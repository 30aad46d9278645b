//! The checksum of a line: XXH3 of 64 bits, with its default secret and no seed.

use xxhash_rust::xxh3::xxh3_64;

/// The lengths of nearly all lines, for which XXH3 is products of pairs of words. They are taken here
/// because a compiler makes half as many instructions of them when it knows that there is no seed.
const MIDDLE: std::ops::RangeInclusive<usize> = 129..=240;

/// The checksum of one line, its end included.
#[inline]
pub(crate) fn line_checksum(line: &[u8]) -> u64 {
    if MIDDLE.contains(&line.len())
        && let Some(checksum) = of_middle(line)
    {
        return checksum;
    }
    xxh3_64(line)
}

/// The secret's words for each sixteen bytes: for the first eight of them, for those after, and for the last.
const FIRST: [[u64; 2]; 8] = words(0);
const AFTER: [[u64; 2]; 7] = words(3);
const LAST: [[u64; 2]; 1] = words(119);

#[inline(always)]
fn of_middle(line: &[u8]) -> Option<u64> {
    const PRIME: u64 = 0x9e37_79b1_85eb_ca87;
    let (first, rest) = line.as_chunks::<16>().0.split_first_chunk::<8>()?;
    let mut sum = (line.len() as u64).wrapping_mul(PRIME);
    for (bytes, secret) in first.iter().zip(&FIRST) {
        sum = sum.wrapping_add(product(bytes, secret));
    }
    let mut sum = avalanche(sum);
    for (bytes, secret) in rest.iter().zip(&AFTER) {
        sum = sum.wrapping_add(product(bytes, secret));
    }
    Some(avalanche(sum.wrapping_add(product(line.last_chunk()?, &LAST[0]))))
}

/// Both halves of the product of two words, in one.
#[inline(always)]
fn product(bytes: &[u8; 16], [low, high]: &[u64; 2]) -> u64 {
    let both = u128::from_le_bytes(*bytes);
    let product = u128::from(both as u64 ^ low) * u128::from((both >> 64) as u64 ^ high);
    product as u64 ^ (product >> 64) as u64
}

#[inline(always)]
const fn avalanche(mut sum: u64) -> u64 {
    sum = (sum ^ (sum >> 37)).wrapping_mul(0x1656_6791_9e37_79f9);
    sum ^ (sum >> 32)
}

/// Pairs of words of the secret, from one of its bytes on.
const fn words<const N: usize>(start: usize) -> [[u64; 2]; N] {
    let mut words = [[0; 2]; N];
    let mut place = 0;
    while place < N * 16 {
        words[place / 16][place / 8 % 2] |= (SECRET[start + place] as u64) << (place % 8 * 8);
        place += 1;
    }
    words
}

/// The beginning of the default secret of XXH3.
const SECRET: [u8; 136] = [
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_any_length_has_the_checksum_xxh3_64() {
        let mut bytes = Vec::new();
        let mut state = 1_u64;
        while bytes.len() < 600 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            bytes.push((state >> 56) as u8);
        }
        for len in 0..500 {
            for start in 0..100 {
                let line = &bytes[start..start + len];
                assert_eq!(line_checksum(line), xxh3_64(line), "{len} bytes from {start}");
            }
        }
    }
}
