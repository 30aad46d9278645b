//! A test of this program as another process, which may be killed at any moment.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const ROLE: &str = "JVSPATIAL_TEST_FAULT_ROLE";
const HOME: &str = "JVSPATIAL_TEST_FAULT_HOME";
const ROUNDS: &str = "JVSPATIAL_TEST_FAULT_ROUNDS";

/// The role and the home that this process was started with, if it is such a life.
pub(crate) fn orders() -> Option<(String, PathBuf)> {
    Some((std::env::var(ROLE).ok()?, std::env::var_os(HOME)?.into()))
}

/// How many rounds a long run asks for of the figures called `name`, as in `checkpoint/kill=100`.
pub(crate) fn long_rounds(name: &str) -> Option<u64> {
    let sizes = std::env::var(ROUNDS).ok()?;
    let sizes = sizes.split(',').filter_map(|size| size.split_once('='));
    sizes.filter(|(named, _)| *named == name).find_map(|(_, rounds)| rounds.parse().ok())
}

/// What a life runs on.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// Such a process, killed when it is dropped.
pub(crate) struct Life(pub(crate) Child);

impl Life {
    /// Starts the test that is called `test`, which then finds its [`orders`].
    pub(crate) fn start(test: &str, role: &str, home: &Path, output: Stdio) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "--nocapture", "--test-threads=1", test]);
        command.env(ROLE, role).env(HOME, home).stdin(Stdio::null()).stdout(output);
        Self(command.spawn().unwrap())
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // A test that failed must not leave it behind.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
