//! Which bodies count as having the same fields.

use super::super::{Encoding, same_shape};

#[test]
fn shapes_are_compared_by_keys_alone() {
    let same = [
        (r#"{}"#, r#"{}"#),
        (r#"{"a":1}"#, r#"{"a":"x"}"#),
        (r#"{"a":1}"#, r#"{"a":123}"#),
        (r#"{"a":12,"b":1}"#, r#"{"a":1,"b":1}"#),
        (r#"{"a":null}"#, r#"{"a":{"b":1}}"#),
        (r#"{"a":[1,{"x":1}]}"#, r#"{"a":[]}"#),
        (r#"{"a":{"b":{"c":1}},"d":1}"#, r#"{"a":{"b":{"c":2}},"d":[]}"#),
        (r#"{"a":"x\"y","b":1}"#, r#"{"a":"x\\","b":2}"#),
        (r#"{"a":"x,\"b\":1"}"#, r#"{"a":"y,\"c\":1"}"#),
        (r#"{"a":{"$date":"x"}}"#, r#"{"a":{"$numberDouble":"NaN"}}"#),
        (r#"{ "a" : { "b" : 1 } }"#, r#"{"a":{"b":2}}"#),
    ];
    for (one, two) in same {
        assert!(same_shape(Encoding::Json, one.as_bytes(), two.as_bytes()), "{one} {two}");
        assert!(same_shape(Encoding::Json, two.as_bytes(), one.as_bytes()), "{two} {one}");
    }
    let other = [
        (r#"{}"#, r#"{"a":1}"#),
        (r#"{"a":1}"#, r#"{"b":1}"#),
        (r#"{"a":1,"b":1}"#, r#"{"b":1,"a":1}"#),
        (r#"{"a":{"b":1}}"#, r#"{"a":{"c":1}}"#),
        (r#"{"a":{"b":1}}"#, r#"{"a":{"b":1,"c":1}}"#),
        (r#"{"a":"","b":1}"#, r#"{"a":",","c":1}"#),
        (r#"{"a":1}"#, r#"{"a":1"#),
        (r#""#, r#"{"a":1}"#),
        (r#"[]"#, r#"{"a":1}"#),
    ];
    for (one, two) in other {
        assert!(!same_shape(Encoding::Json, one.as_bytes(), two.as_bytes()), "{one} {two}");
        assert!(!same_shape(Encoding::Json, two.as_bytes(), one.as_bytes()), "{two} {one}");
    }
}
