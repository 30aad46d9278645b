//! Processes that outlive the chore that started them, told apart from whoever has their pid later.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a killed process may take to go.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process by its pid and the moment it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// What no later process with this pid has.
    began: String,
}

impl Process {
    /// The running process with this pid; `None` if there is none.
    pub(super) fn running(pid: u32) -> Option<Self> {
        Some(Self { pid, began: began(pid)? })
    }

    /// This chore.
    pub(super) fn this() -> Option<Self> {
        Self::running(std::process::id())
    }

    /// Whether it still runs, and not another one under its pid.
    pub(super) fn is_alive(&self) -> bool {
        began(self.pid).as_ref() == Some(&self.began)
    }

    /// Kills it, since what it keeps is thrown away; does nothing if it has ended.
    pub(super) fn stop(&self) -> Result<(), String> {
        if !self.is_alive() {
            return Ok(());
        }
        // Through the shell, whose `kill` needs no library and no program.
        let mut command = Command::new("sh");
        command.args(["-c", &format!("kill -KILL {}", self.pid)]).stderr(Stdio::null());
        command.status().map_err(|error| format!("cannot start sh: {error}"))?;
        let end = Instant::now() + PATIENCE;
        while self.is_alive() {
            if Instant::now() >= end {
                return Err(format!("process {} does not end", self.pid));
            }
            sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    pub(super) fn to_json(&self) -> Value {
        json!({"pid": self.pid, "began": self.began})
    }

    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let pid = u32::try_from(value["pid"].as_u64()?).ok()?;
        // Signals to 0 go to a whole group, and 1 is nobody that we started.
        (pid > 1).then_some(Self { pid, began: value["began"].as_str()?.to_owned() })
    }
}

/// When a process began, in a form that only serves to compare; `None` when it has ended, which a process
/// that nobody has waited for counts as.
#[cfg(target_os = "linux")]
fn began(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in parentheses that may hold anything; the third is the state, the
    // twenty-second the start in ticks since the machine was started.
    let (before, after) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = after.split(' ').collect();
    let (_, name) = before.split_once('(')?;
    if matches!(fields.first()?, &"Z" | &"X") {
        return None;
    }
    Some(format!("{name} {}", fields.get(19)?))
}

/// When a process began, in a form that only serves to compare; `None` when it has ended.
#[cfg(not(target_os = "linux"))]
fn began(pid: u32) -> Option<String> {
    let mut command = Command::new("ps");
    command.args(["-o", "stat=,lstart=,comm=", "-p", &pid.to_string()]);
    let told = command.stderr(Stdio::null()).output().ok()?;
    let told = String::from_utf8_lossy(&told.stdout).trim().to_owned();
    let (state, rest) = told.split_once(char::is_whitespace)?;
    (!state.starts_with('Z')).then(|| rest.trim().to_owned())
}

/// A port on which nobody listens now; somebody may when it is used.
pub(super) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_until_it_ends_and_stopped_by_its_pid() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let process = Process::running(child.id()).unwrap();
        assert!(process.is_alive());
        assert_eq!(Process::from_json(&process.to_json()), Some(process.clone()));
        process.stop().unwrap();
        assert!(!process.is_alive());
        process.stop().unwrap();
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn another_process_under_the_same_pid_is_left_alone() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let mut other = Process::running(child.id()).unwrap();
        other.began.push('0');
        assert!(!other.is_alive());
        other.stop().unwrap();
        assert_eq!(child.try_wait().unwrap(), None);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_state_that_names_no_process_of_ours_is_refused() {
        for value in [
            json!(null),
            json!({"pid": 0, "began": "x"}),
            json!({"pid": 1, "began": "x"}),
            json!({"pid": -7, "began": "x"}),
            json!({"pid": 77}),
        ] {
            assert_eq!(Process::from_json(&value), None, "{value}");
        }
    }

    #[test]
    fn this_chore_is_alive() {
        assert!(Process::this().unwrap().is_alive());
    }
}
