//! Creates, reads, saves and deletes in SQLite, one after another.

use rusqlite::{Connection, params};
use tempfile::TempDir;

use super::{INSERT, create, insert, json};
use crate::Result;
use crate::data::{City, documents};
use crate::measure::{Contender, timed};
use crate::operations::{Operation, creates, operations};
use crate::setup::Setup;

const SELECT: &str = "SELECT version, body FROM node WHERE id = ?1";

const UPDATE: &str =
    "UPDATE node SET version = version + 1, body = ?3 WHERE id = ?1 AND version = ?2";

const DELETE: &str = "DELETE FROM node WHERE id = ?1";

/// 10,000 [`operations`], each a transaction of its own.
///
/// The answer is the sum of [`City::check`] over the cities got.
pub(crate) fn mixed_10k(setup: &Setup) -> Result<Contender> {
    let operations = operations(setup.size(10_000));
    let fresh = documents(creates(&operations));
    let directory = setup.temporary_directory()?;
    Ok(Box::new(move || {
        let round = TempDir::new_in(directory.path())?;
        let connection = create(&round.path().join("graph.sqlite"), "NORMAL")?;
        let fresh = fresh.clone();
        timed(|| mixed(&connection, fresh, &operations))
    }))
}

fn mixed(
    connection: &Connection,
    mut cities: Vec<(String, City)>,
    operations: &[Operation],
) -> Result<u64> {
    let mut create = connection.prepare_cached(INSERT)?;
    let mut select = connection.prepare_cached(SELECT)?;
    let mut update = connection.prepare_cached(UPDATE)?;
    let mut delete = connection.prepare_cached(DELETE)?;
    let mut versions = vec![1_u32; cities.len()];
    let mut body = Vec::new();
    let mut check = 0_u64;
    for operation in operations {
        match *operation {
            Operation::Create(number) => {
                let (id, city) = &cities[number];
                insert(&mut create, id, city, &mut body)?;
            }
            Operation::Get(number) => {
                let mut rows = select.query([&cities[number].0])?;
                let row = rows.next()?.ok_or("a city is missing")?;
                let city: City = serde_json::from_str(row.get_ref(1)?.as_str()?)?;
                check = check.wrapping_add(city.check());
            }
            Operation::Save(number) => {
                let (id, city) = &mut cities[number];
                city.population += 1;
                let changed = params![&*id, versions[number], json(city, &mut body)?];
                if update.execute(changed)? != 1 {
                    return Err("a city was changed by someone else".into());
                }
                versions[number] += 1;
            }
            Operation::Delete(number) => {
                if delete.execute([&cities[number].0])? != 1 {
                    return Err("a city was deleted before".into());
                }
            }
        }
    }
    Ok(check)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ours;

    #[test]
    fn mixed_operations_come_to_the_same_as_ours_in_every_round() {
        let setup = Setup::new(true, None, None).unwrap();
        let expected = ours::mixed::mixed_10k_os(&setup).unwrap()().unwrap().answer;
        let mut peer = mixed_10k(&setup).unwrap();
        assert_eq!(peer().unwrap().answer, expected);
        assert_eq!(peer().unwrap().answer, expected);
    }
}
