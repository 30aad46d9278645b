//! Through ours.

use std::time::Instant;

use super::{KEPT, PATIENCE, READS, empty, fill, runtime};
use crate::Result;
use crate::data::{City, drawn};
use crate::measure::{Contender, timed};
use crate::setup::Setup;

/// Gets 10,000 cities that are in Redis, and nowhere else, one after the other; the answer is how many.
pub(crate) fn get(setup: &Setup) -> Result<Contender> {
    let runtime = runtime()?;
    let (kept, reads) = (setup.size(KEPT), setup.size(READS));
    let (graph, ids) = runtime.block_on(async {
        let ids = fill("ours", kept).await?;
        let graph = empty("ours").await?;
        // Nothing is read from Redis before its messages are heard.
        let start = Instant::now();
        while graph.get::<City>(&ids[0]).await?.is_none() {
            if start.elapsed() > PATIENCE {
                return Err("nothing is read from Redis".into());
            }
        }
        Result::<_>::Ok((graph, ids))
    })?;
    Ok(Box::new(move || {
        timed(|| {
            runtime.block_on(async {
                let mut count = 0;
                for number in drawn(kept).take(reads) {
                    let got = graph.get::<City>(&ids[number]).await?;
                    count += u64::from(got.ok_or("a city is missing")?.check() > 0);
                }
                Ok(count)
            })
        })
    }))
}
