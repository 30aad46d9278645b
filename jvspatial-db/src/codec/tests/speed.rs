//! Figures, not tests: `cargo test --release -p jvspatial-db codec::tests::speed -- --ignored --nocapture`.

use std::hint::black_box;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::super::{Encoding, decode, encode, merge, same_shape};
use super::body;

#[derive(Serialize, Deserialize)]
struct Airport {
    iata: String,
    name: String,
    description: String,
    latitude: f64,
    passengers: u64,
}

fn airport() -> Airport {
    Airport {
        iata: "ATL".into(),
        name: "Hartsfield-Jackson Atlanta International".into(),
        description: "The busiest airport of the world by passengers, since the year 1998, \
                      with five runways side by side"
            .into(),
        latitude: 33.640_444_44,
        passengers: 104_653_451,
    }
}

/// The best of several rounds, in nanoseconds for each call.
fn nanos(mut call: impl FnMut()) -> f64 {
    const CALLS: u32 = 200_000;
    let rounds = (0..7).map(|_| {
        let start = Instant::now();
        (0..CALLS).for_each(|_| call());
        start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    });
    rounds.fold(f64::INFINITY, f64::min)
}

#[test]
#[ignore = "prints figures of a release build"]
fn figures() {
    let value = airport();
    let json = body(Encoding::Json, &value).unwrap();
    let bson = body(Encoding::Bson, &value).unwrap();
    assert_eq!(json, serde_json::to_vec(&value).unwrap());
    let mut out = Vec::with_capacity(1024);

    let peer = nanos(|| {
        out.clear();
        serde_json::to_writer(&mut out, black_box(&value)).unwrap();
    });
    let ours = nanos(|| {
        out.clear();
        encode(Encoding::Json, black_box(&value), &mut out).unwrap();
    });
    println!("{} bytes: encode {ours:.0} ns, serde_json {peer:.0} ns", json.len());
    println!("  ratio {:.2}", ours / peer);

    let peer = nanos(|| {
        out.clear();
        bson::serialize_to_buffer(black_box(&value), &mut out).unwrap();
    });
    let ours = nanos(|| {
        out.clear();
        encode(Encoding::Bson, black_box(&value), &mut out).unwrap();
    });
    println!("bson: encode {ours:.0} ns, bson {peer:.0} ns, ratio {:.2}", ours / peer);

    for (encoding, bytes) in [(Encoding::Json, &json), (Encoding::Bson, &bson)] {
        let ours = nanos(|| drop(black_box(decode::<Airport>(encoding, black_box(bytes)))));
        println!("{encoding:?}: decode {ours:.0} ns");
    }
    let peer = nanos(|| drop(black_box(serde_json::from_slice::<Airport>(black_box(&json)))));
    println!("serde_json from_slice {peer:.0} ns");
    let peer = nanos(|| {
        let text = std::str::from_utf8(black_box(&json)).unwrap();
        drop(black_box(serde_json::from_str::<Airport>(text)));
    });
    println!("serde_json from_str {peer:.0} ns");

    let one = Airport { passengers: 104_653_452, ..airport() };
    let all = Airport {
        iata: "BOS".into(),
        name: "Logan".into(),
        description: "Another".into(),
        latitude: 1.5,
        passengers: 1,
    };
    for encoding in super::BOTH {
        let base = body(encoding, &value).unwrap();
        for (what, after) in [("one field", &one), ("all fields", &all)] {
            let after = body(encoding, after).unwrap();
            assert!(same_shape(encoding, &base, &after));
            let ours = nanos(|| {
                black_box(same_shape(encoding, black_box(&base), black_box(&after)));
            });
            println!("{encoding:?}: same_shape, {what} changed: {ours:.0} ns");
        }
    }

    let base = String::from_utf8(json.clone()).unwrap().replace("\"iata\"", "\"x\":[1,2],\"iata\"");
    let ours = nanos(|| {
        out.clear();
        let again = |bytes: &[u8]| body(Encoding::Json, &decode::<Airport>(Encoding::Json, bytes)?);
        merge(Encoding::Json, base.as_bytes(), &json, again, &mut out).unwrap();
    });
    assert_eq!(out, base.as_bytes());
    println!("merge with one unknown field: {ours:.0} ns");
}
