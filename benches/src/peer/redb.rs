//! redb: one table from ids to versions and JSON.

use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use tempfile::TempDir;

use crate::Result;
use crate::data::{City, documents};
use crate::measure::{Contender, timed};
use crate::operations::{Operation, creates, operations};
use crate::setup::Setup;

/// The engine as a row names it: nothing is made durable before the database is closed.
pub(crate) const NONE: &str = "redb None";

const NODES: TableDefinition<&str, (u32, &[u8])> = TableDefinition::new("node");

/// 10,000 [`operations`], each a transaction of its own.
///
/// The answer is the sum of [`City::check`] over the cities got.
pub(crate) fn mixed_10k(setup: &Setup) -> Result<Contender> {
    let operations = operations(setup.size(10_000));
    let fresh = documents(creates(&operations));
    let directory = setup.temporary_directory()?;
    Ok(Box::new(move || {
        let round = TempDir::new_in(directory.path())?;
        let database = Database::create(round.path().join("graph.redb"))?;
        let fresh = fresh.clone();
        timed(|| mixed(&database, fresh, &operations))
    }))
}

fn mixed(
    database: &Database,
    mut cities: Vec<(String, City)>,
    operations: &[Operation],
) -> Result<u64> {
    let mut versions = vec![1_u32; cities.len()];
    let mut body = Vec::new();
    let mut check = 0_u64;
    for operation in operations {
        match *operation {
            Operation::Create(number) => {
                let (id, city) = &cities[number];
                encode(city, &mut body)?;
                write(database, |nodes| {
                    let before = nodes.insert(id.as_str(), (1, body.as_slice()))?;
                    before.is_none().then_some(()).ok_or_else(|| "a city was there before".into())
                })?;
            }
            Operation::Get(number) => check = check.wrapping_add(get(database, &cities[number].0)?),
            Operation::Save(number) => {
                let (id, city) = &mut cities[number];
                city.population += 1;
                encode(city, &mut body)?;
                let version = &mut versions[number];
                write(database, |nodes| {
                    let stored = nodes.get(id.as_str())?.map(|row| row.value().0);
                    if stored != Some(*version) {
                        return Err("a city was changed by someone else".into());
                    }
                    nodes.insert(id.as_str(), (*version + 1, body.as_slice()))?;
                    Ok(())
                })?;
                *version += 1;
            }
            Operation::Delete(number) => write(database, |nodes| {
                let before = nodes.remove(cities[number].0.as_str())?;
                before.map(|_| ()).ok_or_else(|| "a city was deleted before".into())
            })?,
        }
    }
    Ok(check)
}

fn encode(city: &City, body: &mut Vec<u8>) -> serde_json::Result<()> {
    body.clear();
    serde_json::to_writer(body, city)
}

/// The table in a transaction that writes.
type Nodes<'txn> = redb::Table<'txn, &'static str, (u32, &'static [u8])>;

fn write(database: &Database, change: impl FnOnce(&mut Nodes<'_>) -> Result<()>) -> Result<()> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::None)?;
    change(&mut transaction.open_table(NODES)?)?;
    Ok(transaction.commit()?)
}

fn get(database: &Database, id: &str) -> Result<u64> {
    let nodes = database.begin_read()?.open_table(NODES)?;
    let row = nodes.get(id)?.ok_or("a city is missing")?;
    Ok(serde_json::from_slice::<City>(row.value().1)?.check())
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
