//! Searches: what the server can decide it decides, and documents are streamed batch by batch.

use std::collections::HashMap;
use std::vec;

use bson::{Bson, Document as Fields, Timestamp, doc};
use foldhash::fast::RandomState;
use futures_util::stream;

use super::batches::Batches;
use super::filters::for_server;
use super::get::by_ids;
use super::reader::Reader;
use super::sieve::{Sieve, Verdict};
use crate::database::Cursor;
use crate::document::Document;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::projection::{PathTree, Projection};
use crate::query::Query;
use crate::sort::{Direction, Sort, Sorter};

/// How many documents of an order that is read from its end are fetched at a time.
const FETCHED: usize = 1_000;

/// Finds what `query` asks for.
///
/// The server filters, sorts and leaves fields out. Places in the order narrow its search; where an array or a
/// class of values lets it return too much, a sieve here decides. An order is sorted here when it is read from
/// its end, since a server that sorts the other way round judges arrays by their other end.
pub(super) async fn find(reader: &Reader, query: Query, max_sort_bytes: usize) -> Result<Cursor> {
    if query.limit == Some(0) {
        // To a server, this is no limit.
        reader.check_open().await?;
        return Ok(Cursor::new(stream::empty()));
    }
    let source = if query.reversed {
        let (ids, time) = ids_from_the_end(reader, &query, max_sort_bytes).await?;
        Source::Ids(ids.into_iter(), time)
    } else {
        let sieve = Sieve::of(&query);
        let command = search(&query, sieve.is_some());
        let begun = match Batches::begin(reader, command, None).await {
            Err(error) => return Err(named(reader, &query, max_sort_bytes, error).await),
            begun => begun?,
        };
        Source::Search(Box::new(begun), sieve)
    };
    let mut found = Found { reader: reader.clone(), query, source, ready: Vec::new().into_iter() };
    if reader.is_inside() {
        found.fetch_named().await?;
    }
    Ok(Cursor::new(stream::try_unfold(found, |mut found| async move {
        Ok(found.next().await?.map(|document| (document, found)))
    })))
}

/// The error of a search, with the document that cannot be sorted so, if that is why; a server does not name it.
async fn named(reader: &Reader, query: &Query, max_sort_bytes: usize, error: Error) -> Error {
    if error.kind() != ErrorKind::Invalid || query.order().deciding_keys().len() < 2 {
        return error;
    }
    match ids_from_the_end(reader, query, max_sort_bytes).await {
        Err(named) if named.context("id").is_some() => named,
        _ => error,
    }
}

/// A search under way.
struct Found {
    reader: Reader,
    query: Query,
    source: Source,
    /// Documents that were fetched and not yet returned.
    ready: vec::IntoIter<Document>,
}

enum Source {
    /// A search of the server, in order.
    Search(Box<Batches>, Option<Sieve>),
    /// The documents to fetch, in order, as they were at a time.
    Ids(vec::IntoIter<Id>, Option<Timestamp>),
}

impl Found {
    async fn next(&mut self) -> Result<Option<Document>> {
        loop {
            if let Some(document) = self.ready.next() {
                return Ok(Some(document));
            }
            match self.fetch().await? {
                Some(documents) => self.ready = documents.into_iter(),
                None => return Ok(None),
            }
        }
    }

    /// Fetches all documents that are known by their ids: in a transaction, later they would be as it has left them.
    async fn fetch_named(&mut self) -> Result<()> {
        let mut all = Vec::new();
        while let Source::Ids(ids, _) = &self.source
            && ids.len() > 0
            && let Some(documents) = self.fetch().await?
        {
            all.extend(documents);
        }
        self.ready = all.into_iter();
        Ok(())
    }

    /// The next documents, possibly none of a batch; `None` at the end.
    async fn fetch(&mut self) -> Result<Option<Vec<Document>>> {
        match &mut self.source {
            Source::Search(batches, None) => {
                let batch = batches.next(&self.reader).await?;
                batch.map(|batch| batch.documents(self.query.collection)).transpose()
            }
            Source::Search(batches, Some(sieve)) => {
                if sieve.is_done() {
                    return Ok(None);
                }
                let Some(batch) = batches.next(&self.reader).await? else { return Ok(None) };
                let mut passed = Vec::new();
                for document in batch.documents(self.query.collection)? {
                    match sieve.judge(&document)? {
                        Verdict::Pass => passed.push(self.query.shown(document)?),
                        Verdict::Drop => {}
                        Verdict::End => break,
                    }
                }
                Ok(Some(passed))
            }
            Source::Ids(ids, time) => {
                let ids: Vec<Id> = ids.by_ref().take(FETCHED).collect();
                if ids.is_empty() {
                    return Ok(None);
                }
                fetch_ids(&self.reader, &self.query, &ids, *time).await.map(Some)
            }
        }
    }
}

async fn fetch_ids(
    reader: &Reader,
    query: &Query,
    ids: &[Id],
    time: Option<Timestamp>,
) -> Result<Vec<Document>> {
    let wanted: Vec<&Id> = ids.iter().collect();
    let mut command = by_ids(reader, query.collection, &wanted);
    project(&mut command, &query.projection);
    let mut found: HashMap<Id, Document, RandomState> = HashMap::default();
    let mut batches = Batches::begin(reader, command, time).await?;
    while let Some(batch) = batches.next(reader).await? {
        for document in batch.documents(query.collection)? {
            found.insert(document.id.clone(), document);
        }
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// What matches, from the end of the order, and the time at which it does.
async fn ids_from_the_end(
    reader: &Reader,
    query: &Query,
    max_sort_bytes: usize,
) -> Result<(Vec<Id>, Option<Timestamp>)> {
    let sort = query.order();
    let mut paths = PathTree::default();
    sort.add_paths(&mut paths);
    let mut command = doc! {
        "find": query.collection.name(),
        "filter": narrowed(query, &sort),
        "maxTimeMS": reader.max_time(),
    };
    project(&mut command, &Projection::id_only().with_keys_of(&sort));
    hint(&mut command, query);
    let mut sorter = Sorter::new(query.window(sort.clone()), max_sort_bytes);
    let mut batches = Batches::begin(reader, command, None).await?;
    while let Some(batch) = batches.next(reader).await? {
        for document in batch.documents(query.collection)? {
            let key = sort.key(&document.pick(&paths)?);
            let key = key.map_err(|error| error.with("id", &document.id))?;
            sorter.push(key, document.id.clone(), document.id)?;
        }
    }
    Ok((sorter.finish().collect(), batches.time()))
}

/// The command of a search in order. What a sieve sees must be all that it could let through.
///
/// It names no longest time, which would hold for all batches together, however slowly they are asked for.
fn search(query: &Query, is_sieved: bool) -> Fields {
    let sort = query.order();
    let mut command = doc! {
        "find": query.collection.name(),
        "filter": narrowed(query, &sort),
        "allowDiskUse": false,
    };
    if !sort.is_none() {
        command.insert("sort", in_order(&sort));
    }
    if is_sieved {
        project(&mut command, &query.projection.with_keys_of(&sort));
    } else {
        project(&mut command, &query.projection);
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        command.insert("skip", number(query.skip));
        if let Some(limit) = query.limit {
            command.insert("limit", number(limit));
        }
    }
    hint(&mut command, query);
    command
}

/// The command by which a server looks for what a query asks for.
pub(super) fn command_of(query: &Query) -> Fields {
    search(query, query.reversed || Sieve::of(query).is_some())
}

fn hint(command: &mut Fields, query: &Query) {
    if let Some(index) = &query.hint {
        command.insert("hint", &**index);
    }
}

/// The filter, and what else follows from where the query begins.
fn narrowed(query: &Query, sort: &Sort) -> Fields {
    let filter = for_server(&query.filter);
    // A place whose values fit into no filter narrows nothing: the sieve alone decides then.
    match query.after.as_ref().map(|after| after.to_filter(sort)) {
        Some(Ok(after)) if !after.is_all() => doc! { "$and": [filter, for_server(&after)] },
        _ => filter,
    }
}

/// The order with the id at its end, which decides between equals.
fn in_order(sort: &Sort) -> Fields {
    let number = |direction| if direction == Direction::Descending { -1 } else { 1 };
    let keys = sort.deciding_keys().iter();
    let mut order: Fields = keys
        .map(|key| (key.path.as_str().to_owned(), Bson::Int32(number(key.direction))))
        .collect();
    order.insert("_id", number(sort.id_direction()));
    order
}

/// What is returned of every document, whatever else is.
const ENVELOPE: [&str; 7] =
    ["_id", "_version", "_v", "entity", "source", "target", "bidirectional"];

/// Lets the server leave out what `projection` does not let through of the user's fields.
fn project(command: &mut Fields, projection: &Projection) {
    if projection.is_all() {
        return;
    }
    let named = projection.to_document();
    let includes = named.values().any(|value| *value == Bson::Int32(1));
    let is_users = |path: &str| path == "context" || path.starts_with("context.");
    let mut shown: Fields = named.into_iter().filter(|(path, _)| is_users(path)).collect();
    if includes {
        shown.extend(ENVELOPE.map(|name| (name.to_owned(), Bson::Int32(1))));
    }
    if !shown.is_empty() {
        command.insert("projection", shown);
    }
}
