//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Walks the flight network of 2008: which airports lie within so many hops of another, and which is
/// the busiest of each state?
#[derive(Debug, Parser)]
#[command(name = "airports")]
pub(crate) struct Options {
    /// The database; the first run loads the data into it
    #[arg(long, value_name = "URL", default_value = "json:./airports.db")]
    pub(crate) db: String,

    /// Code of the airport to start from
    #[arg(long, value_name = "IATA", default_value = "ATL", value_parser = upper_case)]
    pub(crate) from: String,

    /// Take only routes with at least so many flights a year
    #[arg(long, value_name = "M", default_value_t = 100)]
    pub(crate) min_flights: u32,

    /// How many flights in a row
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) hops: u32,

    /// How many states to show, 0 for all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) top: usize,

    /// Print one JSON object, with all states
    #[arg(long)]
    pub(crate) json: bool,

    /// Folder with airports.csv and flights-airport.csv [default: examples/data of the repository]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

impl Options {
    /// The folder to load from.
    pub(crate) fn data_folder(&self) -> PathBuf {
        let default = || [env!("CARGO_MANIFEST_DIR"), "examples", "data"].iter().collect();
        self.data.clone().unwrap_or_else(default)
    }

    /// The URL as it may be shown: without the user and password that one of a server may hold.
    pub(crate) fn shown_db(&self) -> String {
        match (self.db.split_once("://"), self.db.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
            _ => self.db.clone(),
        }
    }
}

/// Codes are upper case; on a command line few people are.
fn upper_case(code: &str) -> Result<String, std::convert::Infallible> {
    Ok(code.trim().to_ascii_uppercase())
}
