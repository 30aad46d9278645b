//! Lines that are refused: each with its error, the same from every backend.

use jvspatial_db::exchange::{ImportOptions, MAX_LINE_BYTES};
use jvspatial_db::limits::MAX_DOCUMENT_BYTES;
use jvspatial_db::{Collection, ErrorKind};

use super::{databases, export, ids, import, import_with, refused};

const GOOD: &str = r#"{"_id":"n.City.good","entity":"City","context":{}}"#;

fn node(context: &str) -> String {
    format!(r#"{{"_id":"n.City.bad","_version":1,"entity":"City","context":{context}}}"#)
}

/// A refused line: what is wrong with it, the kind, the message and some facts of the error.
type Case<'a> = (String, ErrorKind, &'a str, &'a [(&'a str, &'a str)]);

async fn check(collection: Collection, cases: impl IntoIterator<Item = Case<'_>>) {
    for (line, kind, message, facts) in cases {
        let shown: String = line.chars().take(200).collect();
        let error = refused(collection, format!("\n{line}\n")).await;
        assert_eq!(error.kind(), kind, "{shown}: {error}");
        assert_eq!(error.message(), message, "{shown}: {error}");
        assert_eq!(error.context("line"), Some("2"), "{shown}: {error}");
        if facts.iter().all(|(name, _)| *name != "offset") {
            assert_eq!(error.context("offset"), Some("1"), "{shown}: {error}");
        }
        for (name, value) in facts {
            assert_eq!(error.context(name), Some(*value), "{shown}: {error}");
        }
        assert!(!error.to_string().contains('\n') && error.to_string().len() < 1000);
    }
}

fn invalid<'a>(line: &str, message: &'a str, facts: &'a [(&'a str, &'a str)]) -> Case<'a> {
    (line.to_owned(), ErrorKind::Invalid, message, facts)
}

const VALUE: &str = "field has another value than expected";
const NOT_JSON: &str = "line is not JSON";

#[tokio::test]
async fn text_that_is_not_json_is_refused_at_its_byte() {
    // The good part of each line is as long as the offset says, less the empty line before it.
    check(
        Collection::Node,
        [
            invalid("x", NOT_JSON, &[("offset", "1"), ("reason", "a value was expected")]),
            invalid("{", NOT_JSON, &[("offset", "2"), ("reason", "a key was expected")]),
            invalid(r#"{"_id":"n.City.a""#, NOT_JSON, &[("offset", "18")]),
            invalid(
                r#"{"_id":"n.City.a"} {}"#,
                NOT_JSON,
                &[("offset", "20"), ("reason", "text goes on after the document")],
            ),
            invalid(
                r#"{"context":{"a":1},"_id":tru}"#,
                NOT_JSON,
                &[("offset", "26"), ("field", "_id")],
            ),
            invalid(r#"{"_id":"x","context":{"a":[1,]}}"#, NOT_JSON, &[("offset", "30")]),
            invalid(
                r#"{"_id":"x","context":{"a":{"b":NaN}}}"#,
                NOT_JSON,
                &[("offset", "32"), ("field", "a.b")],
            ),
            invalid(r#"{"_id":"x","context":{"a":1]}"#, NOT_JSON, &[("offset", "28")]),
            invalid(
                r#"{"_id":"x","context":{"a":-Infinity}}"#,
                NOT_JSON,
                &[("offset", "28"), ("field", "a")],
            ),
            invalid(r#"{"_id":"x","context":{"a":"\ud800"}}"#, NOT_JSON, &[("offset", "27")]),
            invalid(r#"{"_id":"x","context":{"\udc00":1}}"#, NOT_JSON, &[("offset", "23")]),
            invalid("{\"_id\":\"x\",\"context\":{\"a\":\"\t\"}}", NOT_JSON, &[("offset", "27")]),
            invalid(r#"{"_id":"x","context":{},"b":"\x"}"#, NOT_JSON, &[("offset", "29")]),
        ],
    )
    .await;
}

#[tokio::test]
async fn bytes_that_are_not_utf8_are_refused_at_their_byte() {
    for db in databases() {
        let mut input = GOOD.as_bytes().to_vec();
        input.extend_from_slice(b"\n{\"_id\":\"\xff\"}");
        let error = import(&*db, Collection::Node, input).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Invalid, "line is not UTF-8"));
        let offset = (GOOD.len() + 1 + 8).to_string();
        assert_eq!((error.context("line"), error.context("offset")), (Some("2"), Some(&*offset)));
        assert_eq!(error.context("imported"), Some("1"));
    }
}

#[tokio::test]
async fn lines_that_are_json_and_no_document_are_refused() {
    let message = "document is not a map";
    check(
        Collection::Node,
        [
            invalid("[]", message, &[]),
            invalid("1", message, &[]),
            invalid("null", message, &[]),
            invalid(r#"["context",{"a":1}]"#, message, &[]),
            invalid(r#"{"$oid":"5f0000000000000000000001"}"#, message, &[]),
            invalid("{}", VALUE, &[("field", "_id"), ("expected", "an id"), ("found", "nothing")]),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_envelope_that_does_not_fit_is_refused_with_expected_and_found() {
    let lost = "document has a field that would be lost";
    check(
        Collection::Node,
        [
            invalid(
                r#"{"_id":{"$oid":"5f0000000000000000000001"}}"#,
                VALUE,
                &[("field", "_id"), ("found", "an object id")],
            ),
            invalid(
                r#"{"_id":"x.City.a"}"#,
                "id is not of the form n.Entity.key, e.Entity.key or o.Entity.key",
                &[("field", "_id"), ("id", "\"x.City.a\"")],
            ),
            invalid(r#"{"_id":"n.City.a/../b"}"#, "id holds `..`", &[("field", "_id")]),
            invalid(
                r#"{"_id":"o.City.a","entity":"City","context":{}}"#,
                "document belongs to another collection",
                &[("id", "o.City.a"), ("expected", "node"), ("found", "object")],
            ),
            invalid(
                r#"{"_id":"n.City.a","entity":"Town","context":{}}"#,
                VALUE,
                &[
                    ("id", "n.City.a"),
                    ("field", "entity"),
                    ("expected", "\"City\""),
                    ("found", "\"Town\""),
                ],
            ),
            invalid(r#"{"_id":"n.City.a","context":{}}"#, VALUE, &[("field", "entity")]),
            invalid(
                r#"{"_id":"n.City.a","entity":"City"}"#,
                VALUE,
                &[("field", "context"), ("expected", "a map"), ("found", "nothing")],
            ),
            invalid(&node("[{}]"), VALUE, &[("field", "context"), ("found", "a list")]),
            invalid(&node("\"{}\""), VALUE, &[("field", "context"), ("found", "\"{}\"")]),
            invalid(
                r#"{"_id":"n.City.a","entity":"City","context":{},"_version":-1}"#,
                VALUE,
                &[("field", "_version"), ("found", "-1")],
            ),
            invalid(
                r#"{"_id":"n.City.a","entity":"City","context":{},"_version":1.0}"#,
                VALUE,
                &[("field", "_version"), ("found", "a float")],
            ),
            invalid(
                r#"{"_id":"n.City.a","entity":"City","context":{},"_version":"1"}"#,
                VALUE,
                &[("found", "\"1\"")],
            ),
            invalid(
                r#"{"_id":"n.City.a","entity":"City","context":{},"_v":0}"#,
                VALUE,
                &[("field", "_v"), ("expected", "1 to 4294967295")],
            ),
            invalid(
                r#"{"_id":"n.City.a","entity":"City","context":{},"_v":null}"#,
                VALUE,
                &[("found", "null")],
            ),
            invalid(
                r#"{"_id":"n.City.a","entity":"City","context":{},"name":"Oslo"}"#,
                lost,
                &[("id", "n.City.a"), ("field", "name")],
            ),
            invalid(
                r#"{"_id":"n.City.a","entity":"City","context":{},"source":"n.City.a"}"#,
                lost,
                &[("field", "source")],
            ),
            invalid(
                r#"{"_id":"n.City.a","entity":"City","context":{},"_deleted":true}"#,
                lost,
                &[],
            ),
        ],
    )
    .await;
    let large =
        format!(r#"{{"_id":"n.City.a","entity":"City","context":{{}},"_version":{}}}"#, i64::MAX);
    let facts = [("id", "n.City.a")];
    check(Collection::Node, [(large, ErrorKind::Limit, "version is too large", &facts[..])]).await;
}

#[tokio::test]
async fn an_edge_whose_ends_are_none_is_refused() {
    let edge = |rest: &str| format!(r#"{{"_id":"e.R.1","entity":"R","context":{{}}{rest}}}"#);
    check(
        Collection::Edge,
        [
            invalid(&edge(""), VALUE, &[("field", "source"), ("found", "nothing")]),
            invalid(&edge(r#","source":"n.A.b""#), VALUE, &[("field", "target")]),
            invalid(
                &edge(r#","source":1,"target":"n.A.b""#),
                VALUE,
                &[("expected", "the id of a node"), ("found", "1")],
            ),
            invalid(
                &edge(r#","source":"n.A.b","target":"n.A.b","bidirectional":1"#),
                VALUE,
                &[("field", "bidirectional"), ("found", "1")],
            ),
            invalid(
                &edge(r#","source":"o.A.b","target":"n.A.b""#),
                "an edge joins nodes",
                &[("id", "e.R.1"), ("end", "o.A.b")],
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn fields_that_a_document_cannot_hold_are_refused() {
    let long = format!(r#"{{"{}":1}}"#, "x".repeat(1025));
    check(
        Collection::Node,
        [
            invalid(
                &node(r#"{"a":1,"b":{"c":1,"c":2}}"#),
                "map repeats a key",
                &[("field", "b.c")],
            ),
            invalid(
                r#"{"_id":"n.City.a","_id":"n.City.a"}"#,
                "map repeats a key",
                &[("field", "_id")],
            ),
            invalid(r#"{"context":{},"context":{}}"#, "map repeats a key", &[("field", "context")]),
            invalid(
                r#"{"context":{},"\u0063ontext":{"a":1}}"#,
                "map repeats a key",
                &[("field", "context")],
            ),
            invalid(
                &node(r#"{"a":[1,9223372036854775808]}"#),
                "integer is outside 64 signed bits",
                &[("field", "a.1"), ("value", "9223372036854775808")],
            ),
            invalid(&node(r#"{"a":1e999}"#), "number is too large for a 64-bit float", &[]),
            invalid(&node(r#"{"a.b":1}"#), "field name holds a dot", &[("id", "n.City.bad")]),
            invalid(&node(r#"{"$set":1}"#), "field name starts with a dollar sign", &[]),
            invalid(&node(r#"{"a":{"":1}}"#), "field name is empty", &[("field", "a.")]),
            invalid(&node(r#"{"a\u0000":1}"#), "field name holds a NUL", &[]),
            invalid(&node(r#"{"a":{"$oid":"no"}}"#), "extended JSON value is malformed", &[]),
            invalid(&node(r#"{"a":{"$date":1,"b":2}}"#), "extended JSON value is malformed", &[]),
            (node(&long), ErrorKind::Limit, "field name is too long", &[("limit", "1024")]),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_hundred_levels_are_imported_and_more_refused() {
    let deep = |levels: usize| {
        node(&format!("{}{}", "{\"a\":".repeat(levels - 1) + "{}", "}".repeat(levels - 1)))
    };
    for db in databases() {
        assert_eq!(import(&*db, Collection::Node, deep(99)).await.unwrap().written, 1);
    }
    for db in databases() {
        assert_eq!(import(&*db, Collection::Node, deep(100)).await.unwrap().written, 1);
        assert_eq!(export(&*db, Collection::Node).await.trim_end(), deep(100));
    }
    let limit = [("limit", "100")];
    let cases = [101, 1_000, 100_000]
        .map(|levels| (deep(levels), ErrorKind::Limit, "document is too deep", &limit[..]));
    check(Collection::Node, cases).await;
    // Outside of the fields, in lists, and without an end.
    let outside = format!(r#"{{"a":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let open = format!(r#"{{"context":{}"#, "[".repeat(100_000));
    let cases =
        [outside, open].map(|line| (line, ErrorKind::Limit, "document is too deep", &limit[..]));
    check(Collection::Node, cases).await;
}

#[tokio::test]
async fn the_largest_document_comes_through_and_a_larger_one_is_refused() {
    // `{"a":"…"}` has eight bytes of its own.
    let fields = |bytes: usize| node(&format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8)));
    let [_, json] = databases();
    let largest = fields(MAX_DOCUMENT_BYTES);
    assert_eq!(import(&*json, Collection::Node, &largest).await.unwrap().written, 1);
    assert!(export(&*json, Collection::Node).await.trim_end() == largest);
    let facts = [("limit", "16777216")];
    let larger = fields(MAX_DOCUMENT_BYTES + 1);
    let outside = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_DOCUMENT_BYTES));
    check(Collection::Node, [(larger, ErrorKind::Limit, "document is too large", &facts[..])])
        .await;
    let message = "document is too large outside of its context";
    let facts = [("limit", "2097152")];
    check(Collection::Node, [(outside, ErrorKind::Limit, message, &facts[..])]).await;
    let longer = fields(MAX_LINE_BYTES);
    let facts = [("limit", "17825792")];
    check(Collection::Node, [(longer, ErrorKind::Limit, "line is too long", &facts[..])]).await;
}

#[tokio::test]
async fn compressed_input_is_refused_whatever_the_options() {
    for (bytes, name) in [(&b"\x1f\x8b\x08\0"[..], "gzip"), (b"\x28\xb5\x2f\xfd\x24", "zstd")] {
        for db in databases() {
            let options = ImportOptions::new().collect_failures(9);
            let error = import_with(&*db, Collection::Node, bytes, options).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert_eq!(error.context("found"), Some(name));
        }
    }
}

#[tokio::test]
async fn the_first_bad_line_ends_the_import_after_the_lines_before_it() {
    let line = |key: u32| format!(r#"{{"_id":"n.City.{key}","entity":"City","context":{{}}}}"#);
    let input = format!("{}\n{}\n\n[]\n{}\n", line(1), line(2), line(3));
    for db in databases() {
        let error = import(&*db, Collection::Node, &input).await.unwrap_err();
        assert_eq!((error.context("line"), error.context("imported")), (Some("4"), Some("2")));
        assert_eq!(ids(&*db, Collection::Node).await, ["n.City.1", "n.City.2"]);
    }
}

#[tokio::test]
async fn bad_lines_are_collected_up_to_a_bound_and_the_rest_is_imported() {
    let long = "x".repeat(MAX_LINE_BYTES + 1);
    let input = format!("[]\n{GOOD}\n{long}\n{}\n{GOOD}\nx\n", node("{}"));
    for db in databases() {
        let options = ImportOptions::new().collect_failures(3);
        let report = import_with(&*db, Collection::Node, &input, options).await.unwrap();
        assert_eq!((report.read, report.written, report.failed), (6, 2, 4));
        let failures: Vec<(u64, &str)> =
            report.failures.iter().map(|failed| (failed.line, failed.error.message())).collect();
        let expected =
            [(1, "document is not a map"), (3, "line is too long"), (5, "unique key is taken")];
        assert_eq!(failures, expected);
        assert_eq!(report.failures[2].id, Some("n.City.good".parse().unwrap()));
        assert_eq!(report.failures[1].offset, 3 + GOOD.len() as u64 + 1);
        assert_eq!(ids(&*db, Collection::Node).await, ["n.City.bad", "n.City.good"]);
    }
}
