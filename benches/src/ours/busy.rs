//! How long reads take at worst while the database is at work.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jvspatial::db::{Durability, JsonDb, JsonDbOptions};
use jvspatial::{Graph, Id};
use tempfile::TempDir;

use super::graph::{create_cities, runtime};
use crate::Result;
use crate::data::{City, cities, drawn};
use crate::measure::{Contender, Sample};
use crate::setup::Setup;

/// The documents that are read.
const DOCUMENTS: usize = 100_000;

/// The reads of one round.
const READS: usize = 200_000;

/// The documents of each call of the bulk load.
const LOAD: usize = 10_000;

/// Small, so that compaction has many sealed segments to choose from.
const SEGMENT: u64 = 8 * 1024 * 1024;

/// The 99th percentile of a typed get while nothing else is done.
///
/// The answer is the sum of [`City::check`] over the cities got.
pub(crate) fn get_p99_quiet(setup: &Setup) -> Result<Contender> {
    over_fresh_graphs(setup, get_each)
}

/// The same while another thread loads documents and makes garbage for compaction.
pub(crate) fn get_p99_busy(setup: &Setup) -> Result<Contender> {
    over_fresh_graphs(setup, |graph, ids, reads| {
        let load = Load::begin(graph.clone())?;
        let sample = get_each(graph, ids, reads);
        load.end()?;
        sample
    })
}

/// Each round has a store of its own, because the load would let the next round begin with a larger one.
fn over_fresh_graphs(
    setup: &Setup,
    work: impl Fn(&Graph, &[Id], usize) -> Result<Sample> + 'static,
) -> Result<Contender> {
    let (documents, reads) = (setup.size(DOCUMENTS), setup.size(READS));
    let directory = setup.temporary_directory()?;
    Ok(Box::new(move || {
        let runtime = runtime()?;
        let round = TempDir::new_in(directory.path())?;
        let path = round.path().join("graph.db");
        let (graph, ids) = runtime.block_on(fill(&path, documents))?;
        let sample = work(&graph, &ids, reads);
        runtime.block_on(graph.close())?;
        sample
    }))
}

async fn fill(path: &Path, documents: usize) -> Result<(Graph, Vec<Id>)> {
    let options = JsonDbOptions::new().durability(Durability::Os).segment_bytes(SEGMENT);
    let graph = Graph::with_database(Arc::new(JsonDb::open(path, options).await?));
    let ids = create_cities(&graph, documents).await?;
    Ok((graph, ids))
}

fn get_each(graph: &Graph, ids: &[Id], reads: usize) -> Result<Sample> {
    runtime()?.block_on(async {
        let mut answer = 0_u64;
        let mut times = Vec::with_capacity(reads);
        for number in drawn(ids.len()).take(reads) {
            let start = Instant::now();
            let got = graph.get::<City>(&ids[number]).await?;
            times.push(start.elapsed());
            answer = answer.wrapping_add(got.ok_or("a city is missing")?.check());
        }
        Ok(Sample { elapsed: percentile_99(&mut times)?, answer })
    })
}

/// The time that one in a hundred exceeds.
fn percentile_99(times: &mut [Duration]) -> Result<Duration> {
    let place = times.len() * 99 / 100;
    if place >= times.len() {
        return Err("nothing was measured".into());
    }
    Ok(*times.select_nth_unstable(place).1)
}

/// A thread that writes until it is told to end.
#[derive(Debug)]
struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<()>>,
}

impl Load {
    /// Returns once the first documents are loaded.
    fn begin(graph: Graph) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (started, has_started) = mpsc::channel();
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || write_until(&graph, &stopped, &started));
        // Without a first load the thread has failed, and its error is what ending it returns.
        let _ = has_started.recv();
        Ok(Self { stop, thread })
    }

    /// Fails when the load failed while the reads were measured.
    fn end(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the load panicked")?
    }
}

fn write_until(graph: &Graph, stop: &AtomicBool, started: &Sender<()>) -> Result<()> {
    runtime()?.block_on(async {
        while !stop.load(Ordering::Relaxed) {
            load_and_compact(graph).await?;
            let _ = started.send(());
        }
        Ok(())
    })
}

/// Loads documents and saves each again, which leaves half of what was written to be compacted.
///
/// This is the place to ask for compaction, should the garbage not bring it about by itself.
async fn load_and_compact(graph: &Graph) -> Result<()> {
    let mut created = graph.create_many(cities().take(LOAD)).await?;
    for city in &mut created {
        city.population += 1;
    }
    match graph.save_many(&mut created).await?.written() {
        LOAD => Ok(()),
        saved => Err(format!("{saved} of {LOAD} cities were saved").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_percentile_has_one_in_a_hundred_above_it() {
        let mut times: Vec<Duration> = (1..=1_000).rev().map(Duration::from_nanos).collect();
        assert_eq!(percentile_99(&mut times).unwrap(), Duration::from_nanos(991));
        assert!(percentile_99(&mut []).is_err());
    }

    #[test]
    fn reads_under_load_find_the_same_cities() {
        let setup = Setup::new(true, None, None).unwrap();
        let quiet = get_p99_quiet(&setup).unwrap()().unwrap();
        let busy = get_p99_busy(&setup).unwrap()().unwrap();
        assert_eq!(quiet.answer, busy.answer);
    }

    #[test]
    fn a_load_that_fails_is_an_error() {
        let home = TempDir::new().unwrap();
        let runtime = runtime().unwrap();
        let (graph, _) = runtime.block_on(fill(&home.path().join("graph.db"), 1)).unwrap();
        runtime.block_on(graph.close()).unwrap();
        assert!(Load::begin(graph).unwrap().end().is_err());
    }
}
