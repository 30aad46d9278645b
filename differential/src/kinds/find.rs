//! Which documents a filter finds, and how many it counts.

use async_trait::async_trait;
use bson::{Bson, Document, doc};
use jvspatial_db::{Collection, Database, Filter, Query};

use super::{Answer, Kind, hint, ids, part};
use crate::generate::filter::Language;
use crate::oracle::{Oracle, Reply, Response};
use crate::ours::hinted;
use crate::random::Random;
use crate::world::Scene;

/// `{filter, hint}`; answered by the ids in order, and the count.
#[derive(Debug)]
pub(super) struct Find;

#[async_trait]
impl Kind for Find {
    fn name(&self) -> &'static str {
        "find"
    }

    fn question(&self, random: &mut Random, scene: &Scene, _number: usize) -> Document {
        let mut question = doc! {"filter": Language.filter(random, scene)};
        hint(random, &mut question);
        question
    }

    async fn ours(&self, database: &dyn Database, question: &Document) -> Answer {
        match part(question, "filter") {
            Ok(filter) => find(database, filter, question).await.into(),
            Err(refused) => refused,
        }
    }

    async fn theirs(&self, server: &dyn Oracle, question: &Document) -> Reply<Answer> {
        let filter = match part(question, "filter") {
            Ok(filter) => filter,
            Err(refused) => return Ok(refused),
        };
        let found = doc! {"find": server.collection(), "filter": filter, "projection": {"_id": 1}};
        let found = match server.run(found).await? {
            Response::Refused(why) => return Ok(Answer::Refused(why)),
            Response::Given(found) => found,
        };
        let counted = doc! {"count": server.collection(), "query": filter};
        let counted = match server.run(counted).await? {
            Response::Refused(why) => {
                return Ok(Answer::Broken(format!("found but not counted: {why}")));
            }
            Response::Given(counted) => counted,
        };
        Ok(Answer::Given(answer(ids(&found)?, counted.get("n").cloned().unwrap_or(Bson::Null))))
    }
}

async fn find(
    database: &dyn Database,
    filter: &Document,
    question: &Document,
) -> jvspatial_db::Result<Bson> {
    let filter = Filter::parse(filter)?;
    let count = database.count(Collection::Object, &filter).await?;
    let query = hinted(database, Query::new(Collection::Object, filter), question).await?;
    let found = database.find(query).await?.try_collect().await?;
    let ids = found.iter().map(|document| document.id.to_string().into()).collect();
    Ok(answer(ids, i32::try_from(count).map_or(Bson::Null, Bson::Int32)))
}

fn answer(mut ids: Vec<Bson>, count: Bson) -> Bson {
    ids.sort_unstable_by(|one, other| one.as_str().cmp(&other.as_str()));
    doc! {"ids": ids, "count": count}.into()
}
