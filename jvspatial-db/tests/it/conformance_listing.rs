//! No case of the suite is forgotten in its list.

use std::path::Path;

#[test]
fn every_case_is_listed_under_its_file() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/conformance");
    let list = std::fs::read_to_string(directory.join("mod.rs")).unwrap();
    let mut cases = 0;
    for entry in std::fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_stem().unwrap().to_str().unwrap();
        if ["mod", "harness", "support"].contains(&file) {
            continue;
        }
        let listed = list.split_once(&format!(" {file} {{")).map(|(_, rest)| rest);
        let listed = listed.and_then(|rest| rest.split_once('}')).map(|(listed, _)| listed);
        let listed = listed.unwrap_or_else(|| panic!("{file}.rs is not listed"));
        let listed: Vec<&str> = listed.split(',').map(str::trim).collect();
        let source = std::fs::read_to_string(&path).unwrap();
        for line in source.lines() {
            let Some(case) = line.strip_prefix("pub async fn ") else { continue };
            let case = case.split('(').next().unwrap();
            assert!(listed.contains(&case), "{case} of {file}.rs is not listed");
            cases += 1;
        }
    }
    assert!(cases > 100, "only {cases} cases were found");
}
