//! Replays answers of a MongoDB 6.0.5 server, recorded as filters, documents and matches by
//! `tests/data/record_filter_vectors.py`.

use std::collections::{BTreeMap, BTreeSet};

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

/// Which kinds of operands each operator was recorded with, and of values that it was asked about.
#[derive(Default)]
struct Coverage {
    operands: BTreeMap<String, BTreeSet<u8>>,
    values: BTreeMap<String, BTreeSet<u8>>,
}

impl Coverage {
    fn add(&mut self, operator: &str, operand: &Bson, values: &BTreeSet<u8>) {
        let operands = self.operands.entry(operator.to_owned()).or_default();
        operands.insert(operand.element_type() as u8);
        // Of operators that take a list, each member is an operand.
        if let ("$in" | "$nin" | "$all" | "$mod" | "$type", Bson::Array(items)) =
            (operator, operand)
        {
            operands.extend(items.iter().map(|item| item.element_type() as u8));
        }
        self.values.entry(operator.to_owned()).or_default().extend(values);
    }

    fn add_filter(&mut self, filter: &Document, values: &BTreeSet<u8>) {
        for (name, operand) in filter {
            if name.starts_with('$') {
                self.add(name, operand, values);
            }
            match operand {
                Bson::Document(inner) => self.add_filter(inner, values),
                Bson::Array(items) => {
                    let inner = items.iter().filter_map(Bson::as_document);
                    inner.for_each(|inner| self.add_filter(inner, values));
                }
                _ => {}
            }
            let is_literal = !operand
                .as_document()
                .is_some_and(|inner| inner.keys().next().is_some_and(|name| name.starts_with('$')));
            if !name.starts_with('$') && is_literal {
                self.add("a value", operand, values);
            }
        }
    }
}

#[test]
fn every_operator_was_recorded_with_every_kind_of_operand_and_value() {
    const OPERATORS: [&str; 21] = [
        "a value",
        "$eq",
        "$ne",
        "$gt",
        "$gte",
        "$lt",
        "$lte",
        "$in",
        "$nin",
        "$exists",
        "$type",
        "$regex",
        "$options",
        "$mod",
        "$size",
        "$all",
        "$elemMatch",
        "$not",
        "$and",
        "$or",
        "$nor",
    ];
    // The types of BSON by their codes: 1 to 19, and the smallest and the largest key.
    let kinds: BTreeSet<u8> = (1..=19).chain([0x7f, 0xff]).collect();
    let recorded = vectors();
    let mut coverage = Coverage::default();
    for group in &recorded.groups {
        let documents = group.documents.iter().filter_map(Bson::as_document);
        let values = documents.flat_map(Document::values).map(|value| value.element_type() as u8);
        let values = values.collect();
        group.cases.iter().for_each(|(filter, _)| coverage.add_filter(filter, &values));
    }
    let none = BTreeSet::new();
    recorded.refused.iter().for_each(|filter| coverage.add_filter(filter, &none));
    for operator in OPERATORS {
        assert_eq!(coverage.operands.get(operator), Some(&kinds), "operands of {operator}");
        assert_eq!(coverage.values.get(operator), Some(&kinds), "values at {operator}");
    }
}
