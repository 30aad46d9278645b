//! Stores of every format that was ever released open for ever, and those of later formats are left alone.
//!
//! `tests/data/format/<format>/<name>/store` is a database as a version of this library left it, and
//! `contents.json` beside it what it must be found to hold. The test `write_the_fixtures`, which is only run
//! when asked for, adds those of the current format that are missing; none is ever written again.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bson::Document;
use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Bson, Collection, Database as _, Encoding, Ends, EntityName, ErrorKind, Filter, Handle, Id,
    IndexInfo, IndexSpec, JsonDb, JsonDbOptions, Link, Query, Version, WriteBatch, doc,
};
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::script::{options, runtime};

/// The kinds of store that each format has, and what their files sum up to: proof that none has been written
/// again. A store is of format 2 when it has indexes.
const FORMATS: [(u32, &[&str], u64); 2] = [
    (1, &["clean", "compacted", "killed", "sealed"], 0xf52c_63ec_ea31_d70e),
    (2, &["indexed"], 0x6d03_2e3a_2efa_09b6),
];

fn home(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/format/{format}"))
}

/// All files beneath `dir`, by their path from there.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// One number for names, lengths and bytes.
fn sum(files: &BTreeMap<String, Vec<u8>>) -> u64 {
    let mut all = Vec::new();
    for (name, bytes) in files {
        all.extend_from_slice(format!("{name} {}\n", bytes.len()).as_bytes());
        all.extend_from_slice(bytes);
    }
    xxh3_64(&all)
}

/// Puts files into a directory, for their owner alone.
fn put(dir: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in files {
        let path = dir.join(name);
        let parent = path.parent().unwrap();
        std::fs::create_dir_all(parent).unwrap();
        std::fs::set_permissions(parent, Permissions::from_mode(0o700)).unwrap();
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }
}

/// The last format that this version writes: that of a store with indexes.
fn current() -> u32 {
    let disk = SimulatedDisk::new();
    let db = JsonDb::open_on(Arc::new(disk.clone()), options()).unwrap();
    make_indexes(&db);
    let manifest: Value = serde_json::from_slice(&disk.bytes("MANIFEST.json").unwrap()).unwrap();
    runtime().block_on(db.close()).unwrap();
    manifest["format"].as_u64().unwrap() as u32
}

/// An index with each of the options.
fn make_indexes(db: &JsonDb) {
    let specs = [
        doc! { "key": { "context.population": -1, "context.name": 1 } },
        doc! { "key": { "context.name": 1 }, "unique": true, "sparse": true },
        doc! {
            "key": { "context.a.b": 1 },
            "partialFilterExpression": { "context.a": { "$exists": true }, "_version": { "$gte": 1 } },
        },
    ];
    for (spec, entity) in specs.iter().zip([None, Some(EntityName::new("City").unwrap()), None]) {
        let spec = IndexSpec::parse(spec).unwrap();
        runtime().block_on(db.create_index(Collection::Node, entity, spec)).unwrap();
    }
}

/// Everything in a store, and what opening said of it.
fn contents(db: &JsonDb) -> Value {
    let documents: Vec<Value> = runtime().block_on(async {
        let mut documents = BTreeMap::new();
        for collection in Collection::ALL {
            let mut found = db.find(Query::new(collection, Filter::all())).await.unwrap();
            while let Some(document) = found.try_next().await.unwrap() {
                let handle = Handle::new(document.id.clone());
                let again = db.get_many(&[handle]).await.unwrap().remove(0).unwrap();
                assert_eq!(again.body.as_bytes(), document.body.as_bytes());
                document.to_bson().unwrap();
                let ends = document.ends.map(|ends| {
                    json!({
                        "source": ends.source.to_string(),
                        "target": ends.target.to_string(),
                        "bidirectional": ends.bidirectional,
                    })
                });
                let value = json!({
                    "id": document.id.to_string(),
                    "version": document.version.get(),
                    "schema": document.schema,
                    "ends": ends,
                    "fields": std::str::from_utf8(document.body.as_bytes()).unwrap(),
                });
                documents.insert(document.id, value);
            }
        }
        documents.into_values().collect()
    });
    let recovery = db.recovery();
    let mut contents = json!({
        "clean": recovery.clean,
        "commits": recovery.commits,
        "quarantined_bytes": recovery.quarantined_bytes,
        "documents": documents,
    });
    let indexes = runtime().block_on(db.indexes(Collection::Node)).unwrap();
    if !indexes.is_empty() {
        let told = |index: &IndexInfo| {
            let entity = index.entity.map(|name| name.as_str());
            let spec = index.spec.to_document().to_string();
            json!({ "entity": entity, "index": spec, "keys": index.keys })
        };
        contents["indexes"] = indexes.iter().map(told).collect();
    }
    contents
}

/// A field of every type that a document can hold.
fn every_type() -> Document {
    jvspatial_db::codec::parse_json_document(include_str!("../../data/format/1/types.json"))
        .unwrap()
}

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

/// The first batches of every fixture.
fn batches() -> Vec<WriteBatch> {
    let batch = || WriteBatch::new(Encoding::Json);
    let link = |source, target, bidirectional| {
        Some(Link {
            ends: Ends { source: id(source), target: id(target), bidirectional },
            unique: false,
        })
    };
    let mut made = batch().atomic(true);
    let oslo = doc! { "name": "Oslo", "population": 717_710 };
    made.insert(id("n.City.oslo"), &oslo).unwrap();
    made.insert(id("n.City.4b60c5d8224f4482a88b6829"), &doc! { "name": "Bergen\n\"x\"" }).unwrap();
    made.insert(id("n.駅.東京"), &doc! { "é": "e\u{301}", "list": [1, [2, {}]] }).unwrap();
    made.insert_with(id("n.City.later"), &doc! { "a": { "b": { "c": null } } }, 7, None).unwrap();
    made.insert(id("o.Types.all"), &every_type()).unwrap();
    made.insert(id("o.Types.none"), &doc! {}).unwrap();
    made.insert(id("j.Checkpoint.1"), &doc! { "at": 5 }).unwrap();
    let mut joined = batch();
    let oslo = "n.City.oslo";
    let road = doc! { "km": 463.5, "source": "\",\"source\":\"n.X.1" };
    joined.insert_with(id("e.Road.1"), &road, 1, link(oslo, "n.駅.東京", false)).unwrap();
    joined.insert_with(id("e.Road.2"), &doc! {}, 3, link("n.駅.東京", oslo, true)).unwrap();
    joined.insert_with(id("e.Road.3"), &doc! {}, 1, link(oslo, oslo, false)).unwrap();
    let mut changed = batch();
    changed.update(id(oslo), Version::new(1), &doc! { "name": "Oslo", "population": 1 }).unwrap();
    changed.delete(id("o.Types.none"), None, false).unwrap();
    changed.delete(id("e.Road.3"), Some(Version::new(1)), false).unwrap();
    changed.update(id("e.Road.1"), Version::new(1), &doc! { "km": 464 }).unwrap();
    let mut again = batch();
    again.insert(id("o.Types.none"), &doc! { "again": true }).unwrap();
    again.delete(id("n.City.4b60c5d8224f4482a88b6829"), None, true).unwrap();
    vec![made, joined, changed, again]
}

/// Makes the files of the fixture called `name`.
fn make(name: &str) -> SimulatedDisk {
    let (disk, runtime) = (SimulatedDisk::new(), runtime());
    let write =
        |db: &JsonDb, batch| assert!(runtime.block_on(db.write(batch)).unwrap().is_complete());
    let db = JsonDb::open_on(Arc::new(disk.clone()), options()).unwrap();
    if name == "indexed" {
        make_indexes(&db);
    }
    batches().into_iter().for_each(|batch| write(&db, batch));
    if ["sealed", "compacted"].contains(&name) {
        for number in 0..60 {
            let mut batch = WriteBatch::new(Encoding::Json);
            batch
                .insert(id(&format!("o.Row.{number}")), &doc! { "text": "x".repeat(100) })
                .unwrap();
            write(&db, batch);
        }
        let mut batch = WriteBatch::new(Encoding::Json);
        batch.delete(id("o.Row.3"), None, false).unwrap();
        write(&db, batch);
    }
    if name == "compacted" {
        runtime.block_on(db.compact()).unwrap();
        let mut batch = WriteBatch::new(Encoding::Json);
        batch.delete(id("o.Row.4"), None, false).unwrap();
        batch.update(id("n.City.oslo"), Version::new(2), &doc! { "name": "Oslo" }).unwrap();
        write(&db, batch);
    }
    if name != "killed" {
        runtime.block_on(db.close()).unwrap();
        return disk.kill_state();
    }
    let mut batch = WriteBatch::new(Encoding::Json);
    batch.insert(id("o.Lost.1"), &doc! { "acknowledged": false }).unwrap();
    write(&db, batch);
    let disk = disk.kill_state();
    let active = "journal/00000001.jsonl";
    let mut bytes = disk.bytes(active).unwrap();
    bytes.truncate(bytes.len() - 30);
    disk.set_bytes(active, bytes).unwrap();
    disk
}

#[test]
#[ignore = "it adds to the sources: run it when a format is released"]
fn write_the_fixtures() {
    for (home, name) in FORMATS
        .iter()
        .flat_map(|(format, names, _)| names.iter().map(|name| (home(*format).join(name), *name)))
    {
        if home.exists() {
            continue;
        }
        let disk = make(name);
        let mut files: BTreeMap<String, Vec<u8>> = disk
            .paths()
            .into_iter()
            .map(|path| (path.clone(), disk.bytes(&path).unwrap()))
            .collect();
        files.insert("LOCK".to_owned(), Vec::new());
        put(&home.join("store"), &files);
        let contents = contents(&JsonDb::open_on(Arc::new(disk), options()).unwrap());
        let text = serde_json::to_string_pretty(&contents).unwrap() + "\n";
        std::fs::write(home.join("contents.json"), text).unwrap();
    }
}

#[test]
fn a_store_of_every_released_format_opens_to_what_was_written() {
    for (format, names, _) in FORMATS {
        for name in names {
            let expected = std::fs::read(home(format).join(name).join("contents.json")).unwrap();
            let expected: Value = serde_json::from_slice(&expected).unwrap();
            let copy = tempfile::tempdir().unwrap();
            put(copy.path(), &files(&home(format).join(name).join("store")));
            let open =
                || runtime().block_on(JsonDb::open(copy.path(), JsonDbOptions::new())).unwrap();
            let db = open();
            assert_eq!(contents(&db), expected, "{name} of format {format}");
            let types = Handle::new(id("o.Types.all"));
            let types = runtime().block_on(db.get_many(&[types])).unwrap().remove(0).unwrap();
            assert_eq!(types.body.to_bson().unwrap(), every_type());

            let mut batch = WriteBatch::new(Encoding::Json);
            batch.insert(id("o.New.1"), &doc! { "in": "an old store" }).unwrap();
            assert!(runtime().block_on(db.write(batch)).unwrap().is_complete());
            runtime().block_on(db.close()).unwrap();
            let mut again = contents(&open());
            let documents = again["documents"].as_array_mut().unwrap();
            documents.retain(|document| document["id"] != "o.New.1");
            assert_eq!(again["documents"], expected["documents"], "{name} of format {format}");
            assert_eq!(again["indexes"], expected["indexes"], "{name} of format {format}");
        }
    }
}

#[test]
fn every_released_format_has_its_fixtures_and_none_was_written_again() {
    let formats: Vec<u32> = FORMATS.iter().map(|(format, ..)| *format).collect();
    assert_eq!(formats, (1..=current()).collect::<Vec<_>>());
    for (format, names, expected) in FORMATS {
        let files = files(&home(format));
        for name in names {
            assert!(files.contains_key(&format!("{name}/store/MANIFEST.json")), "{name}");
        }
        assert_eq!(sum(&files), expected, "format {format}: {:#018x}", sum(&files));
    }
}

#[test]
fn the_fixtures_hold_every_type_and_every_kind_of_line() {
    let types = every_type();
    let mut found: Vec<_> = types.values().map(Bson::element_type).map(|kind| kind as u8).collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), 21, "{found:x?}");
    let sealed = files(&home(1).join("sealed/store"));
    assert!(sealed.contains_key("journal/00000003.jsonl"), "{:?}", sealed.keys());
    let compacted = files(&home(1).join("compacted/store"));
    assert!(compacted.keys().any(|path| path.ends_with("-1.jsonl")), "{:?}", compacted.keys());
    let killed = files(&home(1).join("killed/store"));
    let journal = std::str::from_utf8(&killed["journal/00000001.jsonl"]).unwrap();
    for part in ["\"_deleted\":true", "\"_v\":7", "\"bidirectional\":true", "\"n.駅.東京\""] {
        assert!(journal.contains(part), "{part}");
    }
    assert!(!journal.ends_with('\n'), "the last batch is unfinished");
}

/// The same manifest with `change` made to it and a sound checksum.
fn change_manifest(manifest: &[u8], change: impl Fn(&str) -> String) -> Vec<u8> {
    const MARKER: &str = ",\n  \"checksum\": \"";
    let text = std::str::from_utf8(manifest).unwrap();
    let (body, _) = text.split_at(text.rfind(MARKER).unwrap());
    let mut text = change(body) + MARKER;
    let checksum = xxh3_64(text.as_bytes());
    text.push_str(&format!("{checksum:016x}\"\n}}\n"));
    text.into_bytes()
}

#[test]
fn a_store_of_a_later_format_is_refused_with_not_one_byte_changed() {
    // A manifest of format 2 has indexes; segments have known one format so far.
    let header = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).unwrap();
        text.replacen("\"format\":1", "\"format\":2", 1).into_bytes()
    };
    let stores = FORMATS.iter().flat_map(|(format, names, _)| {
        let store = move |name: &&'static str| {
            (*format, *name, files(&home(*format).join(name).join("store")))
        };
        names.iter().map(store)
    });
    for (format, name, store) in stores {
        let own = format!("\"format\": {format}");
        let later = |text: &str| text.replacen(&own, "\"format\": 3", 1);
        let manifest = &store["MANIFEST.json"];
        let segments: Vec<String> =
            store.keys().filter(|path| path.starts_with("journal/")).cloned().collect();
        let mut cases = vec![
            ("MANIFEST.json".to_owned(), change_manifest(manifest, later)),
            ("MANIFEST.json".to_owned(), b"{\"format\": 3, \"regions\": {}}".to_vec()),
        ];
        cases.extend(segments.iter().map(|path| (path.clone(), header(&store[path]))));
        for (path, bytes) in cases {
            let mut changed = store.clone();
            assert_ne!(bytes, store[&path]);
            changed.insert(path.clone(), bytes);
            // What a later version may have left beside it is not this version's to clear away.
            changed.insert("MANIFEST.json.new".to_owned(), b"half".to_vec());
            changed.insert("quarantine/00000001-9.jsonl".to_owned(), b"kept".to_vec());
            changed.insert("regions/1".to_owned(), b"unknown".to_vec());
            let copy = tempfile::tempdir().unwrap();
            put(copy.path(), &changed);
            let before = sum(&files(copy.path()));
            let open = || runtime().block_on(JsonDb::open(copy.path(), JsonDbOptions::new()));
            let error = open().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert_eq!(error.context("file"), Some(path.as_str()), "{error}");
            let found = if path == "MANIFEST.json" { "3" } else { "2" };
            assert_eq!(error.context("found format"), Some(found), "{error}");
            assert_eq!(sum(&files(copy.path())), before, "{name}, {path}");

            // The control: this version's own format, opened, does change the directory.
            put(copy.path(), &store);
            let own = open().unwrap();
            assert_ne!(sum(&files(copy.path())), before);
            runtime().block_on(own.close()).unwrap();
        }
    }
}
