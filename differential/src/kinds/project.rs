//! Which fields of a document are returned.

use async_trait::async_trait;
use bson::{Bson, Document, doc};
use jvspatial_db::{Collection, Database, Filter, Projection, Query};

use super::{Answer, Kind, part};
use crate::generate::document::CONTEXT;
use crate::generate::path::path;
use crate::oracle::{Oracle, Reply, Response, first_batch};
use crate::random::Random;
use crate::world::Scene;

/// `{projection}`; answered by the fields of every document, by its id.
#[derive(Debug)]
pub(super) struct Project;

#[async_trait]
impl Kind for Project {
    fn name(&self) -> &'static str {
        "project"
    }

    fn question(&self, random: &mut Random, scene: &Scene, _number: usize) -> Document {
        let mode = i32::from(random.one_in(2));
        let mut projection = Document::new();
        for _ in 0..random.between(1, 4) {
            let (path, _) = path(random, scene);
            let shown = match random.below(12) {
                0 => Bson::Boolean(mode == 1),
                1 => Bson::Double(f64::from(mode) * 2.0),
                _ => Bson::Int32(if random.one_in(30) { 1 - mode } else { mode }),
            };
            projection.insert(path, shown);
        }
        doc! {"projection": projection}
    }

    async fn ours(&self, database: &dyn Database, question: &Document) -> Answer {
        match part(question, "projection") {
            Ok(projection) => project(database, projection).await.into(),
            Err(refused) => refused,
        }
    }

    async fn theirs(&self, server: &dyn Oracle, question: &Document) -> Reply<Answer> {
        let projection = match part(question, "projection") {
            Ok(projection) => projection,
            Err(refused) => return Ok(refused),
        };
        // By id, which is left to the server, since ours always returns the envelope.
        let command =
            doc! {"find": server.collection(), "projection": projection, "sort": {"_id": 1}};
        Ok(match server.run(command).await? {
            Response::Refused(why) => Answer::Refused(why),
            Response::Given(found) => {
                let fields = first_batch(&found)?.iter().map(|found| {
                    let fields = found.as_document().and_then(|found| found.get(CONTEXT));
                    fields.cloned().unwrap_or_else(|| doc! {}.into())
                });
                Answer::Given(fields.collect::<Vec<_>>().into())
            }
        })
    }
}

async fn project(database: &dyn Database, projection: &Document) -> jvspatial_db::Result<Bson> {
    let query = Query::new(Collection::Object, Filter::all())
        .project(Projection::parse(projection)?)
        .sort(jvspatial_db::Sort::by_id());
    let found = database.find(query).await?.try_collect().await?;
    let fields: Result<Vec<Bson>, _> =
        found.iter().map(|document| document.body.to_bson().map(Bson::Document)).collect();
    Ok(fields?.into())
}
