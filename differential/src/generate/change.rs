//! Random questions that change documents.

use bson::{Bson, Document, doc};

use super::document::{ENTITY, id};
use super::filter::Language;
use super::path::path;
use super::update::{has_odd, update};
use crate::random::Random;
use crate::world::Scene;

/// A question that changes document number `number` of a scene, or makes one that is not there.
pub(crate) fn one(random: &mut Random, scene: &Scene, number: usize) -> Document {
    let about = scene.of_one(number);
    let stored = about.documents.first().and_then(|document| document.get_str("_id").ok());
    let stored = stored.map_or_else(|| id(number), str::to_owned);
    let mut question = Document::new();
    if random.one_in(3) {
        let fresh = format!("o.{ENTITY}.fresh-{number}");
        let id = if random.one_in(3) { stored } else { fresh };
        let mut filter = match random.below(4) {
            // The database chooses the id.
            0 => doc! {"_id": {"$gte": &id, "$lte": &id}},
            1 => doc! {"_id": {"$in": [&id]}},
            _ => doc! {"_id": &id},
        };
        conditions(random, &about, &mut filter);
        question.insert("filter", filter);
        question.insert("upsert", true);
        question.insert("ids", vec![id]);
    } else {
        let mut filter = doc! {"_id": &stored};
        if random.one_in(4) {
            conditions(random, &about, &mut filter);
        }
        question.insert("filter", filter);
        question.insert("ids", vec![stored]);
    }
    question.insert("update", update(random, &about));
    if random.one_in(3) {
        question.insert("returning", *random.pick(&["before", "after"]));
    }
    question
}

/// A question that changes three documents from number `number` on, or makes one.
pub(crate) fn many(random: &mut Random, scene: &Scene, number: usize) -> Document {
    let documents: Vec<_> = scene.documents.iter().skip(number).take(3).cloned().collect();
    let about = Scene { documents, indexes: scene.indexes.clone() };
    let ids = about.documents.iter().filter_map(|document| document.get("_id").cloned());
    let mut ids: Vec<Bson> = ids.collect();
    if random.one_in(4) {
        ids = vec![format!("o.{ENTITY}.fresh-{number}").into()];
    }
    let mut filter = doc! {"_id": {"$in": &ids}};
    if random.one_in(2) {
        conditions(random, &about, &mut filter);
    }
    // Some operators refuse a document or two, and then nobody says which ones were changed.
    let update = update(random, &about);
    let mut question = doc! {"filter": filter, "update": update, "many": true, "ids": ids};
    if random.one_in(3) {
        question.insert("upsert", true);
    }
    question
}

/// Adds conditions on the user's fields, of which an upsert takes the values that they ask for.
fn conditions(random: &mut Random, scene: &Scene, filter: &mut Document) {
    for _ in 0..random.weighted(&[3, 4, 2]) {
        let (path, found) = path(random, scene);
        let condition = Language.condition(random, found.as_ref());
        // What is not the user's cannot be chosen for a document, and that is a rule of ours alone.
        if !path.starts_with("context.") || has_odd(&condition) {
            continue;
        }
        if random.one_in(5) {
            filter.insert(*random.pick(&["$and", "$or"]), vec![doc! {path: condition}]);
        } else {
            filter.insert(path, condition);
        }
    }
}
