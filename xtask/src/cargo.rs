//! Starting cargo from the root of the workspace.

use std::env;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

/// The package that only `cargo xtask bench` and the lints may build: its peers bring C code along.
pub(crate) const BENCH_PACKAGE: &str = "jvspatial-benches";

/// The package whose driver of MongoDB, under the feature `server`, needs a C compiler.
pub(crate) const DIFFERENTIAL_PACKAGE: &str = "jvspatial-differential";

/// Whether there is a C compiler, as build scripts look for it.
pub(crate) fn has_c_compiler() -> bool {
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut command = Command::new(compiler);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The cargo that runs this chore, at the root of the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The same command for a process that leaves the processors to others where they want them.
pub(crate) fn yielding(command: &Command) -> Command {
    let mut nice = Command::new("nice");
    nice.args(["-n", "10"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => nice.env(name, value),
            None => nice.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        nice.current_dir(directory);
    }
    nice
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().map_or_else(|| package.clone(), PathBuf::from)
}

/// Runs a command to its end, its output going where ours goes; says how it failed otherwise.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    println!("$ {}", display(command));
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    succeeded(status)
}

/// Runs a command to its end as the last thing that a chore does; its exit code is ours.
pub(crate) fn hand_over(command: &mut Command) -> ExitCode {
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        // A process ended by a signal has no code; ours is then the general failure.
        Ok(status) => status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            eprintln!("{}", cannot_start(command, &error));
            ExitCode::FAILURE
        }
    }
}

/// Runs a command, passes its output on and hands each line of it to `line`: those of its standard output
/// as they come, those of its standard error at the end.
pub(crate) fn run_watched(command: &mut Command, mut line: impl FnMut(&str)) -> Result<(), String> {
    println!("$ {}", display(command));
    if io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| cannot_start(command, &error))?;
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    let mut told = Vec::new();
    let passed_on = std::thread::scope(|scope| {
        let told = &mut told;
        let errors = scope.spawn(move || match errors {
            Some(errors) => {
                let mut keep = |line: &str| told.push(line.to_owned());
                pass_on(BufReader::new(errors), &mut io::stderr(), &mut keep)
            }
            None => Ok(()),
        });
        let passed_on = match output {
            Some(output) => pass_on(BufReader::new(output), &mut io::stdout(), &mut line),
            None => Ok(()),
        };
        passed_on.and(errors.join().unwrap_or(Ok(())))
    });
    told.iter().for_each(|told| line(told));
    let status = child.wait().map_err(|error| format!("cannot wait for cargo: {error}"))?;
    passed_on.map_err(|error| format!("cannot pass on the output: {error}"))?;
    succeeded(status)
}

/// Lines are bytes on the way through, because a test may print anything.
fn pass_on(
    mut output: impl BufRead,
    ours: &mut impl Write,
    line: &mut impl FnMut(&str),
) -> io::Result<()> {
    let mut bytes = Vec::new();
    while output.read_until(b'\n', &mut bytes)? > 0 {
        ours.write_all(&bytes)?;
        line(String::from_utf8_lossy(&bytes).trim_end());
        bytes.clear();
    }
    ours.flush()
}

/// Runs a command and returns its standard output as text.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|error| cannot_start(command, &error))?;
    succeeded(output.status)?;
    String::from_utf8(output.stdout).map_err(|_| "cargo printed what is not UTF-8".to_owned())
}

fn succeeded(status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(status.to_string()) }
}

fn cannot_start(command: &Command, error: &io::Error) -> String {
    format!("cannot start {}: {error}", command.get_program().to_string_lossy())
}

/// The command as a person would type it, for repeating it by hand.
fn display(command: &Command) -> String {
    let variables = command.get_envs().filter_map(|(name, value)| {
        value.map(|value| format!("{}={:?}", name.to_string_lossy(), value.to_string_lossy()))
    });
    let cargo = cargo();
    let words = [command.get_program()].into_iter().chain(command.get_args()).map(|word| {
        if word == cargo.get_program() {
            "cargo".to_owned()
        } else {
            word.to_string_lossy().into_owned()
        }
    });
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let mut command = cargo();
        command.args(["doc", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(display(&command), "RUSTDOCFLAGS=\"-D warnings\" cargo doc --no-deps");
        let command = yielding(cargo().arg("check"));
        assert_eq!(display(&command), "nice -n 10 cargo check");
        let mut command = Command::new("/t/it");
        assert_eq!(display(command.arg("mongo")), "/t/it mongo");
    }

    #[test]
    fn both_streams_of_a_command_are_watched_and_its_end_is_told() {
        let mut seen = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; exit 3"]);
        let end = run_watched(&mut command, |line| seen.push(line.to_owned()));
        assert_eq!(seen, ["one", "two"]);
        assert!(end.unwrap_err().contains('3'));
    }

    #[test]
    fn lines_that_are_not_text_are_passed_on_and_counted() {
        let (mut ours, mut seen) = (Vec::new(), Vec::new());
        let theirs = b"one\n\xff\ntwo";
        pass_on(&theirs[..], &mut ours, &mut |line: &str| seen.push(line.to_owned())).unwrap();
        assert_eq!(ours, theirs);
        assert_eq!(seen, ["one", "\u{fffd}", "two"]);
    }
}
