//! A primary that is cut off from the others, while clients still reach it.

use std::sync::Arc;

use bson::{Document, doc};
use jvspatial_db::MongoDbOptions;

use super::controls::one_is_enough;
use super::figures::{Figures, Random, report, rounds_of, seed, skip, time_is_up};
use super::namespaces::Namespaces;
use super::nemesis::Nemesis;
use super::set::{Set, open};
use super::survival::Survival;

#[test]
#[ignore = "starts MongoDB servers"]
fn what_was_acknowledged_survives_a_primary_that_is_cut_off() {
    const NAME: &str = "survival/partition";
    let namespaces = match Namespaces::make(3) {
        Ok(namespaces) => namespaces,
        Err(why) => return skip(NAME, why),
    };
    // Whatever a thread opens lies in its network, and so its runtime is begun there.
    let within = std::thread::spawn(move || {
        namespaces.enter();
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(cut_off(NAME, namespaces));
    });
    within.join().unwrap();
}

async fn cut_off(name: &str, namespaces: Namespaces) {
    let seed = seed();
    let mut random = Random(seed);
    let set = Set::start_with(3, Some(namespaces), &[]).await;
    let db = open(&set.url("survival", ""), MongoDbOptions::new()).await;
    let db = Arc::new(db);
    let mut survival = Survival::default();
    for _ in 0..rounds_of(name, 2) {
        if time_is_up() {
            break;
        }
        survival.round(Nemesis::CutOff, &set, &db, &mut random).await;
    }
    let control = acknowledged_by_one(&set).await;
    report(name, seed, &survival.figures, &[("acknowledged by one", control)]);
    let (name, gaps) = survival.gaps(Nemesis::CutOff);
    // What a driver does by default is shown where the primary freezes.
    report(&name, seed, &gaps, &[]);
}

/// Writes that the primary acknowledges alone while it is cut off.
async fn acknowledged_by_one(set: &Set) -> Figures {
    set.settle().await;
    let primary = set.primary().await;
    let alone = one_is_enough(&set.direct(primary, "control"));
    alone.insert_one(doc! { "_id": "before" }).await.unwrap();
    set.cut_off(primary);
    let mut acknowledged = 0;
    for n in 0..20 {
        acknowledged += u64::from(alone.insert_one(doc! { "_id": n }).await.is_ok());
    }
    set.other_primary(primary).await;
    set.join_up();
    set.settle().await;
    let kept = set.raw("control").await.collection::<Document>("alone");
    let kept = kept.count_documents(doc! { "_id": { "$type": "int" } }).await.unwrap();
    Figures { rounds: 1, acknowledged, lost: acknowledged - kept, ..Figures::default() }
}
