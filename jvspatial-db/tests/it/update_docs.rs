//! Runs the examples of `docs/updates.md`.

use bson::{DateTime, Document};
use jvspatial_db::Update;

fn parse(text: &str) -> Document {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_example_of_the_table_does_what_it_says() {
    let mut operators = Vec::new();
    for row in include_str!("../../../docs/updates.md").lines() {
        let Some((example, after)) = row.split_once(" → ") else { continue };
        let mut spans = example.rsplit('`').skip(1).step_by(2);
        let (update, before) = (parse(spans.next().unwrap()), parse(spans.next().unwrap()));
        let mut fields = before.clone();
        let time = DateTime::parse_rfc3339_str("2001-02-03T04:05:06.789Z").unwrap();
        Update::parse(&update).unwrap().apply(&mut fields, time).unwrap();
        let after = parse(after.split('`').nth(1).unwrap());
        assert_eq!(fields.to_vec().unwrap(), after.to_vec().unwrap(), "{before} {update}");
        operators.extend(update.keys().cloned());
    }
    operators.sort();
    operators.dedup();
    assert_eq!(operators.len(), 13, "{operators:?}");
}
