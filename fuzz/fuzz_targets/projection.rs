//! The text of a projection and of a sort: what is accepted prints as the same, and a projection of a projection
//! changes nothing.

#![no_main]

use jvspatial_db::{Body, Encoding, Projection, Sort, codec, doc};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(document) = codec::parse_json_document(text) else { return };
    if let Ok(sort) = Sort::parse(&document) {
        assert_eq!(Sort::parse(&sort.to_document()).expect("what was printed is accepted"), sort);
    }
    let Ok(projection) = Projection::parse(&document) else { return };
    let again = Projection::parse(&projection.to_document()).expect("what was printed is accepted");
    assert_eq!(again, projection);
    let sample = doc! {
        "_id": "n.City.oslo", "a": { "b": 1 },
        "context": { "a": 1, "b": [1, { "c": "x", "a": [[{ "b": 1.5 }], 2] }], "c": { "a": null, "b": {} } },
    };
    let once = projection.apply(&sample);
    assert_eq!(projection.apply(&once), once, "{projection:?}");
    let expected = once.get_document("context").cloned().unwrap_or_default();
    for encoding in [Encoding::Json, Encoding::Bson] {
        let mut bytes = Vec::new();
        codec::encode(encoding, sample.get_document("context").expect("fields"), &mut bytes).expect("a body");
        let body = projection.apply_to_body(&Body::new(encoding, bytes.into())).expect("a body");
        assert_eq!(body.to_bson().expect("fields"), expected, "{projection:?} {encoding:?}");
    }
});
