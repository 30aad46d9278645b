//! Ids that are taken, and batches of any size.

use jvspatial_db::exchange::{Existing, Import, ImportOptions};
use jvspatial_db::{Collection, Direction, ErrorKind, Expansion, Handle, Id};

use super::{databases, export, ids, import, import_with};

const CITIES: &str = concat!(
    r#"{"_id":"n.City.a","_version":5,"entity":"City","context":{"n":1}}"#,
    "\n",
    r#"{"_id":"n.City.b","_version":5,"entity":"City","context":{"n":2}}"#,
    "\n",
    r#"{"_id":"n.City.c","_version":5,"entity":"City","context":{"n":3}}"#,
    "\n",
);
const ROADS: &str = concat!(
    r#"{"_id":"e.Road.1","_version":5,"entity":"Road","context":{},"source":"n.City.a","target":"n.City.b","bidirectional":false}"#,
    "\n",
    r#"{"_id":"e.Road.2","_version":5,"entity":"Road","context":{},"source":"n.City.a","target":"n.City.b","bidirectional":false}"#,
    "\n",
);

#[tokio::test]
async fn an_id_that_is_taken_fails_its_line() {
    for db in databases() {
        assert_eq!(import(&*db, Collection::Node, CITIES).await.unwrap().written, 3);
        let again = r#"{"_id":"n.City.b","entity":"City","context":{}}"#;
        let error = import(&*db, Collection::Node, again).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Duplicate);
        assert_eq!((error.context("id"), error.context("line")), (Some("n.City.b"), Some("1")));
        assert_eq!(export(&*db, Collection::Node).await, CITIES);
    }
}

#[tokio::test]
async fn an_id_that_is_taken_is_skipped() {
    for db in databases() {
        let first = CITIES.lines().nth(1).unwrap();
        assert_eq!(import(&*db, Collection::Node, first).await.unwrap().written, 1);
        let other = CITIES.replace("\"n\":", "\"other\":");
        let options = ImportOptions::new().existing(Existing::Skip);
        let report = import_with(&*db, Collection::Node, other, options).await.unwrap();
        assert_eq!((report.written, report.skipped), (2, 1));
        assert!(export(&*db, Collection::Node).await.contains(first));
    }
}

#[tokio::test]
async fn an_id_that_is_taken_is_replaced_at_the_version_of_the_line() {
    for db in databases() {
        assert_eq!(import(&*db, Collection::Node, CITIES).await.unwrap().written, 3);
        let other = concat!(
            r#"{"_id":"n.City.b","_version":2,"_v":4,"entity":"City","context":{"m":9}}"#,
            "\n",
            r#"{"_id":"n.City.d","entity":"City","context":{}}"#,
            "\n",
            r#"{"_id":"n.City.d","_version":1,"entity":"City","context":{"last":true}}"#,
            "\n",
        );
        let options = ImportOptions::new().existing(Existing::Replace);
        let report = import_with(&*db, Collection::Node, other, options).await.unwrap();
        assert_eq!((report.written, report.replaced), (1, 2));
        let exported = export(&*db, Collection::Node).await;
        let expected = [CITIES.lines().next(), other.lines().next(), CITIES.lines().nth(2)];
        let expected = expected.into_iter().chain([other.lines().nth(2)]).flatten();
        assert!(exported.lines().eq(expected), "{exported}");
    }
}

#[tokio::test]
async fn a_replaced_edge_joins_its_new_ends() {
    for db in databases() {
        assert_eq!(import(&*db, Collection::Node, CITIES).await.unwrap().written, 3);
        assert_eq!(import(&*db, Collection::Edge, ROADS).await.unwrap().written, 2);
        let moved = ROADS.replace("\"n.City.b\"", "\"n.City.c\"").replace("false", "true");
        let options = ImportOptions::new().existing(Existing::Replace);
        let report = import_with(&*db, Collection::Edge, &moved, options).await.unwrap();
        assert_eq!((report.written, report.replaced), (0, 2));
        assert_eq!(export(&*db, Collection::Edge).await, moved);
        for (from, count) in [("n.City.a", 2), ("n.City.b", 0), ("n.City.c", 2)] {
            let from = [Handle::from(from.parse::<Id>().unwrap())];
            let found = db.neighbors(&from, &Expansion::new(Direction::Out)).await.unwrap();
            assert_eq!(found.len(), count, "{from:?}");
        }
        // A node that is replaced keeps its edges.
        let options = ImportOptions::new().existing(Existing::Replace);
        let report = import_with(&*db, Collection::Node, CITIES, options).await.unwrap();
        assert_eq!(report.replaced, 3);
        assert_eq!(export(&*db, Collection::Edge).await, moved);
    }
}

#[tokio::test]
async fn parallel_edges_are_imported_as_they_are() {
    for db in databases() {
        assert_eq!(import(&*db, Collection::Node, CITIES).await.unwrap().written, 3);
        assert_eq!(import(&*db, Collection::Edge, ROADS).await.unwrap().written, 2);
        assert_eq!(export(&*db, Collection::Edge).await, ROADS);
    }
}

#[tokio::test]
async fn every_size_of_a_batch_imports_the_same() {
    let lines: String = (0..300)
        .map(|key| {
            format!(
                "{{\"_id\":\"o.Note.{key:03}\",\"entity\":\"Note\",\"context\":{{\"n\":{key}}}}}\n"
            )
        })
        .collect();
    for (documents, bytes) in [(1, 1), (7, usize::MAX), (usize::MAX, 100), (0, 0), (1000, 1 << 20)]
    {
        for db in databases() {
            let options = ImportOptions::new().batch_documents(documents).batch_bytes(bytes);
            let report = import_with(&*db, Collection::Object, &lines, options).await.unwrap();
            assert_eq!((report.read, report.written), (300, 300));
            assert_eq!(export(&*db, Collection::Object).await, lines);
        }
    }
}

#[tokio::test]
async fn bytes_pushed_one_by_one_are_imported() {
    for db in databases() {
        let mut import = Import::new(&*db, Collection::Node, &ImportOptions::new());
        for byte in CITIES.as_bytes().chunks(1) {
            import.push(byte).await.unwrap();
        }
        assert_eq!(import.finish().await.unwrap().written, 3);
        assert_eq!(ids(&*db, Collection::Node).await, ["n.City.a", "n.City.b", "n.City.c"]);
    }
}

#[tokio::test]
async fn an_import_that_failed_takes_nothing_more() {
    for db in databases() {
        let options = ImportOptions::new().batch_documents(1);
        let mut import = Import::new(&*db, Collection::Node, &options);
        import.push(b"[]\n").await.unwrap_err();
        let error = import.push(CITIES.as_bytes()).await.unwrap_err();
        assert_eq!(error.message(), "import was ended by an error before");
        import.finish().await.unwrap_err();
        assert!(ids(&*db, Collection::Node).await.is_empty());
    }
}
