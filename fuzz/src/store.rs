//! A store on a disk in memory: its manifest, opening it, and reading all of it.

use std::sync::Arc;

use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Collection, Database as _, Direction, Document, Error, Expansion, Filter, Handle, JsonDb,
    JsonDbOptions, Query,
};
use tokio::runtime::Runtime;
use xxhash_rust::xxh3::xxh3_64;

use crate::journal::{End, STORE, State, Stored};

pub const MANIFEST: &str = "MANIFEST.json";

/// The path of a segment.
pub fn segment_path(number: u32) -> String {
    format!("journal/{number:08}.jsonl")
}

fn end(end: &End) -> String {
    let End { bytes, sequence, checksum } = end;
    format!("{{\"bytes\": {bytes}, \"sequence\": {sequence}, \"checksum\": \"{checksum:016x}\"}}")
}

/// A manifest, up to and without its checksum.
pub fn manifest_body(sealed: &[(u32, End)], active: u32, closed: Option<End>) -> Vec<u8> {
    let sealed: Vec<String> = sealed
        .iter()
        .map(|(segment, last)| format!("{{\"segment\": {segment}, \"end\": {}}}", end(last)))
        .collect();
    let closed = closed.as_ref().map_or_else(|| "null".to_owned(), end);
    let sealed = sealed.join(", ");
    format!(
        "{{\n  \"format\": 1,\n  \"store\": \"{STORE}\",\n  \"sealed\": [{sealed}],\n  \
         \"active\": {active},\n  \"closed\": {closed}"
    )
    .into_bytes()
}

/// The same with a sound checksum.
pub fn seal_manifest(mut body: Vec<u8>) -> Vec<u8> {
    body.extend_from_slice(b",\n  \"checksum\": \"");
    let checksum = xxh3_64(&body);
    body.extend_from_slice(format!("{checksum:016x}\"\n}}\n").as_bytes());
    body
}

/// Opens what is on `disk` as it is after a kill.
///
/// # Errors
/// Those of opening.
pub fn open(disk: &SimulatedDisk) -> Result<JsonDb, Error> {
    let options = JsonDbOptions::new().create(false).segment_bytes(4096);
    JsonDb::open_on(Arc::new(disk.clone()), options)
}

/// A runtime for one thread.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

fn stored(document: Document) -> (String, Stored) {
    // Whether the fields are JSON is not the journal's business; that telling so does not panic is.
    let _ = document.to_bson();
    let ends = document
        .ends
        .map(|ends| (ends.source.to_string(), ends.target.to_string(), ends.bidirectional));
    let body = document.body.as_bytes().to_vec();
    (document.id.to_string(), Stored { version: document.version.get(), body, ends })
}

/// All documents, which every way of reading must agree on.
pub fn contents(runtime: &Runtime, db: &JsonDb) -> State {
    runtime.block_on(async {
        let mut state = State::new();
        let mut nodes = Vec::new();
        for collection in Collection::ALL {
            let all = Query::new(collection, Filter::all());
            let mut found = db.find(all).await.expect("a pass");
            let mut count = 0;
            while let Some(document) = found.try_next().await.expect("a document just verified") {
                let handle = Handle::new(document.id.clone());
                let again = db.get_many(std::slice::from_ref(&handle)).await.expect("the same");
                let (id, document) = stored(document);
                let again = again.into_iter().next().flatten().map(stored);
                assert_eq!(again, Some((id.clone(), document.clone())), "get differs from find");
                if collection == Collection::Node {
                    nodes.push(handle);
                }
                count += 1;
                assert!(state.insert(id, document).is_none(), "found twice");
            }
            let counted = db.count(collection, &Filter::all()).await.expect("a count");
            assert_eq!(counted, count, "count differs from find");
        }
        let mut expansion = Expansion::new(Direction::Out);
        expansion.with_edges = true;
        for hop in db.neighbors(&nodes, &expansion).await.expect("neighbors") {
            let edge = hop.edge.expect("asked for").into_id().to_string();
            let (source, target, both) = state[&edge].ends.clone().expect("an edge");
            let origin = nodes[hop.origin as usize].id().to_string();
            let node = hop.node.into_id().to_string();
            let leads = (origin == source && node == target)
                || (both && origin == target && node == source);
            assert!(leads, "{edge} does not lead from {origin} to {node}");
        }
        state
    })
}
