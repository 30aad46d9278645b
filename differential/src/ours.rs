//! Our databases, brought to hold the documents of a world by its steps.

use std::collections::BTreeMap;

use bson::{Bson, DateTime, Document};
use jvspatial_db::{
    Collection, Database, Durability, EntityName, Envelope, ErrorKind, Filter, Id, IndexInfo,
    IndexSpec, JsonDb, JsonDbOptions, MemoryDb, Query, Result, Sort, Update, UpdateRequest,
    Version, WriteBatch,
};
use tempfile::TempDir;

use crate::generate::document::{self, ENTITY};
use crate::oracle::{Oracle, Reply};
use crate::world::{Scene, Step, World};

/// The time of the updates among the steps, which is the same for all databases.
const TIME: DateTime = DateTime::from_millis(981_173_106_789);

/// What the database on the server of the oracle is called.
pub(crate) const MONGODB: &str = "mongodb";

/// One database of each kind.
#[derive(Debug)]
pub(crate) struct Ours {
    memory: MemoryDb,
    json: JsonDb,
    /// That on the server of the oracle, if it has one.
    server: Option<Box<dyn Database>>,
    _directory: TempDir,
}

impl Ours {
    /// Empty databases; that on disk is in a temporary directory and not synced.
    pub(crate) async fn open(oracle: &dyn Oracle) -> Reply<Self> {
        let directory = tempfile::tempdir()?;
        let options = JsonDbOptions::new().durability(Durability::Os);
        let json = JsonDb::open(directory.path().join("store"), options).await?;
        let (memory, server) = (MemoryDb::new(), oracle.ours().await?);
        Ok(Self { memory, json, server, _directory: directory })
    }

    /// The databases by name.
    pub(crate) fn databases(&self) -> Vec<(&'static str, &dyn Database)> {
        let server = self.server.iter().map(|server| (MONGODB, &**server));
        self.embedded().into_iter().chain(server).collect()
    }

    /// Those that follow the steps of a world.
    fn embedded(&self) -> [(&'static str, &dyn Database); 2] {
        [("memory", &self.memory), ("json", &self.json)]
    }

    /// Removes everything, goes through the steps, and tells what there is to be asked about.
    ///
    /// The database on a server is given what is there in the end, because it refuses some of the indexes.
    ///
    /// A document that no step has changed since it was inserted is told as it was inserted, others as the
    /// database in memory has them.
    pub(crate) async fn load(&self, world: &World) -> Reply<Scene> {
        for (_, database) in self.embedded() {
            clear(database).await?;
            follow(database, world).await?;
        }
        let inserted = inserted(world);
        let mut scene = Scene::default();
        let all = Query::new(Collection::Object, Filter::all()).sort(Sort::by_id());
        for found in self.memory.find(all).await?.try_collect().await? {
            let fields = inserted.get(&found.id.to_string());
            scene.documents.push(match fields {
                Some((number, fields)) if found.version.get() == 1 => {
                    document::stored(*number, fields)
                }
                _ => found.to_bson()?,
            });
        }
        let indexes = self.memory.indexes(Collection::Object).await?;
        scene.indexes = indexes.iter().map(|index| index.spec.to_document()).collect();
        if let Some(server) = &self.server {
            clear(&**server).await?;
            // Before the documents, since a server takes a tenth of a second for each that it has to fill.
            for IndexInfo { entity, spec, .. } in indexes {
                tolerate(server.create_index(Collection::Object, entity, spec).await)?;
            }
            hold(&**server, &scene.documents).await?;
        }
        Ok(scene)
    }
}

/// Inserts documents as they are stored.
async fn hold(database: &dyn Database, documents: &[Document]) -> Reply<()> {
    let mut batch = WriteBatch::new(database.capabilities().encoding);
    for document in documents {
        let version = u64::try_from(document.get_i64("_version")?)?;
        let envelope = Envelope { version: Version::new(version), schema: 1, link: None };
        let fields = document.get_document(document::CONTEXT)?;
        batch.insert_as(document.get_str("_id")?.parse()?, fields, envelope)?;
    }
    let report = database.write(batch).await?;
    if !report.is_complete() {
        return Err(format!("documents were not inserted: {report:?}").into());
    }
    Ok(())
}

/// The fields that documents were inserted with, by their ids, save those that a step replaces, which may
/// have been refused.
fn inserted(world: &World) -> BTreeMap<String, (usize, &Document)> {
    let mut inserted = BTreeMap::new();
    let mut replaced = Vec::new();
    let mut count = 0;
    for step in &world.steps {
        match Step::of(step) {
            Step::Insert(fields) => {
                inserted.insert(document::id(count), (count, fields));
                count += 1;
            }
            Step::Replace(number, _) => replaced.push(document::id(number)),
            _ => {}
        }
    }
    inserted.retain(|id, _| !replaced.contains(id));
    inserted
}

/// Deletes the documents while their indexes are there, then the indexes.
async fn clear(database: &dyn Database) -> Reply<()> {
    let all = Query::new(Collection::Object, Filter::all());
    let mut batch = WriteBatch::new(database.capabilities().encoding);
    for found in database.find(all).await?.try_collect().await? {
        batch.delete(found.id, None, false)?;
    }
    let report = database.write(batch).await?;
    if !report.is_complete() {
        return Err(format!("documents were not deleted: {report:?}").into());
    }
    for index in database.indexes(Collection::Object).await? {
        database.drop_index(Collection::Object, index.entity, &index.spec.name()).await?;
    }
    Ok(())
}

async fn follow(database: &dyn Database, world: &World) -> Reply<()> {
    let mut count = 0;
    let mut waiting = Vec::new();
    for step in &world.steps {
        let step = Step::of(step);
        if let Step::Insert(fields) = step {
            waiting.push((id(count)?, fields));
            count += 1;
            continue;
        }
        insert(database, &std::mem::take(&mut waiting)).await?;
        tolerate(take(database, step).await)?;
    }
    insert(database, &waiting).await
}

/// Inserts documents together, or one by one when one of them is such that the batch is refused.
async fn insert(database: &dyn Database, documents: &[(Id, &Document)]) -> Reply<()> {
    let batch_of = |documents: &[(Id, &Document)]| -> Result<WriteBatch> {
        let mut batch = WriteBatch::new(database.capabilities().encoding);
        documents.iter().try_for_each(|(id, fields)| batch.insert(id.clone(), fields))?;
        Ok(batch)
    };
    let together = database.write(batch_of(documents)?).await;
    if together.is_ok() {
        return Ok(());
    }
    tolerate(together.map(|_| ()))?;
    for document in documents {
        let batch = batch_of(std::slice::from_ref(document))?;
        tolerate(database.write(batch).await.map(|_| ()))?;
    }
    Ok(())
}

async fn take(database: &dyn Database, step: Step<'_>) -> Result<()> {
    let mut batch = WriteBatch::new(database.capabilities().encoding);
    match step {
        Step::Insert(_) | Step::Nothing => return Ok(()),
        Step::Replace(number, fields) => {
            batch = batch.atomic(true);
            batch.delete(id(number)?, None, false)?;
            batch.insert(id(number)?, fields)?;
        }
        Step::Delete(number) => batch.delete(id(number)?, None, false)?,
        Step::Update { filter, update } => {
            let (filter, update) = (Filter::parse(filter)?, Update::parse(update)?);
            let request = UpdateRequest::many(Collection::Object, filter, update).at(TIME);
            return database.update(request).await.map(|_| ());
        }
        Step::Index { declaration, is_typed } => {
            let entity = is_typed.then(|| EntityName::new(ENTITY)).transpose()?;
            let spec = IndexSpec::parse(declaration)?;
            return database.create_index(Collection::Object, entity, spec).await;
        }
        Step::Drop(place) => {
            let indexes = database.indexes(Collection::Object).await?;
            if let Some(index) = indexes.get(place) {
                let name = index.spec.name();
                database.drop_index(Collection::Object, index.entity, &name).await?;
            }
            return Ok(());
        }
    }
    database.write(batch).await.map(|_| ())
}

/// A step that is refused has no effect; any other failure is one of the database.
fn tolerate(outcome: Result<()>) -> Reply<()> {
    match outcome {
        Err(error) if !is_refusal(error.kind()) => Err(error.into()),
        _ => Ok(()),
    }
}

/// Whether an error says that something cannot be done, and not that something went wrong.
pub(crate) fn is_refusal(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Invalid | ErrorKind::Unsupported | ErrorKind::Limit | ErrorKind::Duplicate
    )
}

fn id(number: usize) -> Result<Id> {
    Id::with_key(Collection::Object, EntityName::new(ENTITY)?, &number.to_string())
}

/// What a query finds, by the index that a question names if it can be followed: `hint` is a place among
/// the indexes that there are.
pub(crate) async fn hinted(
    database: &dyn Database,
    query: Query,
    question: &Document,
) -> Result<Query> {
    let Some(Bson::Int32(place)) = question.get("hint") else { return Ok(query) };
    let indexes = database.indexes(query.collection).await?;
    let place = usize::try_from(*place).unwrap_or(0) % indexes.len().max(1);
    let Some(index) = indexes.get(place) else { return Ok(query) };
    let forced = query.clone().hint(index.spec.name());
    Ok(if database.explain(forced.clone()).await.is_ok() { forced } else { query })
}

#[cfg(test)]
mod tests {
    use jvspatial_db::indexes::Stage;

    use super::*;
    use crate::generate::filter::Language;
    use crate::generate::world::world;
    use crate::random::Random;

    #[tokio::test]
    async fn indexes_answer_many_of_the_filters_and_the_steps_leave_most_documents() {
        let ours = Ours::open(&crate::tests::Fake::sound()).await.unwrap();
        let mut random = Random::new(3);
        let (mut left, mut asked, mut by_index, mut by_hint) = (0, 0, 0, 0);
        for _ in 0..20 {
            let world = world(&mut random, true);
            let scene = ours.load(&world).await.unwrap();
            left += scene.documents.len();
            for _ in 0..20 {
                let filter = Language.filter(&mut random, &scene);
                let Ok(filter) = Filter::parse(&filter) else { continue };
                let query = Query::new(Collection::Object, filter);
                let question = bson::doc! {"hint": 0};
                let forced = hinted(&ours.json, query.clone(), &question).await.unwrap();
                by_hint += usize::from(forced.hint.is_some());
                let told = ours.json.explain(query).await.unwrap();
                asked += 1;
                by_index += usize::from(told.stage == Stage::IndexScan);
            }
        }
        assert!(left > 400, "{left} of 600 documents are left");
        assert!(asked > 300 && by_index * 5 > asked, "{by_index} of {asked} by an index");
        assert!(by_hint * 4 > asked, "{by_hint} of {asked} hints can be followed");
    }
}
