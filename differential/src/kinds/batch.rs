//! What a batch of writes does, all of it or nothing.

use async_trait::async_trait;
use bson::{Bson, Document, doc};
use jvspatial_db::{Database, Envelope, Handle, Id, Outcome, Version, WriteBatch};

use super::{Answer, Kind};
use crate::generate::document::{CONTEXT, ENTITY, context, id};
use crate::oracle::{Oracle, Reply, Response, first_batch};
use crate::random::Random;
use crate::world::Scene;

/// `{operations, atomic, ids}`; answered by which operations were carried out, and the documents of `ids`
/// afterwards.
///
/// An operation is `{insert: fields, _id}`, `{put: fields, _id}`, `{replace: fields, _id, version}` or
/// `{delete: version, _id}`, whose version is null for any. The server is asked for one after the other, and
/// when one fails of those that belong together it is given back the documents that it had.
#[derive(Debug)]
pub(super) struct Batch;

#[async_trait]
impl Kind for Batch {
    fn name(&self) -> &'static str {
        "batch"
    }

    fn writes(&self) -> usize {
        2
    }

    fn question(&self, random: &mut Random, scene: &Scene, number: usize) -> Document {
        let stored = scene.documents.iter().skip(number).take(2);
        let mut ids: Vec<String> =
            stored.filter_map(|stored| stored.get_str("_id").ok()).map(str::to_owned).collect();
        ids.push(format!("{}-fresh", id(number)));
        let operations: Vec<Document> =
            (0..random.between(1, 4)).map(|_| operation(random, &ids)).collect();
        doc! {"operations": operations, "atomic": !random.one_in(3), "ids": ids}
    }

    async fn ours(&self, database: &dyn Database, question: &Document) -> Answer {
        match Asked::of(question) {
            Some(asked) => write(database, &asked).await.into(),
            None => malformed(),
        }
    }

    async fn theirs(&self, server: &dyn Oracle, question: &Document) -> Reply<Answer> {
        let Some(asked) = Asked::of(question) else { return Ok(malformed()) };
        let before = documents(server, &asked.ids).await?;
        let mut written = Vec::new();
        for operation in &asked.operations {
            written.push(carry_out(server, operation).await?);
        }
        if asked.is_atomic && written.contains(&false) {
            for (id, document) in asked.ids.iter().zip(before) {
                give_back(server, id, document).await?;
            }
            written.fill(false);
        }
        let documents = documents(server, &asked.ids).await?;
        Ok(Answer::Given(doc! {"written": written, "documents": documents}.into()))
    }
}

fn operation(random: &mut Random, ids: &[String]) -> Document {
    let id = random.pick(ids).as_str();
    let version = Bson::Int64(*random.pick(&[1, 1, 1, 2, 3]));
    match random.weighted(&[3, 1, 4, 2]) {
        0 => doc! {"insert": context(random), "_id": id},
        1 => doc! {"put": context(random), "_id": id},
        2 => doc! {"replace": context(random), "_id": id, "version": version},
        _ if random.one_in(2) => doc! {"delete": version, "_id": id},
        _ => doc! {"delete": Bson::Null, "_id": id},
    }
}

fn malformed() -> Answer {
    Answer::Refused("the question has no such operations".to_owned())
}

/// A question as both sides read it.
#[derive(Debug)]
struct Asked<'a> {
    operations: Vec<Operation<'a>>,
    is_atomic: bool,
    ids: Vec<&'a str>,
}

#[derive(Debug)]
enum Operation<'a> {
    Insert(&'a str, &'a Document),
    Put(&'a str, &'a Document),
    Replace(&'a str, &'a Document, i64),
    Delete(&'a str, Option<i64>),
}

impl<'a> Asked<'a> {
    fn of(question: &'a Document) -> Option<Self> {
        let operations = question.get_array("operations").ok()?.iter();
        let operations = operations.map(|operation| Operation::of(operation.as_document()?));
        let ids = question.get_array("ids").ok()?.iter();
        let asked = Self {
            operations: operations.collect::<Option<_>>()?,
            is_atomic: question.get_bool("atomic").unwrap_or(false),
            ids: ids.map(Bson::as_str).collect::<Option<_>>()?,
        };
        // What is not told afterwards would not be given back either.
        asked
            .operations
            .iter()
            .all(|operation| asked.ids.contains(&operation.id()))
            .then_some(asked)
    }
}

impl<'a> Operation<'a> {
    fn of(operation: &'a Document) -> Option<Self> {
        let id = operation.get_str("_id").ok()?;
        let part = |name| operation.get_document(name).ok();
        if let Some(fields) = part("insert") {
            return Some(Self::Insert(id, fields));
        }
        if let Some(fields) = part("put") {
            return Some(Self::Put(id, fields));
        }
        if let Some(fields) = part("replace") {
            return Some(Self::Replace(id, fields, operation.get_i64("version").ok()?));
        }
        match operation.get("delete")? {
            Bson::Null => Some(Self::Delete(id, None)),
            Bson::Int64(version) => Some(Self::Delete(id, Some(*version))),
            _ => None,
        }
    }

    const fn id(&self) -> &'a str {
        match self {
            Self::Insert(id, _)
            | Self::Put(id, _)
            | Self::Replace(id, _, _)
            | Self::Delete(id, _) => id,
        }
    }
}

async fn write(database: &dyn Database, asked: &Asked<'_>) -> jvspatial_db::Result<Bson> {
    let version = |version: i64| Version::new(u64::try_from(version).unwrap_or(0));
    let mut batch = WriteBatch::new(database.capabilities().encoding).atomic(asked.is_atomic);
    for operation in &asked.operations {
        let id: Id = operation.id().parse()?;
        match operation {
            Operation::Insert(_, fields) => batch.insert(id, fields)?,
            Operation::Put(_, fields) => {
                let envelope = Envelope { version: Version::FIRST, schema: 1, link: None };
                batch.put(id, fields, envelope)?;
            }
            Operation::Replace(_, fields, expected) => {
                batch.update(id, version(*expected), fields)?;
            }
            Operation::Delete(_, expected) => batch.delete(id, expected.map(version), false)?,
        }
    }
    let report = database.write(batch).await?;
    let written: Vec<bool> = report.outcomes.iter().map(Outcome::is_written).collect();
    let handles: jvspatial_db::Result<Vec<Handle>> =
        asked.ids.iter().map(|id| Ok(Handle::from(id.parse::<Id>()?))).collect();
    let mut documents = Vec::new();
    for found in database.get_many(&handles?).await? {
        documents.push(match found {
            Some(document) => Bson::Document(document.to_bson()?),
            None => Bson::Null,
        });
    }
    Ok(doc! {"written": written, "documents": documents}.into())
}

/// The documents of these ids, null for those that there are not.
async fn documents(server: &dyn Oracle, ids: &[&str]) -> Reply<Vec<Bson>> {
    let mut documents = Vec::new();
    for id in ids {
        let reply =
            given(server, doc! {"find": server.collection(), "filter": {"_id": id}}).await?;
        documents.push(first_batch(&reply)?.first().cloned().unwrap_or(Bson::Null));
    }
    Ok(documents)
}

/// Whether the server does what is asked for.
async fn carry_out(server: &dyn Oracle, operation: &Operation<'_>) -> Reply<bool> {
    let stored = |id: &str, fields: &Document, version: i64| {
        doc! {"_id": id, "_version": Bson::Int64(version), "entity": ENTITY, CONTEXT: fields}
    };
    let command = match operation {
        Operation::Insert(id, fields) => {
            doc! {"insert": server.collection(), "documents": [stored(id, fields, 1)]}
        }
        Operation::Put(id, fields) => {
            let statement = doc! {"q": {"_id": id}, "u": stored(id, fields, 1), "upsert": true};
            doc! {"update": server.collection(), "updates": [statement]}
        }
        Operation::Replace(id, fields, version) => {
            let u = stored(id, fields, version + 1);
            let statement = doc! {"q": {"_id": id, "_version": version}, "u": u};
            doc! {"update": server.collection(), "updates": [statement]}
        }
        Operation::Delete(id, version) => {
            let mut filter = doc! {"_id": id};
            filter.extend(version.map(|version| ("_version".to_owned(), version.into())));
            let statement = doc! {"q": filter, "limit": 1};
            doc! {"delete": server.collection(), "deletes": [statement]}
        }
    };
    Ok(given(server, command).await?.get_i32("n")? == 1)
}

/// Makes a document what it was.
async fn give_back(server: &dyn Oracle, id: &str, document: Bson) -> Reply<()> {
    let command = match document {
        Bson::Document(document) => {
            let statement = doc! {"q": {"_id": id}, "u": document, "upsert": true};
            doc! {"update": server.collection(), "updates": [statement]}
        }
        _ => {
            let statement = doc! {"q": {"_id": id}, "limit": 1};
            doc! {"delete": server.collection(), "deletes": [statement]}
        }
    };
    given(server, command).await.map(|_| ())
}

/// What the server replies to a command that it always carries out.
async fn given(server: &dyn Oracle, command: Document) -> Reply<Document> {
    match server.run(command).await? {
        Response::Given(reply) => Ok(reply),
        Response::Refused(why) => Err(why.into()),
    }
}
