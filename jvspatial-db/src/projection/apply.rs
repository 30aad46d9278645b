//! A projection of a document in memory.

use bson::{Bson, Document};

use super::{ID, Inner, Mode, PathTree};

pub(super) fn apply(projection: &Inner, document: &Document) -> Document {
    let Inner { mode, tree, id, .. } = projection;
    let mut kept = Document::new();
    for (name, value) in document {
        // A path into `_id` is a path like any other.
        if name == ID && tree.get(ID).is_none() {
            if *id {
                kept.insert(ID, value.clone());
            }
            continue;
        }
        if let Some(value) = project(*mode, tree.get(name), value) {
            kept.insert(name.clone(), value);
        }
    }
    kept
}

/// What is kept of the value under a name; as deep as the value is.
fn project(mode: Mode, tree: Option<&PathTree>, value: &Bson) -> Option<Bson> {
    match tree {
        None => (mode == Mode::Exclude).then(|| value.clone()),
        Some(tree) if tree.is_leaf() => (mode == Mode::Include).then(|| value.clone()),
        Some(tree) => within(mode, tree, value),
    }
}

/// What is kept of a value into which paths lead.
fn within(mode: Mode, tree: &PathTree, value: &Bson) -> Option<Bson> {
    match value {
        Bson::Document(inner) => {
            let kept = inner.iter().filter_map(|(name, value)| {
                Some((name.clone(), project(mode, tree.get(name), value)?))
            });
            Some(Bson::Document(kept.collect()))
        }
        Bson::Array(items) => {
            Some(Bson::Array(items.iter().filter_map(|item| within(mode, tree, item)).collect()))
        }
        scalar => (mode == Mode::Exclude).then(|| scalar.clone()),
    }
}
