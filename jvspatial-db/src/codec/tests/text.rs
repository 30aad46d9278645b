//! What Extended JSON text is read as, and what is refused.

use bson::oid::ObjectId;
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Regex, Timestamp, doc};

use super::super::{Encoding, parse_json_document, to_bson_document};
use super::{body, on_small_stack};
use crate::ErrorKind;
use crate::limits::MAX_DOCUMENT_BYTES;

fn value(text: &str) -> Bson {
    parse_json_document(&format!("{{\"v\":{text}}}")).unwrap().remove("v").unwrap()
}

#[track_caller]
fn refused(text: &str) -> crate::Error {
    let error = parse_json_document(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    error
}

#[test]
fn every_wrapper_is_understood() {
    let id = ObjectId::from_bytes([0xab; 12]);
    let code = bson::JavaScriptCodeWithScope { code: "f".into(), scope: doc! { "a": 1 } };
    let regex = Regex { pattern: "^a".try_into().unwrap(), options: "ix".try_into().unwrap() };
    let cases: Vec<(&str, Bson)> = vec![
        (r#"{"$oid":"abababababababababababab"}"#, Bson::ObjectId(id)),
        (r#"{"$date":"1970-01-01T00:00:00.007Z"}"#, Bson::DateTime(DateTime::from_millis(7))),
        (r#"{"$date":{"$numberLong":"-7"}}"#, Bson::DateTime(DateTime::from_millis(-7))),
        (r#"{"$date":7}"#, Bson::DateTime(DateTime::from_millis(7))),
        (r#"{"$numberInt":"7"}"#, Bson::Int32(7)),
        (r#"{"$numberLong":"7"}"#, Bson::Int64(7)),
        (r#"{"$numberDouble":"7"}"#, Bson::Double(7.0)),
        (r#"{"$numberDouble":"-Infinity"}"#, Bson::Double(f64::NEG_INFINITY)),
        (r#"{"$numberDecimal":"7.10"}"#, Bson::Decimal128("7.10".parse().unwrap())),
        (
            r#"{"$binary":{"base64":"AQI=","subType":"05"}}"#,
            Bson::Binary(Binary { subtype: BinarySubtype::Md5, bytes: vec![1, 2] }),
        ),
        (
            r#"{"$uuid":"00000000-0000-0000-0000-000000000000"}"#,
            Bson::Binary(bson::Uuid::from_bytes([0; 16]).into()),
        ),
        (
            r#"{"$timestamp":{"t":4294967295,"i":1}}"#,
            Bson::Timestamp(Timestamp { time: u32::MAX, increment: 1 }),
        ),
        (
            r#"{"$regularExpression":{"pattern":"^a","options":"xi"}}"#,
            Bson::RegularExpression(regex),
        ),
        (r#"{"$symbol":"s"}"#, Bson::Symbol("s".into())),
        (r#"{"$code":"f"}"#, Bson::JavaScriptCode("f".into())),
        (r#"{"$code":"f","$scope":{"a":1}}"#, Bson::JavaScriptCodeWithScope(code.clone())),
        (r#"{"$scope":{"a":1},"$code":"f"}"#, Bson::JavaScriptCodeWithScope(code)),
        (r#"{"$minKey":1}"#, Bson::MinKey),
        (r#"{"$maxKey":1}"#, Bson::MaxKey),
        (r#"{"$undefined":true}"#, Bson::Undefined),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), expected, "{text}");
    }
    let pointer =
        r#"{"v":{"$dbPointer":{"$ref":"a.b","$id":{"$oid":"abababababababababababab"}}}}"#;
    let document = parse_json_document(pointer).unwrap();
    assert!(matches!(document.get("v"), Some(Bson::DbPointer(_))));
    assert_eq!(body(Encoding::Json, &document).unwrap(), pointer.as_bytes());
    let raw = body(Encoding::Bson, &document).unwrap();
    assert_eq!(to_bson_document(Encoding::Bson, &raw).unwrap(), document);
}

#[test]
fn a_wrapper_with_the_wrong_content_is_refused_with_its_path() {
    for text in [
        r#"{"$oid":"xyz"}"#,
        r#"{"$oid":7}"#,
        r#"{"$oid":"abababababababababababab","x":1}"#,
        r#"{"x":1,"$oid":"abababababababababababab"}"#,
        r#"{"$date":"yesterday"}"#,
        r#"{"$date":{"$numberLong":"x"}}"#,
        r#"{"$date":{"a":1}}"#,
        r#"{"$numberInt":"3000000000"}"#,
        r#"{"$numberDouble":"x"}"#,
        r#"{"$binary":{"base64":"*","subType":"00"}}"#,
        r#"{"$binary":{"base64":"","subType":"00","x":1}}"#,
        r#"{"$code":"f","$scope":1}"#,
        r#"{"$code":"f","x":1}"#,
        r#"{"$scope":{}}"#,
        r#"{"$minKey":2}"#,
        r#"{"$undefined":false}"#,
        r#"{"$timestamp":{"t":-1,"i":1}}"#,
    ] {
        let error = refused(&format!("{{\"a\":[{text}]}}"));
        assert!(error.context("field").unwrap().starts_with("a.0.$"), "{error}");
    }
}

#[test]
fn other_names_with_a_dollar_are_left_to_the_filter() {
    let filter = parse_json_document(r#"{"a.b":{"$gt":1,"$in":[{"$date":7}]},"$or":[]}"#).unwrap();
    let date = DateTime::from_millis(7);
    assert_eq!(filter, doc! { "a.b": { "$gt": 1, "$in": [date] }, "$or": [] });
}

#[test]
fn numbers_take_the_narrowest_type() {
    assert_eq!(value("0"), Bson::Int32(0));
    assert_eq!(value("-0"), Bson::Int32(0));
    assert_eq!(value("-0.0"), Bson::Double(-0.0));
    assert_eq!(value("2147483647"), Bson::Int32(i32::MAX));
    assert_eq!(value("2147483648"), Bson::Int64(1 << 31));
    assert_eq!(value("-9223372036854775808"), Bson::Int64(i64::MIN));
    assert_eq!(value("9223372036854775807"), Bson::Int64(i64::MAX));
    assert_eq!(value("1e2"), Bson::Double(100.0));
    assert_eq!(value("1.5E-3"), Bson::Double(0.0015));
    assert_eq!(value("9223372036854775808.0"), Bson::Double(9_223_372_036_854_775_808.0));
}

#[test]
fn an_integer_that_cannot_be_kept_is_refused_with_its_value() {
    for number in ["9223372036854775808", "-9223372036854775809", "18446744073709551616"] {
        let error = refused(&format!("{{\"a\":{{\"b\":{number}}}}}"));
        assert_eq!(error.context("value"), Some(number));
        assert_eq!(error.context("field"), Some("a.b"));
    }
    assert_eq!(refused("{\"a\":1e999}").context("value"), Some("1e999"));
    let long = refused(&format!("{{\"a\":{}}}", "1".repeat(100_000)));
    assert!(long.to_string().len() < 500);
}

#[test]
fn a_stored_integer_beyond_i64_reads_as_a_float() {
    let document = to_bson_document(Encoding::Json, b"{\"a\":18446744073709551616}").unwrap();
    assert_eq!(document, doc! { "a": 18_446_744_073_709_551_616.0 });
}

#[test]
fn a_repeated_key_is_refused_however_it_is_written() {
    assert_eq!(refused(r#"{"a":{"b":1,"c":2,"b":3}}"#).context("field"), Some("a.b"));
    refused(r#"{"a":1,"\u0061":2}"#);
}

#[test]
fn escapes_are_read() {
    let text = value(r#""\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\udeeb\uFFFF é""#);
    assert_eq!(text, Bson::String("\"\\/\u{8}\u{c}\n\r\tAé🛫\u{ffff} é".into()));
}

#[test]
fn text_that_is_not_json_is_refused_with_the_byte() {
    for text in [
        "",
        " ",
        "{",
        "}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":-}",
        "{\"a\":1e}",
        "{\"a\":NaN}",
        "{\"a\":tru}",
        "{\"a\":truex}",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":1}}",
        "{\"a\":1} x",
        "{\"a\":\"",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u+123\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\ud800\\u0041\"}",
        "{\"a\":\"\\udc00\\ud800\"}",
        "{\"a\":\"\\ud800x\"}",
        "{\"a\":1]",
        "[1}",
        "/*c*/{}",
        "\u{feff}{}",
        "{\"a\":\"\\",
    ] {
        let error = refused(text);
        assert_eq!(error.message(), "text is not JSON", "{text}");
        assert!(error.context("byte").is_some(), "{error}");
    }
    for text in ["[]", "1", "null", "\"a\"", r#"{"$minKey":1}"#] {
        assert_eq!(refused(text).message(), "document is not a map");
    }
    assert_eq!(parse_json_document(" \r\n\t{ } ").unwrap(), doc! {});
}

fn nested(open: &str, levels: usize, close: &str) -> String {
    format!("{}1{}", open.repeat(levels), close.repeat(levels))
}

#[test]
fn a_hundred_levels_are_read_and_one_more_refused() {
    parse_json_document(&nested("{\"a\":", 100, "}")).unwrap();
    let date = nested("{\"a\":", 100, "}").replace('1', r#"{"$date":{"$numberLong":"1"}}"#);
    parse_json_document(&date).unwrap();
    let lists = format!("{{\"a\":{}}}", nested("[", 99, "]"));
    parse_json_document(&lists).unwrap();
    for text in [
        nested("{\"a\":", 101, "}"),
        nested("{\"a\":", 100, "}").replace('1', "{}"),
        nested("{\"a\":", 100, "}").replace('1', "[]"),
        format!("{{\"a\":{}}}", nested("[", 100, "]")),
    ] {
        let error = parse_json_document(&text).unwrap_err();
        assert_eq!((error.kind(), error.context("limit")), (ErrorKind::Limit, Some("100")));
    }
}

#[test]
fn very_deep_text_is_refused_on_a_small_stack() {
    on_small_stack(|| {
        for text in [
            nested("{\"a\":", 100_000, "}"),
            "[".repeat(100_000),
            "{\"a\":[".repeat(50_000),
            nested("{\"$date\":", 100_000, "}"),
            nested("{\"$scope\":", 100_000, "}"),
        ] {
            assert_eq!(parse_json_document(&text).unwrap_err().kind(), ErrorKind::Limit);
        }
    });
}

#[test]
fn a_text_over_the_limit_is_refused() {
    let text = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_DOCUMENT_BYTES));
    assert_eq!(parse_json_document(&text).unwrap_err().kind(), ErrorKind::Limit);
}
