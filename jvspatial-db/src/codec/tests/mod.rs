//! Tests of the codec, by rule.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod decoding;
mod encoding;
mod merging;
mod names;
mod property;
mod shapes;
mod speed;
mod text;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Encoding, decode, encode};
use crate::{Error, Result};

const BOTH: [Encoding; 2] = [Encoding::Json, Encoding::Bson];

fn body<T: Serialize + ?Sized>(encoding: Encoding, value: &T) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    encode(encoding, value, &mut out)?;
    Ok(out)
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    String::from_utf8(body(Encoding::Json, value).unwrap()).unwrap()
}

/// The error of a value that no encoding takes, after a check that both say the same.
fn refused<T: Serialize + ?Sized>(value: &T) -> Error {
    let [json, bson] = BOTH.map(|encoding| body(encoding, value).unwrap_err());
    assert_eq!(json.to_string(), bson.to_string());
    assert_eq!(json.kind(), bson.kind());
    json
}

fn there_and_back<T: Serialize + DeserializeOwned>(encoding: Encoding, value: &T) -> T {
    decode(encoding, &body(encoding, value).unwrap()).unwrap()
}

/// Runs `test` on a thread of 2 MiB, the size that tokio gives its own.
fn on_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(test).unwrap();
    thread.join().unwrap();
}

/// A document of one field.
#[derive(Serialize)]
struct One<T> {
    value: T,
}

/// A document of the one field `value`.
fn one<T>(value: T) -> One<T> {
    One { value }
}
