//! Which paths the file seam accepts.

use std::io;

use super::ROOT;
use super::error::refused;

const MAX_PART_BYTES: usize = 255;
const MAX_PATH_BYTES: usize = 1024;

/// Refuses a path that is not plain, relative and downward.
pub(super) fn check(action: &'static str, path: &str) -> io::Result<()> {
    let fail = |why| Err(refused(action, path, io::ErrorKind::InvalidInput, why));
    if path.len() > MAX_PATH_BYTES {
        // The path itself stays out of the message: its length is all that is wrong with it.
        let why = "the path is longer than 1024 bytes";
        return Err(refused(action, "", io::ErrorKind::InvalidInput, why));
    }
    for part in path.split('/') {
        match part {
            "" => return fail("the path is empty, absolute or has an empty part"),
            "." | ".." => return fail("the path must lead downward"),
            _ if part.len() > MAX_PART_BYTES => {
                return fail("a part of the path is longer than 255 bytes");
            }
            _ if !part.bytes().all(is_plain) => {
                return fail("only letters, digits, dot, dash and underscore may stand in a path");
            }
            _ => {}
        }
    }
    Ok(())
}

/// As [`check`], but lets [`ROOT`] through.
pub(super) fn check_dir(action: &'static str, dir: &str) -> io::Result<()> {
    if dir == ROOT { Ok(()) } else { check(action, dir) }
}

/// The directory that holds `path`, and its name in there.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or((ROOT, path))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn plain_downward_paths_pass() {
        for path in ["LOCK", "journal/00000001.jsonl", "a/b/c", ".a", "a..b", "x_-9"] {
            check("open", path).unwrap();
        }
        check_dir("list", ROOT).unwrap();
    }

    #[test]
    fn paths_that_could_lead_elsewhere_are_refused() {
        let long = "a".repeat(256);
        let longer = "a/".repeat(600) + "a";
        let bad = [
            "", "/", "/x", "..", ".", "a/..", "../a", "a//b", "a/", "a\\b", "a\0b", "ä", "a b",
            "a\nb", "C:x", &long, &longer,
        ];
        for path in bad {
            let error = check("open", path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{path:?}");
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
}
