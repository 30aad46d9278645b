//! Of two saves from one version exactly one wins, whichever member is the primary.

use std::sync::Arc;

use bson::{Document, doc};
use jvspatial_db::MongoDbOptions;
use tokio::task::JoinSet;

use super::figures::{Figures, Random, report, rounds_of, seed, time_is_up};
use super::load::Load;
use super::nemesis::Nemesis;
use super::set::{Set, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts MongoDB servers"]
async fn of_two_saves_from_one_version_one_wins_through_failovers() {
    let seed = seed();
    let mut random = Random(seed);
    let set = Set::start().await;
    let db = open(&set.url("saves", ""), MongoDbOptions::new()).await;
    let db = Arc::new(db);
    let mut figures = Figures::default();
    for _ in 0..rounds_of("saves", 2) {
        if time_is_up() {
            break;
        }
        let load = Load::begin(&db, &mut random).await;
        Nemesis::StepDown.strike(&set).await;
        load.warm().await;
        let (round, _) = load.end(&set, "saves").await;
        figures.add(&Figures { rounds: 1, ..round });
    }
    let control = check_then_write(&set).await;
    report("saves", seed, &figures, &[("check then write", control)]);
}

/// Tokens appended by writers who compare the version themselves before they write.
async fn check_then_write(set: &Set) -> Figures {
    const WRITERS: i64 = 8;
    const SAVES: i64 = 20;
    let nodes = set.raw("control").await.collection::<Document>("node");
    nodes.insert_one(doc! { "_id": "a", "version": 1_i64, "tokens": [] }).await.unwrap();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let nodes = nodes.clone();
        writers.spawn(async move {
            for n in 0..SAVES {
                let read = nodes.find_one(doc! { "_id": "a" }).await.unwrap().unwrap();
                let version = read.get_i64("version").unwrap();
                let mut tokens = read.get_array("tokens").unwrap().clone();
                tokens.push((writer * SAVES + n).into());
                let set = doc! { "$set": { "version": version + 1, "tokens": tokens } };
                nodes.update_one(doc! { "_id": "a" }, set).await.unwrap();
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    let stored = nodes.find_one(doc! { "_id": "a" }).await.unwrap().unwrap();
    let acknowledged = (WRITERS * SAVES).cast_unsigned();
    let kept = stored.get_array("tokens").unwrap().len() as u64;
    Figures { rounds: 1, acknowledged, lost: acknowledged - kept, ..Figures::default() }
}
