//! Filters as a server is given them.

use bson::{Bson, Document as Fields, doc};

use crate::filter::Filter;

/// The filter in words that a server answers alike by every index and without one.
///
/// - `$gte` and `$lte` of null hold where nothing is stored, as `$eq` of null does. Only for `$eq` does a server know
///   that its sparse indexes do not tell of such documents.
/// - An index tells of the elements of an array, by which a server misses arrays that are larger than one that begins
///   with an array. Everything lies between the smallest and the largest key, also what is missing, and again a sparse
///   index does not tell of it. A negation of the negation is answered without an index.
/// - A symbol compares as a text does. At the negation of a comparison with a symbol a server fails that has an index.
pub(super) fn for_server(filter: &Filter) -> Fields {
    query(filter.to_document())
}

fn query(filter: Fields) -> Fields {
    let mut asked = Fields::new();
    let mut negated = Vec::new();
    for (name, part) in filter {
        let part = match part {
            Bson::Array(filters) if name == NOR => {
                negated.extend(filters.into_iter().map(inner));
                continue;
            }
            Bson::Array(filters) if name.starts_with('$') => {
                Bson::Array(filters.into_iter().map(inner).collect())
            }
            Bson::Document(part) if has_operators(&part) => {
                let part = operators(part);
                if let Some(opposite) = opposite_without_index(&part) {
                    negated.push(doc! { name: opposite }.into());
                    continue;
                }
                Bson::Document(part)
            }
            value => value,
        };
        asked.insert(name, part);
    }
    if !negated.is_empty() {
        asked.insert(NOR, negated);
    }
    asked
}

const NOR: &str = "$nor";

/// The opposite of what a field is asked for, where a server is not to use an index for it.
fn opposite_without_index(asked: &Fields) -> Option<Fields> {
    let is_answered_wrongly = |(name, operand): (&String, &Bson)| match (name.as_str(), operand) {
        ("$gt" | "$gte", Bson::Array(items)) => matches!(items.first(), Some(Bson::Array(_))),
        ("$gt" | "$gte", Bson::MinKey) | ("$lt" | "$lte", Bson::MaxKey) => true,
        _ => false,
    };
    asked.iter().any(is_answered_wrongly).then(|| doc! { "$not": asked })
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
        ("$gt" | "$gte" | "$lt" | "$lte", Bson::Symbol(text)) => (name, Bson::String(text)),
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
    use super::*;

    #[track_caller]
    fn expect(filter: Fields, expected: Fields) {
        assert_eq!(for_server(&Filter::parse(&filter).unwrap()), expected);
    }

    #[test]
    fn what_holds_for_missing_values_is_asked_for_by_equality() {
        let equal = || doc! { "$eq": Bson::Null };
        for operator in ["$gte", "$lte"] {
            let asked = || doc! { operator: Bson::Null };
            expect(doc! { "a": asked() }, doc! { "a": equal() });
            expect(doc! { "a": { "$not": asked() } }, doc! { "a": { "$not": equal() } });
            expect(
                doc! { "$or": [{ "a": asked() }, { "b": 1 }] },
                doc! { "$or": [{ "a": equal() }, { "b": 1 }] },
            );
            let of_elements = |asked: Fields| doc! { "a": { "$elemMatch": { "b": asked } } };
            expect(of_elements(asked()), of_elements(equal()));
        }
    }

    #[test]
    fn what_a_server_answers_wrongly_by_an_index_is_asked_for_by_its_opposite() {
        for asked in [doc! { "$gt": [[1]] }, doc! { "$gte": Bson::MinKey }] {
            let opposite = doc! { "$not": &asked };
            expect(doc! { "a": &asked }, doc! { "$nor": [{ "a": &opposite }] });
            expect(
                doc! { "a": &asked, "b": 1, "$nor": [{ "c": 1 }, { "d": 1 }] },
                doc! { "b": 1, "$nor": [{ "a": &opposite }, { "c": 1 }, { "d": 1 }] },
            );
            expect(
                doc! { "a": { "$elemMatch": { "b": &asked } } },
                doc! { "a": { "$elemMatch": { "$nor": [{ "b": &opposite }] } } },
            );
        }
    }

    #[test]
    fn symbols_are_compared_as_texts() {
        let symbol = || Bson::Symbol("s".to_owned());
        expect(doc! { "a": { "$lt": symbol() } }, doc! { "a": { "$lt": "s" } });
        let negated = |operand: Bson| doc! { "a": { "$not": { "$gte": operand } } };
        expect(negated(symbol()), negated("s".into()));
        expect(doc! { "a": symbol() }, doc! { "a": symbol() });
    }

    #[test]
    fn values_that_look_like_operators_and_other_comparisons_stay() {
        for filter in [
            doc! { "a": { "$eq": { "$gte": Bson::Null } } },
            doc! { "a": { "b": { "c": Bson::Null } } },
            doc! { "a": { "$gte": 1 } },
            doc! { "a": { "$gte": [1, [1]] } },
            doc! { "a": { "$lt": [[1]] } },
            doc! { "a": { "$not": { "$gt": [[1]] } } },
            doc! { "a": { "$elemMatch": { "$gte": Bson::Null } } },
        ] {
            expect(filter.clone(), filter);
        }
    }
}
