//! Creates, reads, saves and deletes, one after another.

use jvspatial::{Graph, Stored};
use tempfile::TempDir;

use super::graph::Opened;
use crate::Result;
use crate::data::{City, cities};
use crate::measure::{Contender, timed};
use crate::operations::{Operation, creates, operations};
use crate::setup::Setup;

/// 10,000 [`operations`] with `Durability::Os`.
///
/// The answer is the sum of [`City::check`] over the cities got.
#[cfg_attr(not(feature = "peers"), expect(dead_code, reason = "only peers are beside it"))]
pub(crate) fn mixed_10k_os(setup: &Setup) -> Result<Contender> {
    let operations = operations(setup.size(10_000));
    let fresh: Vec<City> = cities().take(creates(&operations)).collect();
    let directory = setup.temporary_directory()?;
    Ok(Box::new(move || {
        let round = TempDir::new_in(directory.path())?;
        let opened = Opened::in_directory(round, "?durability=os")?;
        let fresh = fresh.clone();
        timed(|| opened.runtime.block_on(mixed(&opened.graph, fresh, &operations)))
    }))
}

/// The operations on cities of their own; the answer is the sum of [`City::check`] over the cities got.
pub(crate) async fn mixed(
    graph: &Graph,
    fresh: Vec<City>,
    operations: &[Operation],
) -> Result<u64> {
    let mut stored: Vec<Stored<City>> = Vec::with_capacity(fresh.len());
    let mut fresh = fresh.into_iter();
    let mut check = 0_u64;
    for operation in operations {
        match *operation {
            Operation::Create(_) => {
                stored.push(graph.create(fresh.next().ok_or("a city is missing")?).await?);
            }
            Operation::Get(number) => {
                let got = graph.get::<City>(stored[number].id()).await?;
                check = check.wrapping_add(got.ok_or("a city is missing")?.check());
            }
            Operation::Save(number) => {
                stored[number].population += 1;
                graph.save(&mut stored[number]).await?;
            }
            Operation::Delete(number) => {
                if !graph.delete(stored[number].id()).await? {
                    return Err("a city was deleted before".into());
                }
            }
        }
    }
    Ok(check)
}
