//! What the macros say to a mistake, one file for each under `tests/ui`, and whether the examples of their documentation are
//! tried.
//!
//! The expected texts are those of the compiler that the workspace names in `rust-version`.

#[test]
fn each_mistake_is_explained_at_its_place() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*/*.rs");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "there is no database in this test")]
fn the_examples_of_each_page_are_tests() {
    let pages = concat!(env!("CARGO_MANIFEST_DIR"), "/../../jvspatial-macros/docs");
    let tried = include_str!("../../src/lib.rs");
    for page in std::fs::read_dir(pages).unwrap() {
        let page = page.unwrap().file_name().into_string().unwrap();
        assert!(tried.contains(&format!("\"{page}\"")), "{page} is not named in src/lib.rs");
    }
}
