//! Generated keys as hex digits.

/// The digits of a generated key.
pub(super) fn hex(key: &[u8; 12]) -> [u8; 24] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = [0; 24];
    for (pair, byte) in out.chunks_exact_mut(2).zip(key) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    out
}

/// How many hex digits a generated key has.
pub(crate) const KEY_TEXT: usize = 24;

/// The generated key that `text` spells, if it is one.
pub(super) fn parse_key(text: &[u8]) -> Option<[u8; 12]> {
    parse_hex(text.try_into().ok()?)
}

/// As [`parse_key`], of text that has its length.
#[inline]
pub(crate) fn parse_hex(text: &[u8; KEY_TEXT]) -> Option<[u8; 12]> {
    let mut key = [0; 12];
    let mut sound = true;
    for (bytes, digits) in key.as_chunks_mut::<4>().0.iter_mut().zip(text.as_chunks::<8>().0) {
        let (read, all_digits) = parse_eight(*digits);
        *bytes = read;
        sound &= all_digits;
    }
    sound.then_some(key)
}

/// The value of eight hex digits and whether they all are lower-case ones, eight at a time.
#[inline]
fn parse_eight(digits: [u8; 8]) -> ([u8; 4], bool) {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let text = u64::from_le_bytes(digits);
    // The high bit of each byte of `x + (128 - n)` says whether that byte of x is at least n, if x is ASCII.
    let ascii = text & !HIGH;
    let at_least = |least: u8| ascii + ONES * (128 - u64::from(least));
    let digit = at_least(b'0') & !at_least(b'9' + 1);
    let letter = at_least(b'a') & !at_least(b'f' + 1);
    let sound = (digit | letter) & !text & HIGH == HIGH;
    let nibbles = (ascii & (ONES * 15)) + ((letter & HIGH) >> 7) * 9;
    let pairs = (nibbles << 4 | nibbles >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    (((fours | fours >> 16) as u32).to_le_bytes(), sound)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn hex_digits_are_read_as_the_standard_library_reads_them() {
        for byte in 0..=255_u8 {
            for position in 0..8 {
                let mut digits = *b"0f9a8b7c";
                digits[position] = byte;
                let lower = byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
                let (read, sound) = parse_eight(digits);
                assert_eq!(sound, lower, "{byte} at {position}");
                if lower {
                    let text = std::str::from_utf8(&digits).unwrap();
                    assert_eq!(read, u32::from_str_radix(text, 16).unwrap().to_be_bytes());
                }
            }
        }
    }
}
