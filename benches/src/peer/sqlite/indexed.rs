//! Queries in SQLite, by an index on two fields of the JSON and without one.

use rusqlite::{Connection, params};

use super::{INSERT, create, insert};
use crate::Result;
use crate::data::{City, documents};
use crate::floor::indexed::{QUERIES, SCANS, question, share};
use crate::measure::{Contender, timed};
use crate::setup::Setup;

const INDEX: &str = "CREATE INDEX place ON node
    (json_extract(body, '$.country'), json_extract(body, '$.latitude'))";

const SELECT: &str = "SELECT body FROM node WHERE json_extract(body, '$.country') = ?1
    AND json_extract(body, '$.latitude') >= ?2 AND json_extract(body, '$.latitude') < ?3";

const COUNT: &str = "SELECT count(*) FROM node WHERE json_extract(body, '$.country') = ?1
    AND json_extract(body, '$.latitude') >= ?2 AND json_extract(body, '$.latitude') < ?3";

const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM node WHERE json_extract(body, '$.country') = ?1
    AND json_extract(body, '$.latitude') >= ?2 AND json_extract(body, '$.latitude') < ?3)";

/// Finds some 90 of 10,000 documents by equality and range, and decodes them.
///
/// The answer is the sum of [`City::check`] over those found.
pub(crate) fn range_10k(setup: &Setup) -> Result<Contender> {
    over_cities(setup, true, |connection, documents| {
        let mut select = connection.prepare_cached(SELECT)?;
        let mut sum = 0_u64;
        for query in 0..QUERIES {
            let (country, low, high) = question(query, share(documents));
            let mut rows = select.query(params![country, low, high])?;
            while let Some(row) = rows.next()? {
                let city: City = serde_json::from_str(row.get_ref(0)?.as_str()?)?;
                sum = sum.wrapping_add(city.check());
            }
        }
        Ok(sum)
    })
}

/// Counts the same documents.
pub(crate) fn count_10k(setup: &Setup) -> Result<Contender> {
    over_cities(setup, true, |connection, documents| {
        sum_of(connection, COUNT, QUERIES, share(documents))
    })
}

/// Asks whether there is one of them.
pub(crate) fn exists_10k(setup: &Setup) -> Result<Contender> {
    over_cities(setup, true, |connection, documents| {
        sum_of(connection, EXISTS, QUERIES, share(documents))
    })
}

/// Counts by two conditions without an index.
pub(crate) fn scan_10k(setup: &Setup) -> Result<Contender> {
    over_cities(setup, false, |connection, _| sum_of(connection, COUNT, SCANS, 0.07))
}

/// The sum of the one number that each query returns.
fn sum_of(connection: &Connection, sql: &str, queries: usize, share: f64) -> Result<u64> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut sum = 0_i64;
    for query in 0..queries {
        let (country, low, high) = question(query, share);
        sum += statement.query_one(params![country, low, high], |row| row.get::<_, i64>(0))?;
    }
    Ok(u64::try_from(sum)?)
}

/// Times `work` over a table of 10,000 cities, which is told how many there are.
fn over_cities(
    setup: &Setup,
    indexed: bool,
    work: fn(&Connection, usize) -> Result<u64>,
) -> Result<Contender> {
    let count = setup.size(10_000);
    let directory = setup.temporary_directory()?;
    let mut connection = create(&directory.path().join("graph.sqlite"), "NORMAL")?;
    let transaction = connection.transaction()?;
    let mut statement = transaction.prepare_cached(INSERT)?;
    let mut body = Vec::new();
    for (id, city) in documents(count) {
        insert(&mut statement, &id, &city, &mut body)?;
    }
    drop(statement);
    transaction.commit()?;
    if indexed {
        connection.execute_batch(INDEX)?;
    }
    connection.execute_batch("ANALYZE")?;
    Ok(Box::new(move || {
        let _kept = &directory;
        timed(|| work(&connection, count))
    }))
}
