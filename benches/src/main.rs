//! Figures of jvspatial, each measured beside a floor or a peer in the same run.
//!
//! A *floor* is the least work that any implementation must do, written bare; a *peer* is another
//! engine doing the same task. A row holds when ours takes at most `bar` times as long.

mod bench;
mod data;
mod floor;
mod measure;
mod ours;
mod row;
mod setup;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::bench::{BENCHES, Bench};
use crate::row::{FloorRow, Print, Row};
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
    let setup = Setup::new(options.quick, options.rounds, options.dir.as_deref())?;
    let wanted = |bench: &&Bench| {
        let named = options.filter.as_deref().is_none_or(|filter| bench.name.contains(filter));
        named && (options.floors || bench.ours.is_some())
    };
    let benches: Vec<&Bench> = BENCHES.iter().filter(wanted).collect();
    if benches.is_empty() {
        return Err(no_row(options).into());
    }
    if options.floors {
        let row =
            |bench: &Bench| Ok(FloorRow::new(bench.name(&setup), bench.measure_floor(&setup)?));
        print_rows(&benches, options.json, row)?;
        return Ok(true);
    }
    let row = |bench: &Bench| {
        let pair = bench.measure(&setup)?;
        Ok(Row::new(bench.name(&setup), pair, bench.beside, bench.bar))
    };
    Ok(print_rows(&benches, options.json, row)?.iter().all(Row::holds))
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
    let known: Vec<&str> = BENCHES
        .iter()
        .filter(|bench| options.floors || bench.ours.is_some())
        .map(|bench| bench.name)
        .collect();
    if known.is_empty() {
        return "no row has both sides: --floors measures the floors alone".to_owned();
    }
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
