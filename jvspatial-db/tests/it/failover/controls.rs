//! What the driver does when it is let do as it likes, for tests to catch.

use std::time::Duration;

use bson::{Document, doc};
use mongodb::options::{CollectionOptions, WriteConcern};
use mongodb::{Collection, Database};
use tokio::time::timeout;

use super::figures::Figures;
use super::set::Set;

/// A collection in which one server's word is enough.
pub(super) fn one_is_enough(database: &Database) -> Collection<Document> {
    let concern = WriteConcern::builder().w(Some(1.into())).build();
    let options = CollectionOptions::builder().write_concern(concern).build();
    database.collection_with_options("alone", options)
}

/// Writes that the primary alone acknowledges while the others are dead, and that the others, who live again while it is
/// frozen, know nothing of. The set is whole again at the end.
pub(super) async fn acknowledged_by_one(set: &Set) -> Figures {
    const DOCUMENTS: i32 = 20;
    set.settle().await;
    let primary = set.primary().await;
    let alone = one_is_enough(&set.direct(primary, "control"));
    alone.insert_one(doc! { "_id": "before" }).await.unwrap();
    set.others(primary).for_each(|other| set.kill(other));
    for n in 0..DOCUMENTS {
        alone.insert_one(doc! { "_id": n }).await.unwrap();
    }
    set.freeze(primary);
    set.others(primary).for_each(|other| set.restart(other));
    set.other_primary(primary).await;
    set.thaw(primary);
    set.settle().await;
    let kept = set.raw("control").await.collection::<Document>("alone");
    let kept = kept.count_documents(doc! { "_id": { "$type": "int" } }).await.unwrap();
    let acknowledged = DOCUMENTS as u64;
    Figures { rounds: 1, acknowledged, lost: acknowledged - kept, ..Figures::default() }
}

/// Whether the driver alone, by its own defaults, takes longer than `patience` to write after its primary has frozen. The
/// set is whole again at the end.
pub(super) async fn waits_for_the_frozen(set: &Set, patience: Duration) -> bool {
    // An election may take the primary away just before it is frozen, and its successor then writes at once.
    for _ in 0..3 {
        set.settle().await;
        let primary = set.primary().await;
        if !writes_by_default(set, &[primary], patience).await {
            return true;
        }
    }
    false
}

/// Whether the driver alone, by its own defaults, writes within `patience` or gives up while `members` are frozen. The set
/// is whole again at the end.
pub(super) async fn writes_by_default(set: &Set, members: &[usize], patience: Duration) -> bool {
    set.settle().await;
    let nodes = set.raw("control").await.collection::<Document>("frozen");
    nodes.insert_one(doc! {}).await.unwrap();
    members.iter().for_each(|member| set.freeze(*member));
    // In a task of its own, since the driver's futures must not be dropped.
    let written = tokio::spawn(async move { nodes.insert_one(doc! {}).await });
    let in_time = timeout(patience, written).await.is_ok();
    if let [primary] = members {
        set.other_primary(*primary).await;
    }
    members.iter().for_each(|member| set.thaw(*member));
    set.settle().await;
    in_time
}
