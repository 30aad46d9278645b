//! Replays answers of a MongoDB 6.0.5 server, recorded as filters, documents and matches by
//! `tests/data/record_filter_vectors.py`.

use bson::{Bson, Document};
use jvspatial_db::Filter;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    groups: Vec<Group>,
    /// Filters that the server refuses.
    refused: Vec<Document>,
}

#[derive(Deserialize)]
struct Group {
    documents: Vec<Bson>,
    /// A filter, and for each of the documents a `1` when it matches, else a `0`.
    cases: Vec<(Document, String)>,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../data/filter_vectors.json")).unwrap()
}

#[test]
fn every_recorded_filter_matches_what_the_server_matched() {
    let mut wrong = Vec::new();
    let mut checked = 0;
    for group in vectors().groups {
        for (source, expected) in group.cases {
            let filter = match Filter::parse(&source) {
                Ok(filter) => filter,
                Err(error) => {
                    wrong.push(format!("{source}: {error}"));
                    continue;
                }
            };
            let again = Filter::parse(&filter.to_document()).unwrap();
            assert_eq!(filter, again, "{source} is not printed as it was read");
            assert_eq!(group.documents.len(), expected.len());
            for (document, expected) in group.documents.iter().zip(expected.bytes()) {
                let document = document.as_document().unwrap();
                checked += 1;
                if filter.matches(document) != (expected == b'1') {
                    wrong.push(format!(
                        "{source} on {document}: the server says {}",
                        expected as char
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), wrong.join("\n"));
    assert!(checked > 260_000, "only {checked} answers were replayed");
}

#[test]
fn what_the_server_refuses_is_refused() {
    for source in vectors().refused {
        assert!(Filter::parse(&source).is_err(), "{source} was accepted");
    }
}
