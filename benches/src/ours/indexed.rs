//! Queries by an index, and by a scan that reads two fields.

use jvspatial::Graph;
use jvspatial::db::{Collection, EntityName, IndexSpec, doc};

use super::graph::{Opened, create_cities};
use crate::Result;
use crate::data::City;
use crate::floor::indexed::{QUERIES, SCANS, question, share};
use crate::measure::{Contender, timed};
use crate::setup::Setup;

/// Makes the indexes of the benches: one on two fields and, if asked for, a unique one.
pub(crate) async fn create_indexes(graph: &Graph, unique: bool) -> Result<()> {
    let city = Some(EntityName::new("City")?);
    let database = graph.database();
    let compound = doc! { "key": { "context.country": 1, "context.latitude": 1 } };
    database.create_index(Collection::Node, city, IndexSpec::parse(&compound)?).await?;
    if unique {
        let name = doc! { "key": { "context.name": 1 }, "unique": true };
        database.create_index(Collection::Node, city, IndexSpec::parse(&name)?).await?;
    }
    Ok(())
}

/// Finds some 90 of 10,000 documents by equality and range, and decodes them.
pub(crate) fn range_10k(setup: &Setup) -> Result<Contender> {
    range(setup, 10_000)
}

/// The same of 1,000,000.
pub(crate) fn range_1m(setup: &Setup) -> Result<Contender> {
    range(setup, 1_000_000)
}

fn range(setup: &Setup, documents: usize) -> Result<Contender> {
    let documents = setup.size(documents);
    let opened = Opened::in_directory(setup.temporary_directory()?, "?durability=os")?;
    opened.runtime.block_on(async {
        create_cities(&opened.graph, documents).await?;
        create_indexes(&opened.graph, false).await
    })?;
    Ok(Box::new(move || {
        timed(|| {
            opened.runtime.block_on(async {
                let mut sum = 0_u64;
                for query in 0..QUERIES {
                    let (country, low, high) = question(query, share(documents));
                    let find = opened.graph.nodes::<City>().filter(|city| {
                        city.country
                            .eq(country)
                            .and(city.latitude.gte(low))
                            .and(city.latitude.lt(high))
                    });
                    for city in find.all().await? {
                        sum = sum.wrapping_add(city.check());
                    }
                }
                Ok(sum)
            })
        })
    }))
}

/// Counts by two conditions without an index, of 10,000.
pub(crate) fn scan_10k(setup: &Setup) -> Result<Contender> {
    scan(setup, 10_000)
}

/// The same of 200,000.
pub(crate) fn scan_200k(setup: &Setup) -> Result<Contender> {
    scan(setup, 200_000)
}

fn scan(setup: &Setup, documents: usize) -> Result<Contender> {
    let documents = setup.size(documents);
    let opened = Opened::in_directory(setup.temporary_directory()?, "?durability=os")?;
    opened.runtime.block_on(create_cities(&opened.graph, documents))?;
    Ok(Box::new(move || {
        timed(|| {
            opened.runtime.block_on(async {
                let mut sum = 0_u64;
                for query in 0..SCANS {
                    let (country, low, high) = question(query, 0.07);
                    let find = opened.graph.nodes::<City>().filter(|city| {
                        city.country
                            .eq(country)
                            .and(city.latitude.gte(low))
                            .and(city.latitude.lt(high))
                    });
                    sum += find.count().await?;
                }
                Ok(sum)
            })
        })
    }))
}
