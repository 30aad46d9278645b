//! Lists of cities on a server, kept and not.

use jvspatial::Graph;

use super::{empty, runtime, url};
use crate::Result;
use crate::measure::{Contender, timed};
use crate::ours::cached::{Cities, LISTS, check_list, fill};
use crate::setup::Setup;

/// The calls of one round.
const CALLS: usize = 500;

/// Calls 500 times for lists of some 100 cities that are kept; the answer is the sum of [`check_list`].
pub(crate) fn call_list(setup: &Setup) -> Result<Contender> {
    over_lists(setup, "list", async |cities, number| Ok(check_list(&cities.list(number, 0).await?)))
}

/// The same by the body of the function, which finds them by an index.
pub(crate) fn call_body(setup: &Setup) -> Result<Contender> {
    over_lists(setup, "body", async |cities, number| Ok(check_list(&cities.found(number).await?)))
}

/// Calls for lists that are found and kept, and never asked for again.
pub(crate) fn call_unkept(setup: &Setup) -> Result<Contender> {
    let mut fresh = 0;
    over_lists(setup, "unkept", async move |cities, number| {
        fresh += 1;
        Ok(check_list(&cities.list(number, fresh).await?))
    })
}

fn over_lists(
    setup: &Setup,
    name: &str,
    mut ask: impl AsyncFnMut(&Cities, usize) -> Result<u64> + 'static,
) -> Result<Contender> {
    let (runtime, calls) = (runtime()?, setup.size(CALLS));
    let name = format!("cached_{name}");
    let cities = runtime.block_on(async {
        drop(empty(&name).await?);
        let graph = Graph::open(&url(&name)?).await?;
        fill(&graph).await?;
        let cities = Cities { graph };
        // Nothing is kept before the server's news are heard.
        while cities.graph.cache_statistics().queries.hits == 0 {
            cities.list(0, 0).await?;
        }
        Result::<_>::Ok(cities)
    })?;
    Ok(Box::new(move || {
        timed(|| {
            runtime.block_on(async {
                let mut sum = 0_u64;
                for call in 0..calls {
                    sum = sum.wrapping_add(ask(&cities, call % LISTS).await?);
                }
                Ok(sum)
            })
        })
    }))
}
