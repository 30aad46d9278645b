#![allow(clippy::unwrap_used)]

use super::*;
use crate::ErrorKind;

fn found(pattern: &str, options: &str, text: &str) -> bool {
    Pattern::new(pattern, options).unwrap().is_match(text)
}

#[test]
fn a_dollar_stands_at_the_end_and_before_a_newline_there() {
    for (pattern, options, matched, missed) in [
        ("a$", "", &["a", "a\n"][..], &["a\n\n", "a\nb", "a\r", "a\r\n"][..]),
        ("a$\\n", "", &["a\n"], &["a", "a\n\n"]),
        ("a\\z", "", &["a"], &["a\n"]),
        ("a\\Z", "m", &["a", "a\n"], &["a\nb"]),
        ("a$", "m", &["a\nb", "a\n", "a\n\n"], &["a\rb", "a\r\nb"]),
        ("\\n$", "", &["\n", "a\n"], &["\na"]),
    ] {
        assert!(matched.iter().all(|text| found(pattern, options, text)), "{pattern}");
        assert!(!missed.iter().any(|text| found(pattern, options, text)), "{pattern}");
    }
}

#[test]
fn a_multi_line_circumflex_does_not_stand_after_the_last_newline() {
    assert!(found("\\n^", "m", "a\nb") && found("\\n^", "m", "\n\n"));
    assert!(!found("\\n^", "m", "\n") && !found("\\n^", "m", "a\n"));
    assert!(found("^$", "m", "") && found("^$", "m", "a\n\nb") && !found("^$", "m", "a\n"));
    assert!(!found("^a", "m", "b\ra"));
}

#[test]
fn carriage_returns_are_found_before_a_last_newline_too() {
    assert!(found("a\\r$", "", "a\r\n") && found("^a.$", "", "a\r\n"));
    assert!(found("^[\\s]+$", "", "\r\n") && !found("^[^\\r]*$", "", "a\r\n"));
}

#[test]
fn classes_and_boundaries_are_those_of_ascii() {
    assert!(!found("\\d", "", "٣") && !found("\\w", "", "é") && !found("\\s", "", "\u{a0}"));
    assert!(found("\\s", "", "\u{b}") && found("\\h", "", "\u{a0}") && found("\\v", "", "\u{85}"));
    assert!(found("\\bé", "", "aé") && !found("\\bé", "", "é"));
    assert!(!found("\\B", "", "aéa"), "between the bytes of a letter is no place");
    assert!(found("^.$", "", "😀") && found("^\\W$", "", "é"));
    assert!(!found("[[:alpha:]]", "", "é") && found("[[:^alpha:]]", "", "é"));
}

#[test]
fn letters_fold_as_in_unicode_but_named_sets_do_not() {
    assert!(found("é", "i", "É") && found("k", "i", "\u{212a}") && found("[a-z]", "i", "ſ"));
    assert!(found("σ", "i", "ς") && found("ß", "i", "ẞ") && !found("ß", "i", "ss"));
    assert!(!found("[^k]", "i", "\u{212a}") && !found("\\w", "i", "ſ"));
    assert!(!found("\\p{Lu}", "i", "a") && found("[[:upper:]]", "i", "a"));
}

#[test]
fn extended_patterns_pass_over_space_and_comments() {
    assert!(found("a b # c\n+ d", "x", "abbd") && found("a[ ]b\\ c", "x", "a b c"));
    assert!(found("(?x: a b ) c", "", "ab c") && found("\\Qa b\\E", "x", "a b"));
    assert_eq!(Pattern::new("a # c", "x").unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn options_inside_a_group_end_with_it() {
    assert!(found("(?i:a)b", "", "Ab") && !found("(?i:a)b", "", "AB"));
    assert!(found("(a(?i)b|c)d", "", "Cd") && !found("(a(?i)b)D", "", "abd"));
}

#[test]
fn what_needs_backtracking_is_unsupported_and_says_why() {
    for pattern in [
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?<!a)",
        "(?>a)",
        "(a)\\1",
        "(?<n>a)\\k<n>",
        "a++",
        "a{1,2}+",
        "(?R)",
        "(?1)",
        "(?(1)a)",
        "\\R",
        "\\X",
        "\\C",
        "(*FAIL)",
        "(?C)",
    ] {
        let error = Pattern::new(pattern, "").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{pattern}");
        assert!(error.to_string().contains("linear time"), "{error}");
        assert!(error.context("found").is_some() && error.context("position").is_some());
    }
}

#[test]
fn an_eight_or_nine_that_names_no_group_is_a_digit() {
    assert!(found("a\\8", "", "a8") && found("^\\91$", "", "91") && found("[\\8]", "", "8"));
    assert!(found("(a)\\8", "", "a8") && found("\\18", "", "\x018"));
    let error = Pattern::new("(a)(a)(a)(a)(a)(a)(a)(a)\\8", "").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn a_category_of_one_character_is_one() {
    assert!(found("\\p{Zl}", "", "\u{2028}") && found("\\P{Zp}", "", "a"));
    assert!(!found("\\p{Zp}", "", "\u{2028}") && found("[^\\p{Zl}]", "", "\u{2029}"));
}

#[test]
fn what_pcre_refuses_is_invalid() {
    for pattern in [
        "\\p{Grek}",
        "\\p{Adlam}",
        "(",
        "a)",
        "[",
        "[]",
        "[z-a]",
        "[a-\\d]",
        "*",
        "a**",
        "a{2}{3}",
        "^*",
        "a{2,1}",
        "a{65536}",
        "\\",
        "[:alpha:]",
        "[[:foo:]]",
        "[[.a.]]",
        "\\x{110000}",
        "\\x{d800}",
        "\\x{}",
        "\\u0041",
        "\\p{Nope}",
        "\\p{greek}",
        "(?z)",
        "(?<1>a)",
        "(?<n>a)(?<n>b)",
        "(?#",
        "\\Qa",
        "a\0b",
        "\\c",
        "\\o",
        "[\\N]",
    ] {
        assert_eq!(Pattern::new(pattern, "").unwrap_err().kind(), ErrorKind::Invalid, "{pattern}");
    }
    assert_eq!(Pattern::new("a", "g").unwrap_err().kind(), ErrorKind::Invalid);
    assert!(Pattern::new("a", "imsxui").is_ok());
}

#[test]
fn large_patterns_are_refused_before_they_are_built() {
    for pattern in [
        "a".repeat(MAX_REGEX_BYTES + 1),
        "(a{1000}){1000}".to_owned(),
        "((((a{99}){99}){99}){99}){99}".to_owned(),
        "\\p{L}{1000}".to_owned(),
        "a{65535}".to_owned(),
        format!("{}{}", "(".repeat(250), ")".repeat(250)),
    ] {
        assert_eq!(Pattern::new(&pattern, "").unwrap_err().kind(), ErrorKind::Limit);
    }
    for hostile in ["(", "[[:", "{1", "(?#", "a|", "\\Q\\E", "[^\\W\\p{L}]", "(?i)", "a?"] {
        let _ = Pattern::new(&hostile.repeat(MAX_REGEX_BYTES / hostile.len()), "isx");
    }
}

#[test]
fn catastrophic_patterns_take_linear_time() {
    let text = format!("{}!", "a".repeat(50_000));
    for pattern in ["(a+)+$", "^(a|a)*$", "^(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*a){20}$"]
    {
        assert!(!found(pattern, "", &text), "{pattern}");
    }
}
