//! `cargo xtask bench`: builds the bench package and hands it the options.

use std::process::{Command, ExitCode};

use clap::Args;

use crate::cargo::{self, BENCH_PACKAGE, cargo};
use crate::services::{Service, Services};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Measure only rows whose name contains this
    filter: Option<String>,
    /// Print one JSON object per row instead of a table
    #[arg(long)]
    json: bool,
    /// Use fewer rounds and smaller data: a smoke test, not a figure to quote
    #[arg(long)]
    quick: bool,
    /// Measure the floors alone
    #[arg(long)]
    floors: bool,
    /// Further options of the bench program, after `--`
    #[arg(last = true)]
    rest: Vec<String>,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let mut command = command(options);
    if options.floors {
        return cargo::hand_over(&mut command);
    }
    // The program names the rows that it leaves out.
    let started: Vec<Services> = [("MongoDB", Service::Mongodb), ("Redis", Service::Redis)]
        .into_iter()
        .filter_map(|(name, service)| {
            let services = Services::start(&[service]);
            services.inspect_err(|reason| eprintln!("bench: no {name}: {reason}")).ok()
        })
        .collect();
    started.iter().for_each(|services| services.tell(&mut command));
    cargo::hand_over(&mut command)
}

fn command(options: &Options) -> Command {
    let mut command = cargo();
    command.args(["run", "--release", "--package", BENCH_PACKAGE]);
    command.args(["--features", "peers,mongodb,redis", "--"]);
    command.args(&options.filter);
    let flags =
        [("--json", options.json), ("--quick", options.quick), ("--floors", options.floors)];
    command.args(flags.into_iter().filter(|(_, set)| *set).map(|(flag, _)| flag));
    command.args(&options.rest);
    command
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn forwarded(words: &[&str]) -> String {
        let line = Line::try_parse_from([&["bench"], words].concat()).unwrap();
        let words: Vec<String> =
            command(&line.options).get_args().map(|word| word.to_string_lossy().into()).collect();
        words.join(" ")
    }

    #[test]
    fn options_are_forwarded_to_the_bench_program() {
        let run = "run --release --package jvspatial-benches --features peers,mongodb,redis --";
        assert_eq!(forwarded(&[]), run);
        assert_eq!(
            forwarded(&["--json", "walk", "--quick", "--", "--rounds", "3"]),
            format!("{run} walk --json --quick --rounds 3")
        );
    }

    #[test]
    fn an_option_that_does_not_exist_is_refused() {
        assert!(Line::try_parse_from(["bench", "--jsno"]).is_err());
    }
}
