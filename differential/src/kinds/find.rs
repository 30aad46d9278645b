//! Which documents a filter finds, and how many it counts.

use async_trait::async_trait;
use bson::{Bson, Document, doc};
use jvspatial_db::{Collection, Database, Filter, Query};

use super::{Answer, Kind, part};
use crate::generate::filter::Language;
use crate::oracle::{Oracle, Reply, Response};
use crate::random::Random;

/// `{filter}`; answered by the ids in order, and the count.
#[derive(Debug)]
pub(super) struct Find;

#[async_trait]
impl Kind for Find {
    fn name(&self) -> &'static str {
        "find"
    }

    fn question(&self, random: &mut Random, documents: &[Document], _number: usize) -> Document {
        doc! {"filter": Language.filter(random, documents)}
    }

    async fn ours(&self, database: &dyn Database, question: &Document) -> Answer {
        match part(question, "filter") {
            Ok(filter) => find(database, filter).await.into(),
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
        let ids = crate::oracle::first_batch(&found)?
            .iter()
            .filter_map(|found| found.as_document()?.get_str("_id").ok())
            .map(str::to_owned)
            .collect();
        Ok(Answer::Given(answer(ids, counted.get("n").cloned().unwrap_or(Bson::Null))))
    }
}

async fn find(database: &dyn Database, filter: &Document) -> jvspatial_db::Result<Bson> {
    let filter = Filter::parse(filter)?;
    let count = database.count(Collection::Object, &filter).await?;
    let found = database.find(Query::new(Collection::Object, filter)).await?.try_collect().await?;
    let ids = found.iter().map(|document| document.id.to_string()).collect();
    Ok(answer(ids, i32::try_from(count).map_or(Bson::Null, Bson::Int32)))
}

fn answer(mut ids: Vec<String>, count: Bson) -> Bson {
    ids.sort_unstable();
    doc! {"ids": ids, "count": count}.into()
}
