//! What is written is read back as the programs that draw it would read it.

use jvspatial_db::codec::parse_json_document;
use proptest::prelude::*;

use super::label::{Piece, of_value, pieces};
use super::{dot, json, mermaid};

/// The text that a label shows.
fn drawn(text: &str) -> String {
    let character = |piece| match piece {
        Piece::LineEnd => '\n',
        Piece::Character(character) => character,
    };
    pieces(text).map(character).collect()
}

/// Reads a string of Graphviz: its lexer unescapes quotation marks alone, then the label its own escapes and
/// the entities of HTML.
fn read_dot(written: &str) -> Option<String> {
    let mut lexed = String::new();
    let mut characters = written.strip_prefix('"')?.strip_suffix('"')?.chars();
    while let Some(character) = characters.next() {
        match (character, characters.clone().next()) {
            ('"' | '\n' | '\r' | '\0', _) => return None,
            ('\\', Some('"')) => {
                lexed.push('"');
                characters.next();
            }
            ('\\', Some('\\')) => {
                lexed.push_str("\\\\");
                characters.next();
            }
            ('\\', None) => return None,
            _ => lexed.push(character),
        }
    }
    let mut shown = String::new();
    let mut rest = lexed.as_str();
    while let Some(character) = rest.chars().next() {
        let (length, read) = match character {
            '\\' if rest.starts_with("\\n") => (2, '\n'),
            '\\' if rest.starts_with("\\\\") => (2, '\\'),
            '\\' => return None,
            '&' if rest.starts_with("&amp;") => (5, '&'),
            '&' => return None,
            _ => (character.len_utf8(), character),
        };
        shown.push(read);
        rest = &rest[length..];
    }
    Some(shown)
}

/// Reads a label of Mermaid, and refuses one with a character that means anything to it.
fn read_mermaid(written: &str) -> Option<String> {
    let mut rest = written.strip_prefix('"')?.strip_suffix('"')?;
    if rest == " " {
        return Some(String::new());
    }
    if rest.contains("direction ") {
        return None;
    }
    let mut shown = String::new();
    while let Some(character) = rest.chars().next() {
        let (length, read) = if let Some(after) = rest.strip_prefix('#') {
            let (number, _) = after.split_once(';')?;
            (number.len() + 2, char::from_u32(number.parse().ok()?)?)
        } else if rest.starts_with("<br/>") {
            (5, '\n')
        } else if character.is_ascii_punctuation() && !",.-".contains(character) {
            return None;
        } else {
            (character.len_utf8(), character)
        };
        let is_space = character.is_whitespace() || character == '\u{feff}';
        if matches!(character, 'ﬂ' | '¶') || (is_space && character != ' ') {
            return None;
        }
        shown.push(read);
        rest = &rest[length..];
    }
    Some(shown)
}

fn check(text: &str) {
    let shown = drawn(text);
    let written = dot::Quoted(text).to_string();
    assert_eq!(read_dot(&written).as_deref(), Some(&*shown), "{text:?} as {written}");
    let written = mermaid::Quoted(text).to_string();
    let read = read_mermaid(&written).map(|read| if shown == " " { " ".to_owned() } else { read });
    assert_eq!(read.as_deref(), Some(&*shown), "{text:?} as {written}");
    let written = json::Quoted(text).to_string();
    let read = parse_json_document(&format!("{{\"text\":{written}}}")).unwrap();
    assert_eq!(read.get_str("text").unwrap(), text, "as {written}");
}

#[test]
fn labels_show_any_text() {
    for text in [
        "",
        " ",
        "Oslo",
        "Tromsø, 北京 🚂",
        "say \"hi\"",
        "\"",
        "\\",
        "\\\"",
        "C:\\new\\N",
        "trailing \\",
        "direction LR",
        "a direction\u{3000}TB",
        "two\nlines",
        "two\r\nlines\rthree",
        "# 1",
        "#quot;",
        "#35;",
        "<b>bold</b>",
        "a < b && c > d",
        "&lt;&#60;&amp",
        "1. first",
        "- item",
        "style a:#35;",
        "classDef x fill:#f00;",
        "%%{init: {}}%%",
        "%% comment",
        "`code` **bold** _it_",
        "A-->B|x|C[y](z){w}",
        "end; subgraph",
        "$$x^2$$",
        "ﬂ°°35¶ß",
        "fa:fa-car",
        "@{ shape: x }",
        "\0\u{7}\u{1b}[1m\u{7f}\u{85}",
        "tab\there",
        "\u{2028}\u{2029}\u{feff}\u{fffe}\u{ffff}\u{202e}",
    ] {
        check(text);
    }
}

#[test]
fn labels_are_written_so() {
    let text = "n.City.1 \"a\\b\" <i> & 3.5\n#1";
    assert_eq!(dot::Quoted(text).to_string(), "\"n.City.1 \\\"a\\\\b\\\" <i> &amp; 3.5\\n#1\"");
    assert_eq!(
        mermaid::Quoted(text).to_string(),
        "\"n.City.1 #34;a#92;b#34; #60;i#62; #38; 3#46;5<br/>#35;1\""
    );
    assert_eq!(json::Quoted(text).to_string(), "\"n.City.1 \\\"a\\\\b\\\" <i> & 3.5\\u000a#1\"");
}

#[test]
fn what_cannot_be_drawn_is_replaced() {
    assert_eq!(drawn("a\0b\u{1b}c\td\r\ne\r\rf"), "a\u{fffd}b\u{fffd}c d\ne\n\nf");
}

#[test]
fn values_become_labels_without_quotation_marks_and_nulls_none() {
    use bson::{Bson, DateTime, bson};
    assert_eq!(of_value(Bson::Null), None);
    assert_eq!(of_value("Oslo".into()).as_deref(), Some("Oslo"));
    assert_eq!(of_value(Bson::Int64(7)).as_deref(), Some("7"));
    assert_eq!(of_value(Bson::Double(0.5)).as_deref(), Some("0.5"));
    assert_eq!(of_value(Bson::Boolean(true)).as_deref(), Some("true"));
    let time = Bson::DateTime(DateTime::from_millis(0));
    assert_eq!(of_value(time).as_deref(), Some("1970-01-01T00:00:00Z"));
    assert_eq!(of_value(bson!([1, "a"])).as_deref(), Some("[1, \"a\"]"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn labels_show_any_text_at_random(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn labels_show_any_text_of_meaningful_characters(
        text in "([\"#&;<>\\\\`%{}|:.* \n\r\t_@0-9a-zﬂ°¶ß-]|#[0-9]{1,3};|\\\\[nNGlr]|%%|-->|style|:::|direction){0,24}",
    ) {
        check(&text);
    }
}
