//! What documents are after an update, and what it returns.

use async_trait::async_trait;
use bson::{Bson, DateTime, Document, doc};
use jvspatial_db::{
    Collection, Database, Filter, Handle, Id, Returning, Update, UpdateRequest, Upsert,
};

use super::{Answer, Kind, part};
use crate::generate::change::{many, one};
use crate::generate::document::{CONTEXT, ENTITY, id};
use crate::oracle::{Oracle, Reply, Response, first_batch};
use crate::random::Random;
use crate::world::Scene;

/// An update of one document: `{filter, update, ids, upsert, returning}`; answered by what is told of it and
/// the fields of `ids` afterwards.
#[derive(Debug)]
pub(super) struct One;

/// The same of several documents, with `many`.
#[derive(Debug)]
pub(super) struct Many;

#[async_trait]
impl Kind for One {
    fn name(&self) -> &'static str {
        "update"
    }

    fn writes(&self) -> usize {
        1
    }

    fn question(&self, random: &mut Random, scene: &Scene, number: usize) -> Document {
        one(random, scene, number)
    }

    fn alone(&self, question: &Document) -> Option<(usize, Document)> {
        let only = question.get_array("ids").ok()?.first()?.as_str()?;
        let (_, number) = only.rsplit_once('.')?;
        let mut first = question.clone();
        // Only a question that names it no other way is about the first document then.
        first.insert("ids", vec![id(0)]);
        let filter = first.get_document_mut("filter").ok()?;
        let named = filter.get_mut("_id").filter(|named| named.as_str() == Some(only))?;
        *named = id(0).into();
        Some((number.parse().ok()?, first))
    }

    async fn ours(&self, database: &dyn Database, question: &Document) -> Answer {
        ours(database, question).await
    }

    async fn theirs(&self, server: &dyn Oracle, question: &Document) -> Reply<Answer> {
        theirs(server, question).await
    }
}

#[async_trait]
impl Kind for Many {
    fn name(&self) -> &'static str {
        "update-many"
    }

    fn writes(&self) -> usize {
        3
    }

    fn question(&self, random: &mut Random, scene: &Scene, number: usize) -> Document {
        many(random, scene, number)
    }

    async fn ours(&self, database: &dyn Database, question: &Document) -> Answer {
        ours(database, question).await
    }

    async fn theirs(&self, server: &dyn Oracle, question: &Document) -> Reply<Answer> {
        theirs(server, question).await
    }
}

/// A question as both sides read it.
#[derive(Debug)]
struct Asked<'a> {
    filter: &'a Document,
    update: &'a Document,
    /// The documents whose fields are told.
    ids: Vec<&'a str>,
    is_many: bool,
    is_upsert: bool,
    returning: Returning,
}

impl<'a> Asked<'a> {
    fn of(question: &'a Document) -> Result<Self, Answer> {
        let flag = |name| question.get_bool(name).unwrap_or(false);
        let ids = question.get_array("ids").into_iter().flatten();
        let filter = part(question, "filter")?;
        if !filter.contains_key("_id") {
            // It would change what other questions are about.
            return Err(Answer::Refused("the filter names no id".to_owned()));
        }
        Ok(Self {
            filter,
            update: part(question, "update")?,
            ids: ids.filter_map(Bson::as_str).collect(),
            is_many: flag("many"),
            is_upsert: flag("upsert"),
            returning: match question.get_str("returning") {
                Ok("before") if !flag("many") => Returning::Before,
                Ok("after") if !flag("many") => Returning::After,
                _ => Returning::Nothing,
            },
        })
    }
}

/// What an update is answered by.
#[derive(Debug, Default)]
struct Told {
    matched: Bson,
    modified: Bson,
    is_inserted: bool,
    /// The fields of the document that is returned.
    returned: Option<Bson>,
    /// The fields of documents afterwards; the last one is that which was made with an id of the database's.
    fields: Vec<Option<Bson>>,
}

impl Told {
    fn into_answer(self) -> Answer {
        Answer::Given(carried(
            doc! {
                "matched": self.matched,
                "modified": self.modified,
                "inserted": self.is_inserted,
                "returned": self.returned,
                "fields": self.fields,
            }
            .into(),
        ))
    }
}

async fn ours(database: &dyn Database, question: &Document) -> Answer {
    let asked = match Asked::of(question) {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    match apply(database, &asked).await {
        Ok(told) => told.into_answer(),
        Err(error) => Err(error).into(),
    }
}

async fn apply(database: &dyn Database, asked: &Asked<'_>) -> jvspatial_db::Result<Told> {
    let (filter, update) = (Filter::parse(asked.filter)?, Update::parse(asked.update)?);
    let mut request = UpdateRequest::one(Collection::Object, filter, update);
    request.many = asked.is_many;
    request = request.returning(asked.returning);
    if asked.is_upsert {
        // Another one for each question, so that they do not meet.
        let made = format!("o.{ENTITY}.made-by-{}", asked.ids.join("-").replace('.', "-"));
        request = request.upsert(Upsert::new(made.parse()?));
    }
    let report = database.update(request).await?;
    let returned = match report.document {
        Some(document) => Some(Bson::Document(document.body.to_bson()?)),
        None => None,
    };
    let mut handles = Vec::new();
    for id in &asked.ids {
        handles.push(Handle::from(id.parse::<Id>()?));
    }
    let made = report.inserted.filter(|made| !asked.ids.contains(&made.to_string().as_str()));
    let is_inserted = made.is_some() || report.matched == 0 && asked.is_upsert;
    handles.extend(made.map(Handle::from));
    let mut fields = Vec::new();
    for found in database.get_many(&handles).await? {
        fields.push(match found {
            Some(document) => Some(Bson::Document(document.body.to_bson()?)),
            None => None,
        });
    }
    // A server that returns a document does not tell how many it has modified.
    let counts = asked.returning == Returning::Nothing;
    let count = |count: u64| match i32::try_from(count) {
        Ok(count) if counts => Bson::Int32(count),
        _ => Bson::Null,
    };
    let (matched, modified) = (count(report.matched), count(report.modified));
    Ok(Told { matched, modified, is_inserted, returned, fields })
}

async fn theirs(server: &dyn Oracle, question: &Document) -> Reply<Answer> {
    let asked = match Asked::of(question) {
        Ok(asked) => asked,
        Err(refused) => return Ok(refused),
    };
    let mut told = Told::default();
    let made = if asked.returning == Returning::Nothing {
        let statement = doc! {
            "q": asked.filter, "u": asked.update, "multi": asked.is_many, "upsert": asked.is_upsert,
        };
        let command = doc! {"update": server.collection(), "updates": [statement]};
        let reply = match server.run(command).await? {
            Response::Refused(why) => return Ok(Answer::Refused(why)),
            Response::Given(reply) => reply,
        };
        if let Ok(errors) = reply.get_array("writeErrors") {
            return Ok(Answer::Refused(format!("{errors:?}")));
        }
        let made = reply.get_array("upserted").ok().and_then(|made| made.first());
        let made = made.and_then(|made| made.as_document()?.get("_id").cloned());
        // What is inserted counts there as if it had matched.
        told.matched = match &made {
            Some(_) => Bson::Int32(0),
            None => reply.get("n").cloned().unwrap_or(Bson::Null),
        };
        told.modified = reply.get("nModified").cloned().unwrap_or(Bson::Null);
        made
    } else {
        let command = doc! {
            "findAndModify": server.collection(),
            "query": asked.filter,
            "update": asked.update,
            "new": asked.returning == Returning::After,
            "upsert": asked.is_upsert,
        };
        let reply = match server.run(command).await? {
            Response::Refused(why) => return Ok(Answer::Refused(why)),
            Response::Given(reply) => reply,
        };
        told.returned = reply.get_document("value").ok().map(fields_of);
        reply.get_document("lastErrorObject")?.get("upserted").cloned()
    };
    told.is_inserted = made.is_some();
    let mut ids: Vec<Bson> = asked.ids.iter().map(|id| Bson::from(*id)).collect();
    ids.extend(made.filter(|made| !made.as_str().is_some_and(|made| asked.ids.contains(&made))));
    for id in ids {
        let command = doc! {"find": server.collection(), "filter": {"_id": id}};
        match server.run(command).await? {
            Response::Refused(why) => return Ok(Answer::Broken(why)),
            Response::Given(found) => {
                let document = first_batch(&found)?.first().and_then(Bson::as_document);
                told.fields.push(document.map(fields_of));
            }
        }
    }
    Ok(told.into_answer())
}

/// The user's fields; a document that the server made may have none.
fn fields_of(document: &Document) -> Bson {
    document.get(CONTEXT).cloned().unwrap_or_else(|| doc! {}.into())
}

/// Numbers as JSON carries them: it has one kind of integers, of which the smallest type that fits is read
/// back, and one NaN of each type, without a sign. A time close to now is one like any other.
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
        Bson::DateTime(time) if is_now(time.timestamp_millis() / 1_000) => "a date".into(),
        Bson::Timestamp(time) if is_now(i64::from(time.time)) => "a timestamp".into(),
        other => other,
    }
}

/// Whether so many seconds are within a day of now, as only `$currentDate` makes them.
fn is_now(seconds: i64) -> bool {
    (DateTime::now().timestamp_millis() / 1_000).abs_diff(seconds) < 86_400
}
