//! Which names a field may have: those that both backends keep and that a dotted path can reach.

use super::fault::{Fault, Result, shorten};
use crate::limits::MAX_FIELD_NAME_BYTES;

/// What the bytes of a name ask of its writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameText {
    /// Nothing: the bytes stand in JSON as they are.
    Plain,
    /// At least one byte is escaped in JSON.
    Escaped,
}

const ESCAPED: u8 = 1;
const REFUSED: u8 = 2;

/// The class of each byte: free, escaped in JSON, refused.
static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        class[byte] = ESCAPED;
        byte += 1;
    }
    class[b'"' as usize] = ESCAPED;
    class[b'\\' as usize] = ESCAPED;
    class[0] = REFUSED;
    class[b'.' as usize] = REFUSED;
    class
};

/// Refuses a name that is empty, too long, begins with `$`, or holds a dot or NUL.
#[inline]
pub(super) fn check(name: &str) -> Result<NameText> {
    let bytes = name.as_bytes();
    let seen = bytes.iter().fold(0, |seen, byte| seen | CLASS[usize::from(*byte)]);
    let odd = match bytes.first() {
        Some(first) => *first == b'$' || seen & REFUSED != 0 || bytes.len() > MAX_FIELD_NAME_BYTES,
        None => true,
    };
    if odd {
        return Err(refusal(name));
    }
    Ok(if seen == 0 { NameText::Plain } else { NameText::Escaped })
}

#[cold]
fn refusal(name: &str) -> Fault {
    let fault = if name.is_empty() {
        Fault::invalid("field name is empty")
    } else if name.len() > MAX_FIELD_NAME_BYTES {
        Fault::limit("field name is too long")
            .with("bytes", name.len())
            .with("limit", MAX_FIELD_NAME_BYTES)
    } else if name.starts_with('$') {
        Fault::invalid("field name starts with a dollar sign")
    } else if name.contains('\0') {
        Fault::invalid("field name holds a NUL")
    } else {
        Fault::invalid("field name holds a dot")
    };
    fault.with("name", format_args!("{:?}", shorten(name)))
}
