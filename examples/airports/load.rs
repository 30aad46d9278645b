//! Loading the network into the graph, once.
//!
//! A note stands in the graph from before the first airport on and is complete after the last route.
//! A run that finds it incomplete goes on where the one before it was stopped.

use std::collections::HashMap;
use std::error::Error;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use jvspatial::prelude::*;

use crate::data::Data;
use crate::model::{Airport, Load};
use crate::options::Options;
use crate::reach::unknown_start;

/// The key of the note: its id is `o.Load.airports`.
const NOTE: &str = "airports";

/// How many documents are written at once, between two steps of the progress bar.
const BATCH: usize = 500;

/// What is in the graph, and how it came there.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) airports: u64,
    pub(crate) routes: u64,
    /// How long it took; `None` when an earlier run did it.
    pub(crate) took: Option<Duration>,
}

/// Loads what the graph does not have yet.
pub(crate) async fn ensure(graph: &Graph, options: &Options) -> Result<Loaded, Box<dyn Error>> {
    let note: Option<Stored<Load>> = graph.get(&Load::id(NOTE)?).await?;
    if let Some(note) = &note
        && note.complete
        && options.data.is_none()
    {
        return Ok(Loaded { airports: note.airports, routes: note.routes, took: None });
    }

    let data = Data::read(&options.data_folder())?;
    if !data.airports.iter().any(|airport| airport.iata == options.from) {
        return Err(unknown_start(&options.from));
    }
    let (airports, routes) = (data.airports.len() as u64, data.routes.len() as u64);
    let mut note = match note {
        Some(note) if note.digest != data.digest => {
            let state = if note.complete { "holds" } else { "is half loaded with" };
            let (db, folder) = (options.shown_db(), options.data_folder());
            return Err(format!(
                "{db} {state} other data than {}; give another --db, or delete it",
                folder.display()
            )
            .into());
        }
        Some(note) if note.complete => return Ok(Loaded { airports, routes, took: None }),
        Some(note) => note,
        None => {
            let digest = data.digest.clone();
            let note = Load { digest, airports, routes, complete: false };
            graph.create_with_key(NOTE, note).await?
        }
    };

    let begun = Instant::now();
    load(graph, data).await?;
    note.complete = true;
    graph.save(&mut note).await?;
    Ok(Loaded { airports, routes, took: Some(begun.elapsed()) })
}

/// Creates the airports and routes that are not there. Doing so again changes nothing.
async fn load(graph: &Graph, data: Data) -> Result<()> {
    let bar = progress_bar(data.airports.len() + data.routes.len());
    bar.set_message("airports");
    let mut ids: HashMap<String, Id> = HashMap::new();
    for airport in graph.nodes::<Airport>().all().await? {
        ids.insert(airport.iata.clone(), airport.id().clone());
    }
    bar.inc(ids.len() as u64);
    let codes: Vec<String> = data.airports.iter().map(|airport| airport.iata.clone()).collect();
    let mut missing = data.airports;
    missing.retain(|airport| !ids.contains_key(&airport.iata));
    for batch in missing.chunks(BATCH) {
        for airport in graph.create_many(batch.to_vec()).await? {
            ids.insert(airport.iata.clone(), airport.id().clone());
        }
        bar.inc(batch.len() as u64);
    }

    bar.set_message("routes");
    for batch in data.routes.chunks(BATCH) {
        let connections = batch.iter().filter_map(|route| {
            let end = |place: usize| ids.get(codes.get(place)?);
            Some((end(route.origin)?, end(route.destination)?, route.flight.clone()))
        });
        graph.connect_many_ids(connections).await?.into_result()?;
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    Ok(())
}

/// A bar on standard error, which is hidden where that is no terminal.
fn progress_bar(length: usize) -> ProgressBar {
    let template = "loading {msg:<8} [{bar:40}] {pos}/{len}";
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    ProgressBar::new(length as u64).with_style(style)
}
