//! What goes in comes out, and what could not is refused.

use std::sync::Arc;

use bson::spec::BinarySubtype;
use bson::{Bson, Document, doc};
use serde::{Deserialize, Serialize};

use super::support::{fields, filter, find, get, id, ops, read};
use crate::database::Database;
use crate::error::{Error, ErrorKind};
use crate::id::{Collection, Id};
use crate::limits::{MAX_DOCUMENT_BYTES, MAX_DOCUMENT_DEPTH, MAX_FIELD_NAME_BYTES};
use crate::query::Query;
use crate::value::identical;
use crate::version::Version;
use crate::write::WriteBatch;

/// Stores the fields by an insert and by an update, and reads them back by every way there is.
async fn keeps(db: &dyn Database, written: &Document) {
    let batch = ops(db).insert("o.Value.1", written).insert("o.Value.2", &doc! {});
    batch.update("o.Value.2", 1, written).done().await;
    for text in ["o.Value.1", "o.Value.2"] {
        let document = get(db, text).await.expect("a document");
        same(&fields(&document), written);
        assert_eq!(document.body.encoding(), db.capabilities().encoding);
        let all = Query::new(Collection::Object, filter(&doc! { "_id": text }));
        let found = db.find(all).await.expect("find").try_collect().await.expect("documents");
        same(&fields(&found[0]), written);
    }
    ops(db).delete("o.Value.1").delete("o.Value.2").done().await;
    ops(db).insert("o.Kept.1", written).done().await;
}

fn same(found: &Document, written: &Document) {
    let (found, written) = (Bson::from(found.clone()), Bson::from(written.clone()));
    assert!(identical(&found, &written), "found {found:?}\nwritten {written:?}");
}

fn refused<T: Serialize + ?Sized>(db: &dyn Database, fields: &T) -> Error {
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    let error = batch.insert(id("o.Value.1"), fields).expect_err("refused");
    assert!(batch.is_empty() && batch.bytes() == 0, "the batch is not as before");
    let again = batch.update(id("o.Value.1"), Version::FIRST, fields).expect_err("refused");
    assert_eq!(again.kind(), error.kind());
    error
}

pub async fn every_kind_of_value_comes_back_identical(db: Arc<dyn Database>) {
    let written = doc! {
        "double": 2.5,
        "whole double": 3.0,
        "string": "text",
        "document": { "z": 1, "a": { "empty": {} } },
        "array": [1, "two", [3.0], { "four": null }, []],
        "binary": bson::Binary { subtype: BinarySubtype::Generic, bytes: vec![0, 1, 255] },
        "uuid": bson::Binary { subtype: BinarySubtype::Uuid, bytes: vec![7; 16] },
        "no bytes": bson::Binary { subtype: BinarySubtype::UserDefined(0x80), bytes: vec![] },
        "object id": bson::oid::ObjectId::from_bytes([9; 12]),
        "boolean": true,
        "false": false,
        "date": bson::DateTime::from_millis(1_700_000_000_123),
        "early date": bson::DateTime::from_millis(-1),
        "first date": bson::DateTime::from_millis(i64::MIN),
        "last date": bson::DateTime::from_millis(i64::MAX),
        "null": null,
        "regex": bson::Regex {
            pattern: "a/\"b".try_into().expect("a pattern"),
            options: "im".try_into().expect("options"),
        },
        "code": Bson::JavaScriptCode("return \"1\"".into()),
        "code with scope": Bson::JavaScriptCodeWithScope(bson::JavaScriptCodeWithScope {
            code: "x".into(),
            scope: doc! { "x": 1 },
        }),
        "int": 5,
        "timestamp": bson::Timestamp { time: u32::MAX, increment: 1 },
        "long": 5_000_000_000_i64,
        "decimal": "1.10".parse::<bson::Decimal128>().expect("a decimal"),
        "symbol": Bson::Symbol("s".into()),
        "undefined": Bson::Undefined,
        "min": Bson::MinKey,
        "max": Bson::MaxKey,
    };
    keeps(&*db, &written).await;
}

pub async fn text_of_every_plane_comes_back_identical(db: Arc<dyn Database>) {
    let mut written = Document::new();
    for plane in 0..=16_u32 {
        let start = plane << 16;
        let letters = (start..start + 0x1_0000).step_by(251).chain([start + 0xFFFF]);
        written.insert(
            format!("plane {plane}"),
            letters.filter_map(char::from_u32).collect::<String>(),
        );
    }
    written.insert("ascii", (0..=0x7F_u8).map(char::from).collect::<String>());
    written.insert("lines", "\r\n\u{85}\u{2028}\u{2029}\u{feff}\\n\\u0000\"}\n{\"_commit\":1");
    written.insert("edges", "\u{d7ff}\u{e000}\u{fffe}\u{ffff}\u{10ffff}");
    keeps(&*db, &written).await;
}

pub async fn names_of_any_script_come_back_in_their_order(db: Arc<dyn Database>) {
    let mut written = Document::new();
    let long = "n".repeat(MAX_FIELD_NAME_BYTES);
    let names = [
        "z",
        "a",
        "m",
        "2",
        "10",
        "1",
        "東京",
        "имя",
        "الاسم",
        "🛫",
        "a b",
        " ",
        "\t",
        "\"",
        "\\",
        "a$",
        "e\u{301}",
        "é",
        "\u{7f}",
        "\u{2028}",
        "_",
        "id",
        "-",
        "/",
        "'",
        &long,
    ];
    for (number, name) in (0..).zip(names) {
        written.insert(name, doc! { name: number });
    }
    keeps(&*db, &written).await;
}

pub async fn numbers_at_their_bounds_come_back_identical(db: Arc<dyn Database>) {
    let doubles = [
        0.0,
        -0.0,
        f64::MIN,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        f64::EPSILON,
        0.1,
        1.0 / 3.0,
        9_007_199_254_740_993.0,
        1e21,
        1e-7,
        123_456_789.123_456_79,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    let longs = [i64::MIN, i64::MAX, i64::from(i32::MIN) - 1, i64::from(i32::MAX) + 1, 1 << 53];
    keeps(
        &*db,
        &doc! {
            "doubles": doubles.to_vec(),
            "nan": f64::NAN,
            "longs": longs.to_vec(),
            "ints": [i32::MIN, -1, 0, 1, i32::MAX],
        },
    )
    .await;
}

pub async fn an_integer_beyond_i64_is_refused(db: Arc<dyn Database>) {
    #[derive(Serialize)]
    struct Large {
        inner: Vec<u64>,
    }
    let error = refused(&*db, &Large { inner: vec![1, u64::MAX] });
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.context("field"), Some("inner.1"));
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    let largest = Large { inner: vec![i64::MAX as u64] };
    batch.insert(id("o.Value.1"), &largest).expect("the largest");
    assert!(db.write(batch).await.expect("a report").is_complete());
    assert_eq!(read(&*db, "o.Value.1").await.1, doc! { "inner": [i64::MAX] });
}

pub async fn an_empty_document_is_a_document(db: Arc<dyn Database>) {
    #[derive(Serialize, Deserialize)]
    struct Nothing {}
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    batch.insert(id("n.Nothing.1"), &Nothing {}).expect("an insert");
    assert!(db.write(batch).await.expect("a report").is_complete());
    let document = get(&*db, "n.Nothing.1").await.expect("a document");
    let Nothing {} = document.decode().expect("nothing");
    keeps(&*db, &doc! {}).await;
}

pub async fn a_megabyte_comes_back_identical(db: Arc<dyn Database>) {
    let text: String = ('a'..='z').chain(['\n', '"', '€', '🛫']).cycle().take(1 << 20).collect();
    keeps(&*db, &doc! { "before": 1, "text": text, "after": 2 }).await;
}

pub async fn a_document_over_the_limit_is_refused(db: Arc<dyn Database>) {
    let error = refused(&*db, &doc! { "text": "x".repeat(MAX_DOCUMENT_BYTES) });
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.context("limit"), Some(MAX_DOCUMENT_BYTES.to_string().as_str()));
    // On some backends the envelope counts too.
    let large = doc! { "text": "x".repeat(MAX_DOCUMENT_BYTES - 1024) };
    ops(&*db).insert("o.Value.1", &large).done().await;
    same(&read(&*db, "o.Value.1").await.1, &large);
}

pub async fn a_hundred_levels_are_kept_and_one_more_refused(db: Arc<dyn Database>) {
    let nested =
        |levels: usize| (1..levels).fold(doc! { "end": 1 }, |inner, _| doc! { "d": inner });
    let listed =
        (2..MAX_DOCUMENT_DEPTH).fold(Bson::Array(vec![]), |inner, _| Bson::Array(vec![inner]));
    keeps(&*db, &doc! { "lists": listed.clone() }).await;
    ops(&*db).delete("o.Kept.1").done().await;
    keeps(&*db, &nested(MAX_DOCUMENT_DEPTH)).await;
    for deep in [doc! { "lists": [listed] }, nested(MAX_DOCUMENT_DEPTH + 1)] {
        let error = refused(&*db, &deep);
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert_eq!(error.context("limit"), Some("100"));
    }
}

pub async fn names_that_a_backend_could_not_keep_are_refused(db: Arc<dyn Database>) {
    for name in ["", "$set", "$", "a.b", ".", "a\0b", "\0"] {
        for written in [doc! { name: 1 }, doc! { "outer": [{ "inner": { name: 1 } }] }] {
            assert_eq!(refused(&*db, &written).kind(), ErrorKind::Invalid, "{name:?}");
        }
    }
    let error = refused(&*db, &doc! { "n".repeat(MAX_FIELD_NAME_BYTES + 1): 1 });
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.context("limit"), Some(MAX_FIELD_NAME_BYTES.to_string().as_str()));
}

pub async fn fields_that_look_like_the_envelope_stay_the_users(db: Arc<dyn Database>) {
    let written = doc! {
        "_id": "n.Evil.1",
        "_version": 99,
        "_v": 5,
        "_deleted": true,
        "_commit": 1,
        "entity": "Evil",
        "context": { "context": 1 },
        "source": "n.Evil.1",
        "target": "n.Evil.2",
        "bidirectional": true,
    };
    let batch = ops(&*db).nodes(&["n.City.a"]).insert("n.City.b", &written);
    let link = super::support::link("n.City.a", "n.City.b");
    batch.link("e.Road.1", &written, link.clone()).done().await;
    let edge = get(&*db, "e.Road.1").await.expect("an edge");
    assert_eq!((edge.version, edge.schema, &edge.ends), (Version::FIRST, 1, &Some(link.ends)));
    same(&fields(&edge), &written);
    assert_eq!(
        find(&*db, Query::new(Collection::Node, filter(&doc! { "_version": 99 }))).await,
        [""; 0]
    );
    keeps(&*db, &written).await;
}

pub async fn keys_of_ids_may_be_any_text(db: Arc<dyn Database>) {
    let long = format!("n.City.{}", "k".repeat(193));
    let keys = ["1", "root", "東京", "a b", "$set", "{}", "'", ".", "a.b", "💥", "\u{2028}", "%2e"];
    let mut texts: Vec<String> = keys.iter().map(|key| format!("n.City.{key}")).collect();
    texts.push(long);
    texts.push("n.Straße_2.x".into());
    for text in &texts {
        let edge = format!("e.{}", &text[2..]);
        ops(&*db).nodes(&[text]).edge(&edge, text, text).done().await;
        let edge = get(&*db, &edge).await.expect("an edge").ends.expect("ends");
        assert_eq!((edge.source.to_string(), &edge.target), (text.clone(), &edge.source));
        let query = Query::new(Collection::Node, filter(&doc! { "_id": text }));
        assert_eq!(find(&*db, query).await, [text.as_str()]);
    }
    for refused in
        ["n.City.", "n.City.a/b", "n.City.a\\b", "n.City.a..b", "n.City.a\nb", "n.City.\""]
    {
        assert_eq!(refused.parse::<Id>().expect_err("refused").kind(), ErrorKind::Invalid);
    }
}

pub async fn a_refused_document_leaves_the_batch_as_it_was(db: Arc<dyn Database>) {
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    batch.insert(id("o.Value.1"), &doc! { "n": 1 }).expect("an insert");
    batch.insert(id("o.Value.2"), &doc! { "ok": 1, "$no": 1 }).expect_err("refused");
    batch.update(id("o.Value.1"), Version::FIRST, &doc! { "a.b": 1 }).expect_err("refused");
    let large = vec![0; MAX_DOCUMENT_BYTES + 1];
    let error = batch.update_encoded(id("o.Value.1"), Version::FIRST, &large, 1);
    assert_eq!(error.expect_err("too large").kind(), ErrorKind::Limit);
    batch.insert(id("o.Value.3"), &doc! { "n": 3 }).expect("an insert");
    let report = db.write(batch).await.expect("a report");
    assert_eq!(report.outcomes.len(), 2);
    assert_eq!(read(&*db, "o.Value.1").await, (1, doc! { "n": 1 }));
    assert_eq!(read(&*db, "o.Value.3").await, (1, doc! { "n": 3 }));
}

pub async fn a_struct_is_decoded_and_a_misfit_names_the_id(db: Arc<dyn Database>) {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct City<'a> {
        name: &'a str,
        people: Option<u32>,
        at: (f64, f64),
    }
    let oslo = City { name: "Oslo", people: None, at: (59.9, 10.75) };
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    batch.insert(id("n.City.a"), &oslo).expect("an insert");
    batch.insert(id("n.City.b"), &doc! { "name": 5 }).expect("an insert");
    assert!(db.write(batch).await.expect("a report").is_complete());
    let document = get(&*db, "n.City.a").await.expect("a document");
    assert_eq!(document.decode::<City<'_>>().expect("a city"), oslo);
    let misfit = get(&*db, "n.City.b").await.expect("a document");
    let error = misfit.decode::<City<'_>>().expect_err("a misfit");
    assert_eq!((error.kind(), error.context("id")), (ErrorKind::Invalid, Some("n.City.b")));
}
