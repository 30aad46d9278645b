//! Documents as the Python library writes them.

use jvspatial_db::exchange::ImportOptions;
use jvspatial_db::{Collection, Direction, Expansion, Handle, Id};

use super::{databases, export, import, import_with, refused};

/// The released form, from MongoDB, and the older form, from files.
const NODES: &str = r#"
{"_id":"n.Root.root","id":"n.Root.root","entity":"Root","context":{}}
{"_id":"n.City.4b60c5d8224f4482a88b6829","id":"n.City.4b60c5d8224f4482a88b6829","entity":"City","context":{"name":"Oslo","founded":"1048-01-01T00:00:00","mayor":null}}
{"id":"n.City.17701ca58e0fb2048c6ab141","entity":"City","context":{"name":"Bergen","edges":["kept"]},"edges":["e.Road.01ca58e0fb2048c6ab141643"]}
{"_id":"n.Job.own-key","entity":"Job","context":{},"_v":2,"_jv_claim":"worker-1","_jv_claim_until":null}
"#;

const EDGES: &str = r#"
{"id":"e.Road.01ca58e0fb2048c6ab141643","entity":"Road","context":{"km":463},"source":"n.City.4b60c5d8224f4482a88b6829","target":"n.City.17701ca58e0fb2048c6ab141","bidirectional":false}
{"id":"e.Road.02ca58e0fb2048c6ab141643","entity":"Road","context":{"km":1},"source":"n.City.17701ca58e0fb2048c6ab141","target":"n.Root.root"}
{"id":"e.Road.03ca58e0fb2048c6ab141643","entity":"Road","context":{"source":"n.Root.root","target":"n.Job.own-key","bidirectional":true,"km":2}}
{"id":"e.Road.04ca58e0fb2048c6ab141643","entity":"Road","context":{"km":3,"source":"n.Root.root","target":"n.Job.own-key"}}
"#;

#[tokio::test]
async fn documents_of_both_forms_are_taken_over_without_a_version() {
    for db in databases() {
        let report = import(&*db, Collection::Node, NODES).await.unwrap();
        assert_eq!(report.written, 4);
        let ignored: Vec<(&str, u64)> = report.ignored.into_iter().collect();
        assert_eq!(ignored, [("_jv_claim", 1), ("_jv_claim_until", 1), ("edges", 1)]);
        let expected = [
            r#"{"_id":"n.City.17701ca58e0fb2048c6ab141","entity":"City","context":{"name":"Bergen","edges":["kept"]}}"#,
            r#"{"_id":"n.City.4b60c5d8224f4482a88b6829","entity":"City","context":{"name":"Oslo","founded":"1048-01-01T00:00:00","mayor":null}}"#,
            r#"{"_id":"n.Job.own-key","_v":2,"entity":"Job","context":{}}"#,
            r#"{"_id":"n.Root.root","entity":"Root","context":{}}"#,
        ];
        let exported = export(&*db, Collection::Node).await;
        let mut lines: Vec<&str> = exported.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, expected);
    }
}

#[tokio::test]
async fn ends_among_the_fields_are_lifted_and_a_missing_direction_means_either() {
    for db in databases() {
        assert_eq!(import(&*db, Collection::Node, NODES).await.unwrap().written, 4);
        let report = import(&*db, Collection::Edge, EDGES).await.unwrap();
        assert_eq!(report.written, 4);
        let exported = export(&*db, Collection::Edge).await;
        let expected = [
            r#"{"_id":"e.Road.01ca58e0fb2048c6ab141643","entity":"Road","context":{"km":463},"source":"n.City.4b60c5d8224f4482a88b6829","target":"n.City.17701ca58e0fb2048c6ab141","bidirectional":false}"#,
            r#"{"_id":"e.Road.02ca58e0fb2048c6ab141643","entity":"Road","context":{"km":1},"source":"n.City.17701ca58e0fb2048c6ab141","target":"n.Root.root","bidirectional":true}"#,
            r#"{"_id":"e.Road.03ca58e0fb2048c6ab141643","entity":"Road","context":{"km":2},"source":"n.Root.root","target":"n.Job.own-key","bidirectional":true}"#,
            r#"{"_id":"e.Road.04ca58e0fb2048c6ab141643","entity":"Road","context":{"km":3},"source":"n.Root.root","target":"n.Job.own-key","bidirectional":true}"#,
        ];
        assert_eq!(exported.lines().collect::<Vec<_>>(), expected);
        let job: Id = "n.Job.own-key".parse().unwrap();
        let out = Expansion::new(Direction::Out);
        let found = db.neighbors(&[Handle::from(job)], &out).await.unwrap();
        assert_eq!(found.len(), 2, "both edges can be followed from their target");
    }
}

#[tokio::test]
async fn fields_of_an_edge_that_has_ends_outside_stay_fields() {
    let edge = r#"{"_id":"e.Road.1","entity":"Road","context":{"source":"map","target":1,"bidirectional":null},"source":"n.Root.root","target":"n.Root.root","bidirectional":false}"#;
    for db in databases() {
        assert_eq!(import(&*db, Collection::Node, NODES).await.unwrap().written, 4);
        assert_eq!(import(&*db, Collection::Edge, edge).await.unwrap().written, 1);
        assert_eq!(export(&*db, Collection::Edge).await, format!("{edge}\n"));
    }
}

#[tokio::test]
async fn an_edge_before_its_nodes_names_the_end_that_is_missing() {
    for db in databases() {
        let error = import(&*db, Collection::Edge, EDGES).await.unwrap_err();
        assert_eq!(error.kind(), jvspatial_db::ErrorKind::NotFound);
        assert_eq!(error.context("line"), Some("2"));
        assert_eq!(error.context("offset"), Some("1"));
        assert_eq!(error.context("id"), Some("e.Road.01ca58e0fb2048c6ab141643"));
        assert_eq!(error.context("end"), Some("n.City.4b60c5d8224f4482a88b6829"));
        let options = ImportOptions::new().collect_failures(2);
        let report = import_with(&*db, Collection::Edge, EDGES, options).await.unwrap();
        assert_eq!((report.read, report.failed, report.failures.len()), (4, 4, 2));
        assert_eq!(report.failures[1].line, 3);
    }
}

#[tokio::test]
async fn what_the_library_writes_and_nothing_here_can_hold_is_refused() {
    let big = r#"{"id":"o.Sum.1","entity":"Sum","context":{"n":2361183241434822606848}}"#;
    let error = refused(Collection::Object, big).await;
    assert_eq!(error.message(), "integer is outside 64 signed bits");
    let trail = r#"{"id":"trail.Tourist.000000001","entity":"WalkerTrailStep","walker_id":"w.Tourist.1","seq":1,"data":{}}"#;
    let error = refused(Collection::Object, trail).await;
    assert_eq!(error.context("field"), Some("_id"));
    let ids = r#"{"_id":"o.Sum.1","id":"o.Sum.2","entity":"Sum","context":{}}"#;
    let error = refused(Collection::Object, ids).await;
    assert_eq!(error.context("expected"), Some("the same as _id"));
    // A list of edges belongs to a node alone, and half of an edge's ends to nothing.
    let listed = r#"{"id":"o.Sum.1","entity":"Sum","context":{},"edges":[]}"#;
    assert_eq!(refused(Collection::Object, listed).await.context("field"), Some("edges"));
    let half = r#"{"id":"e.Road.1","entity":"Road","context":{"source":"n.Root.root"}}"#;
    assert_eq!(refused(Collection::Edge, half).await.context("field"), Some("source"));
    let half = r#"{"id":"e.Road.1","entity":"Road","context":{"source":"n.A.b","target":"n.A.b"},"source":"n.A.b"}"#;
    assert_eq!(refused(Collection::Edge, half).await.context("field"), Some("target"));
}
