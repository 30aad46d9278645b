//! A real server as the oracle, by the official driver.

use async_trait::async_trait;
use bson::{Document, doc};
use jvspatial_db::{Database, MongoDb, MongoDbOptions};
use mongodb::Client;
use mongodb::error::ErrorKind;
use mongodb::options::ClientOptions;

use crate::oracle::{Oracle, Reply, Response};

/// The codes of errors that say nothing about the command: no primary, interrupted, out of time.
const INTERRUPTED: [i32; 11] = [6, 7, 50, 89, 91, 189, 262, 10107, 11600, 11602, 13435];

/// One collection of a server, in a database of its own that goes with [`Server::drop_database`].
#[derive(Clone, Debug)]
pub(crate) struct Server {
    database: mongodb::Database,
    collection: String,
    uri: String,
}

impl Server {
    /// Connects to the server and makes the collections, since one that does not exist answers to filters
    /// that are refused everywhere else. Says which version the server has.
    pub(crate) async fn connect(uri: &str) -> Reply<(Self, String)> {
        let mut options = ClientOptions::parse(uri).await?;
        options.app_name = Some("jvspatial-differential".to_owned());
        let client = Client::with_options(options)?;
        // So that two runs on one server do not meet.
        let database = client.database(&format!("differential_{}", std::process::id()));
        let told = database.run_command(doc! {"buildInfo": 1}).await?;
        let version = told.get_str("version")?.to_owned();
        let server = Self { database, collection: "round".to_owned(), uri: uri.to_owned() };
        for collection in [&server.collection, &server.scratch().collection] {
            server.database.create_collection(collection).await?;
        }
        Ok((server, version))
    }

    /// Another collection beside this one.
    pub(crate) fn scratch(&self) -> Self {
        Self { collection: "scratch".to_owned(), ..self.clone() }
    }

    /// The name of the database that ours has beside the collection.
    fn name_of_ours(&self) -> String {
        format!("{}_{}", self.database.name(), self.collection)
    }

    /// Removes everything that was loaded.
    pub(crate) async fn drop_database(&self) -> Reply<()> {
        for server in [self, &self.scratch()] {
            self.database.client().database(&server.name_of_ours()).drop().await?;
        }
        Ok(self.database.drop().await?)
    }
}

#[async_trait]
impl Oracle for Server {
    fn collection(&self) -> &str {
        &self.collection
    }

    async fn load(&self, documents: &[Document]) -> Reply<()> {
        let collection = self.database.collection::<Document>(&self.collection);
        collection.delete_many(doc! {}).await?;
        if !documents.is_empty() {
            collection.insert_many(documents).await?;
        }
        Ok(())
    }

    async fn ours(&self) -> Reply<Option<Box<dyn Database>>> {
        let name = self.name_of_ours();
        self.database.client().database(&name).drop().await?;
        let (hosts, query) = self.uri.split_once('?').unwrap_or((&self.uri, ""));
        let url = format!("{}/{name}?{query}", hosts.trim_end_matches('/'));
        Ok(Some(Box::new(MongoDb::open(&url, MongoDbOptions::new()).await?)))
    }

    async fn run(&self, command: Document) -> Reply<Response> {
        match self.database.run_command(command).await {
            Ok(reply) => Ok(Response::Given(reply)),
            Err(error) => match &*error.kind {
                ErrorKind::Command(refusal) if !INTERRUPTED.contains(&refusal.code) => {
                    Ok(Response::Refused(format!("{}: {}", refusal.code_name, refusal.message)))
                }
                _ => Err(error.into()),
            },
        }
    }
}
