//! The text of an update: what is accepted prints as an update with the same results.

#![no_main]

use jvspatial_db::{Encoding, Update, codec, doc};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(document) = codec::parse_json_document(text) else { return };
    let Ok(update) = Update::parse(&document) else { return };
    let printed = update.to_document();
    let again = Update::parse(&printed).expect("what was printed is accepted");
    // NaN differs from itself, so the text of both is compared.
    assert_eq!(format!("{:?}", again.to_document()), format!("{printed:?}"));
    let time = jvspatial_db::update::DateTime::from_millis(0);
    let samples = [
        doc! {},
        doc! { "a": 1, "b": [1, { "c": "x" }, [2.5]], "c": { "a": null, "b": i64::MAX } },
        doc! { "a": { "a": [[1.5, 2_i64], true] }, "b": f64::NAN, "c": [3, 1, 2] },
    ];
    for sample in &samples {
        for insert in [false, true] {
            let apply = |update: &Update| {
                let mut fields = sample.clone();
                let applied = if insert {
                    update.apply_on_insert(&mut fields, time)
                } else {
                    update.apply(&mut fields, time)
                };
                applied.ok().map(|modified| (modified, fields))
            };
            let (one, other) = (apply(&update), apply(&again));
            assert_eq!(format!("{one:?}"), format!("{other:?}"), "{printed:?}");
            let Some((modified, fields)) = one else { continue };
            if !modified {
                assert_eq!(format!("{fields:?}"), format!("{sample:?}"), "{printed:?}");
            }
            // No name that cannot be stored gets in; only the size may be too much.
            let mut encoded = Vec::new();
            if let Err(error) = codec::encode(Encoding::Json, &fields, &mut encoded) {
                assert_eq!(error.kind(), jvspatial_db::ErrorKind::Limit, "{error} {printed:?}");
            }
        }
    }
});
