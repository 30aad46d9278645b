//! Random worlds: documents that are inserted, changed and deleted, and indexes that are made meanwhile.

use bson::{Bson, Document, doc};

use super::document::{context, id, stored};
use super::filter::Language;
use super::index::declaration;
use super::update::update;
use crate::random::Random;
use crate::world::{Scene, World};

/// How many documents a world has, roughly.
const DOCUMENTS: usize = 30;

/// Operators that may make a NaN with a sign, which JSON cannot carry.
const UNEVEN: [&str; 2] = ["$inc", "$mul"];

/// The steps to some documents. A unique index would refuse the changes that are asked for later, so it is
/// left out where there are some.
pub(crate) fn world(random: &mut Random, may_be_unique: bool) -> World {
    let mut world = World::default();
    let mut scene = Scene::default();
    for number in 0..DOCUMENTS {
        let context = context(random);
        scene.documents.push(stored(number, &context));
        world.steps.push(doc! {"insert": context});
    }
    for _ in 0..random.weighted(&[4, 2, 2, 1]) {
        let change = change(random, &scene);
        let at = random.between(1, world.steps.len());
        world.steps.insert(at, change);
    }
    for _ in 0..random.weighted(&[1, 3, 3, 3, 2, 2]) {
        let index = declaration(random, &scene, may_be_unique);
        let step = doc! {"index": index, "typed": random.one_in(3)};
        // Before everything, in the middle, or on what is there.
        let at = match random.below(3) {
            0 => 0,
            1 => random.below(world.steps.len() + 1),
            _ => world.steps.len(),
        };
        world.steps.insert(at, step);
    }
    if random.one_in(6) {
        world.steps.push(doc! {"drop": random.below(3) as i32});
    }
    world
}

/// A step that changes some of the documents.
fn change(random: &mut Random, scene: &Scene) -> Document {
    let number = random.below(DOCUMENTS) as i32;
    match random.below(5) {
        0 => doc! {"delete": number},
        1 => doc! {"replace": context(random), "number": number},
        _ => {
            let number = random.below(DOCUMENTS);
            let mut update = update(random, &scene.of_one(number));
            UNEVEN.iter().for_each(|operator| drop(update.remove(operator)));
            let filter = match random.below(3) {
                0 => Language.filter(random, scene),
                _ => doc! {"_id": Bson::String(id(number))},
            };
            doc! {"update": update, "filter": filter}
        }
    }
}
