//! The walk that answers the question.

use std::collections::BTreeMap;
use std::error::Error;

use jvspatial::prelude::*;
use jvspatial::{Outcome, Stats};

use crate::model::{Airport, Flight};

/// Flies on from each airport it visits.
#[derive(Debug)]
struct Reach {
    min_flights: u32,
}

#[walker(report = Reached)]
impl Reach {
    #[on_visit]
    fn airport(&mut self, here: &Stored<Airport>, walk: &mut Walk<Self>) {
        walk.report(Reached { airport: (**here).clone(), hop: walk.depth() });
        let busy = out::<Flight>().filter(|flight| flight.count.gte(self.min_flights));
        walk.follow(busy.to::<Airport>());
    }
}

/// An airport, and how many flights it takes to get there.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) airport: Airport,
    pub(crate) hop: u32,
}

/// Everything that a walk found, nearest first.
#[derive(Debug)]
pub(crate) struct Reachable {
    pub(crate) airports: Vec<Reached>,
    pub(crate) stats: Stats,
}

/// The airport with the code `iata`.
pub(crate) async fn start(graph: &Graph, iata: &str) -> Result<Stored<Airport>, Box<dyn Error>> {
    let found = graph.nodes::<Airport>().filter(|airport| airport.iata.eq(iata)).first().await?;
    found.ok_or_else(|| unknown_start(iata))
}

/// The error for a `--from` that is no airport's code.
pub(crate) fn unknown_start(iata: &str) -> Box<dyn Error> {
    format!("--from: no airport has the code {iata:?}").into()
}

/// Walks at most `hops` routes of at least `min_flights` flights away from `start`.
pub(crate) async fn within(
    graph: &Graph,
    start: &Stored<Airport>,
    min_flights: u32,
    hops: u32,
) -> Result<Reachable> {
    let walk = graph.walk(Reach { min_flights }).from(start).max_depth(hops);
    let Outcome { reports, stats, .. } = walk.run().await?;
    Ok(Reachable { airports: reports, stats })
}

impl Reachable {
    /// How many airports each number of hops leads to.
    pub(crate) fn by_hop(&self) -> Vec<usize> {
        let mut counts = BTreeMap::new();
        for reached in &self.airports {
            *counts.entry(reached.hop).or_insert(0) += 1;
        }
        counts.into_values().collect()
    }

    /// The busiest airport of each state, the busiest of all first; of equals the first by code.
    pub(crate) fn busiest(&self) -> Vec<&Reached> {
        let rank = |reached: &Reached| std::cmp::Reverse(reached.airport.flights);
        let order = |a: &&Reached, b: &&Reached| {
            (rank(a), &a.airport.iata).cmp(&(rank(b), &b.airport.iata))
        };
        let mut states = BTreeMap::new();
        for reached in &self.airports {
            if let Some(state) = &reached.airport.state {
                let best = states.entry(state).or_insert(reached);
                *best = std::cmp::min_by(*best, reached, order);
            }
        }
        let mut busiest: Vec<_> = states.into_values().collect();
        busiest.sort_by(order);
        busiest
    }

    /// How many airports are in none of the states.
    pub(crate) fn without_state(&self) -> usize {
        self.airports.iter().filter(|reached| reached.airport.state.is_none()).count()
    }
}
