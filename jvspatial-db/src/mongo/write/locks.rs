//! What transactions write besides documents, so that those that rest on the same thing cannot both succeed.
//!
//! A transaction sees a node without changing it, so another one could delete the node at the same time and both
//! would succeed. Whoever joins a node therefore writes one of the node's places in a table, chosen at random, and
//! whoever detaches it writes all of them: two that join it are rarely in each other's way. The table has a fixed
//! size; nodes that share a place only wait for one another.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};

use bson::raw::{RawArrayBuf, RawDocumentBuf, cstr};
use bson::rawdoc;
use xxhash_rust::xxh3::xxh3_64;

use crate::document::Ends;
use crate::id::Id;
use crate::write::{Action, Operation};

/// The collection of the table; documents of the application have others.
pub(in crate::mongo) const COLLECTION: &str = "jvspatial.lock";

/// How many groups of places nodes are divided among.
const NODES: u64 = 256;
/// How many places each group has.
const PLACES: u64 = 8;
/// How many places pairs of nodes that may be joined once are divided among.
const PAIRS: u64 = 1024;

/// The places that operations write.
pub(super) fn places(operations: &[Operation]) -> BTreeSet<i32> {
    let chosen = RandomState::new().hash_one(operations.len()) % PLACES;
    let mut places = BTreeSet::new();
    for operation in operations {
        match &operation.action {
            Action::Insert { link: Some(link), .. } | Action::Put { link: Some(link), .. } => {
                for end in [&link.ends.source, &link.ends.target] {
                    places.insert(group(end) * PLACES + chosen);
                }
                if link.unique {
                    places.insert(NODES * PLACES + pair(&operation.id, &link.ends));
                }
            }
            Action::Delete { detach: true, .. } => {
                let first = group(&operation.id) * PLACES;
                places.extend(first..first + PLACES);
            }
            _ => {}
        }
    }
    places.into_iter().filter_map(|place| i32::try_from(place).ok()).collect()
}

fn group(node: &Id) -> u64 {
    xxh3_64(node.to_string().as_bytes()) % NODES
}

/// The place of two nodes, whichever way they are joined, by edges of one type.
fn pair(edge: &Id, ends: &Ends) -> u64 {
    let (mut first, mut second) = (ends.source.to_string(), ends.target.to_string());
    if first > second {
        std::mem::swap(&mut first, &mut second);
    }
    xxh3_64(format!("{} {first} {second}", edge.entity()).as_bytes()) % PAIRS
}

/// The command that writes them.
pub(super) fn command(places: &BTreeSet<i32>) -> RawDocumentBuf {
    let mut statements = RawArrayBuf::new();
    for place in places {
        statements.push(rawdoc! {
            "q": { "_id": *place }, "u": { "$inc": { "n": 1_i64 } }, "upsert": true,
        });
    }
    let mut command = RawDocumentBuf::new();
    command.append(cstr!("update"), COLLECTION);
    command.append(cstr!("updates"), statements);
    command
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::codec::Encoding;
    use crate::write::{Link, WriteBatch};

    fn edge(source: &str, target: &str, unique: bool) -> WriteBatch {
        let ends = Ends {
            source: source.parse().unwrap(),
            target: target.parse().unwrap(),
            bidirectional: false,
        };
        let mut batch = WriteBatch::new(Encoding::Bson);
        let id = "e.Road.1".parse().unwrap();
        batch.insert_edge(id, &bson::doc! {}, Link { ends, unique }).unwrap();
        batch
    }

    #[test]
    fn whoever_joins_a_node_meets_whoever_detaches_it() {
        let mut batch = WriteBatch::new(Encoding::Bson);
        batch.delete("n.City.a".parse().unwrap(), None, true).unwrap();
        let detached = places(batch.operations());
        assert_eq!(detached.len(), 8);
        for (source, target) in [("n.City.a", "n.City.b"), ("n.City.b", "n.City.a")] {
            assert!(!places(edge(source, target, false).operations()).is_disjoint(&detached));
        }
    }

    #[test]
    fn two_that_join_nodes_once_meet_whichever_way_they_join_them() {
        let pairs = |batch: &WriteBatch| -> BTreeSet<i32> {
            places(batch.operations()).into_iter().filter(|place| *place >= 2048).collect()
        };
        let there = pairs(&edge("n.City.a", "n.City.b", true));
        assert_eq!(there.len(), 1);
        assert_eq!(there, pairs(&edge("n.City.b", "n.City.a", true)));
        assert!(pairs(&edge("n.City.a", "n.City.b", false)).is_empty());
    }

    #[test]
    fn a_batch_without_edges_writes_no_place() {
        let mut batch = WriteBatch::new(Encoding::Bson);
        batch.insert("n.City.a".parse().unwrap(), &bson::doc! {}).unwrap();
        batch.delete("n.City.b".parse().unwrap(), None, false).unwrap();
        assert!(places(batch.operations()).is_empty());
    }
}
