//! Random filters, most of them sound, about documents that are given.

use bson::{Bson, Document, doc};

use super::document::{ENTITY, name};
use super::path::{lead, path};
use super::value::{regex, retyped, scalar, value};
use crate::random::Random;
use crate::world::Scene;

/// How deep the logical operators of a filter nest.
const LEVELS: usize = 3;

/// What of the language is asked for.
#[derive(Debug)]
pub(crate) struct Language;

/// The operators of a field, each as often as it stands here: most documents have no list to look into.
const OPERATORS: [&str; 21] = [
    "$eq",
    "$eq",
    "$ne",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$in",
    "$in",
    "$nin",
    "$exists",
    "$type",
    "$regex",
    "$all",
    "$elemMatch",
    "$size",
    "$mod",
];

impl Language {
    /// A filter about documents like these.
    pub(crate) fn filter(&self, random: &mut Random, scene: &Scene) -> Document {
        let mut filter = self.conjunction(random, scene, LEVELS);
        if !scene.indexes.is_empty() && random.one_in(2) {
            self.suit(random, scene, &mut filter);
        }
        if random.one_in(8) {
            self.spoil(random, &mut filter);
        }
        filter
    }

    /// Adds what one of the indexes can answer: conditions on its first fields, and what its documents match.
    fn suit(&self, random: &mut Random, scene: &Scene, filter: &mut Document) {
        let index = random.pick(&scene.indexes);
        let Ok(key) = index.get_document("key") else { return };
        // Values of one document, which may lie in different elements of its arrays.
        let scene = &scene.of_one(random.below(scene.documents.len()));
        for path in key.keys().take(random.between(1, key.len())) {
            let found = lead(random, scene, path);
            let condition = match (random.below(3), found, lead(random, scene, path)) {
                // Of an array, one element may be within one bound and another within the other.
                (0, Some(low), Some(high)) if is_ordered(&low) && is_ordered(&high) => {
                    let (from, to) =
                        *random.pick(&[("$gt", "$lte"), ("$gte", "$lt"), ("$gte", "$lte")]);
                    doc! {from: low, to: high}.into()
                }
                (1, Some(found), _) if is_ordered(&found) => found,
                (_, found, _) => self.condition(random, found.as_ref()),
            };
            filter.insert(path, condition);
        }
        if let Ok(held) = index.get_document("partialFilterExpression")
            && !random.one_in(4)
        {
            filter.extend(held.clone());
        }
        if random.one_in(2) {
            filter.insert("entity", ENTITY);
        }
    }

    pub(crate) fn conjunction(
        &self,
        random: &mut Random,
        scene: &Scene,
        levels: usize,
    ) -> Document {
        let mut filter = Document::new();
        for _ in 0..random.weighted(&[1, 75, 20, 4]) {
            if levels > 0 && random.one_in(6) {
                let members = (0..random.between(1, 3))
                    .map(|_| Bson::Document(self.conjunction(random, scene, levels - 1)))
                    .collect::<Vec<_>>();
                filter.insert(*random.pick(&["$and", "$or", "$nor"]), members);
            } else {
                let (path, found) = path(random, scene);
                let condition = self.condition(random, found.as_ref());
                filter.insert(path, condition);
            }
        }
        filter
    }

    /// What is asked of one field.
    pub(crate) fn condition(&self, random: &mut Random, found: Option<&Bson>) -> Bson {
        match random.weighted(&[25, 65, 10]) {
            0 => self.operand(random, found),
            1 => Bson::Document(self.operators(random, found)),
            _ => Bson::Document(doc! {"$not": self.operators(random, found)}),
        }
    }

    fn operators(&self, random: &mut Random, found: Option<&Bson>) -> Document {
        let mut operators = Document::new();
        for _ in 0..random.weighted(&[0, 70, 25, 5]) {
            let operator = *random.pick(&OPERATORS);
            let operand = self.operand_of(random, operator, found);
            operators.insert(operator, operand);
            if operator == "$regex" && random.one_in(2) {
                operators.insert("$options", *random.pick(&["", "i", "m", "s", "x", "im", "smix"]));
            }
        }
        operators
    }

    fn operand_of(&self, random: &mut Random, operator: &str, found: Option<&Bson>) -> Bson {
        match operator {
            "$in" | "$nin" => self.list(random, found, 0).into(),
            "$exists" => exists(random),
            "$type" => types(random),
            "$regex" => pattern(random),
            "$all" if random.one_in(4) => {
                let inner = doc! {"$elemMatch": self.element(random, found)};
                vec![Bson::Document(inner)].into()
            }
            "$all" => self.list(random, found, 0).into(),
            "$elemMatch" => self.element(random, found).into(),
            "$size" => match random.below(6) {
                0 => Bson::Int64(random.between(0, 3) as i64),
                1 => Bson::Double(random.between(0, 3) as f64),
                _ => Bson::Int32(random.between(0, 3) as i32),
            },
            "$mod" => modulus(random),
            _ => self.operand(random, found),
        }
    }

    fn list(&self, random: &mut Random, found: Option<&Bson>, least: usize) -> Vec<Bson> {
        (0..random.between(least, 4)).map(|_| self.operand(random, found)).collect()
    }

    /// A filter on the elements of a list: operators on each, or a filter with paths inside each.
    fn element(&self, random: &mut Random, found: Option<&Bson>) -> Document {
        let items: &[Bson] = match found {
            Some(Bson::Array(items)) => items,
            _ => &[],
        };
        let item = (!items.is_empty()).then(|| random.pick(items).clone());
        if random.one_in(2) {
            return self.operators(random, item.as_ref());
        }
        let mut filter = Document::new();
        for _ in 0..random.between(0, 2) {
            let inner = match &item {
                Some(Bson::Document(fields)) if !fields.is_empty() => {
                    fields.iter().nth(random.below(fields.len()))
                }
                _ => None,
            };
            let named = inner.map_or_else(|| name(random).to_owned(), |(name, _)| name.clone());
            filter.insert(named, self.condition(random, inner.map(|(_, value)| value)));
        }
        filter
    }

    /// A value to compare with: what the path leads to, something near it, or anything.
    fn operand(&self, random: &mut Random, found: Option<&Bson>) -> Bson {
        let operand = match (random.weighted(&[6, 3, 1, 1]), found) {
            (0, Some(found)) => found.clone(),
            (1, Some(Bson::Array(items))) if !items.is_empty() => random.pick(items).clone(),
            (1, Some(found)) => retyped(random, found),
            (2, _) => scalar(random),
            _ => value(random, 2),
        };
        if is_comparable(&operand) { operand } else { Bson::Null }
    }

    /// Makes a filter that is refused more often than not, by one change somewhere inside.
    fn spoil(&self, random: &mut Random, filter: &mut Document) {
        /// Names that are in no version of the language.
        const UNKNOWN: [&str; 4] = ["$foo", "$equals", "$", "$EQ"];
        let odd = match random.below(9) {
            0 => Bson::Document(doc! {}),
            1 => Bson::Array(vec![]),
            2 => Bson::Document(doc! {*random.pick(&UNKNOWN): 1}),
            3 => Bson::Document(doc! {"$gt": 1, "a": 1}),
            4 => Bson::Document(doc! {"a": 1, "$gt": 1}),
            5 => Bson::Document(doc! {*random.pick(&OPERATORS): scalar(random)}),
            6 => Bson::Document(doc! {"$and": [{"a": 1}]}),
            _ => self.operand(random, None),
        };
        let (places, chosen) = (count_places(filter), random.next() as usize);
        let mut left = chosen % places.max(1);
        replace_place(filter, &mut left, &odd);
    }
}

/// Whether a value can be the end of a range.
fn is_ordered(value: &Bson) -> bool {
    is_comparable(value) && !matches!(value, Bson::RegularExpression(_))
}

/// Whether MongoDB compares with the value at all, and by a rule of its language.
fn is_comparable(value: &Bson) -> bool {
    match value {
        Bson::Undefined => false,
        Bson::Array(items) => items.iter().all(is_comparable),
        Bson::Document(fields) => fields.values().all(is_comparable),
        _ => true,
    }
}

fn exists(random: &mut Random) -> Bson {
    match random.below(5) {
        0 => scalar(random),
        other => (other % 2 == 0).into(),
    }
}

fn types(random: &mut Random) -> Bson {
    const NAMES: [&str; 22] = [
        "double",
        "string",
        "object",
        "array",
        "binData",
        "undefined",
        "objectId",
        "bool",
        "date",
        "null",
        "regex",
        "dbPointer",
        "javascript",
        "symbol",
        "javascriptWithScope",
        "int",
        "timestamp",
        "long",
        "decimal",
        "minKey",
        "maxKey",
        "number",
    ];
    let one = |random: &mut Random| match random.below(4) {
        0 => Bson::Int32(random.between(1, 19) as i32),
        1 => random
            .pick(&[Bson::Int32(-1), Bson::Int32(127), Bson::Double(2.0), Bson::Int64(16)])
            .clone(),
        _ => Bson::from(*random.pick(&NAMES)),
    };
    if random.one_in(4) {
        return Bson::Array((0..random.between(1, 3)).map(|_| one(random)).collect());
    }
    one(random)
}

fn pattern(random: &mut Random) -> Bson {
    const PATTERNS: [&str; 16] = [
        "a", "^a", "a$", "^$", "", "b", "^ab?$", "a.b", "[ab]+c", "A", "^b|a$", "(a)(b)", "\\d",
        "é", "a b", "^a\\.b",
    ];
    let text = *random.pick(&PATTERNS);
    let options: &&str = random.pick(&["", "i", "m", "s"]);
    match regex(text, options) {
        Some(regex) if random.one_in(4) => regex,
        _ => text.into(),
    }
}

fn modulus(random: &mut Random) -> Bson {
    let number = |random: &mut Random| match random.below(8) {
        0 => Bson::Int64(*random.pick(&[1 << 31, i64::MAX, i64::MIN, -3])),
        1 => Bson::Double(*random.pick(&[2.0, 1.5, -2.5, 1e10])),
        2 => "3".parse().map_or(Bson::Null, Bson::Decimal128),
        _ => Bson::Int32(*random.pick(&[1, 2, 3, 4, -2, 5, 10])),
    };
    let divisor = number(random);
    let remainder = if random.one_in(2) { Bson::Int32(0) } else { number(random) };
    vec![divisor, remainder].into()
}

/// How many values stand in a filter, at any depth.
fn count_places(filter: &Document) -> usize {
    fn count(value: &Bson) -> usize {
        1 + match value {
            Bson::Document(inner) => inner.values().map(count).sum(),
            Bson::Array(items) => items.iter().map(count).sum(),
            _ => 0,
        }
    }
    filter.values().map(count).sum()
}

/// Replaces the value with `left` others before it.
fn replace_place(filter: &mut Document, left: &mut usize, odd: &Bson) -> bool {
    fn visit(value: &mut Bson, left: &mut usize, odd: &Bson) -> bool {
        if *left == 0 {
            *value = odd.clone();
            return true;
        }
        *left -= 1;
        match value {
            Bson::Document(inner) => inner.iter_mut().any(|(_, value)| visit(value, left, odd)),
            Bson::Array(items) => items.iter_mut().any(|value| visit(value, left, odd)),
            _ => false,
        }
    }
    filter.iter_mut().any(|(_, value)| visit(value, left, odd))
}

#[cfg(test)]
mod tests {
    use jvspatial_db::Filter;

    use super::super::document::{context, stored};
    use super::*;

    fn filters(count: usize) -> (Vec<Document>, Vec<Document>) {
        let mut random = Random::new(11);
        let documents: Vec<_> =
            (0..30).map(|number| stored(number, &context(&mut random))).collect();
        let scene = Scene { documents, indexes: Vec::new() };
        let filters = (0..count).map(|_| Language.filter(&mut random, &scene)).collect();
        (scene.documents, filters)
    }

    #[test]
    fn most_filters_are_sound_and_some_are_not() {
        let (_, filters) = filters(2_000);
        let refused = filters.iter().filter(|filter| Filter::parse(filter).is_err()).count();
        assert!((50..500).contains(&refused), "{refused} of 2000 are refused");
    }

    #[test]
    fn filters_match_some_documents_and_not_others() {
        let (documents, filters) = filters(2_000);
        let mixed = filters
            .iter()
            .filter_map(|filter| Filter::parse(filter).ok())
            .map(|filter| documents.iter().filter(|document| filter.matches(document)).count())
            .filter(|count| *count > 0 && *count < documents.len())
            .count();
        assert!(mixed > 500, "only {mixed} of 2000 tell documents apart");
    }

    #[test]
    fn every_operator_comes() {
        let (_, filters) = filters(3_000);
        let text = filters.iter().map(Document::to_string).collect::<String>();
        for operator in OPERATORS.iter().chain(&["$and", "$or", "$nor", "$not"]) {
            assert!(text.contains(&format!("\"{operator}\"")), "{operator} never comes");
        }
    }
}
