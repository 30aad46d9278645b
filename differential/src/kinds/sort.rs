//! In which order documents come, and which part of it.

use async_trait::async_trait;
use bson::{Bson, Document, doc};
use jvspatial_db::{Collection, Database, Filter, Query, Sort};

use super::{Answer, Kind, part};
use crate::generate::path::path;
use crate::oracle::{Oracle, Reply, Response, first_batch};
use crate::random::Random;

/// `{sort, skip, limit}`; answered by the ids as they come.
#[derive(Debug)]
pub(super) struct Sorted;

#[async_trait]
impl Kind for Sorted {
    fn name(&self) -> &'static str {
        "sort"
    }

    fn question(&self, random: &mut Random, documents: &[Document], _number: usize) -> Document {
        let mut sort = Document::new();
        for _ in 0..random.between(1, 3) {
            let (path, _) = path(random, documents);
            sort.insert(path, *random.pick(&[1, 1, -1]));
        }
        if random.one_in(30) {
            let odd =
                random.pick(&[0.into(), Bson::Null, 2.into(), "1".into(), 1.0.into()]).clone();
            sort.insert("context.a", odd);
        }
        let mut question = doc! {"sort": sort};
        if random.one_in(3) {
            question.insert("skip", random.below(12) as i32);
        }
        if random.one_in(3) {
            question.insert("limit", random.between(1, 12) as i32);
        }
        question
    }

    async fn ours(&self, database: &dyn Database, question: &Document) -> Answer {
        match part(question, "sort") {
            Ok(sort) if !sort.is_empty() => sorted(database, sort, question).await.into(),
            Ok(_) => Answer::Refused("no order is asked for".to_owned()),
            Err(refused) => refused,
        }
    }

    async fn theirs(&self, server: &dyn Oracle, question: &Document) -> Reply<Answer> {
        let mut sort = match part(question, "sort") {
            Ok(sort) if !sort.is_empty() => sort.clone(),
            Ok(_) => return Ok(Answer::Refused("no order is asked for".to_owned())),
            Err(refused) => return Ok(refused),
        };
        // Where the server leaves the order open, ours goes by id.
        if !sort.contains_key("_id") {
            sort.insert("_id", 1);
        }
        let mut command =
            doc! {"find": server.collection(), "sort": sort, "projection": {"_id": 1}};
        for part in ["skip", "limit"] {
            command.extend(question.get(part).map(|count| (part.to_owned(), count.clone())));
        }
        Ok(match server.run(command).await? {
            Response::Refused(why) => Answer::Refused(why),
            Response::Given(found) => {
                let ids =
                    first_batch(&found)?.iter().filter_map(|found| found.as_document()?.get("_id"));
                Answer::Given(ids.cloned().collect::<Vec<_>>().into())
            }
        })
    }
}

async fn sorted(
    database: &dyn Database,
    sort: &Document,
    question: &Document,
) -> jvspatial_db::Result<Bson> {
    let count = |name| question.get_i32(name).ok().and_then(|count| u64::try_from(count).ok());
    let mut query = Query::new(Collection::Object, Filter::all()).sort(Sort::parse(sort)?);
    query.skip = count("skip").unwrap_or(0);
    // A limit of zero is none.
    query.limit = count("limit").filter(|limit| *limit > 0);
    let found = database.find(query).await?.try_collect().await?;
    Ok(found.iter().map(|document| Bson::from(document.id.to_string())).collect::<Vec<_>>().into())
}
