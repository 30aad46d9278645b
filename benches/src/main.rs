//! Figures of jvspatial, each measured beside a floor or a peer in the same run.
//!
//! A *floor* is the least work that any implementation must do, written bare; a *peer* is another
//! engine doing the same task. A row holds when ours takes at most `bar` times as long; a figure
//! that stands alone holds when it is at most its bar.

mod bench;
mod data;
mod floor;
mod list;
mod measure;
#[cfg(feature = "mongodb")]
mod mongo;
mod network_store;
#[cfg(any(feature = "mongodb", feature = "peers"))]
mod operations;
mod ours;
#[cfg(feature = "peers")]
mod peer;
#[cfg(feature = "redis")]
mod redis;
mod row;
mod setup;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::bench::Bench;
use crate::list::BENCHES;
use crate::row::{Print, Row};
use crate::setup::Setup;

/// What a bench fails with: the program prints it and exits with code 2.
type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Measures ours beside peers and floors. Exit code 1: a bar does not hold.
#[derive(Debug, Parser)]
struct Options {
    /// Measure only rows whose name contains this
    filter: Option<String>,
    /// Print one JSON object per row, times in seconds, instead of a table
    #[arg(long)]
    json: bool,
    /// One round over a tenth of the data: a smoke test, not a figure to quote
    #[arg(long)]
    quick: bool,
    /// Measure the floors alone
    #[arg(long)]
    floors: bool,
    /// Measured rounds, of which the median counts
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: Option<u32>,
    /// The directory for files, on the disk to be measured [default: the target directory]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Open this database and print by how many bytes the memory of this process grew
    #[arg(long, hide = true, exclusive = true)]
    memory_of: Option<PathBuf>,
    /// Walk over this database from this node and print by how many bytes the memory of this process grew at most
    #[arg(long, hide = true, exclusive = true, num_args = 2, value_names = ["STORE", "START"])]
    memory_of_walk: Option<Vec<String>>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether every bar holds.
fn run(options: &Options) -> Result<bool> {
    if let Some(store) = &options.memory_of {
        println!("{}", ours::open::growth(store)?);
        return Ok(true);
    }
    if let Some([store, start]) = options.memory_of_walk.as_deref() {
        println!("{}", ours::memory::growth(store.as_ref(), start)?);
        return Ok(true);
    }
    for left_out in left_out() {
        eprintln!("{left_out}");
    }
    let setup = Setup::new(options.quick, options.rounds, options.dir.as_deref())?;
    let benches: Vec<&Bench> = choice(options)
        .filter(|bench| options.filter.as_deref().is_none_or(|filter| bench.name.contains(filter)))
        .collect();
    if benches.is_empty() {
        return Err(no_row(options).into());
    }
    if options.floors {
        print_rows(&benches, options.json, |bench| bench.measure_floor(&setup))?;
        return Ok(true);
    }
    let rows = print_rows(&benches, options.json, |bench| bench.measure(&setup))?;
    Ok(rows.iter().all(Row::holds))
}

/// The benches of a run without a filter.
fn choice(options: &Options) -> impl Iterator<Item = &'static Bench> {
    let floors = options.floors;
    BENCHES
        .iter()
        .filter(move |bench| !floors || bench.has_floor())
        .filter(|bench| SERVERS.iter().all(|server| !server.is_missed_by(bench)))
}

/// A server that rows need whose names begin with `rows`, named by a variable of the environment.
#[derive(Debug)]
struct Server {
    rows: &'static str,
    variable: &'static str,
}

const MONGODB: Server = Server { rows: "mongodb/", variable: "JVSPATIAL_TEST_MONGODB_URI" };
const REDIS: Server = Server { rows: "redis/", variable: "JVSPATIAL_TEST_REDIS_URL" };
const SERVERS: [&Server; 2] = [&MONGODB, &REDIS];

impl Server {
    fn is_missed_by(&self, bench: &Bench) -> bool {
        bench.name.starts_with(self.rows) && std::env::var_os(self.variable).is_none()
    }
}

/// What is to be said of the rows that there is no server for.
fn left_out() -> impl Iterator<Item = String> {
    let short = |server: &&Server| BENCHES.iter().any(|bench| server.is_missed_by(bench));
    let told = |Server { rows, variable }: &Server| {
        format!("rows left out: {rows}*, as {variable} names no server")
    };
    SERVERS.into_iter().filter(short).map(told)
}

/// Measures and prints every row; one that fails does not hide the others.
fn print_rows<const N: usize, R: Print<N>>(
    benches: &[&Bench],
    json: bool,
    measure: impl Fn(&Bench) -> Result<R>,
) -> Result<Vec<R>> {
    let mut rows = Vec::new();
    for bench in benches {
        match measure(bench) {
            Ok(row) => {
                if json {
                    println!("{}", row.to_json()?);
                }
                rows.push(row);
            }
            Err(error) => eprintln!("error: {}: {error}", bench.name),
        }
    }
    if !json && !rows.is_empty() {
        print!("{}", row::table(&rows));
    }
    match benches.len() - rows.len() {
        0 => Ok(rows),
        failed => Err(format!("{failed} of {} rows could not be measured", benches.len()).into()),
    }
}

fn no_row(options: &Options) -> String {
    let known: Vec<&str> = choice(options).map(|bench| bench.name).collect();
    let filter = options.filter.as_deref().unwrap_or_default();
    format!("no row has {filter:?} in its name, only {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn a_filter_that_matches_nothing_is_an_error_that_names_the_rows() {
        let options = Options::parse_from(["benches", "wlak", "--floors"]);
        let error = run(&options).unwrap_err().to_string();
        assert!(error.contains("wlak") && error.contains("walk_1m"), "{error}");
    }
}
