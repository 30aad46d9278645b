//! Queries by a sorted map over lines in memory, and a scan of all lines that decodes two fields.

use std::collections::BTreeMap;
use std::hint::black_box;

use serde::Deserialize;

use crate::Result;
use crate::data::{COUNTRIES, Lines, cities, read_line};
use crate::measure::{Contender, timed};
use crate::setup::Setup;

/// The queries of one round.
pub(crate) const QUERIES: usize = 200;

/// The scans of one round.
pub(crate) const SCANS: usize = 5;

/// The country and the latitudes of a query: an eighth of the documents, and of those 7 in 100.
pub(crate) fn question(number: usize, share: f64) -> (&'static str, f64, f64) {
    let low = -80.0 + (number * 37 % 140) as f64;
    (COUNTRIES[number % COUNTRIES.len()], low, low + 180.0 * share)
}

/// So that a query returns about 90 documents, whatever there are.
pub(crate) fn share(documents: usize) -> f64 {
    90.0 * COUNTRIES.len() as f64 / documents as f64
}

/// Reads a range of a sorted map and decodes the lines, of 10,000.
pub(crate) fn range_10k(setup: &Setup) -> Result<Contender> {
    range(setup, 10_000)
}

/// The same of 1,000,000.
pub(crate) fn range_1m(setup: &Setup) -> Result<Contender> {
    range(setup, 1_000_000)
}

/// A latitude so that its bits sort as it does.
fn sortable(latitude: f64) -> i64 {
    let bits = latitude.to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

fn range(setup: &Setup, documents: usize) -> Result<Contender> {
    let documents = setup.size(documents);
    let lines = Lines::new(documents)?;
    let mut map: BTreeMap<(usize, i64, usize), ()> = BTreeMap::new();
    for (number, city) in cities().take(documents).enumerate() {
        let country = COUNTRIES.iter().position(|country| *country == city.country);
        map.insert((country.ok_or("no country")?, sortable(city.latitude), number), ());
    }
    Ok(Box::new(move || {
        timed(|| {
            let mut sum = 0_u64;
            for query in 0..QUERIES {
                let (country, low, high) = question(query, share(documents));
                let country = COUNTRIES.iter().position(|known| *known == country).unwrap_or(0);
                let found = map
                    .range((country, sortable(low), 0)..(country, sortable(high), 0))
                    .map(|((_, _, number), ())| *number);
                for number in found {
                    let city = black_box(read_line(&lines.bytes[lines.range(number)])?);
                    sum = sum.wrapping_add(city.check());
                }
            }
            Ok(sum)
        })
    }))
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    context: Fields<'a>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    country: &'a str,
    latitude: f64,
}

/// Decodes two fields of every line of 10,000 and compares them.
pub(crate) fn scan_10k(setup: &Setup) -> Result<Contender> {
    scan(setup, 10_000)
}

/// The same of 200,000.
pub(crate) fn scan_200k(setup: &Setup) -> Result<Contender> {
    scan(setup, 200_000)
}

fn scan(setup: &Setup, documents: usize) -> Result<Contender> {
    let documents = setup.size(documents);
    let lines = Lines::new(documents)?;
    Ok(Box::new(move || {
        timed(|| {
            let mut count = 0;
            for query in 0..SCANS {
                let (country, low, high) = question(query, 0.07);
                for line in lines.bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
                {
                    let Line { context } = black_box(serde_json::from_slice(line)?);
                    let hit = context.country == country
                        && context.latitude >= low
                        && context.latitude < high;
                    count += u64::from(hit);
                }
            }
            Ok(count)
        })
    }))
}
