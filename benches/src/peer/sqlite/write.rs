//! Durable creates in SQLite.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use rusqlite::Connection;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{INSERT, create, insert};
use crate::Result;
use crate::data::{BATCH, City, cities, documents, random_keys};
use crate::floor::write::shares;
use crate::measure::{Contender, Sample, timed};
use crate::setup::Setup;

/// Creates 10,000 cities in one transaction, their ids ascending; the answer is their number.
pub(crate) fn create_many_10k(setup: &Setup) -> Result<Contender> {
    in_transactions(setup, documents(setup.size(10_000)), usize::MAX)
}

/// Creates 10,000 cities under [`random_keys`] in one transaction; the answer is their number.
pub(crate) fn create_many_random_10k(setup: &Setup) -> Result<Contender> {
    in_transactions(setup, random_documents(setup.size(10_000)), usize::MAX)
}

/// Creates 100 cities in each of 100 transactions, their ids ascending; the answer is their number.
pub(crate) fn batches_100x100(setup: &Setup) -> Result<Contender> {
    in_transactions(setup, documents(setup.size(100 * BATCH)), BATCH)
}

/// As [`batches_100x100`], under [`random_keys`].
pub(crate) fn batches_random_100x100(setup: &Setup) -> Result<Contender> {
    in_transactions(setup, random_documents(setup.size(100 * BATCH)), BATCH)
}

fn random_documents(count: usize) -> Vec<(String, City)> {
    random_keys().map(|key| format!("n.City.{key}")).zip(cities()).take(count).collect()
}

fn in_transactions(
    setup: &Setup,
    documents: Vec<(String, City)>,
    batch: usize,
) -> Result<Contender> {
    let directory = setup.temporary_directory()?;
    Ok(Box::new(move || {
        let round = TempDir::new_in(directory.path())?;
        let mut connection = create(&round.path().join("graph.sqlite"), "FULL")?;
        timed(|| {
            for batch in documents.chunks(batch) {
                create_many(&mut connection, batch)?;
            }
            Ok(documents.len() as u64)
        })
    }))
}

fn create_many(connection: &mut Connection, documents: &[(String, City)]) -> Result<()> {
    let transaction = connection.transaction()?;
    let mut statement = transaction.prepare_cached(INSERT)?;
    let mut body = Vec::new();
    for (id, city) in documents {
        insert(&mut statement, id, city, &mut body)?;
    }
    drop(statement);
    Ok(transaction.commit()?)
}

/// Creates 10,000 cities from 64 tasks, each in a transaction of its own; the answer is their number.
///
/// The tasks share one connection behind a mutex. A pool of four connections is no faster, and one for
/// each task ten times as slow, because those that find the database locked sleep before they try again.
pub(crate) fn group_commit_10k(setup: &Setup) -> Result<Contender> {
    let directory = setup.temporary_directory()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let count = setup.size(10_000);
    Ok(Box::new(move || {
        let parts = shares(documents(count));
        let round = TempDir::new_in(directory.path())?;
        let connection = create(&round.path().join("graph.sqlite"), "FULL")?;
        runtime.block_on(create_from_tasks(connection, parts))
    }))
}

async fn create_from_tasks(
    connection: Connection,
    parts: Vec<Vec<(String, City)>>,
) -> Result<Sample> {
    let connection = Arc::new(Mutex::new(connection));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for part in parts {
        let connection = Arc::clone(&connection);
        tasks.spawn(async move { create_each(&connection, &part) });
    }
    let mut answer = 0;
    while let Some(task) = tasks.join_next().await {
        answer += task??;
    }
    Ok(Sample { elapsed: start.elapsed(), answer })
}

fn create_each(connection: &Mutex<Connection>, documents: &[(String, City)]) -> Result<u64> {
    let mut body = Vec::new();
    for (id, city) in documents {
        let connection = connection.lock().map_err(|_| "a task panicked")?;
        insert(&mut connection.prepare_cached(INSERT)?, id, city, &mut body)?;
    }
    Ok(documents.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_peer_creates_its_documents_afresh_in_every_round() {
        let setup = Setup::new(true, None, None).unwrap();
        for (prepare, count) in [
            (create_many_10k as crate::bench::Prepare, 1_000),
            (create_many_random_10k, 1_000),
            (batches_100x100, 1_000),
            (batches_random_100x100, 1_000),
            (group_commit_10k, 1_000),
        ] {
            let mut contender = prepare(&setup).unwrap();
            assert_eq!(contender().unwrap().answer, count);
            assert_eq!(contender().unwrap().answer, count);
        }
    }

    #[test]
    fn what_was_created_is_stored() {
        let directory = TempDir::new().unwrap();
        let mut connection = create(&directory.path().join("graph.sqlite"), "FULL").unwrap();
        let documents = documents(100);
        create_many(&mut connection, &documents).unwrap();
        let select = "SELECT body FROM node WHERE id = ?1";
        for (id, city) in &documents {
            let body: String = connection.query_row(select, [id], |row| row.get(0)).unwrap();
            assert_eq!(serde_json::from_str::<City>(&body).unwrap(), *city);
        }
        let pragma = |name| -> String {
            connection
                .pragma_query_value(None, name, |row| {
                    row.get_ref(0)?
                        .as_str()
                        .map(str::to_owned)
                        .or_else(|_| Ok(row.get::<_, i64>(0)?.to_string()))
                })
                .unwrap()
        };
        assert_eq!(
            (pragma("journal_mode"), pragma("synchronous")),
            ("wal".to_owned(), "2".to_owned())
        );
    }
}
