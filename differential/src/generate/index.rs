//! Random declarations of indexes on documents that are given.

use bson::{Document, doc};

use super::document::name;
use super::filter::Language;
use super::path::path;
use crate::random::Random;
use crate::world::Scene;

/// A declaration as MongoDB spells it; at times one that is refused.
pub(crate) fn declaration(random: &mut Random, scene: &Scene, may_be_unique: bool) -> Document {
    let mut key = Document::new();
    for _ in 0..random.weighted(&[0, 5, 5, 2]) {
        let direction = *random.pick(&[1, 1, -1]);
        // Fields beside each other may lie in one array.
        let beside = key.keys().last().and_then(|path| path.rsplit_once('.'));
        let path = match beside {
            Some((parent, _)) if random.one_in(2) => format!("{parent}.{}", name(random)),
            _ => indexable(random, scene),
        };
        key.insert(path, direction);
    }
    let mut declaration = doc! {"key": key};
    if may_be_unique && random.one_in(4) {
        declaration.insert("unique", true);
        // Most documents lack most fields, and would all have the key of null.
        if !random.one_in(4) {
            declaration.insert("sparse", true);
            return declaration;
        }
    }
    match random.below(6) {
        0 => drop(declaration.insert("sparse", true)),
        1 => {
            let filter = Language.conjunction(random, scene, 1);
            declaration.insert("partialFilterExpression", filter);
        }
        2 => {
            let (path, found) = path(random, scene);
            let filter = doc! {path: Language.condition(random, found.as_ref())};
            declaration.insert("partialFilterExpression", filter);
        }
        _ => {}
    }
    declaration
}

/// A path without the positions of elements, which no index can hold.
fn indexable(random: &mut Random, scene: &Scene) -> String {
    let (path, _) = path(random, scene);
    let is_name = |name: &&str| !name.bytes().all(|byte| byte.is_ascii_digit());
    path.split('.').filter(is_name).collect::<Vec<_>>().join(".")
}
