//! What a document holds after it was stored.

use async_trait::async_trait;
use bson::{Bson, Document, doc};
use jvspatial_db::{Database, Handle, Id};

use super::{Answer, Kind};
use crate::oracle::{Oracle, Reply, Response, first_batch};
use crate::random::Random;
use crate::world::Scene;

/// `{_id}`; answered by the whole document, envelope included.
#[derive(Debug)]
pub(super) struct Get;

#[async_trait]
impl Kind for Get {
    fn name(&self) -> &'static str {
        "get"
    }

    fn question(&self, _random: &mut Random, scene: &Scene, number: usize) -> Document {
        let document = scene.documents.get(number % scene.documents.len().max(1));
        doc! {"_id": document.and_then(|document| document.get("_id")).cloned()}
    }

    async fn ours(&self, database: &dyn Database, question: &Document) -> Answer {
        match question.get_str("_id") {
            Ok(id) => get(database, id).await.into(),
            Err(error) => Answer::Refused(error.to_string()),
        }
    }

    async fn theirs(&self, server: &dyn Oracle, question: &Document) -> Reply<Answer> {
        let Ok(id) = question.get_str("_id") else {
            return Ok(Answer::Refused("the question has no id".to_owned()));
        };
        let command = doc! {"find": server.collection(), "filter": {"_id": id}};
        Ok(match server.run(command).await? {
            Response::Refused(why) => Answer::Refused(why),
            Response::Given(found) => {
                Answer::Given(first_batch(&found)?.first().cloned().unwrap_or(Bson::Null))
            }
        })
    }

    fn simpler(&self, _question: &Document) -> Vec<Document> {
        Vec::new()
    }
}

async fn get(database: &dyn Database, id: &str) -> jvspatial_db::Result<Bson> {
    let found = database.get_many(&[Handle::from(id.parse::<Id>()?)]).await?;
    match found.into_iter().next().flatten() {
        Some(document) => Ok(Bson::Document(document.to_bson()?)),
        None => Ok(Bson::Null),
    }
}
