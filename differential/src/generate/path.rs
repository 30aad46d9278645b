//! Random paths, most of which lead somewhere.

use bson::Bson;

use super::document::{CONTEXT, name};
use crate::random::Random;
use crate::world::Scene;

/// How many names a path has at most.
const LONGEST: usize = 5;

/// A path under the user's fields, and a value that it leads to in one of the documents, as they are stored.
pub(crate) fn path(random: &mut Random, scene: &Scene) -> (String, Option<Bson>) {
    if !scene.indexes.is_empty()
        && random.one_in(3)
        && let Some(path) = indexed_path(random, scene)
    {
        let found = lead(random, scene, &path);
        return (path, found);
    }
    if random.one_in(60) {
        return (
            (*random.pick(&["_id", "_version", "entity", CONTEXT, "nowhere"])).to_owned(),
            None,
        );
    }
    let mut path = CONTEXT.to_owned();
    let mut at = (!scene.documents.is_empty() && !random.one_in(12))
        .then(|| random.pick(&scene.documents).get(CONTEXT).cloned())
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

/// A path of one of the indexes.
fn indexed_path(random: &mut Random, scene: &Scene) -> Option<String> {
    let key = random.pick(&scene.indexes).get_document("key").ok()?;
    key.keys().nth(random.below(key.len())).cloned()
}

/// A value that a path leads to in one of the documents; of a list rather an element.
pub(crate) fn lead(random: &mut Random, scene: &Scene, path: &str) -> Option<Bson> {
    for _ in 0..3.min(scene.documents.len()) {
        let mut at = Some(Bson::Document(random.pick(&scene.documents).clone()));
        for name in path.split('.') {
            if let Some(Bson::Array(items)) = &at {
                at = (!items.is_empty()).then(|| random.pick(items).clone());
            }
            at = at.as_ref().and_then(Bson::as_document).and_then(|at| at.get(name)).cloned();
        }
        match at {
            Some(Bson::Array(items)) if !items.is_empty() && !random.one_in(4) => {
                return Some(random.pick(&items).clone());
            }
            Some(_) => return at,
            None => {}
        }
    }
    None
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
        let fields = doc! {"a": [{"b": [1, {"c": {}}]}], "b": {}};
        let documents = vec![doc! {"context": fields}, doc! {}];
        // With an index, whose paths come too.
        let indexes = vec![doc! {"key": {"context.b": 1, "context.c": -1}}];
        let scene = Scene { documents, indexes };
        for _ in 0..2_000 {
            let (path, _) = path(&mut random, &scene);
            assert!(path.split('.').all(|name| !name.is_empty()), "{path}");
            assert!(path.split('.').count() <= LONGEST, "{path}");
        }
    }

    #[test]
    fn most_paths_lead_to_a_value() {
        let mut random = Random::new(2);
        let documents = vec![doc! {"context": {"a": 1, "b": {"c": [1, 2]}}}];
        let scene = Scene { documents, indexes: Vec::new() };
        let found = (0..1_000).filter(|_| path(&mut random, &scene).1.is_some()).count();
        assert!(found > 500, "{found}");
    }
}
