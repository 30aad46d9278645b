//! The program, started as a person would start it.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn a_run_with_nobody_to_ask_is_an_error_and_no_agreement() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jvspatial-differential"));
    let output = command.env_remove("JVSPATIAL_TEST_MONGODB_URI").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    assert!(output.stderr.starts_with(b"error: "), "{output:?}");
}
