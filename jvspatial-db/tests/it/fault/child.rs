//! This test program as another process: a test starts itself again with orders in its environment.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, IoSlice, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

const ROLE: &str = "JVSPATIAL_TEST_FAULT_ROLE";
const HOME: &str = "JVSPATIAL_TEST_FAULT_HOME";

/// What this process was started for: a role, and the directory of a database.
pub(super) fn orders() -> Option<(String, OsString)> {
    Some((std::env::var(ROLE).ok()?, std::env::var_os(HOME)?))
}

/// Tells the parent a line, past what the test harness keeps to itself.
pub(super) fn tell(line: &str) {
    let line = format!("{line}\n");
    // A call of its own, so that what counts the writes of a database does not count this.
    let told = std::io::stderr().write_vectored(&[IoSlice::new(line.as_bytes())]).unwrap();
    assert_eq!(told, line.len(), "a line fits into a pipe");
}

/// Waits until the parent says the word, or is gone.
pub(super) fn wait_for_word() {
    let mut word = String::new();
    std::io::stdin().read_line(&mut word).unwrap();
}

/// A child and what it tells.
pub(super) struct Teller {
    child: Child,
    lines: BufReader<ChildStderr>,
}

/// Adds to `command` what makes this program play `role` in the test called `test`.
pub(super) fn give_orders(command: &mut Command, test: &str, role: &str, home: &Path) {
    // What a child panics with is to be among what it told.
    command.args(["--exact", "--nocapture", "--test-threads=1", test]);
    command.env(ROLE, role).env(HOME, home);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
}

impl Teller {
    /// Starts this program in `role`.
    pub(super) fn start(test: &str, role: &str, home: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        give_orders(&mut command, test, role, home);
        Self::spawn(command)
    }

    pub(super) fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        Self { child, lines }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line; empty when the child is gone.
    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Kills it where it stands; what it had told until then.
    pub(super) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.rest()
    }

    /// Stops it where it stands, and waits until no thread of it runs any more.
    pub(super) fn freeze(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).unwrap();
        let tasks = format!("/proc/{}/task", self.child.id());
        let runs = |task: std::io::Result<std::fs::DirEntry>| {
            // A thread that is gone does not run either.
            let stat = std::fs::read_to_string(task.unwrap().path().join("stat"));
            stat.is_ok_and(|stat| !stat.rsplit(") ").next().unwrap().starts_with(['T', 'Z']))
        };
        while std::fs::read_dir(&tasks).unwrap().any(runs) {
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    /// Kills it without waiting for those who share its pipes.
    pub(super) fn kill_unheard(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Gives it the word that it waits for.
    pub(super) fn say_word(&mut self) {
        let words = self.child.stdin.as_mut().unwrap();
        // One that has ended needs no word.
        let _ = words.write_all(b"go\n");
    }

    /// Waits for its end; what it told until then.
    pub(super) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        self.child.wait().unwrap();
        rest
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        // A test that failed must not leave it behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
