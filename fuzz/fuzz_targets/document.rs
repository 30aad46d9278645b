//! Any bytes as the stored body of a document, in either encoding.
//!
//! What can be read can be written again unless it breaks a rule of names; what was written reads back
//! as the same bytes.

#![no_main]

use jvspatial_db::{Encoding, codec};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((mode, body)) = data.split_first() else { return };
    let encoding = if mode % 2 == 0 { Encoding::Json } else { Encoding::Bson };
    let Ok(document) = codec::to_bson_document(encoding, body) else { return };
    for encoding in [Encoding::Json, Encoding::Bson] {
        let mut first = Vec::new();
        if codec::encode(encoding, &document, &mut first).is_err() {
            assert!(first.is_empty(), "an error left bytes behind");
            continue;
        }
        let again = codec::to_bson_document(encoding, &first).expect("what was written is read");
        let mut second = Vec::new();
        codec::encode(encoding, &again, &mut second).expect("what was written can be written");
        assert_eq!(first, second, "{document:?}");
        assert!(!first.contains(&b'\n') || encoding == Encoding::Bson, "a raw line feed");
        assert!(codec::same_shape(encoding, &first, &second));
        let _: Result<jvspatial_db::Bson, _> = codec::decode(encoding, &first);
    }
});
