//! Indexes are made and dropped.

use std::sync::Arc;

use bson::{Bson, Document as Fields, doc};
use mongodb::Database;
use mongodb::error::{Error as DriverError, ErrorKind as DriverErrorKind, Result as DriverResult};

use super::super::client::{Client, Task};
use super::super::error::of_read;
use super::super::reader::Reader;
use super::super::write::LOCKS;
use super::catalog::{Catalog, Known, read_one};
use super::violations::violations;
use crate::entity_name::EntityName;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Collection;
use crate::indexes::{Definition, IndexSpec, MAX_INDEXES};

/// An index that every database has on its edges.
struct Own {
    name: &'static str,
    key: [&'static str; 5],
    /// Whether it holds only the edges that can be followed from either end.
    is_undirected: bool,
}

/// The indexes by which edges are followed. The first two answer without a look at the edges. Where edges that can be
/// followed from either end are few, looking for them at every other node would take as long again; the last two, which
/// then are nearly empty, say so at once and cost a directed edge nothing.
const OWN: [Own; 4] = [
    Own { name: "jvspatial_out", key: LEAVING, is_undirected: false },
    Own { name: "jvspatial_in", key: COMING, is_undirected: false },
    Own { name: "jvspatial_undirected_out", key: LEAVING, is_undirected: true },
    Own { name: "jvspatial_undirected_in", key: COMING, is_undirected: true },
];

const LEAVING: [&str; 5] = ["source", "entity", "bidirectional", "target", "_id"];
const COMING: [&str; 5] = ["target", "entity", "bidirectional", "source", "_id"];

/// Codes of a server that has an index like it, under another name or with other options.
const CONFLICTS: [i32; 2] = [85, 86];
/// Codes of a server that cannot make such an index: a filter that it does not take, another kind.
const CANNOT_CREATE: i32 = 67;
const DUPLICATE_KEY: i32 = 11000;
const INDEX_NOT_FOUND: i32 = 27;

impl Own {
    fn to_document(&self) -> Fields {
        let key: Fields =
            self.key.iter().map(|path| ((*path).to_owned(), Bson::Int32(1))).collect();
        let mut index = doc! { "key": key, "name": self.name };
        if self.is_undirected {
            index.insert("partialFilterExpression", doc! { "bidirectional": undirected() });
        }
        index
    }

    fn is(&self, stored: &Fields) -> bool {
        stored.get_document("key").is_ok_and(|key| key.keys().eq(self.key.iter()))
            && stored.contains_key("partialFilterExpression") == self.is_undirected
    }
}

/// What `bidirectional` is in an edge that can be followed from either end; where nothing is stored, it can. A search has to
/// ask for it in these words to be answered by an index of such edges.
pub(in crate::mongo) fn undirected() -> Fields {
    doc! { "$in": [true, Bson::Null] }
}

/// Whether an index is one of those that every database has.
pub(super) fn is_own(collection: Collection, stored: &Fields) -> bool {
    collection == Collection::Edge && OWN.iter().any(|own| own.is(stored))
}

/// The code of a server that has the collection already.
const NAMESPACE_EXISTS: i32 = 48;

/// Makes the collections and the indexes that every database has, where they are not yet. A transaction meets whoever
/// makes a collection that it reads or writes, so nobody is to make one later.
pub(in crate::mongo) async fn make_own(task: &Task) -> Result<()> {
    let database = &task.database;
    make_collections(database).await.map_err(|error| of_read(&error))?;
    let stored = read_one(database, Collection::Edge).await.map_err(|error| of_read(&error))?;
    let lacks = |own: &&Own| !stored.iter().any(|stored| own.is(stored));
    let wanted: Vec<&Own> = OWN.iter().filter(lacks).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = wanted.iter().map(|own| own.name).collect();
    let wanted = wanted.iter().map(|own| own.to_document()).collect();
    let made = make(database, Collection::Edge, wanted).await;
    made.map_err(|error| of_read(&error).with("index", names.join(" and ")))
}

async fn make_collections(database: &Database) -> DriverResult<()> {
    let names = Collection::ALL.map(Collection::name).into_iter().chain([LOCKS]);
    let names: Vec<&str> = names.collect();
    let command = doc! {
        "listCollections": 1,
        "filter": { "name": { "$in": &names } },
        "nameOnly": true,
        "authorizedCollections": true,
    };
    let reply = database.run_command(command).await?;
    let listed = reply.get_document("cursor").and_then(|it| it.get_array("firstBatch"));
    let listed = listed.map(Vec::as_slice).unwrap_or_default();
    let stored: Vec<&str> =
        listed.iter().filter_map(|stored| stored.as_document()?.get_str("name").ok()).collect();
    for name in names.into_iter().filter(|name| !stored.contains(name)) {
        let command = doc! { "create": name, "writeConcern": { "w": "majority" } };
        match database.run_command(command).await {
            Ok(_) => {}
            Err(error) => match &*error.kind {
                DriverErrorKind::Command(refusal) if refusal.code == NAMESPACE_EXISTS => {}
                _ => return Err(error),
            },
        }
    }
    Ok(())
}

async fn make(
    database: &Database,
    collection: Collection,
    indexes: Vec<Fields>,
) -> DriverResult<()> {
    let command = doc! {
        "createIndexes": collection.name(),
        "indexes": indexes,
        "writeConcern": { "w": "majority" },
    };
    database.run_command(command).await.map(drop)
}

/// Makes an index unless it is there.
pub(in crate::mongo) async fn create(
    client: &Arc<Client>,
    catalog: &Catalog,
    collection: Collection,
    entity: Option<EntityName>,
    spec: IndexSpec,
) -> Result<()> {
    let wanted = Known::new(Definition::new(collection, entity, spec));
    catalog.refresh(client).await?;
    let known = catalog.known();
    let own = |known: &&Known| known.definition.collection == collection;
    if let Some(found) =
        known.iter().find(|known| known.definition.is_called_as(&wanted.definition))
    {
        if found.definition == wanted.definition {
            return Ok(());
        }
        return Err(Error::invalid("index exists with other options")
            .with("index", &wanted.definition.name)
            .with("expected", wanted.definition.spec.to_document())
            .with("found", found.definition.spec.to_document()));
    }
    if known.iter().filter(own).count() >= MAX_INDEXES {
        return Err(Error::limit("collection has too many indexes")
            .with("collection", collection)
            .with("limit", MAX_INDEXES));
    }
    let index = server_form(&wanted);
    let made = client
        .change(|task| async move { Ok(make(&task.database, collection, vec![index]).await) })
        .await?;
    match made {
        Ok(()) => catalog.refresh(client).await,
        Err(error) => Err(refusal(client, &wanted.definition, &error).await),
    }
}

/// The declaration as a server takes it.
fn server_form(wanted: &Known) -> Fields {
    let mut index = wanted.definition.spec.to_document();
    index.insert("name", &wanted.server_name);
    if let Some(partial) = &wanted.partial {
        index.remove("sparse");
        index.insert("partialFilterExpression", partial);
    }
    index
}

async fn refusal(client: &Arc<Client>, definition: &Definition, error: &DriverError) -> Error {
    let named = |error: Error| error.with("index", &definition.name);
    let DriverErrorKind::Command(refused) = &*error.kind else {
        let told = of_read(error);
        return named(if told.kind() == ErrorKind::Unavailable {
            Error::new(ErrorKind::Unknown, "the index may or may not have been made")
                .with_source(told)
        } else {
            told
        });
    };
    match refused.code {
        DUPLICATE_KEY => match violations(&Reader::from(client), definition).await {
            Ok(Some(violations)) => violations,
            Ok(None) => named(Error::new(
                ErrorKind::Duplicate,
                "documents shared a key that is to be unique and do no longer",
            )),
            Err(error) => error,
        },
        CANNOT_CREATE => named(
            Error::new(ErrorKind::Unsupported, "server cannot make such an index")
                .with_source(refused.message.clone()),
        ),
        code if CONFLICTS.contains(&code) => named(
            Error::invalid("server has an index like it, under another name or with other options")
                .with_source(refused.message.clone()),
        ),
        _ => named(of_read(error)),
    }
}

/// Drops an index; `false` when there is none of that name.
pub(in crate::mongo) async fn drop_one(
    client: &Client,
    catalog: &Catalog,
    collection: Collection,
    entity: Option<EntityName>,
    name: &str,
) -> Result<bool> {
    catalog.refresh(client).await?;
    let known = catalog.known();
    let own = |known: &&Known| known.definition.is_called(collection, entity, name);
    let Some(found) = known.iter().find(own) else { return Ok(false) };
    let command = doc! {
        "dropIndexes": collection.name(),
        "index": &found.server_name,
        "writeConcern": { "w": "majority" },
    };
    let dropped = client.change(|task| async move {
        match task.database.run_command(command).await {
            Ok(_) => Ok(true),
            Err(error) => match &*error.kind {
                DriverErrorKind::Command(refused) if refused.code == INDEX_NOT_FOUND => Ok(false),
                _ => Err(of_read(&error)),
            },
        }
    });
    let dropped = dropped.await?;
    catalog.refresh(client).await?;
    Ok(dropped)
}
