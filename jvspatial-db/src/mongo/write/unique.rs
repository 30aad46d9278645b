//! Who has the unique keys that a batch wants, as its transaction sees it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bson::{Bson, Document as Fields, RawDocument, doc};
use bytes::Bytes;
use mongodb::ClientSession;

use super::Work;
use super::model::{Effect, Model};
use super::state::each;
use crate::codec::Encoding;
use crate::document::Ends;
use crate::error::{Error, Result};
use crate::id::{Collection, Id};
use crate::indexes::Source;
use crate::mongo::indexes::Known;
use crate::mongo::live::Failure;
use crate::mongo::stored;
use crate::projection::PathTree;
use crate::write::{Action, Operation, Outcome};

/// How many operations one command looks up the keys of.
const OPERATIONS: usize = 500;

/// A key and the place of its index among the unique ones.
type Key = (usize, Box<[u8]>);

/// The unique keys that the operations of a batch want, and who has them as the operations so far have left them.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// What each index is called.
    names: Vec<String>,
    /// What each operation wants.
    wanted: Vec<Vec<Key>>,
    owners: HashMap<Key, Id>,
    held: HashMap<Id, Vec<Key>>,
    ids: Vec<Id>,
}

impl Keys {
    /// Looks up the keys that the operations want; nothing is asked where no unique index has a say.
    pub(super) async fn read(
        work: &Work,
        model: &Model,
        session: &mut ClientSession,
    ) -> Result<Self, Failure> {
        let known = work.catalog.known();
        let unique: Vec<&Known> =
            known.iter().filter(|known| known.definition.spec.is_unique()).collect();
        let operations = work.batch.operations();
        let is_covered = |operation: &Operation| {
            unique.iter().any(|known| known.definition.covers(&operation.id))
        };
        if !operations.iter().any(is_covered) {
            return Ok(Self::default());
        }
        let mut keys = Self {
            names: unique.iter().map(|known| known.definition.name.clone()).collect(),
            ids: operations.iter().map(|operation| operation.id.clone()).collect(),
            ..Self::default()
        };
        let mut ends: BTreeMap<&Id, &Ends> = BTreeMap::new();
        let mut lookups: Vec<Lookup> = unique.iter().map(|_| Lookup::default()).collect();
        for (place, operation) in operations.iter().enumerate() {
            let mut wanted = Vec::new();
            if let Some(source) = source(work, model, operation, &mut ends) {
                for (index, known) in unique.iter().enumerate() {
                    if !known.definition.covers(&operation.id) {
                        continue;
                    }
                    let Some(own) = known.definition.keys(&source)? else { continue };
                    wanted.extend(own.keys.into_iter().map(|key| (index, key)));
                    lookups[index].add(known, &source)?;
                }
            }
            keys.wanted.push(wanted);
            if (place + 1) % OPERATIONS == 0 || place + 1 == operations.len() {
                for (index, known) in unique.iter().enumerate() {
                    let lookup = std::mem::take(&mut lookups[index]);
                    keys.look_up(work, session, index, known, &lookup).await?;
                }
            }
        }
        Ok(keys)
    }

    async fn look_up(
        &mut self,
        work: &Work,
        session: &mut ClientSession,
        index: usize,
        known: &Known,
        lookup: &Lookup,
    ) -> Result<(), Failure> {
        let Some(filter) = lookup.filter(known) else { return Ok(()) };
        let collection = known.definition.collection;
        let mut found = Vec::new();
        let mut failure = None;
        let searching = each(work, session, collection, filter, Fields::new(), |fields| {
            match keys_of(known, collection, fields) {
                Ok(own) => found.push(own),
                Err(error) => failure = Some(error),
            }
        });
        searching.await?;
        if let Some(error) = failure {
            return Err(error.into());
        }
        for (id, keys) in found {
            keys.into_iter().for_each(|key| self.give((index, key), &id));
        }
        Ok(())
    }

    fn give(&mut self, key: Key, id: &Id) {
        self.held.entry(id.clone()).or_default().push(key.clone());
        self.owners.insert(key, id.clone());
    }

    /// What stands in the way of the operation at `place`.
    pub(super) fn refuse(&self, place: usize) -> Option<Outcome> {
        let (wanted, id) = (self.wanted.get(place)?, self.ids.get(place)?);
        let taken = |key: &Key| Some((key.0, self.owners.get(key).filter(|owner| *owner != id)?));
        let (index, owner) = wanted.iter().find_map(taken)?;
        let name = self.names.get(index).cloned().unwrap_or_default();
        Some(Outcome::duplicate(name, owner.clone()))
    }

    /// Does what the operation at `place` does when it succeeds.
    pub(super) fn settle(&mut self, place: usize, operation: &Operation, effect: &Effect<'_>) {
        if self.names.is_empty() {
            return;
        }
        self.free(&operation.id);
        match effect {
            Effect::Gone { edges } => edges.iter().for_each(|edge| self.free(edge)),
            Effect::Whole { .. } | Effect::Fields { .. } => {
                let wanted = self.wanted.get_mut(place).map(std::mem::take).unwrap_or_default();
                wanted.into_iter().for_each(|key| self.give(key, &operation.id));
            }
        }
    }

    fn free(&mut self, id: &Id) {
        for key in self.held.remove(id).unwrap_or_default() {
            self.owners.remove(&key);
        }
    }
}

/// The document that an operation leaves; `None` when it leaves none.
fn source<'w>(
    work: &'w Work,
    model: &'w Model,
    operation: &'w Operation,
    ends: &mut BTreeMap<&'w Id, &'w Ends>,
) -> Option<Source<'w>> {
    let id = &operation.id;
    let (body, version, schema) = match &operation.action {
        Action::Insert { body, version, schema, link }
        | Action::Put { body, version, schema, link } => {
            if let Some(link) = link {
                ends.insert(id, &link.ends);
            }
            (*body, *version, *schema)
        }
        Action::Update { expected, body, schema } => (*body, expected.next(), *schema),
        Action::Delete { .. } => return None,
    };
    let ends = ends.get(id).copied().or_else(|| model.ends(id));
    let body = work.batch.body(body);
    Some(Source { id, version, schema, ends, encoding: Encoding::Bson, body })
}

/// What the documents may have in the fields of an index that have keys which are wanted.
#[derive(Debug, Default)]
struct Lookup {
    /// For each field; `None` for one in which a value cannot be named.
    values: Vec<Option<BTreeSet<Named>>>,
}

/// A value, ordered by its bytes so that each is named once.
#[derive(Debug, PartialEq)]
struct Named(Vec<u8>, Bson);

impl Eq for Named {}

impl PartialOrd for Named {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Named {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl Lookup {
    fn add(&mut self, known: &Known, source: &Source<'_>) -> Result<()> {
        let keys = known.definition.spec.keys();
        self.values.resize_with(keys.len(), || Some(BTreeSet::new()));
        for (key, place) in keys.iter().zip(&mut self.values) {
            let mut paths = PathTree::default();
            paths.insert(&key.path);
            let picked = Bson::Document(source.pick(&paths)?);
            let mut values = Vec::new();
            let segments: Vec<&str> = (0..key.path.len()).map(|at| key.path.segment(at)).collect();
            collect(&picked, &segments, &mut values);
            for value in values {
                // A pattern in a list of values stands for what it matches.
                if matches!(value, Bson::RegularExpression(_)) {
                    *place = None;
                }
                let Some(named) = place else { break };
                let bytes = bson::serialize_to_vec(&doc! { "": &value }).map_err(|error| {
                    Error::invalid("encoded fields are not a document").with_source(error)
                })?;
                named.insert(Named(bytes, value));
            }
        }
        Ok(())
    }

    /// The filter that lets through all that have a key which is wanted, and maybe others; `None` when none is.
    fn filter(&self, known: &Known) -> Option<Fields> {
        if self.values.is_empty() {
            return None;
        }
        let mut parts: Vec<Fields> = known.partial.iter().cloned().collect();
        for (key, values) in known.definition.spec.keys().iter().zip(&self.values) {
            let Some(values) = values else { continue };
            let values: Vec<Bson> = values.iter().map(|named| named.1.clone()).collect();
            parts.push(doc! { key.path.as_str(): { "$in": values } });
        }
        Some(if parts.is_empty() {
            Fields::new()
        } else {
            doc! { "$and": parts }
        })
    }
}

/// What an index has of a document in a field: the value, the elements of an array in its place, and nothing where
/// there is none.
fn collect(value: &Bson, path: &[&str], out: &mut Vec<Bson>) {
    match (value, path) {
        (Bson::Array(items), _) => {
            if path.is_empty() {
                out.push(value.clone());
                out.extend(items.iter().cloned());
            } else {
                items.iter().for_each(|item| collect(item, path, out));
            }
            if items.is_empty() {
                out.push(Bson::Null);
            }
        }
        (Bson::Document(fields), [name, rest @ ..]) => match fields.get(name) {
            Some(inner) => collect(inner, rest, out),
            None => out.push(Bson::Null),
        },
        (_, []) => out.push(value.clone()),
        _ => out.push(Bson::Null),
    }
}

/// The id of a stored document, and its keys in an index.
fn keys_of(known: &Known, collection: Collection, fields: &Fields) -> Result<(Id, Vec<Box<[u8]>>)> {
    let broken = |error| Error::corrupt("stored document is not BSON").with_source(error);
    let bytes = Bytes::from(bson::serialize_to_vec(fields).map_err(broken)?);
    let raw = RawDocument::from_bytes(&bytes).map_err(broken)?;
    let document = stored::read(collection, &bytes, raw)?;
    let keys = known.definition.keys(&Source::from(&document))?;
    Ok((document.id, keys.map(|keys| keys.keys).unwrap_or_default()))
}
