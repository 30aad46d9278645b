#![allow(clippy::unwrap_used)]

use bson::{Bson, doc};

use super::*;
use crate::codec::{Encoding, encode, to_bson_document};
use crate::error::ErrorKind;

#[test]
fn what_is_no_projection_is_refused_with_its_path() {
    let regex = bson::Regex { pattern: "x".try_into().unwrap(), options: "".try_into().unwrap() };
    for (projection, kind) in [
        (doc! { "a": 1, "b": 0 }, ErrorKind::Invalid),
        (doc! { "a": {} }, ErrorKind::Invalid),
        (doc! { "a": 1, "a.b": 1 }, ErrorKind::Invalid),
        (doc! { "a.b": 1, "a": 1 }, ErrorKind::Invalid),
        (doc! { "_id": 1, "_id.a": 1 }, ErrorKind::Invalid),
        (doc! { "a..b": 1 }, ErrorKind::Invalid),
        (doc! { "a.$": 1 }, ErrorKind::Unsupported),
        (doc! { "a": { "$slice": 1 } }, ErrorKind::Unsupported),
        (doc! { "a": { "$elemMatch": { "b": 1 } } }, ErrorKind::Unsupported),
        (doc! { "a": { "b": { "$add": [1, 2] } } }, ErrorKind::Unsupported),
        (doc! { "a": "text" }, ErrorKind::Unsupported),
        (doc! { "a": Bson::Null }, ErrorKind::Unsupported),
        (doc! { "a": [1] }, ErrorKind::Unsupported),
        (doc! { "a": regex }, ErrorKind::Unsupported),
        (doc! { "_id": "x" }, ErrorKind::Unsupported),
    ] {
        let error = Projection::parse(&projection).unwrap_err();
        assert_eq!(error.kind(), kind, "{projection}");
        assert!(error.context("path").is_some(), "{projection}");
    }
}

#[test]
fn a_projection_is_bounded_in_depth_and_width() {
    let mut deep = doc! { "a": 1 };
    for _ in 0..10_000 {
        deep = doc! { "a": deep };
    }
    assert_eq!(Projection::parse(&deep).unwrap_err().kind(), ErrorKind::Limit);
    // Dropping it level by level keeps the stack flat.
    while let Some(Bson::Document(inner)) = deep.remove("a") {
        deep = inner;
    }
    let wide: Document =
        (0..=MAX_PROJECTION_PATHS).map(|n| (format!("a{n}"), Bson::Int32(1))).collect();
    assert_eq!(Projection::parse(&wide).unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn what_a_sort_needs_is_added_to_an_inclusion() {
    let sort = Sort::parse(&doc! { "context.a.b": 1, "context.c": 1, "source": 1 }).unwrap();
    let projection = Projection::parse(&doc! { "context.a.d": 1, "context.e": 1 }).unwrap();
    let with_keys = projection.with_keys_of(&sort).to_document();
    assert_eq!(
        with_keys,
        doc! { "context.e": 1, "context.a": 1, "context.c": 1, "source": 1 },
        "the whole of `a`, and each path once"
    );
}

#[test]
fn bodies_are_cut_alike_in_both_encodings() {
    let fields = doc! {
        "a": 1, "q\"uote": { "x": 1, "y": [] },
        "list": [1, { "x": 2, "y": "]}\\\"" }, [{ "x": 3 }, 4], {}],
        "when": bson::DateTime::from_millis(5), "last": 1.5,
    };
    for projection in [
        doc! { "context.list.x": 1 },
        doc! { "context.list.x": 0 },
        doc! { "context.q\"uote.x": 1, "context.last": 1 },
        doc! { "context.q\"uote.y": 0, "context.a": 0 },
        doc! { "context.when.x": 1 },
        doc! { "context.when.x": 0 },
        doc! { "context": 1 },
        doc! { "context": 0 },
        doc! { "_id": 1 },
        doc! { "_id": 0 },
        doc! { "entity": 1 },
    ] {
        let projection = Projection::parse(&projection).unwrap();
        let whole = doc! { "context": fields.clone() };
        let applied = projection.apply(&whole);
        let expected = applied.get_document("context").cloned().unwrap_or_default();
        for encoding in [Encoding::Json, Encoding::Bson] {
            let mut bytes = Vec::new();
            encode(encoding, &fields, &mut bytes).unwrap();
            let body = projection.apply_to_body(&Body::new(encoding, bytes.into())).unwrap();
            let cut = to_bson_document(encoding, body.as_bytes()).unwrap();
            assert_eq!(cut.to_string(), expected.to_string(), "{projection:?} {encoding:?}");
        }
    }
}

#[test]
fn broken_bodies_are_corrupt() {
    let projection = Projection::parse(&doc! { "context.a.b": 0 }).unwrap();
    for (encoding, bytes) in [
        (Encoding::Json, &b""[..]),
        (Encoding::Json, b"[1]"),
        (Encoding::Json, b"{\"a\""),
        (Encoding::Json, b"{\"a\":{\"b\":1}"),
        (Encoding::Json, b"{\"a\":[1,"),
        (Encoding::Json, b"{\"a\" 1}"),
        (Encoding::Bson, b""),
        (Encoding::Bson, &[9, 0, 0, 0, 0]),
        (Encoding::Bson, &[12, 0, 0, 0, 3, b'a', 0, 99, 0, 0, 0, 0]),
    ] {
        let body = Body::new(encoding, bytes.to_vec().into());
        let error = projection.apply_to_body(&body).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{bytes:?}");
    }
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let body = Body::new(Encoding::Json, deep.into_bytes().into());
    assert_eq!(projection.apply_to_body(&body).unwrap_err().kind(), ErrorKind::Limit);
}
