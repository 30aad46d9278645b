//! What a document is after an update.

use async_trait::async_trait;
use bson::{Bson, Document, doc};
use jvspatial_db::{Collection, Database, Filter, Handle, Id, Update, UpdateRequest};

use super::{Answer, Kind, part};
use crate::generate::document::{CONTEXT, id};
use crate::generate::update::update;
use crate::oracle::{Oracle, Reply, Response, first_batch};
use crate::random::Random;

/// `{_id, update}`; answered by the fields afterwards and whether they were modified.
#[derive(Debug)]
pub(super) struct Updated;

#[async_trait]
impl Kind for Updated {
    fn name(&self) -> &'static str {
        "update"
    }

    fn writes(&self) -> bool {
        true
    }

    fn question(&self, random: &mut Random, documents: &[Document], number: usize) -> Document {
        let document = &documents[number];
        let update = update(random, std::slice::from_ref(document));
        doc! {"_id": document.get("_id").cloned(), "update": update}
    }

    fn alone(&self, question: &Document) -> Option<(usize, Document)> {
        let (_, number) = question.get_str("_id").ok()?.rsplit_once('.')?;
        let mut first = question.clone();
        first.insert("_id", id(0));
        Some((number.parse().ok()?, first))
    }

    async fn ours(&self, database: &dyn Database, question: &Document) -> Answer {
        match (question.get_str("_id"), part(question, "update")) {
            (Ok(id), Ok(update)) => apply(database, id, update).await.into(),
            _ => Answer::Refused("the question has no id or no update".to_owned()),
        }
    }

    async fn theirs(&self, server: &dyn Oracle, question: &Document) -> Reply<Answer> {
        let (Ok(id), Ok(update)) = (question.get_str("_id"), part(question, "update")) else {
            return Ok(Answer::Refused("the question has no id or no update".to_owned()));
        };
        let statement = doc! {"q": {"_id": id}, "u": update};
        let command = doc! {"update": server.collection(), "updates": [statement]};
        let told = match server.run(command).await? {
            Response::Refused(why) => return Ok(Answer::Refused(why)),
            Response::Given(told) => told,
        };
        if let Ok(errors) = told.get_array("writeErrors") {
            return Ok(Answer::Refused(format!("{errors:?}")));
        }
        let command = doc! {"find": server.collection(), "filter": {"_id": id}};
        Ok(match server.run(command).await? {
            Response::Refused(why) => Answer::Broken(why),
            Response::Given(found) => {
                let document = first_batch(&found)?.first().and_then(Bson::as_document);
                let fields = document.and_then(|document| document.get(CONTEXT)).cloned();
                let modified = told.get("nModified").cloned().unwrap_or(Bson::Null);
                Answer::Given(carried(doc! {"modified": modified, "fields": fields}.into()))
            }
        })
    }
}

async fn apply(database: &dyn Database, id: &str, update: &Document) -> jvspatial_db::Result<Bson> {
    let filter = Filter::parse(&doc! {"_id": id})?;
    let request = UpdateRequest::one(Collection::Object, filter, Update::parse(update)?);
    let report = database.update(request).await?;
    let found = database.get_many(&[Handle::from(id.parse::<Id>()?)]).await?;
    let fields = match found.into_iter().next().flatten() {
        Some(document) => Some(document.body.to_bson()?),
        None => None,
    };
    let modified = i32::from(report.modified == 1);
    Ok(carried(doc! {"modified": modified, "fields": fields}.into()))
}

/// Numbers as JSON carries them: it has one kind of integers, of which the smallest type that fits is read
/// back, and one NaN of each type, without a sign.
fn carried(value: Bson) -> Bson {
    match value {
        Bson::Int64(number) => i32::try_from(number).map_or(Bson::Int64(number), Bson::Int32),
        Bson::Double(number) if number.is_nan() => Bson::Double(f64::NAN),
        Bson::Decimal128(number) if number.to_string().contains("NaN") => {
            "NaN".parse().map_or(Bson::Null, Bson::Decimal128)
        }
        Bson::Array(items) => Bson::Array(items.into_iter().map(carried).collect()),
        Bson::Document(fields) => {
            Bson::Document(fields.into_iter().map(|(name, value)| (name, carried(value))).collect())
        }
        other => other,
    }
}
