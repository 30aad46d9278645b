//! The indexes of all collections, as they were when they were last looked at.

use std::collections::HashMap;
use std::sync::Arc;

use bson::{Bson, Document as Fields, doc};
use mongodb::Database;
use mongodb::error::{ErrorKind as DriverErrorKind, Result as DriverResult};
use parking_lot::{Mutex, RwLock};

use crate::entity_name::EntityName;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::Filter;
use crate::id::{Collection, Id};
use crate::indexes::{Candidate, Definition, IndexSpec, KeyRange, Question, plan};
use crate::query::Query;
use crate::write::{Action, WriteBatch};

use super::super::client::Client;
use crate::codec::Encoding;
use crate::indexes::Source;
use crate::version::Version;

/// The code of a server for a collection that is not there.
const NAMESPACE_NOT_FOUND: i32 = 26;

/// An index that a server has and that could have been made here.
#[derive(Clone, Debug)]
pub(in crate::mongo) struct Known {
    pub(in crate::mongo) definition: Definition,
    /// What the server calls it.
    pub(in crate::mongo) server_name: String,
    /// Which documents the server holds in it, the type included.
    pub(in crate::mongo) partial: Option<Fields>,
}

/// What is known of the indexes; indexes that another process makes are seen when they are listed, or when they
/// refuse a document.
#[derive(Debug, Default)]
pub(in crate::mongo) struct Catalog {
    known: RwLock<Arc<Vec<Known>>>,
    /// How often an explanation used an index, which a server does not count.
    explained: Mutex<HashMap<String, u64>>,
}

impl Catalog {
    /// What is known now.
    pub(in crate::mongo) fn known(&self) -> Arc<Vec<Known>> {
        Arc::clone(&self.known.read())
    }

    /// Looks at the indexes of all collections.
    ///
    /// # Errors
    /// Those of `error::of_read`.
    pub(in crate::mongo) async fn refresh(&self, client: &Client) -> Result<()> {
        let known = client.call(|database| async move { read_all(&database).await }).await?;
        *self.known.write() = Arc::new(known);
        Ok(())
    }

    /// As [`refresh`](Self::refresh), from within a change.
    pub(in crate::mongo) async fn refresh_in(&self, database: &Database) -> DriverResult<()> {
        let known = read_all(database).await?;
        *self.known.write() = Arc::new(known);
        Ok(())
    }

    /// Whether documents of a collection may stand in each other's way by a key other than their id.
    pub(in crate::mongo) fn has_unique(&self, collection: Collection) -> bool {
        self.known.read().iter().any(|known| {
            known.definition.collection == collection && known.definition.spec.is_unique()
        })
    }

    /// The index of a collection that the server calls so.
    pub(in crate::mongo) fn named(&self, collection: Collection, name: &str) -> Option<Known> {
        let known = self.known.read();
        let own =
            |known: &&Known| known.definition.collection == collection && known.server_name == name;
        known.iter().find(own).cloned()
    }

    /// What the server calls the index that refused a document: the name that it gave, or that of the unique index on
    /// these paths.
    pub(in crate::mongo) fn name_of(&self, given: String, pattern: &Fields, id: &Id) -> String {
        if !given.is_empty() {
            return given;
        }
        let known = self.known.read();
        let refuses = |known: &&Known| {
            let spec = &known.definition.spec;
            let paths = spec.keys().iter().map(|key| key.path.as_str());
            spec.is_unique() && known.definition.covers(id) && paths.eq(pattern.keys())
        };
        known.iter().find(refuses).map(|known| known.server_name.clone()).unwrap_or_default()
    }

    /// Notes that an explanation has used an index.
    pub(in crate::mongo) fn note_explained(&self, collection: Collection, server_name: &str) {
        *self.explained.lock().entry(place(collection, server_name)).or_default() += 1;
    }

    pub(super) fn explained(&self, collection: Collection, server_name: &str) -> u64 {
        self.explained.lock().get(&place(collection, server_name)).copied().unwrap_or_default()
    }

    /// Puts what the server calls the index in the place of the name in a query's hint.
    ///
    /// # Errors
    /// `Invalid` when there is no such index, or it could leave out documents that match.
    pub(in crate::mongo) fn resolve_hint(&self, query: &mut Query) -> Result<()> {
        if query.hint.is_none() {
            return Ok(());
        }
        let known = self.known();
        let own: Vec<&Known> =
            known.iter().filter(|known| known.definition.collection == query.collection).collect();
        let order = query.passed_order();
        let plan = plan(&own, Question::of(query, &order))?;
        let chosen = plan.and_then(|plan| own.get(plan.candidate).copied());
        query.hint = chosen.map(|known| known.server_name.as_str().into());
        Ok(())
    }

    /// Refuses a batch with a document that an index cannot hold, before anything of it is written.
    ///
    /// # Errors
    /// `Invalid` when two fields of an index lie in different arrays, `Limit` when a key is too long or there
    /// are too many of them, naming the document.
    pub(in crate::mongo) fn check(&self, batch: &WriteBatch) -> Result<()> {
        let known = self.known();
        if known.is_empty() {
            return Ok(());
        }
        for operation in batch.operations() {
            let id = &operation.id;
            let (body, ends) = match &operation.action {
                Action::Insert { body, link, .. } | Action::Put { body, link, .. } => {
                    (*body, link.as_ref().map(|link| &link.ends))
                }
                Action::Update { body, .. } => (*body, None),
                Action::Delete { .. } => continue,
            };
            let source = Source {
                id,
                version: Version::NONE,
                schema: 1,
                ends,
                encoding: Encoding::Bson,
                body: batch.body(body),
            };
            for known in known.iter().filter(|known| known.definition.covers(id)) {
                known.definition.keys(&source).map_err(|error| misfit(error, id))?;
            }
        }
        Ok(())
    }
}

fn place(collection: Collection, server_name: &str) -> String {
    format!("{}.{server_name}", collection.name())
}

fn misfit(error: Error, id: &Id) -> Error {
    match error.kind() {
        // What came encoded need not be what it is said to be.
        ErrorKind::Corrupt => Error::invalid("encoded fields are not a document").with("id", id),
        _ => error,
    }
}

impl Candidate for Known {
    fn spec(&self) -> &IndexSpec {
        &self.definition.spec
    }

    fn entity(&self) -> Option<EntityName> {
        self.definition.entity
    }

    fn multikey(&self) -> u32 {
        // A server does not tell which fields led through arrays; none is left out for it.
        0
    }

    fn estimate(&self, _: &[KeyRange]) -> u64 {
        0
    }
}

async fn read_all(database: &Database) -> DriverResult<Vec<Known>> {
    let mut known: Vec<Known> = Vec::new();
    for collection in Collection::ALL {
        for stored in read_one(database, collection).await? {
            let Some(found) = Known::read(collection, &stored) else { continue };
            let is_met = |known: &Known| known.definition.is_called_as(&found.definition);
            if !known.iter().any(is_met) {
                known.push(found);
            }
        }
    }
    Ok(known)
}

/// The indexes of a collection as the server lists them, in the order in which they were made.
pub(super) async fn read_one(
    database: &Database,
    collection: Collection,
) -> DriverResult<Vec<Fields>> {
    // A server holds no more indexes in a collection than fit into one batch.
    let command = doc! { "listIndexes": collection.name(), "cursor": { "batchSize": 1_000 } };
    match database.run_command(command).await {
        Ok(reply) => {
            let listed = reply.get_document("cursor").and_then(|it| it.get_array("firstBatch"));
            let listed = listed.map(Vec::as_slice).unwrap_or_default();
            Ok(listed.iter().filter_map(Bson::as_document).cloned().collect())
        }
        Err(error) => match &*error.kind {
            DriverErrorKind::Command(refusal) if refusal.code == NAMESPACE_NOT_FOUND => {
                Ok(Vec::new())
            }
            _ => Err(error),
        },
    }
}

impl Known {
    /// What a server is to call an index, which must differ where only the type does.
    pub(super) fn new(definition: Definition) -> Self {
        let spec = &definition.spec;
        let is_sparse = spec.is_sparse();
        let filter = (!spec.filter().is_all()).then(|| spec.filter().to_document());
        let (server_name, partial) = match definition.entity {
            None => (definition.name.clone(), filter),
            Some(entity) => {
                let of_type = doc! { "entity": entity.as_str() };
                let filter = if is_sparse { Some(has_a_field(spec)) } else { filter };
                let partial = match filter {
                    Some(filter) => doc! { "$and": [of_type, filter] },
                    None => of_type,
                };
                let mark = if is_sparse { SPARSE } else { "" };
                (format!("{entity}:{}{mark}", definition.name), Some(partial))
            }
        };
        Self { definition, server_name, partial }
    }

    /// Reads what a server lists; `None` for an index that is not of a kind that there is here, and for those
    /// that every database has.
    fn read(collection: Collection, stored: &Fields) -> Option<Self> {
        let server_name = stored.get_str("name").ok()?.to_owned();
        if server_name == "_id_" || super::create::is_own(collection, stored) {
            return None;
        }
        let mut parts = Fields::new();
        for name in ["key", "unique", "sparse"] {
            if let Some(value) = stored.get(name) {
                parts.insert(name, value.clone());
            }
        }
        if stored.contains_key("collation") || stored.contains_key("expireAfterSeconds") {
            return None;
        }
        let spec = IndexSpec::parse(&parts).ok()?;
        let partial = stored.get_document("partialFilterExpression").ok().cloned();
        let (name, is_sparse) = match server_name.strip_suffix(SPARSE) {
            Some(name) => (name, true),
            None => (server_name.as_str(), false),
        };
        let own_entity = name
            .strip_suffix(&spec.name())
            .and_then(|prefix| EntityName::new(prefix.strip_suffix(':')?).ok());
        let (entity, filter) = match (own_entity, &partial) {
            (None, partial) => (None, partial.clone().unwrap_or_default()),
            (Some(entity), Some(partial)) => (Some(entity), without_entity(partial, entity)?),
            (Some(_), None) => return None,
        };
        if entity.is_some() && is_sparse {
            let spec = spec.sparse(true).ok()?;
            let definition = Definition::new(collection, entity, spec);
            return Some(Self { definition, server_name, partial });
        }
        let filter = if filter.is_empty() { Filter::all() } else { Filter::parse(&filter).ok()? };
        let spec = if filter.is_all() { spec } else { spec.partial(filter).ok()? };
        Some(Self { definition: Definition::new(collection, entity, spec), server_name, partial })
    }
}

/// What the name of a sparse index of one type ends with: to a server, it has a filter instead.
const SPARSE: &str = ":sparse";

/// The filter that lets through what a sparse index holds.
fn has_a_field(spec: &IndexSpec) -> Fields {
    let exists = |path: &str| doc! { path: { "$exists": true } };
    match spec.keys() {
        [key] => exists(key.path.as_str()),
        keys => {
            let any: Vec<Fields> = keys.iter().map(|key| exists(key.path.as_str())).collect();
            doc! { "$or": any }
        }
    }
}

/// What the filter of an index of one type says beside the type.
fn without_entity(partial: &Fields, entity: EntityName) -> Option<Fields> {
    let names = |part: &Fields| match part.get("entity") {
        Some(Bson::String(name)) => name == entity.as_str(),
        Some(Bson::Document(equal)) => equal.get_str("$eq").ok() == Some(entity.as_str()),
        _ => false,
    };
    if partial.len() == 1 && names(partial) {
        return Some(Fields::new());
    }
    match partial.get_array("$and").ok()?.as_slice() {
        [Bson::Document(first), Bson::Document(rest)] if names(first) => Some(rest.clone()),
        _ => None,
    }
}
