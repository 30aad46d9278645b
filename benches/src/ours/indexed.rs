//! Queries by an index, pages in its order, and a scan that reads two fields.

use jvspatial::db::{Collection, EntityName, IndexSpec, PageToken, doc};
use jvspatial::{Find, Graph};

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
    over_indexed(setup, documents, async |graph, (country, low, high)| {
        let found = find(graph, country, low, high).all().await?;
        Ok(found.iter().map(|city| city.check()).fold(0, u64::wrapping_add))
    })
}

/// Counts the same documents of 10,000.
#[cfg(feature = "peers")]
pub(crate) fn count_10k(setup: &Setup) -> Result<Contender> {
    over_indexed(setup, 10_000, async |graph, (country, low, high)| {
        Ok(find(graph, country, low, high).count().await?)
    })
}

/// Asks whether there is one of them.
#[cfg(feature = "peers")]
pub(crate) fn exists_10k(setup: &Setup) -> Result<Contender> {
    over_indexed(setup, 10_000, async |graph, (country, low, high)| {
        Ok(find(graph, country, low, high).exists().await?.into())
    })
}

/// Two fields of a city.
#[derive(jvspatial::Projection)]
struct Place {
    name: String,
    latitude: f64,
}

/// What [`whole_10k`] and [`projected_10k`] come to for one city.
fn check_place(name: &str, latitude: f64) -> u64 {
    (name.len() as u64).wrapping_add(latitude.to_bits())
}

/// Finds some 90 of 10,000 documents and looks at two of their fields.
pub(crate) fn whole_10k(setup: &Setup) -> Result<Contender> {
    over_indexed(setup, 10_000, async |graph, (country, low, high)| {
        let found = find(graph, country, low, high).all().await?;
        let checks = found.iter().map(|city| check_place(&city.name, city.latitude));
        Ok(checks.fold(0, u64::wrapping_add))
    })
}

/// The same, decoding no more than the two fields.
pub(crate) fn projected_10k(setup: &Setup) -> Result<Contender> {
    over_indexed(setup, 10_000, async |graph, (country, low, high)| {
        let found = find(graph, country, low, high).project::<Place>().all().await?;
        let checks = found.iter().map(|place| check_place(&place.name, place.latitude));
        Ok(checks.fold(0, u64::wrapping_add))
    })
}

/// The cities of a [`question`].
fn find(graph: &Graph, country: &str, low: f64, high: f64) -> Find<City> {
    graph.nodes::<City>().filter(|city| {
        city.country.eq(country).and(city.latitude.gte(low)).and(city.latitude.lt(high))
    })
}

/// Times the questions of a round over a graph with an index; the answer is the sum of theirs.
fn over_indexed(
    setup: &Setup,
    documents: usize,
    ask: impl AsyncFn(&Graph, (&'static str, f64, f64)) -> Result<u64> + 'static,
) -> Result<Contender> {
    let (opened, documents) = indexed(setup, documents)?;
    Ok(Box::new(move || {
        timed(|| {
            opened.runtime.block_on(async {
                let mut sum = 0_u64;
                for query in 0..QUERIES {
                    let answer = ask(&opened.graph, question(query, share(documents))).await?;
                    sum = sum.wrapping_add(answer);
                }
                Ok(sum)
            })
        })
    }))
}

/// A graph of so many cities with an index on two fields, and how many there are in this run.
fn indexed(setup: &Setup, documents: usize) -> Result<(Opened, usize)> {
    let documents = setup.size(documents);
    let opened = Opened::in_directory(setup.temporary_directory()?, "?durability=os")?;
    opened.runtime.block_on(async {
        create_cities(&opened.graph, documents).await?;
        create_indexes(&opened.graph, false).await
    })?;
    Ok((opened, documents))
}

/// The cities of one page: there are some more than 1,000 pages of 10,000.
const PAGE: u32 = 9;

/// Reads the first page in the order of an index, [`QUERIES`] times.
pub(crate) fn page_1(setup: &Setup) -> Result<Contender> {
    page(setup, 1)
}

/// The same with page 1,000.
pub(crate) fn page_1000(setup: &Setup) -> Result<Contender> {
    page(setup, 1_000)
}

fn page(setup: &Setup, number: usize) -> Result<Contender> {
    let (opened, _) = indexed(setup, 10_000)?;
    let read = async |graph: &Graph, token: Option<&PageToken>| {
        let sorted =
            graph.nodes::<City>().sort(|city| city.country.asc().then(city.latitude.asc()));
        sorted.page(PAGE, token).await
    };
    let token = opened.runtime.block_on(async {
        let mut token: Option<PageToken> = None;
        for _ in 1..setup.size(number).max(1) {
            token = read(&opened.graph, token.as_ref()).await?.next;
        }
        Ok::<_, jvspatial::Error>(token)
    })?;
    Ok(Box::new(move || {
        timed(|| {
            opened.runtime.block_on(async {
                let mut count = 0;
                for _ in 0..QUERIES {
                    let page = read(&opened.graph, token.as_ref()).await?;
                    count += page.items.len() as u64 + u64::from(page.next.is_some());
                }
                Ok(count)
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
                    let find = find(&opened.graph, country, low, high);
                    sum += find.count().await?;
                }
                Ok(sum)
            })
        })
    }))
}
