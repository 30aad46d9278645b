//! `cargo xtask services`: the servers that tests and benches talk to, and who stops them.
#![allow(clippy::disallowed_methods, reason = "a chore keeps files of its own")]

mod directory;
mod find;
mod process;
mod start;
mod state;
mod wire;

use std::env;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::{Args, Subcommand, ValueEnum};

use crate::cargo;
use process::Process;
use start::Started;
use state::{Entry, State};

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Start what does not run yet and print the URLs, for `eval "$(cargo xtask services up)"`
    Up {
        /// Only these
        #[arg(value_enum)]
        services: Vec<Service>,
        /// How many members the replica set has, which cannot be changed while it runs
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=7))]
        members: u8,
    },
    /// Stop what `up` has started, and what a chore that was killed has left behind
    Down,
    /// Show what runs
    Status,
}

/// A server that can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    /// A replica set of MongoDB
    Mongodb,
    /// A Redis without persistence
    Redis,
}

impl Service {
    const ALL: [Self; 2] = [Self::Mongodb, Self::Redis];

    const fn name(self) -> &'static str {
        match self {
            Self::Mongodb => "mongodb",
            Self::Redis => "redis",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// The variable that names a server to use instead of one of ours, and that tests read.
    const fn variable(self) -> &'static str {
        match self {
            Self::Mongodb => "JVSPATIAL_TEST_MONGODB_URI",
            Self::Redis => "JVSPATIAL_TEST_REDIS_URL",
        }
    }

    fn start(self, members: u8) -> Result<Started, Reason> {
        match self {
            Self::Mongodb => start::mongodb(&mongod()?, members),
            Self::Redis => start::redis(&find::or_install_redis()?),
        }
    }
}

/// Why there is no server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// This machine lacks what it takes, which the text begins with `needs` to say.
    Missing(String),
    Failed(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(reason) | Self::Failed(reason) => f.write_str(reason),
        }
    }
}

impl From<String> for Reason {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

/// Servers for as long as a chore needs them: what it started is stopped when this is dropped, also
/// when the chore fails or panics.
#[derive(Debug)]
pub(crate) struct Services {
    home: PathBuf,
    urls: Vec<(Service, String)>,
    started: Vec<Entry>,
}

impl Services {
    /// For each service the server that its variable names, else the one that `up` has started, else a new
    /// one, a replica set of one member.
    pub(crate) fn start(services: &[Service]) -> Result<Self, Reason> {
        let mut guard = Self { home: home(), urls: Vec::new(), started: Vec::new() };
        guard.sweep()?;
        for &service in services {
            let url = match running(service)? {
                Some(url) => url,
                None => guard.add(service, 1)?,
            };
            guard.urls.push((service, url));
        }
        Ok(guard)
    }

    /// A replica set that nobody else uses, whatever runs or is named.
    pub(crate) fn of_its_own(members: u8) -> Result<Self, Reason> {
        let mut guard = Self { home: home(), urls: Vec::new(), started: Vec::new() };
        guard.sweep()?;
        let url = guard.add(Service::Mongodb, members)?;
        guard.urls.push((Service::Mongodb, url));
        Ok(guard)
    }

    /// Hands the URLs to a program.
    pub(crate) fn tell(&self, command: &mut Command) {
        command.envs(self.urls.iter().map(|(service, url)| (service.variable(), url)));
    }

    fn add(&mut self, service: Service, members: u8) -> Result<String, Reason> {
        let Started { url, processes, directory } = service.start(members)?;
        let owner = Process::this();
        let entry = Entry { service, url: url.clone(), processes, directory, owner };
        self.started.push(entry.clone());
        let mut state = State::lock(&self.home)?;
        state.entries.push(entry);
        state.save()?;
        Ok(url)
    }

    /// Stops what a chore left behind that did not come to its end.
    fn sweep(&self) -> Result<(), String> {
        stop_entries(&mut State::lock(&self.home)?, |entry| {
            entry.owner.is_some() && !entry.is_in_use()
        })
        .map(|_| ())
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        let stop = || {
            let mut state = State::lock(&self.home)?;
            stop_entries(&mut state, |entry| self.started.contains(entry))
        };
        if let Err(reason) = stop() {
            eprintln!("services: {reason}");
        }
    }
}

/// The server program of MongoDB, for tests that start servers of their own.
pub(crate) fn mongod() -> Result<PathBuf, Reason> {
    find::or_fetch_mongod(&home())
}

/// Where programs and the state are kept.
fn home() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| cargo::root().join("target"), |target| cargo::root().join(target))
        .join("services")
}

/// The URL that the variable names, or else the one of what `up` has started.
fn running(service: Service) -> Result<Option<String>, String> {
    if let Some(url) = env::var(service.variable()).ok().filter(|url| !url.is_empty()) {
        return Ok(Some(url));
    }
    let state = State::lock(&home())?;
    let mut entries = state.entries.iter();
    let found =
        entries.find(|entry| entry.service == service && entry.owner.is_none() && entry.is_alive());
    Ok(found.map(|entry| entry.url.clone()))
}

/// Stops and forgets the entries that are wished for; says how many there were.
fn stop_entries(state: &mut State, wished: impl Fn(&Entry) -> bool) -> Result<usize, String> {
    let (stopping, kept): (Vec<Entry>, Vec<Entry>) =
        state.entries.drain(..).partition(|entry| wished(entry));
    state.entries = kept;
    let mut failed = None;
    for entry in &stopping {
        if let Err(reason) = entry.stop() {
            failed = Some(reason);
            state.entries.push(entry.clone());
        }
    }
    state.save()?;
    failed.map_or(Ok(stopping.len()), Err)
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let done = match &options.action {
        Action::Up { services, members } => up(services, *members),
        Action::Down => down().map_err(Reason::Failed),
        Action::Status => status().map_err(Reason::Failed),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("services: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn up(services: &[Service], members: u8) -> Result<(), Reason> {
    let services = if services.is_empty() { &Service::ALL } else { services };
    for &service in services {
        let url = match running(service)? {
            Some(url) => url,
            None => {
                let Started { url, processes, directory } = service.start(members)?;
                let entry = Entry { service, url: url.clone(), processes, directory, owner: None };
                let mut state = State::lock(&home())?;
                state.entries.retain(|entry| entry.owner.is_some() || entry.is_alive());
                state.entries.push(entry);
                state.save()?;
                url
            }
        };
        println!("{}", assignment(service.variable(), &url));
    }
    Ok(())
}

fn down() -> Result<(), String> {
    let mut state = State::lock(&home())?;
    let stopped = stop_entries(&mut state, |entry| !entry.is_in_use())?;
    eprintln!("services: {stopped} stopped");
    for entry in &state.entries {
        eprintln!("services: {} is in use by a chore that runs", entry.service.name());
    }
    Ok(())
}

fn status() -> Result<(), String> {
    let state = State::lock(&home())?;
    if state.entries.is_empty() {
        eprintln!("services: none runs");
    }
    state.entries.iter().for_each(|entry| println!("{}", line(entry)));
    Ok(())
}

fn line(entry: &Entry) -> String {
    let pids: Vec<String> = entry.processes.iter().map(|process| process.pid.to_string()).collect();
    let standing = match (entry.is_alive(), &entry.owner) {
        (false, _) => "ended".to_owned(),
        (true, None) => "runs".to_owned(),
        (true, Some(owner)) => format!("runs for chore {}", owner.pid),
    };
    format!("{:<8} {standing}, pid {}, {}", entry.service.name(), pids.join(" "), entry.url)
}

/// An assignment for a shell, of a value that holds no quotation mark.
fn assignment(name: &str, value: &str) -> String {
    format!("{name}='{value}'; export {name}")
}

#[cfg(test)]
mod tests;
