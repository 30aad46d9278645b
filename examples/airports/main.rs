//! Which airports lie within so many hops of another, and which is the busiest of each state?
//!
//! The first run loads the flight network of 2008 into a graph, later ones find it there:
//!
//! ```text
//! cargo run --release --example airports
//! cargo run --release --example airports -- --from BRW --hops 10 --top 0
//! ```

mod data;
mod load;
mod model;
mod options;
mod print;
mod reach;

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use jvspatial::Graph;

use options::Options;
use print::Answer;

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let graph = Graph::open(&options.db).await?;
    let loaded = load::ensure(&graph, options).await?;
    let start = reach::start(&graph, &options.from).await?;
    let reached = reach::within(&graph, &start, options.min_flights, options.hops).await?;
    graph.close().await?;

    let answer = Answer { options, loaded: &loaded, start: &start, reached: &reached };
    let mut text = Vec::new();
    if options.json {
        answer.write_json(&mut text)?;
    } else {
        answer.write_text(&mut text, emphasis())?;
    }
    match io::stdout().write_all(&text) {
        // Whoever reads may have seen enough: `airports | head -3` is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Whether headings stand out: only where a person sees them and has not asked for plain text.
fn emphasis() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
