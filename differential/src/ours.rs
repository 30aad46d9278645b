//! Our databases, holding the documents that the server holds.

use bson::Document;
use jvspatial_db::{
    Collection, Database, Durability, EntityName, Id, JsonDb, JsonDbOptions, MemoryDb, WriteBatch,
};
use tempfile::TempDir;

use crate::generate::document::ENTITY;
use crate::oracle::Reply;

/// One database of each kind.
#[derive(Debug)]
pub(crate) struct Ours {
    memory: MemoryDb,
    json: JsonDb,
    /// How many documents there are.
    loaded: usize,
    _directory: TempDir,
}

impl Ours {
    /// Empty databases; that on disk is in a temporary directory and not synced.
    pub(crate) async fn open() -> Reply<Self> {
        let directory = tempfile::tempdir()?;
        let options = JsonDbOptions::new().durability(Durability::Os);
        let json = JsonDb::open(directory.path().join("store"), options).await?;
        Ok(Self { memory: MemoryDb::new(), json, loaded: 0, _directory: directory })
    }

    /// The databases by name.
    pub(crate) fn databases(&self) -> [(&'static str, &dyn Database); 2] {
        [("memory", &self.memory), ("json", &self.json)]
    }

    /// Makes these the fields of the documents, numbered from zero, and removes all others.
    pub(crate) async fn load(&mut self, contexts: &[Document]) -> Reply<()> {
        let ids = (0..contexts.len().max(self.loaded)).map(id).collect::<Reply<Vec<_>>>()?;
        for (name, database) in self.databases() {
            let mut batch = WriteBatch::new(database.capabilities().encoding);
            for id in &ids[..self.loaded] {
                batch.delete(id.clone(), None, false)?;
            }
            for (id, context) in ids.iter().zip(contexts) {
                batch.insert(id.clone(), context)?;
            }
            let report = database.write(batch).await?;
            if !report.is_complete() {
                return Err(format!("{name} did not take the documents: {report:?}").into());
            }
        }
        self.loaded = contexts.len();
        Ok(())
    }
}

fn id(number: usize) -> Reply<Id> {
    Ok(Id::with_key(Collection::Object, EntityName::new(ENTITY)?, &number.to_string())?)
}
