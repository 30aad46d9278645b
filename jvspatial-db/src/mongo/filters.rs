//! Filters as a server is given them.

use bson::{Bson, Document as Fields};

use crate::filter::Filter;

/// The filter in words that a server answers alike by every index and without one.
///
/// `$gte` and `$lte` of null hold where nothing is stored, as `$eq` of null does. Only for `$eq` does a server know
/// that its sparse indexes do not tell of such documents.
pub(super) fn for_server(filter: &Filter) -> Fields {
    query(filter.to_document())
}

fn query(filter: Fields) -> Fields {
    let parts = filter.into_iter().map(|(name, part)| {
        let part = match part {
            Bson::Array(filters) if name.starts_with('$') => {
                Bson::Array(filters.into_iter().map(inner).collect())
            }
            Bson::Document(part) if has_operators(&part) => Bson::Document(operators(part)),
            value => value,
        };
        (name, part)
    });
    parts.collect()
}

fn inner(filter: Bson) -> Bson {
    match filter {
        Bson::Document(filter) => Bson::Document(query(filter)),
        other => other,
    }
}

/// Whether it is what a field is asked for by, and not a value that the field is to have.
fn has_operators(part: &Fields) -> bool {
    part.keys().next().is_some_and(|name| name.starts_with('$'))
}

fn operators(asked: Fields) -> Fields {
    let parts = asked.into_iter().map(|(name, operand)| match (name.as_str(), operand) {
        ("$gte" | "$lte", Bson::Null) => ("$eq".to_owned(), Bson::Null),
        ("$not", Bson::Document(negated)) => (name, Bson::Document(operators(negated))),
        // What elements themselves are asked for does not hold where nothing is stored.
        ("$elemMatch", Bson::Document(of_elements)) if !is_of_values(&of_elements) => {
            (name, Bson::Document(query(of_elements)))
        }
        (_, operand) => (name, operand),
    });
    parts.collect()
}

/// Whether the operand of `$elemMatch` is about elements themselves, and not about their fields.
fn is_of_values(of_elements: &Fields) -> bool {
    let joins = ["$and", "$or", "$nor"];
    has_operators(of_elements) && !of_elements.keys().any(|name| joins.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[track_caller]
    fn expect(filter: Fields, expected: Fields) {
        assert_eq!(for_server(&Filter::parse(&filter).unwrap()), expected);
    }

    #[test]
    fn what_holds_for_missing_values_is_asked_for_by_equality() {
        let null = || doc! { "$eq": Bson::Null };
        for operator in ["$gte", "$lte"] {
            let asked = || doc! { operator: Bson::Null };
            expect(doc! { "a": asked() }, doc! { "a": null() });
            expect(doc! { "a": { "$not": asked() } }, doc! { "a": { "$not": null() } });
            expect(
                doc! { "$or": [{ "a": asked() }, { "b": 1 }] },
                doc! { "$or": [{ "a": null() }, { "b": 1 }] },
            );
            let of_elements = |asked: Fields| doc! { "a": { "$elemMatch": { "b": asked } } };
            expect(of_elements(asked()), of_elements(null()));
        }
    }

    #[test]
    fn values_that_look_like_operators_and_other_comparisons_stay() {
        for filter in [
            doc! { "a": { "$eq": { "$gte": Bson::Null } } },
            doc! { "a": { "b": { "c": Bson::Null } } },
            doc! { "a": { "$gte": 1 } },
            doc! { "a": { "$elemMatch": { "$gte": Bson::Null } } },
        ] {
            expect(filter.clone(), filter);
        }
    }
}
