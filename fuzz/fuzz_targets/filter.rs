//! The text of a filter: what is accepted prints as a filter with the same answers.

#![no_main]

use jvspatial_db::{Filter, codec, doc};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(document) = codec::parse_json_document(text) else { return };
    let Ok(filter) = Filter::parse(&document) else { return };
    let printed = filter.to_document();
    let again = Filter::parse(&printed).expect("what was printed is accepted");
    // NaN differs from itself, so the text of both is compared.
    assert_eq!(format!("{:?}", again.to_document()), format!("{printed:?}"));
    assert_eq!(again.shape(), filter.shape());
    let samples = [
        doc! {},
        doc! { "a": "x\nY", "b": ["é", "a1 ", [2, 3], { "c": "B\r\n" }], "c": [5, 6.5, -7_i64] },
        doc! { "_id": "n.City.oslo", "entity": "City", "context": { "a": 1, "b": [1, { "c": "x" }] } },
        doc! { "a": null, "b": { "a": [[1.5, 2_i64], true] }, "c": f64::NAN },
    ];
    for sample in &samples {
        assert_eq!(filter.matches(sample), again.matches(sample), "{printed:?}");
    }
    // The opposite may be beyond the bound on depth.
    if let Ok(not) = filter.clone().not() {
        for sample in &samples {
            assert_ne!(filter.matches(sample), not.matches(sample), "{printed:?}");
        }
    }
});
