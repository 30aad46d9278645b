//! Edges that are made again with other ends while compaction takes the traces of the change away.

use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{Database as _, Encoding, Ends, Handle, Id, JsonDb, Link, Version, WriteBatch};
use serde_json::json;

use super::super::script::runtime;
use super::{killed, open, options, settle};

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

async fn write(db: &JsonDb, fill: impl FnOnce(&mut WriteBatch)) {
    let mut batch = WriteBatch::new(Encoding::Json);
    fill(&mut batch);
    assert!(db.write(batch).await.unwrap().is_complete());
}

fn link(source: &str, target: &str) -> Link {
    let ends = Ends { source: id(source), target: id(target), bidirectional: false };
    Link { ends, unique: false }
}

#[test]
fn an_edge_made_again_keeps_its_new_ends_though_the_line_of_its_end_is_compacted_away() {
    let disk = SimulatedDisk::new();
    runtime().block_on(async {
        let db = open(&disk, &options());
        let fill = |number: u32| json!({ "number": number, "text": "x".repeat(700) });
        // A segment that stays as it is, because nearly all of it is in use.
        write(&db, |batch| {
            for node in ["n.City.a", "n.City.b", "n.City.c", "n.City.d"] {
                batch.insert(id(node), &json!({})).unwrap();
            }
            batch.insert_edge(id("e.Road.1"), &json!({}), link("n.City.a", "n.City.b")).unwrap();
            for number in 0..6 {
                batch.insert(id(&format!("o.Note.{number}")), &fill(0)).unwrap();
            }
        })
        .await;
        // One that has the end of the edge and its new beginning, and little else that is needed.
        write(&db, |batch| batch.delete(id("e.Road.1"), None, false).unwrap()).await;
        write(&db, |batch| {
            batch.insert_edge(id("e.Road.1"), &json!({}), link("n.City.c", "n.City.d")).unwrap();
        })
        .await;
        for version in 0..8 {
            write(&db, |batch| match version {
                0 => batch.insert(id("o.Note.busy"), &fill(0)).unwrap(),
                _ => batch
                    .update(id("o.Note.busy"), Version::new(version), &fill(version as u32))
                    .unwrap(),
            })
            .await;
        }
        settle(&disk);
        let paths = disk.paths();
        assert!(paths.iter().any(|path| path == "journal/00000001.jsonl"), "{paths:?}");
        assert!(paths.iter().any(|path| path.starts_with("journal/00000002-")), "{paths:?}");
        let db = open(&killed(&disk), &options());
        let edge = db.get_many(&[Handle::new(id("e.Road.1"))]).await.unwrap().remove(0).unwrap();
        assert_eq!(edge.ends.unwrap(), link("n.City.c", "n.City.d").ends);
    });
}
