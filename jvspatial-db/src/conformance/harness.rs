//! How a case gets at its store, and what a store looks like from outside.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::database::Database;
use crate::document::Ends;
use crate::error::Result;
use crate::expansion::{Direction, Expansion};
use crate::filter::Filter;
use crate::id::{Collection, Handle, Id};
use crate::query::Query;
use crate::version::Version;

type Opening = Pin<Box<dyn Future<Output = Result<Arc<dyn Database>>> + Send>>;

/// One store for one case: opens it, and opens it again.
pub struct Harness {
    open: Box<dyn Fn() -> Opening + Send + Sync>,
}

impl Harness {
    /// A harness whose store `open` opens. Every call is to open the same store again when the
    /// backend is persistent, and an empty one when it is not.
    pub fn new<F>(open: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Arc<dyn Database>>> + Send + 'static,
    {
        Self { open: Box::new(move || Box::pin(open())) }
    }

    /// Opens the store.
    pub async fn open(&self) -> Arc<dyn Database> {
        (self.open)().await.expect("the store opens")
    }

    /// Closes the store and opens it again.
    pub async fn reopen(&self, db: Arc<dyn Database>) -> Arc<dyn Database> {
        db.close().await.expect("the store closes");
        drop(db);
        self.open().await
    }

    /// Runs a case, then checks that a persistent store still holds the same after a reopening.
    pub async fn check<F>(self, case: impl FnOnce(Arc<dyn Database>) -> F)
    where
        F: Future<Output = ()>,
    {
        let db = self.open().await;
        case(Arc::clone(&db)).await;
        self.reopen_and_compare(db).await.close().await.expect("the store closes");
    }

    /// Closes the store, opens it again and checks that everything is as before, or gone when the
    /// backend is not persistent.
    pub async fn reopen_and_compare(&self, db: Arc<dyn Database>) -> Arc<dyn Database> {
        let before = Picture::of(&*db).await;
        let db = self.reopen(db).await;
        let after = Picture::of(&*db).await;
        if db.capabilities().persistent {
            assert_eq!(after, before, "the store is not the same after it was opened again");
        } else {
            assert_eq!(after, Picture::default(), "a store without persistence kept something");
        }
        db
    }
}

impl fmt::Debug for Harness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Harness")
    }
}

/// Everything that can be seen of a store.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Picture {
    documents: Vec<Shown>,
    /// For each node in the order of the documents: edge and node of each neighbour.
    neighbours: Vec<(u32, Option<Id>, Id)>,
}

/// A document, its fields as text that tells values apart.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    id: Id,
    version: Version,
    schema: u32,
    ends: Option<Ends>,
    fields: String,
}

impl Picture {
    /// Looks at a store.
    pub async fn of(db: &dyn Database) -> Self {
        let mut documents = Vec::new();
        for collection in Collection::ALL {
            let cursor = db.find(Query::new(collection, Filter::all())).await.expect("find");
            for document in cursor.try_collect().await.expect("documents") {
                documents.push(Shown {
                    fields: format!("{:?}", document.body.to_bson().expect("fields")),
                    id: document.id,
                    version: document.version,
                    schema: document.schema,
                    ends: document.ends,
                });
            }
        }
        documents.sort_by(|a, b| a.id.cmp(&b.id));
        let nodes: Vec<Handle> = documents
            .iter()
            .filter(|document| document.id.collection() == Collection::Node)
            .map(|document| Handle::from(&document.id))
            .collect();
        let mut expansion = Expansion::new(Direction::Both);
        expansion.with_edges = true;
        let adjacent = db.neighbors(&nodes, &expansion).await.expect("neighbors");
        let neighbours = adjacent.into_iter().map(|adjacent| {
            (adjacent.origin, adjacent.edge.map(Handle::into_id), adjacent.node.into_id())
        });
        Self { documents, neighbours: neighbours.collect() }
    }
}
