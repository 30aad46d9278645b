//! What `mongoexport` writes, relaxed and canonical.

use std::sync::Arc;

use jvspatial_db::{Collection, Database, Handle, Id, Version};

use super::{databases, export, import};

const RELAXED: &str = concat!(
    r#"{"_id":"n.Kind.all","_version":3,"entity":"Kind","context":{"double":1.5,"whole":2.0,"#,
    r#""string":"é\"\n","map":{"a":[1,null,true]},"binary":{"$binary":{"base64":"AQI=","subType":"00"}},"#,
    r#""oid":{"$oid":"5f0000000000000000000001"},"date":{"$date":"2024-02-29T12:00:00.123Z"},"#,
    r#""before":{"$date":{"$numberLong":"-1"}},"int":7,"long":5000000000,"#,
    r#""decimal":{"$numberDecimal":"1.10"},"stamp":{"$timestamp":{"t":1,"i":2}},"#,
    r#""regex":{"$regularExpression":{"pattern":"^a","options":"im"}},"nan":{"$numberDouble":"NaN"},"#,
    r#""least":{"$numberDouble":"-Infinity"},"code":{"$code":"f()"},"symbol":{"$symbol":"s"},"#,
    r#""min":{"$minKey":1},"max":{"$maxKey":1},"pointer":{"$dbPointer":{"$ref":"c","$id":{"$oid":"5f0000000000000000000001"}}},"undefined":{"$undefined":true}}}"#,
    "\n",
);

const CANONICAL: &str = concat!(
    r#"{"entity":"Kind","context":{"double":{"$numberDouble":"1.5"},"whole":{"$numberDouble":"2.0"},"#,
    r#""string":"\u00e9\"\n","map":{"a":[{"$numberInt":"1"},null,true]},"#,
    r#""binary":{"$binary":{"base64":"AQI=","subType":"00"}},"#,
    r#""oid":{"$oid":"5f0000000000000000000001"},"date":{"$date":{"$numberLong":"1709208000123"}},"#,
    r#""before":{"$date":{"$numberLong":"-1"}},"int":{"$numberInt":"7"},"#,
    r#""long":{"$numberLong":"5000000000"},"#,
    r#""decimal":{"$numberDecimal":"1.10"},"stamp":{"$timestamp":{"t":1,"i":2}},"#,
    r#""regex":{"$regularExpression":{"pattern":"^a","options":"im"}},"nan":{"$numberDouble":"NaN"},"#,
    r#""least":{"$numberDouble":"-Infinity"},"code":{"$code":"f()"},"symbol":{"$symbol":"s"},"#,
    r#""min":{"$minKey":1},"max":{"$maxKey":1},"pointer":{"$dbPointer":{"$ref":"c","$id":{"$oid":"5f0000000000000000000001"}}},"undefined":{"$undefined":true}},"#,
    r#""_version":{"$numberLong":"3"},"_id":"n.Kind.all"}"#,
    "\n",
);

async fn read(db: &Arc<dyn Database>, id: &str) -> jvspatial_db::Document {
    let id: Id = id.parse().unwrap();
    db.get_many(&[Handle::from(id)]).await.unwrap().remove(0).expect("a document")
}

#[tokio::test]
async fn relaxed_and_canonical_lines_are_the_same_document() {
    for db in databases() {
        assert_eq!(import(&*db, Collection::Node, RELAXED).await.unwrap().written, 1);
        let relaxed = export(&*db, Collection::Node).await;
        assert_eq!(relaxed, RELAXED);
    }
    for db in databases() {
        assert_eq!(import(&*db, Collection::Node, CANONICAL).await.unwrap().written, 1);
        assert_eq!(export(&*db, Collection::Node).await, RELAXED);
    }
}

#[tokio::test]
async fn keys_come_in_any_order_and_with_any_spelling() {
    let orders = [
        r#"{"_id":"n.City.a","_version":2,"_v":3,"entity":"City","context":{"n":1}}"#,
        r#"{"context":{"n":1},"entity":"City","_v":3,"_version":2,"_id":"n.City.a"}"#,
        r#" { "_v" : 3 , "context" : { "n" : 1 } , "_id" : "n.City.a","entity":"City","_version":2 } "#,
        r#"{"\u005fid":"n.City.a","_version":2,"_v":3,"entity":"C\u0069ty","\u0063ontext":{"n":1}}"#,
        r#"{"_id":"n.City.a","_version":{"$numberInt":"2"},"_v":{"$numberLong":"3"},"entity":"City","context":{"n":1}}"#,
    ];
    for order in orders {
        for db in databases() {
            assert_eq!(import(&*db, Collection::Node, order).await.unwrap().written, 1, "{order}");
            assert_eq!(export(&*db, Collection::Node).await, format!("{}\n", orders[0]), "{order}");
        }
    }
}

#[tokio::test]
async fn blank_lines_line_ends_of_windows_and_a_byte_order_mark_are_passed_over() {
    let line = |key: u8| format!(r#"{{"_id":"n.City.{key}","entity":"City","context":{{}}}}"#);
    let input = format!("\u{feff}\r\n{}\r\n\n \t \n{}\n\r\n{}", line(1), line(2), line(3));
    for db in databases() {
        let report = import(&*db, Collection::Node, &input).await.unwrap();
        assert_eq!((report.read, report.written), (3, 3));
    }
    let input = format!("\u{feff}{}", line(1));
    for db in databases() {
        assert_eq!(import(&*db, Collection::Node, &input).await.unwrap().written, 1);
        assert_eq!(read(&db, "n.City.1").await.version, Version::NONE);
    }
}

#[tokio::test]
async fn input_without_documents_is_imported() {
    for input in ["", "\n", "\r\n\r\n", "\u{feff}", "   "] {
        for db in databases() {
            assert_eq!(import(&*db, Collection::Node, input).await.unwrap().read, 0, "{input:?}");
        }
    }
}

#[tokio::test]
async fn ids_versions_and_schemas_are_kept_and_writes_go_on_from_there() {
    let lines = concat!(
        r#"{"_id":"o.Note.a","_version":41,"_v":7,"entity":"Note","context":{"n":1}}"#,
        "\n",
        r#"{"_id":"o.Note.65a1b2c3d4e5f60718293a4b","entity":"Note","context":{}}"#,
        "\n",
    );
    for db in databases() {
        assert_eq!(import(&*db, Collection::Object, lines).await.unwrap().written, 2);
        let note = read(&db, "o.Note.a").await;
        assert_eq!((note.version, note.schema), (Version::new(41), 7));
        let mut batch = jvspatial_db::WriteBatch::new(db.capabilities().encoding);
        let fields = jvspatial_db::doc! {};
        batch.update("o.Note.a".parse().unwrap(), Version::new(41), &fields).unwrap();
        batch
            .update("o.Note.65a1b2c3d4e5f60718293a4b".parse().unwrap(), Version::NONE, &fields)
            .unwrap();
        assert!(db.write(batch).await.unwrap().is_complete());
        assert_eq!(read(&db, "o.Note.a").await.version, Version::new(42));
    }
}
