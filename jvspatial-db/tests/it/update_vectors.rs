//! Replays what a MongoDB 6.0.5 server made of updates, as `tests/data/record_update_vectors.py`
//! recorded it.

use bson::{Bson, DateTime, Document};
use jvspatial_db::Update;
use serde::Deserialize;

/// The time that the script puts in the place of the server's.
const NOW: i64 = 981_173_106_789;

#[derive(Deserialize)]
struct Case {
    #[serde(rename = "u")]
    update: Document,
    #[serde(rename = "b")]
    before: Document,
    #[serde(rename = "a")]
    after: Option<Document>,
    #[serde(rename = "m")]
    modified: Option<bool>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../data/update_vectors.json")).unwrap()
}

/// The document as bytes, in which every NaN is the same one: its sign is the processor's choice.
fn exact(document: &Document) -> Vec<u8> {
    fn settle(value: &mut Bson) {
        match value {
            Bson::Double(number) if number.is_nan() => *number = f64::NAN,
            Bson::Document(document) => document.iter_mut().for_each(|(_, inner)| settle(inner)),
            Bson::Array(items) => items.iter_mut().for_each(settle),
            _ => {}
        }
    }
    let mut document = document.clone();
    document.iter_mut().for_each(|(_, value)| settle(value));
    document.to_vec().unwrap()
}

fn apply(update: &Document, before: &Document) -> jvspatial_db::Result<(Document, bool)> {
    let mut fields = before.clone();
    let modified = Update::parse(update)?.apply(&mut fields, DateTime::from_millis(NOW))?;
    Ok((fields, modified))
}

#[test]
fn every_recorded_update_does_what_the_server_did() {
    let mut wrong = Vec::new();
    let (mut applied, mut refused) = (0, 0);
    for Case { update, before, after, modified } in cases() {
        match (apply(&update, &before), after) {
            (Err(_), None) => refused += 1,
            (Ok((fields, changed)), Some(after)) => {
                applied += 1;
                if exact(&fields) != exact(&after) || Some(changed) != modified {
                    wrong.push(format!(
                        "{update} on {before}: {fields} ({changed}), the server says {after} ({modified:?})"
                    ));
                }
            }
            (Err(error), Some(after)) => {
                wrong.push(format!("{update} on {before}: {error}, the server says {after}"));
            }
            (Ok((fields, _)), None) => {
                wrong.push(format!("{update} on {before}: {fields}, the server refuses"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong results:\n{}", wrong.len(), wrong.join("\n"));
    assert!(applied > 4_000 && refused > 1_400, "only {applied} and {refused} were replayed");
}

#[test]
fn an_update_printed_and_read_again_is_the_same() {
    for Case { update, before, .. } in cases() {
        let Ok(parsed) = Update::parse(&update) else { continue };
        let printed = parsed.to_document();
        let again = Update::parse(&printed).unwrap();
        assert_eq!(exact(&again.to_document()), exact(&printed), "{update}");
        let (one, other) = (apply(&update, &before), apply(&printed, &before));
        match (one, other) {
            (Ok((one, _)), Ok((other, _))) => assert_eq!(exact(&one), exact(&other), "{update}"),
            (one, other) => assert_eq!(one.is_err(), other.is_err(), "{update} on {before}"),
        }
    }
}
