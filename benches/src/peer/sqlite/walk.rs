//! Walking a whole graph in SQLite, a chunk of ids at a time.

use std::collections::HashSet;

use foldhash::fast::FixedState;
use rusqlite::{Connection, params};

use super::{INSERT, create, insert};
use crate::Result;
use crate::data::{City, Network, OUT_DEGREE, documents};
use crate::measure::{Contender, timed};
use crate::setup::{NETWORK, Setup};

/// How many ids one query asks for.
const CHUNK: usize = 1_000;

/// The edges of a node lie together, and a query for them needs no other tree.
const EDGES: &str = "CREATE TABLE edge (source TEXT NOT NULL, target TEXT NOT NULL,
    lanes INTEGER NOT NULL, PRIMARY KEY (source, target)) WITHOUT ROWID";

const CONNECT: &str = "INSERT INTO edge (source, target, lanes) VALUES (?1, ?2, ?3)";

/// A join with the list is faster than `IN`, a table function for arrays and a query for each id.
const SELECT: &str =
    "SELECT node.body FROM json_each(?1) AS chunk JOIN node ON node.id = chunk.value";

const FOLLOW: &str =
    "SELECT edge.target FROM json_each(?1) AS chunk JOIN edge ON edge.source = chunk.value";

/// Visits 1,000,000 nodes along 3,000,000 edges, breadth first, decoding each node's document.
///
/// The answer is the sum of [`City::check`] over the visited cities.
pub(crate) fn walk_1m(setup: &Setup) -> Result<Contender> {
    let count = setup.size(NETWORK);
    let directory = setup.temporary_directory()?;
    let mut connection = create(&directory.path().join("graph.sqlite"), "NORMAL")?;
    let cities = documents(count);
    load(&mut connection, &cities)?;
    let start = cities[0].0.clone();
    drop(cities);
    Ok(Box::new(move || {
        let _kept = &directory;
        timed(|| {
            let (visited, check) = walk(&connection, &start)?;
            if visited != count {
                return Err(format!("{visited} of {count} nodes were visited").into());
            }
            Ok(check)
        })
    }))
}

fn load(connection: &mut Connection, cities: &[(String, City)]) -> Result<()> {
    connection.execute_batch(EDGES)?;
    let transaction = connection.transaction()?;
    let mut create = transaction.prepare_cached(INSERT)?;
    let mut connect = transaction.prepare_cached(CONNECT)?;
    let mut body = Vec::new();
    for (id, city) in cities {
        insert(&mut create, id, city, &mut body)?;
    }
    for (edge, target) in Network::new(cities.len())?.targets.into_iter().enumerate() {
        let (source, target) = (&cities[edge / OUT_DEGREE].0, &cities[target as usize].0);
        connect.execute(params![source, target, (edge % 8) as u32])?;
    }
    drop((create, connect));
    transaction.commit()?;
    // What is read often should be read from the database and not from the log beside it.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// How many nodes were visited, and the sum over their documents.
fn walk(connection: &Connection, start: &str) -> Result<(usize, u64)> {
    let mut select = connection.prepare_cached(SELECT)?;
    let mut follow = connection.prepare_cached(FOLLOW)?;
    let mut seen: HashSet<String, FixedState> = HashSet::default();
    seen.insert(start.to_owned());
    // It only grows: what lies before `visited` is the list of visits.
    let mut queue = vec![start.to_owned()];
    let mut visited = 0;
    let mut check = 0_u64;
    while visited < queue.len() {
        let chunk = &queue[visited..queue.len().min(visited + CHUNK)];
        visited += chunk.len();
        let ids = serde_json::to_string(chunk)?;
        let mut rows = select.query([&ids])?;
        while let Some(row) = rows.next()? {
            let city: City = serde_json::from_str(row.get_ref(0)?.as_str()?)?;
            check = check.wrapping_add(city.check());
        }
        let mut rows = follow.query([&ids])?;
        while let Some(row) = rows.next()? {
            let target = row.get_ref(0)?.as_str()?;
            if !seen.contains(target) {
                seen.insert(target.to_owned());
                queue.push(target.to_owned());
            }
        }
    }
    Ok((visited, check))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::cities;

    #[test]
    fn every_node_is_visited_once_and_decoded() {
        let directory = tempfile::TempDir::new().unwrap();
        let mut connection = create(&directory.path().join("graph.sqlite"), "NORMAL").unwrap();
        let cities_of = documents(2_500);
        load(&mut connection, &cities_of).unwrap();
        let expected =
            cities().take(2_500).fold(0, |sum: u64, city| sum.wrapping_add(city.check()));
        for start in [0, 2_499] {
            assert_eq!(walk(&connection, &cities_of[start].0).unwrap(), (2_500, expected));
        }
    }
}
