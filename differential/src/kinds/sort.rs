//! In which order documents come, and which part of it.

use async_trait::async_trait;
use bson::{Bson, Document, doc};
use jvspatial_db::{Collection, Database, Filter, Query, Sort};

use super::{Answer, Kind, hint, ids, part};
use crate::generate::filter::Language;
use crate::generate::path::path;
use crate::oracle::{Oracle, Reply, Response};
use crate::ours::hinted;
use crate::random::Random;
use crate::world::Scene;

/// `{sort, filter, reversed, skip, limit, hint}`; answered by the ids as they come.
#[derive(Debug)]
pub(super) struct Sorted;

/// Some fields to sort by; at times those of an index, in its order or the other way round.
pub(super) fn sort(random: &mut Random, scene: &Scene) -> Document {
    let mut sort = Document::new();
    if !scene.indexes.is_empty()
        && random.one_in(3)
        && let Ok(key) = random.pick(&scene.indexes).get_document("key")
    {
        let turn = if random.one_in(2) { 1 } else { -1 };
        let fields = key.iter().skip(usize::from(random.one_in(5)));
        sort.extend(fields.map(|(path, direction)| {
            (path.clone(), Bson::Int32(turn * direction.as_i32().unwrap_or(1)))
        }));
        if random.one_in(2) {
            sort.insert("_id", *random.pick(&[1, -1]));
        }
    }
    if sort.is_empty() {
        for _ in 0..random.between(1, 3) {
            let (path, _) = path(random, scene);
            sort.insert(path, *random.pick(&[1, 1, -1]));
        }
    }
    if random.one_in(30) {
        let odd = random.pick(&[0.into(), Bson::Null, 2.into(), "1".into(), 1.0.into()]).clone();
        sort.insert("context.a", odd);
    }
    sort
}

/// The ids of all documents that match, as the server sorts them, or why it does not.
///
/// Where it leaves the order open, ours goes by id.
pub(super) async fn sorted_by_server(
    server: &dyn Oracle,
    sort: &Document,
    filter: Option<&Document>,
) -> Reply<Result<Vec<Bson>, String>> {
    let mut sort = sort.clone();
    if !sort.contains_key("_id") {
        sort.insert("_id", 1);
    }
    let mut command = doc! {"find": server.collection(), "sort": sort, "projection": {"_id": 1}};
    command.extend(filter.map(|filter| ("filter".to_owned(), filter.into())));
    Ok(match server.run(command).await? {
        Response::Refused(why) => Err(why),
        Response::Given(found) => Ok(ids(&found)?),
    })
}

#[async_trait]
impl Kind for Sorted {
    fn name(&self) -> &'static str {
        "sort"
    }

    fn question(&self, random: &mut Random, scene: &Scene, _number: usize) -> Document {
        let mut question = doc! {"sort": sort(random, scene)};
        if random.one_in(2) {
            question.insert("filter", Language.filter(random, scene));
        }
        if random.one_in(5) {
            question.insert("reversed", true);
        }
        if random.one_in(4) {
            question.insert("skip", random.below(12) as i32);
        }
        if random.one_in(2) {
            question.insert("limit", random.between(1, 12) as i32);
        }
        hint(random, &mut question);
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
        let sort = match part(question, "sort") {
            Ok(sort) if !sort.is_empty() => sort,
            Ok(_) => return Ok(Answer::Refused("no order is asked for".to_owned())),
            Err(refused) => return Ok(refused),
        };
        let filter = question.get_document("filter").ok();
        let mut ids = match sorted_by_server(server, sort, filter).await? {
            Ok(ids) => ids,
            Err(why) => return Ok(Answer::Refused(why)),
        };
        if is_reversed(question) {
            ids.reverse();
        }
        let skip = count(question, "skip").unwrap_or(0);
        let limit = limit(question).unwrap_or(usize::MAX);
        let ids: Vec<Bson> = ids.into_iter().skip(skip).take(limit).collect();
        Ok(Answer::Given(ids.into()))
    }
}

fn count(question: &Document, name: &str) -> Option<usize> {
    question.get_i32(name).ok().and_then(|count| usize::try_from(count).ok())
}

/// A limit of zero is none.
fn limit(question: &Document) -> Option<usize> {
    count(question, "limit").filter(|limit| *limit > 0)
}

fn is_reversed(question: &Document) -> bool {
    question.get_bool("reversed").unwrap_or(false)
}

async fn sorted(
    database: &dyn Database,
    sort: &Document,
    question: &Document,
) -> jvspatial_db::Result<Bson> {
    let filter = question.get_document("filter").ok().map(Filter::parse).transpose()?;
    let mut query =
        Query::new(Collection::Object, filter.unwrap_or_else(Filter::all)).sort(Sort::parse(sort)?);
    query.reversed = is_reversed(question);
    query.skip = count(question, "skip").unwrap_or(0) as u64;
    query.limit = limit(question).map(|limit| limit as u64);
    let query = hinted(database, query, question).await?;
    let found = database.find(query).await?.try_collect().await?;
    Ok(found.iter().map(|document| Bson::from(document.id.to_string())).collect::<Vec<_>>().into())
}
