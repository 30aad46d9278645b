//! Lines with bytes altered: read like any JSON, or refused; never read as something else.

use std::sync::LazyLock;

use jvspatial_db::codec::{encode, parse_json_document};
use jvspatial_db::exchange::ImportOptions;
use jvspatial_db::{Collection, Database, Encoding, Filter, MemoryDb, Query};
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use super::{export, import, import_with};

const LINES: [&str; 4] = [
    r#"{"_id":"n.A.b","_version":3,"_v":2,"entity":"A","context":{"context":{"a":"}","b":[{}]},"c":"\"{"}}"#,
    r#"{"context":{"a":{"$numberLong":"5"},"b":{"$date":"2024-02-29T12:00:00Z"}},"entity":"A","_id":"n.A.b"}"#,
    r#"{"entity":"A","edges":["context",{"context":{}}],"context":{"é":-1.5e3},"id":"n.A.b"}"#,
    r#"{"_id":"n.A.b","c\u006fntext":{"a":1},"entity":"A"}"#,
];

/// One for all cases, since making one takes longer than a case.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().unwrap());

/// What to do to a line: at which place, what.
#[derive(Clone, Debug)]
enum Change {
    Set(u8),
    Insert(&'static str),
    Remove(usize),
    Repeat(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let part = prop_oneof![
        Just("\"context\":"),
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just("\""),
        Just("\\"),
        Just("{}"),
        Just("\"context\""),
        Just("\"context\":{},"),
        Just("1"),
        Just("\\u0063"),
        Just(" "),
        Just("$"),
        Just("null"),
    ];
    prop_oneof![
        any::<u8>().prop_map(Change::Set),
        part.prop_map(Change::Insert),
        (1..12_usize).prop_map(Change::Remove),
        (1..40_usize).prop_map(Change::Repeat),
    ]
}

fn alter(line: &mut Vec<u8>, at: usize, change: &Change) {
    let end = |count: usize| (at + count).min(line.len());
    match *change {
        Change::Set(byte) => line[at] = byte,
        Change::Insert(part) => drop(line.splice(at..at, part.bytes())),
        Change::Remove(count) => drop(line.drain(at..end(count))),
        Change::Repeat(count) => {
            let part = line[at..end(count)].to_vec();
            line.splice(at..at, part);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3_000) })]

    #[test]
    fn an_altered_line_is_read_like_any_json_or_refused(
        line in 0..LINES.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), change()), 0..4),
    ) {
        let mut line = LINES[line].as_bytes().to_vec();
        for (at, change) in &changes {
            if !line.is_empty() {
                let at = at.index(line.len());
                alter(&mut line, at, change);
            }
        }
        // Two lines are another matter.
        line.retain(|byte| *byte != b'\n');
        RUNTIME.block_on(async {
            let db = MemoryDb::new();
            let options = ImportOptions::new().collect_failures(1);
            // The other error is that of a signature of compressed data.
            let Ok(report) = import_with(&db, Collection::Node, &line, options).await else { return };
            if report.written == 0 {
                return;
            }
            let text = std::str::from_utf8(&line).expect("what was imported is text");
            let whole = parse_json_document(text.trim_start_matches('\u{feff}')).expect("and JSON");
            let query = Query::new(Collection::Node, Filter::all());
            let found = db.find(query).await.unwrap().try_collect().await.unwrap().remove(0);
            // As bytes, since an integer takes 32 bits when it fits.
            let mut fields = Vec::new();
            encode(Encoding::Bson, whole.get_document("context").unwrap(), &mut fields).unwrap();
            assert_eq!(found.body.as_bytes(), fields);
            let copy = MemoryDb::new();
            let exported = export(&db, Collection::Node).await;
            assert_eq!(import(&copy, Collection::Node, &exported).await.unwrap().written, 1);
            assert_eq!(export(&copy, Collection::Node).await, exported);
        });
    }
}
