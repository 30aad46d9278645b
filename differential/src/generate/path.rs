//! Random paths, most of which lead somewhere.

use bson::{Bson, Document};

use super::document::{CONTEXT, name};
use crate::random::Random;

/// How many names a path has at most.
const LONGEST: usize = 5;

/// A path under the user's fields, and a value that it leads to in one of the documents, as they are stored.
pub(crate) fn path(random: &mut Random, documents: &[Document]) -> (String, Option<Bson>) {
    if random.one_in(60) {
        return (
            (*random.pick(&["_id", "_version", "entity", CONTEXT, "nowhere"])).to_owned(),
            None,
        );
    }
    let mut path = CONTEXT.to_owned();
    let mut at = (!documents.is_empty() && !random.one_in(12))
        .then(|| random.pick(documents).get(CONTEXT).cloned())
        .flatten();
    let mut length = 1;
    loop {
        let (name, next) = match &at {
            Some(value) => step(random, value),
            None => (Some(name(random).to_owned()), None),
        };
        if let Some(name) = name {
            path.push('.');
            path.push_str(&name);
            length += 1;
        }
        at = next;
        let goes_on = match &at {
            Some(Bson::Document(_) | Bson::Array(_)) => random.below(10) < 6,
            Some(_) => random.one_in(20),
            None => random.one_in(4),
        };
        if length >= LONGEST || (length > 1 && !goes_on) {
            return (path, at);
        }
    }
}

/// The next name and what it leads to; no name where a list is passed through.
fn step(random: &mut Random, value: &Bson) -> (Option<String>, Option<Bson>) {
    match value {
        Bson::Document(fields) if !fields.is_empty() && !random.one_in(16) => {
            let at = random.below(fields.len());
            let field = fields.iter().nth(at);
            (field.map(|(name, _)| name.clone()), field.map(|(_, value)| value.clone()))
        }
        Bson::Array(items) if !items.is_empty() && random.one_in(2) => {
            let at = random.below(items.len());
            (Some(at.to_string()), Some(items[at].clone()))
        }
        Bson::Array(items) if !items.is_empty() => match random.pick(items) {
            Bson::Document(inner) => (None, Some(Bson::Document(inner.clone()))),
            _ => (Some(name(random).to_owned()), None),
        },
        _ => (Some(name(random).to_owned()), None),
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[test]
    fn a_path_names_fields_and_no_empty_ones() {
        let mut random = Random::new(2);
        let documents = [doc! {"context": {"a": [{"b": [1, {"c": {}}]}], "b": {}}}, doc! {}];
        for _ in 0..2_000 {
            let (path, _) = path(&mut random, &documents);
            assert!(path.split('.').all(|name| !name.is_empty()), "{path}");
            assert!(path.split('.').count() <= LONGEST, "{path}");
        }
    }

    #[test]
    fn most_paths_lead_to_a_value() {
        let mut random = Random::new(2);
        let documents = [doc! {"context": {"a": 1, "b": {"c": [1, 2]}}}];
        let found = (0..1_000).filter(|_| path(&mut random, &documents).1.is_some()).count();
        assert!(found > 500, "{found}");
    }
}
