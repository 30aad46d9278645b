//! Extended JSON that nobody vouches for, to BSON and back.

#![no_main]

use jvspatial_db::{Encoding, codec};
use libfuzzer_sys::fuzz_target;

fn transcode(from: Encoding, to: Encoding, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    codec::transcode(from, to, bytes, &mut out).expect("what was encoded can be transcoded");
    out
}

fuzz_target!(|text: &str| {
    let Ok(document) = codec::parse_json_document(text) else { return };
    let mut json = Vec::new();
    if codec::encode(Encoding::Json, &document, &mut json).is_err() {
        return;
    }
    let bson = transcode(Encoding::Json, Encoding::Bson, &json);
    assert_eq!(transcode(Encoding::Bson, Encoding::Json, &bson), json, "{text}");
    assert_eq!(transcode(Encoding::Json, Encoding::Bson, &json), bson, "{text}");
    // Text that was written is text that may be sent.
    let written = std::str::from_utf8(&json).expect("JSON is UTF-8");
    let read = codec::parse_json_document(written).expect("what was written passes as sent");
    let mut again = Vec::new();
    codec::encode(Encoding::Json, &read, &mut again).expect("and can be written");
    assert_eq!(again, json, "{text}");
});
