//! What the macros say to a mistake: one file for each under `tests/ui`.
//!
//! The expected texts are those of the compiler that the workspace names in `rust-version`.

#[test]
fn each_mistake_is_explained_at_its_place() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*/*.rs");
}
