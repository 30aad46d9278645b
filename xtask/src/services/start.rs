//! Starting a server on a free port and waiting until it serves.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Reason;
use super::directory::Directory;
use super::process::{Process, free_port};
use super::wire::run_command;

/// How long servers may take to serve, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(90);

/// How many sets of ports are tried: another program may take one before the server does.
const ATTEMPTS: u32 = 3;

/// The name of every replica set that is started here.
const SET: &str = "rs";

/// Servers that serve. Nobody stops them; that is for whoever asked.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) url: String,
    pub(super) processes: Vec<Process>,
    pub(super) directory: Directory,
}

/// Starts a replica set, initiates it and waits until it has a primary and all others follow.
pub(super) fn mongodb(program: &Path, members: u8) -> Result<Started, Reason> {
    attempts(|directory| {
        let mut servers = Servers::default();
        for member in 0..members {
            let data = directory.path().join(format!("member-{member}"));
            std::fs::create_dir(&data)?;
            servers.spawn(|port| mongod(program, &data, port), data.join("mongod.log"))?;
        }
        let deadline = Instant::now() + PATIENCE;
        servers.wait(deadline, |port| run_command(port, "ping", &json!(1)).is_ok())?;
        let config = set_config(&servers.ports());
        let told = run_command(servers.ports()[0], "replSetInitiate", &config);
        let told = told.map_err(io::Error::other)?;
        if !is_ok(&told) {
            return Err(
                io::Error::other(format!("the replica set is not initiated: {told}")).into()
            );
        }
        servers.wait(deadline, |port| hello(port).is_some_and(|told| is_settled(&told)))?;
        // The first member stands for election alone for a while; a primary must be among them.
        servers.wait_for_one(deadline, |port| hello(port).is_some_and(|told| is_primary(&told)))?;
        Ok((mongodb_url(&servers.ports()), servers))
    })
}

/// Starts a Redis that keeps nothing on disk.
pub(super) fn redis(program: &Path) -> Result<Started, Reason> {
    attempts(|directory| {
        let mut servers = Servers::default();
        let log = directory.path().join("redis.log");
        servers.spawn(|port| redis_server(program, directory.path(), port), log)?;
        servers.wait(Instant::now() + PATIENCE, answers_ping)?;
        Ok((format!("redis://127.0.0.1:{}/", servers.ports()[0]), servers))
    })
}

fn mongod(program: &Path, data: &Path, port: u16) -> Command {
    let mut command = Command::new(program);
    command.args(["--replSet", SET, "--bind_ip", "127.0.0.1", "--nounixsocket", "--quiet"]);
    command.args(["--port", &port.to_string(), "--oplogSize", "64"]);
    command.args(["--wiredTigerCacheSizeGB", "1"]);
    // Tests ask servers to fail on purpose.
    command.args(["--setParameter", "enableTestCommands=1"]);
    command.args(["--setParameter", "diagnosticDataCollectionEnabled=false"]);
    command.arg("--dbpath").arg(data).arg("--logpath").arg(data.join("mongod.log"));
    command
}

fn redis_server(program: &Path, data: &Path, port: u16) -> Command {
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--daemonize", "no"]);
    command.args(["--save", "", "--appendonly", "no"]);
    command.arg("--dir").arg(data).arg("--logfile").arg(data.join("redis.log"));
    command
}

fn set_config(ports: &[u16]) -> Value {
    let members: Vec<Value> = ports
        .iter()
        .enumerate()
        .map(|(id, port)| json!({"_id": id, "host": format!("127.0.0.1:{port}")}))
        .collect();
    json!({
        "_id": SET,
        "members": members,
        // So that tests need not wait long for a new primary.
        "settings": {"electionTimeoutMillis": 1_000, "heartbeatIntervalMillis": 200},
    })
}

fn mongodb_url(ports: &[u16]) -> String {
    let hosts: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    format!("mongodb://{}/?replicaSet={SET}", hosts.join(","))
}

fn hello(port: u16) -> Option<Value> {
    run_command(port, "hello", &json!(1)).ok()
}

fn is_ok(told: &Value) -> bool {
    told["ok"].as_f64() == Some(1.0)
}

fn is_primary(told: &Value) -> bool {
    is_ok(told) && told["isWritablePrimary"] == true
}

/// Whether a member has found its place in the set.
fn is_settled(told: &Value) -> bool {
    is_primary(told) || (is_ok(told) && told["secondary"] == true && told["primary"].is_string())
}

fn answers_ping(port: u16) -> bool {
    let ping = || -> io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok(&answer == b"+PONG")
    };
    ping().unwrap_or(false)
}

/// Why an attempt came to nothing.
#[derive(Debug)]
enum Setback {
    /// A server ended; on other ports it may not.
    Ended(String),
    Failed(io::Error),
}

impl Setback {
    fn ended(status: ExitStatus, port: u16, log: &Path) -> Self {
        Self::Ended(format!("a server on port {port} ended ({status}): {}", last_line(log)))
    }
}

impl From<io::Error> for Setback {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

fn attempts(
    start: impl Fn(&Directory) -> Result<(String, Servers), Setback>,
) -> Result<Started, Reason> {
    let mut last = String::new();
    for _ in 0..ATTEMPTS {
        let directory = Directory::make().map_err(|error| Reason::Failed(error.to_string()))?;
        match start(&directory) {
            Ok((url, servers)) => {
                return Ok(Started { url, processes: servers.release(), directory });
            }
            Err(setback) => {
                // The attempt is over, and its reason is what matters.
                let _ = directory.remove();
                match setback {
                    Setback::Ended(reason) => last = reason,
                    Setback::Failed(error) => return Err(Reason::Failed(error.to_string())),
                }
            }
        }
    }
    Err(Reason::Failed(last))
}

/// Servers that are starting, killed when dropped.
#[derive(Debug, Default)]
struct Servers(Vec<Server>);

#[derive(Debug)]
struct Server {
    child: Child,
    process: Process,
    port: u16,
    log: PathBuf,
}

impl Servers {
    fn spawn(&mut self, command: impl FnOnce(u16) -> Command, log: PathBuf) -> Result<(), Setback> {
        let port = free_port()?;
        let mut command = command(port);
        // A pipe of ours that it kept open would keep its reader waiting.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let Some(process) = Process::running(child.id()) else {
            return Err(Setback::ended(child.wait()?, port, &log));
        };
        self.0.push(Server { child, process, port, log });
        Ok(())
    }

    fn ports(&self) -> Vec<u16> {
        self.0.iter().map(|server| server.port).collect()
    }

    /// Waits until `is_ready` says yes for every port.
    fn wait(&mut self, deadline: Instant, is_ready: impl Fn(u16) -> bool) -> Result<(), Setback> {
        self.poll(deadline, |ports| ports.iter().all(|port| is_ready(*port)))
    }

    /// Waits until `is_ready` says yes for one port.
    fn wait_for_one(
        &mut self,
        deadline: Instant,
        is_ready: impl Fn(u16) -> bool,
    ) -> Result<(), Setback> {
        self.poll(deadline, |ports| ports.iter().any(|port| is_ready(*port)))
    }

    fn poll(
        &mut self,
        deadline: Instant,
        is_ready: impl Fn(&[u16]) -> bool,
    ) -> Result<(), Setback> {
        let ports = self.ports();
        while !is_ready(&ports) {
            for server in &mut self.0 {
                if let Some(status) = server.child.try_wait()? {
                    return Err(Setback::ended(status, server.port, &server.log));
                }
            }
            if Instant::now() >= deadline {
                let seconds = PATIENCE.as_secs();
                return Err(io::Error::other(format!("no server after {seconds} s")).into());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// The processes, which go on.
    fn release(mut self) -> Vec<Process> {
        std::mem::take(&mut self.0).into_iter().map(|server| server.process).collect()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in &mut self.0 {
            // One that has ended by itself is the reason why the others are killed.
            let _ = server.child.kill();
            let _ = server.child.wait();
        }
    }
}

fn last_line(log: &Path) -> String {
    const SHOWN: usize = 300;
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().next_back().unwrap_or("it wrote no log").chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_a_set_names_every_member() {
        assert_eq!(mongodb_url(&[7]), "mongodb://127.0.0.1:7/?replicaSet=rs");
        assert_eq!(mongodb_url(&[7, 8]), "mongodb://127.0.0.1:7,127.0.0.1:8/?replicaSet=rs");
        assert_eq!(set_config(&[7, 8])["members"][1], json!({"_id": 1, "host": "127.0.0.1:8"}));
    }

    #[test]
    fn a_member_is_settled_as_primary_or_as_one_that_knows_it() {
        for (told, settled, primary) in [
            (json!({"ok": 1.0, "isWritablePrimary": true}), true, true),
            (json!({"ok": 1.0, "secondary": true, "primary": "a:1"}), true, false),
            (json!({"ok": 1.0, "secondary": true}), false, false),
            (json!({"ok": 0.0, "isWritablePrimary": true}), false, false),
            (json!({}), false, false),
        ] {
            assert_eq!((is_settled(&told), is_primary(&told)), (settled, primary), "{told}");
        }
    }

    #[test]
    fn a_server_that_ends_is_tried_again_and_then_quoted() {
        let tries = std::cell::Cell::new(0);
        let reason = attempts(|directory| {
            tries.set(tries.get() + 1);
            let log = directory.path().join("log");
            let mut servers = Servers::default();
            let command = |_| {
                let mut command = Command::new("sh");
                command.arg("-c").arg(format!("echo port taken > {}; exit 48", log.display()));
                command
            };
            servers.spawn(command, log.clone())?;
            servers.wait(Instant::now() + PATIENCE, |_| false)?;
            Ok((String::new(), servers))
        })
        .unwrap_err()
        .to_string();
        assert!(reason.contains("port taken") && reason.contains("48"), "{reason}");
        assert_eq!(tries.get(), ATTEMPTS);
    }

    #[test]
    fn servers_that_nobody_takes_over_are_killed() {
        let mut servers = Servers::default();
        let sleep = |_| {
            let mut command = Command::new("sleep");
            command.arg("600");
            command
        };
        servers.spawn(sleep, "log".into()).unwrap();
        let process = servers.0[0].process.clone();
        assert!(process.is_alive());
        drop(servers);
        assert!(!process.is_alive());
    }
}
