//! Where the user's fields stand in a line.

use std::ops::Range;

use memchr::memchr2;

/// The place of the map under the top-level key `context`.
///
/// Only the borders are found, without recursion; what is between them and around them is for a
/// parser to check. A key that is spelled with escapes is not found.
pub(super) fn context(line: &str) -> Option<Range<usize>> {
    let bytes = line.as_bytes();
    let mut at = 0;
    let mut depth = 0_usize;
    let mut text = Range::default();
    let mut is_value = false;
    let mut start = None;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = string_end(bytes, at + 1)?;
                if depth == 1 && !is_value {
                    text = at + 1..end;
                }
                at = end;
            }
            b':' if depth == 1 => is_value = true,
            b',' if depth == 1 => is_value = false,
            b'{' | b'[' => {
                let is_map = *byte == b'{' && is_value;
                if depth == 1 && is_map && line.get(text.clone()) == Some("context") {
                    start = Some(at);
                }
                depth += 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 1
                    && let Some(start) = start
                {
                    return Some(start..at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where the string ends whose first character is at `at`.
pub(super) fn string_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::context;

    fn found(line: &str) -> Option<&str> {
        line.get(context(line)?)
    }

    #[test]
    fn the_map_under_the_key_is_found_wherever_it_stands() {
        assert_eq!(found(r#"{"context":{}}"#), Some("{}"));
        assert_eq!(found(r#"{"context":{"a":{"b":[1]}},"_id":1}"#), Some(r#"{"a":{"b":[1]}}"#));
        assert_eq!(found(r#"{ "_id" : "x", "context" : { "a":"}" } }"#), Some(r#"{ "a":"}" }"#));
        assert_eq!(found(r#"{"a":{"context":{}},"context":{"b":1}}"#), Some(r#"{"b":1}"#));
        assert_eq!(found(r#"{"a":"context","context":{"\"}":1}}"#), Some(r#"{"\"}":1}"#));
        assert_eq!(found(r#"{"a":["context",{}],"context":{"é":1}}"#), Some(r#"{"é":1}"#));
    }

    #[test]
    fn what_is_no_map_under_the_key_is_left_to_the_parser() {
        let others = [
            "",
            "{}",
            r#"{"context":1}"#,
            r#"{"context":"{}"}"#,
            r#"{"context":[{}]}"#,
            r#"{"a":"context","b":{}}"#,
            r#"{"a":{"context":{}}}"#,
            r#"{"\u0063ontext":{}}"#,
            r#"{"context":{"#,
            r#"{"context":{"a"#,
            r#"{"context":{"\"#,
            "}}}",
        ];
        for line in others {
            assert_eq!(found(line), None, "{line}");
        }
    }
}
