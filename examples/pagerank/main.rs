//! Which airports matter most, by PageRank?
//!
//! Loads the part of the flight network around an airport, lets petgraph rank it, writes the ranks to the
//! airports, and finds the highest in the database. The network is what the example `airports` has loaded:
//!
//! ```text
//! cargo run --release --example airports
//! cargo run --release --example pagerank --features petgraph
//! cargo run --release --example pagerank --features petgraph -- --from BRW --hops 1 --dot | dot -Tsvg > brw.svg
//! ```

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use jvspatial::Subgraph;
use jvspatial::petgraph::algo::page_rank;
use jvspatial::prelude::*;

/// How likely somebody flies on instead of beginning anew at any airport.
const DAMPING: f64 = 0.85;

/// How often the ranks are passed on along the routes.
const ROUNDS: usize = 50;

/// An airport as this program sees it; what others have stored with it stays.
#[derive(Debug, Serialize, Deserialize, Node)]
struct Airport {
    iata: String,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rank: Option<f64>,
}

#[derive(Debug, Serialize, Deserialize, Edge)]
#[edge(from = Airport, to = Airport)]
struct Flight {
    count: u32,
}

/// Ranks the airports around another by PageRank, and keeps the ranks with them.
#[derive(Debug, Parser)]
#[command(name = "pagerank")]
struct Options {
    /// The database, into which the example `airports` has loaded the network
    #[arg(long, value_name = "URL", default_value = "json:./airports.db")]
    db: String,

    /// Code of the airport to start from
    #[arg(long, value_name = "IATA", default_value = "ATL")]
    from: String,

    /// How many flights in a row
    #[arg(long, value_name = "N", default_value_t = 10)]
    hops: u32,

    /// How many airports to show
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: u32,

    /// Print a picture of the network in the language of Graphviz instead
    #[arg(long)]
    dot: bool,
}

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
    let from = options.from.trim().to_ascii_uppercase();
    let start = graph.nodes::<Airport>().filter(|airport| airport.iata.eq(&from)).first().await?;
    let Some(start) = start else {
        return Err(
            format!("no airport has the code {from:?}; the example `airports` loads them").into()
        );
    };
    let text = answer(&graph, &start, options).await?;
    graph.close().await?;
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever reads may have seen enough: `pagerank | head -3` is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Ranks the airports around `start`, and says so.
async fn answer(
    graph: &Graph,
    start: &Stored<Airport>,
    options: &Options,
) -> Result<String, Box<dyn Error>> {
    // An earlier run may have ranked airports that are not in this part of the network.
    let ranked = graph.nodes::<Airport>().filter(|airport| airport.rank.exists());
    ranked.update(|airport| airport.rank.unset()).many().await?;

    let begun = Instant::now();
    let routes = out::<Flight>().to::<Airport>();
    let subgraph = graph.subgraph(start, options.hops).along(routes).load().await?;
    let loaded = begun.elapsed();
    let ranks = page_rank(&subgraph.to_petgraph(), DAMPING, ROUNDS);
    let computed = begun.elapsed();
    save(graph, &subgraph, &ranks).await?;
    let saved = begun.elapsed();

    let highest = graph.nodes::<Airport>().sort(|airport| airport.rank.desc());
    let highest = highest.limit(options.top.into()).all().await?;
    if options.dot {
        // The airports by their codes, and the highest marked.
        let picture = subgraph.dot().label_field("iata")?.edge_label(|_| "");
        return Ok(picture.highlight(&highest).to_string());
    }
    let mut text = String::new();
    let [nodes, edges] = [subgraph.nodes().len(), subgraph.edges().len()];
    writeln!(
        text,
        "{nodes} airports and {edges} routes around {} (--hops {})\n",
        start.iata, options.hops
    )?;
    for Airport { iata, name, rank } in highest.iter().map(Stored::value) {
        writeln!(text, "  {iata}  {:.4}  {}", rank.unwrap_or_default(), plain(name))?;
    }
    writeln!(
        text,
        "\nLoaded in {loaded:.1?}, ranked in {:.1?}, saved in {:.1?}",
        computed - loaded,
        saved - computed
    )?;
    Ok(text)
}

/// Writes the ranks to the airports in bulk, each under the version that was loaded.
async fn save(graph: &Graph, subgraph: &Subgraph, ranks: &[f64]) -> Result<()> {
    let mut airports = subgraph.nodes_of::<Airport>().collect::<Result<Vec<_>>>()?;
    // All nodes are airports, so these are in the places by which petgraph knows them.
    for (airport, rank) in airports.iter_mut().zip(ranks) {
        airport.rank = Some(*rank);
    }
    let report = graph.save_many(&mut airports).await?;
    for (airport, outcome) in airports.iter().zip(report.outcomes) {
        outcome.into_result(airport.id())?;
    }
    Ok(())
}

/// Text without the control characters by which it could steer a terminal.
fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}
