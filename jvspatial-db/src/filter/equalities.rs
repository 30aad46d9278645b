//! What a filter says fields are equal to, as an upsert reads it.
//!
//! MongoDB reads that from a filter as it is written, before anything is folded: `{$not: {$ne: 1}}` says
//! nothing there, and `{$all: [1, 1]}` says the same twice.

use bson::{Bson, Document};

use super::Filter;
use super::node::Node;
use super::parse::looks_like_operators;
use crate::value;

/// Paths with what they are equal to.
pub(super) type Equalities = Box<[(String, Bson)]>;

/// The path of the type.
const ENTITY: &str = "entity";

impl Filter {
    /// The entity name of everything that matches, where the filter asks for a single one.
    pub fn entity(&self) -> Option<&str> {
        of_node(self.node()).into_iter().find(|(path, _)| *path == ENTITY)?.1.as_str()
    }

    /// Paths with what the filter says they are equal to; one may come several times.
    pub(crate) fn equalities(&self) -> Vec<(&str, &Bson)> {
        match self.written_equalities() {
            Some(written) => written.iter().map(|(path, value)| (path.as_str(), value)).collect(),
            None => of_node(self.node()),
        }
    }
}

/// What a filter as it was written says, unless its normal form says the same.
pub(super) fn written(filter: &Document, node: &Node) -> Option<Equalities> {
    let found = of_filter(filter).unwrap_or_default();
    let mut normal = of_node(node);
    let is_same = found.len() == normal.len() && {
        let mut written = found.clone();
        let by_path = |pair: &(&str, &Bson)| pair.0.len();
        written.sort_by(|a, b| (by_path(a), a.0).cmp(&(by_path(b), b.0)));
        normal.sort_by(|a, b| (by_path(a), a.0).cmp(&(by_path(b), b.0)));
        written == normal
    };
    (!is_same).then(|| owned(&found))
}

/// What several filters say together, the type once though a caller and this library may both ask for it;
/// `None` when their normal form says it.
pub(super) fn joined(filters: &[Filter]) -> Option<Equalities> {
    if filters.iter().all(|filter| filter.written_equalities().is_none() && !filter.is_none()) {
        return None;
    }
    let mut all: Vec<(&str, &Bson)> = Vec::new();
    let mut entity = None;
    for filter in filters {
        let known = entity;
        for (path, value) in filter.equalities() {
            if path != ENTITY {
                all.push((path, value));
            } else if known != Some(value) {
                entity = Some(value);
                all.push((path, value));
            }
        }
    }
    Some(owned(&all))
}

/// Whether a normal form says of any field what it is equal to.
pub(super) fn are_in(node: &Node) -> bool {
    !of_node(node).is_empty()
}

fn owned(pairs: &[(&str, &Bson)]) -> Equalities {
    pairs.iter().map(|(path, value)| ((*path).to_owned(), (*value).clone())).collect()
}

fn of_node(node: &Node) -> Vec<(&str, &Bson)> {
    let members = match node {
        Node::And(members) => members.as_slice(),
        single => std::slice::from_ref(single),
    };
    let mut found = Vec::new();
    for member in members {
        if let Node::Equal { path, value } = member {
            found.push((path.as_str(), value.value()));
        }
    }
    found
}

/// Paths and values in a filter.
type Said<'a> = Vec<(&'a str, &'a Bson)>;

/// What a filter says whose depth has been checked; `None` when it has an empty `$all`, which passes nothing
/// and is known to do so before anything is read.
fn of_filter(filter: &Document) -> Option<Said<'_>> {
    let mut said = Vec::new();
    for (name, value) in filter {
        match (name.as_str(), value) {
            ("$and", Bson::Array(members)) => {
                for member in members.iter().filter_map(Bson::as_document) {
                    said.extend(of_filter(member)?);
                }
            }
            ("$or", Bson::Array(members)) => said.extend(of_alternatives(members)?),
            (operator, _) if operator.starts_with('$') => {}
            (_, Bson::RegularExpression(_)) => {}
            (path, Bson::Document(operators)) if looks_like_operators(value) => {
                for (operator, operand) in operators {
                    said.extend(
                        of_operator(operator, operand)?.into_iter().map(|item| (path, item)),
                    );
                }
            }
            (path, literal) => said.push((path, literal)),
        }
    }
    Some(said)
}

/// What the only alternative says, those that pass nothing left out.
fn of_alternatives(members: &[Bson]) -> Option<Said<'_>> {
    let mut left = members.iter().filter_map(Bson::as_document).filter_map(of_filter);
    let only = left.next()?;
    Some(if left.next().is_none() { only } else { Vec::new() })
}

/// The values that an operator asks for.
fn of_operator<'a>(operator: &str, operand: &'a Bson) -> Option<Vec<&'a Bson>> {
    let is_value =
        |item: &&Bson| !matches!(item, Bson::RegularExpression(_)) && !looks_like_operators(item);
    Some(match (operator, operand) {
        ("$eq", value) => vec![value],
        ("$in", Bson::Array(items)) => match items.split_first() {
            // The same several times is one value.
            Some((first, rest))
                if is_value(&first)
                    && rest.iter().all(|item| value::compare(first, item).is_eq()) =>
            {
                vec![first]
            }
            _ => Vec::new(),
        },
        ("$all", Bson::Array(items)) if items.is_empty() => return None,
        ("$all", Bson::Array(items)) => items.iter().filter(is_value).collect(),
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bson::doc;

    use super::*;

    fn said(filter: &Filter) -> String {
        let pairs = filter.equalities();
        pairs.iter().map(|(path, value)| format!("{path}={value} ")).collect::<String>()
    }

    #[test]
    fn what_is_folded_away_or_together_is_read_as_it_was_written() {
        for (filter, expected) in [
            (doc! { "a": 1, "b": { "$eq": 2, "$gt": 1 } }, "a=1 b=2 "),
            (doc! { "a": { "$not": { "$ne": 1 } }, "b": 2 }, "b=2 "),
            (doc! { "a": { "$all": [1, 1] } }, "a=1 a=1 "),
            (doc! { "a": { "$in": [1] }, "b": { "$in": [2, 2] } }, "a=1 b=2 "),
            (doc! { "a": { "$in": [1, 2] }, "b": { "$in": [1, 1.0] } }, "b=1 "),
            (doc! { "b": 1, "$and": [{ "c": 2, "a": { "$all": [] } }] }, ""),
            (doc! { "b": 1, "$or": [{ "a": { "$all": [] } }, { "c": 1 }] }, "b=1 c=1 "),
            (doc! { "b": 1, "$or": [{ "$or": [{ "a": { "$all": [] } }] }] }, ""),
            (doc! { "b": 1, "$nor": [{ "a": { "$all": [] } }] }, "b=1 "),
            (doc! { "b": 1, "a": { "$not": { "$all": [] } } }, "b=1 "),
            (doc! { "_id": "x", "a": { "$in": [] } }, "_id=\"x\" "),
            (doc! { "$or": [{ "a": 1 }, { "a": 1 }] }, ""),
            (doc! { "$or": [{ "a": 1 }], "$and": [{ "b": { "$all": [2] } }] }, "a=1 b=2 "),
            (doc! { "$nor": [{ "$nor": [{ "a": 1 }] }] }, ""),
            (doc! { "a": { "$elemMatch": { "$eq": 1 } } }, ""),
        ] {
            assert_eq!(said(&Filter::parse(&filter).unwrap()), expected, "{filter}");
        }
    }

    #[test]
    fn filters_that_are_joined_say_what_each_of_them_says() {
        let parse = |filter| Filter::parse(&filter).unwrap();
        let entity = || parse(doc! { "entity": "City" });
        let twice = || parse(doc! { "entity": "City", "a": { "$all": [1, 1] } });
        let both = entity().and(twice()).unwrap();
        assert_eq!(said(&both), "entity=\"City\" a=1 a=1 ");
        assert_eq!(said(&entity().and(Filter::none()).unwrap()), "entity=\"City\" ");
        assert_eq!(said(&entity().or(entity()).unwrap()), "");
        assert_eq!(said(&Filter::any([twice()]).unwrap()), said(&twice()));
        assert_eq!(said(&entity().not().unwrap().not().unwrap()), "");
        assert_eq!(said(&both.and(entity()).unwrap()), "entity=\"City\" a=1 a=1 ");
    }
}
