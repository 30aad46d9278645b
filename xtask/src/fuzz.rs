//! `cargo xtask fuzz`: every fuzz target for a while, its findings told at the end.
#![expect(clippy::disallowed_methods, reason = "nothing of a store is touched")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Args;

use crate::cargo;
use crate::stages::{Outcome, Stages};

/// The folder of the targets, a workspace of its own.
const FOLDER: &str = "fuzz";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only these targets [default: all of them]
    targets: Vec<String>,
    /// How many seconds each target runs
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// How many processes work on a target
    #[arg(long, default_value_t = 1)]
    jobs: u32,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let folder = cargo::root().join(FOLDER);
    let mut stages = Stages::new("fuzz");
    let mut chosen = Vec::new();
    stages.run("tools", || {
        Outcome::from_result(check_tools().and_then(|()| {
            chosen = choose(&targets(&folder)?, &options.targets)?;
            Ok(())
        }))
    });
    for target in &chosen {
        stages.run(target, || match fuzz(&folder, target, options) {
            Ok(told) => Outcome::Passed(told),
            Err(reason) => Outcome::Failed(reason),
        });
    }
    stages.finish()
}

/// Says what is missing and how to get it.
fn check_tools() -> Result<(), String> {
    let works = |words: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !works(&["+nightly", "--version"]) {
        return Err("needs a nightly compiler: rustup toolchain install nightly".to_owned());
    }
    if !works(&["+nightly", "fuzz", "--version"]) {
        return Err("needs cargo-fuzz: cargo install cargo-fuzz".to_owned());
    }
    Ok(())
}

/// The names of all targets, which are the names of their files.
fn targets(folder: &Path) -> Result<Vec<String>, String> {
    let folder = folder.join("fuzz_targets");
    let unreadable = |error| format!("cannot read {}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Those of the targets that are asked for.
fn choose(targets: &[String], asked: &[String]) -> Result<Vec<String>, String> {
    if let Some(unknown) = asked.iter().find(|name| !targets.contains(name)) {
        return Err(format!("no target is called {unknown}; there are {}", targets.join(", ")));
    }
    let is_asked = |target: &&String| asked.is_empty() || asked.contains(target);
    Ok(targets.iter().filter(is_asked).cloned().collect())
}

/// Runs one target; the last figures that it tells, or how it failed.
fn fuzz(folder: &Path, target: &str, options: &Options) -> Result<String, String> {
    let corpus = folder.join("corpus").join(target);
    fs::create_dir_all(&corpus)
        .map_err(|error| format!("cannot make {}: {error}", corpus.display()))?;
    let mut runs = None;
    cargo::run_watched(&mut command(folder, target, options), |line| {
        if let Some(done) = line.strip_prefix("Done ") {
            runs = Some(done.to_owned());
        }
    })
    .map_err(|status| format!("{status}; its input is in {FOLDER}/artifacts/{target}"))?;
    runs.ok_or_else(|| "the target did not say how many inputs it ran".to_owned())
}

fn command(folder: &Path, target: &str, options: &Options) -> Command {
    // The compiler is chosen by name, which only the proxy in front of cargo understands.
    let mut command = Command::new("cargo");
    command.current_dir(folder);
    command.args(["+nightly", "fuzz", "run", "-s", "none", target]);
    for inputs in ["corpus", "corpus-seeds"] {
        command.arg(PathBuf::from(inputs).join(target));
    }
    command.arg("--").args(["-dict=dictionary", "-max_len=16384", "-timeout=10"]);
    command.args(["-rss_limit_mb=2048", "-print_final_stats=0"]);
    command.arg(format!("-max_total_time={}", options.seconds));
    if options.jobs > 1 {
        command.arg(format!("-fork={}", options.jobs));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_known_and_an_unknown_one_refused() {
        let all = targets(&cargo::root().join(FOLDER)).unwrap();
        for known in ["filter", "page_token", "projection", "update", "segment"] {
            assert!(all.iter().any(|name| name == known), "{known} of {all:?}");
        }
        assert_eq!(choose(&all, &[]).unwrap(), all);
        assert_eq!(choose(&all, &["filter".to_owned()]).unwrap(), ["filter"]);
        assert!(choose(&all, &["filtre".to_owned()]).unwrap_err().contains("page_token"));
    }

    #[test]
    fn a_target_has_a_declaration_and_seeds() {
        let folder = cargo::root().join(FOLDER);
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for target in targets(&folder).unwrap() {
            assert!(manifest.contains(&format!("name = \"{target}\"")), "{target}");
            let seeds = fs::read_dir(folder.join("corpus-seeds").join(&target)).unwrap();
            assert!(seeds.count() > 0, "{target}");
        }
    }

    #[test]
    fn the_options_are_forwarded() {
        let options = Options { targets: Vec::new(), seconds: 9, jobs: 2 };
        let command = command(Path::new("fuzz"), "filter", &options);
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        let words = words.join(" ");
        assert!(
            words.starts_with(
                "+nightly fuzz run -s none filter corpus/filter corpus-seeds/filter --"
            )
        );
        assert!(words.ends_with("-max_total_time=9 -fork=2"), "{words}");
    }
}
