//! The query language of our databases against that of a MongoDB server.
//!
//! A *case* is one random question, put to the database in memory, to the JSON database, to the one on a MongoDB
//! server and to that server alone, which hold the same random documents. Ours also have random indexes, made
//! before, between and after the writes that led to the documents; the server alone has none, since an index must not
//! change an answer. Answers must be the same to the type of each number; a question that one refuses all must
//! refuse. A difference is shrunk to the smallest documents and question that show it, and printed with its seed.
//!
//! Built without the feature `server` there is nobody to compare with, and only its own tests run.
#![cfg_attr(not(feature = "server"), allow(dead_code, reason = "it has nobody to ask"))]

mod compare;
mod generate;
mod kinds;
mod known;
mod oracle;
mod ours;
mod random;
mod report;
mod round;
mod run;
#[cfg(feature = "server")]
mod server;
mod shrink;
#[cfg(test)]
mod tests;
mod world;

use std::process::ExitCode;

use clap::Parser;

use crate::oracle::Reply;

/// Compares our query language with a MongoDB server. Exit code 1: there is a difference.
#[derive(Debug, Parser)]
struct Options {
    /// How many questions are asked
    #[arg(long, default_value_t = 100_000)]
    cases: u64,
    /// Replay this seed instead of a new one
    #[arg(long)]
    seed: Option<u64>,
    /// Ask only questions of these kinds
    #[arg(long)]
    kind: Vec<String>,
    /// Begin no further round after so many seconds
    #[arg(long)]
    time: Option<u64>,
    /// The server [default: the one in JVSPATIAL_TEST_MONGODB_URI]
    #[arg(long)]
    uri: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match compare_with_server(&Options::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether all agree.
#[cfg(feature = "server")]
async fn compare_with_server(options: &Options) -> Reply<bool> {
    let variable = || std::env::var("JVSPATIAL_TEST_MONGODB_URI").ok();
    let uri = options.uri.clone().or_else(variable).ok_or("no --uri names a server")?;
    let (server, version) = server::Server::connect(&uri).await?;
    println!("server {version}");
    let agreed = run::run(options, &server, &server.scratch()).await;
    let dropped = server.drop_database().await;
    let agreed = agreed?;
    dropped?;
    Ok(agreed)
}

#[cfg(not(feature = "server"))]
async fn compare_with_server(_options: &Options) -> Reply<bool> {
    Err("this program was built without the feature server".into())
}
