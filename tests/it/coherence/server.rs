//! A Redis of a test's own, which it may stop, kill and start again.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// It ends with this.
#[derive(Debug)]
pub(crate) struct Redis {
    port: u16,
    child: Child,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let server = Self { port, child: spawn(port) };
        server.wait();
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(super) fn freeze(&self) {
        self.signal("STOP");
    }

    pub(super) fn thaw(&self) {
        self.signal("CONT");
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again after it was killed, with nothing in it.
    pub(super) fn restart(&mut self) {
        self.child = spawn(self.port);
        self.wait();
    }

    /// Sends a command whose answer does not matter.
    pub(super) fn command(&self, words: &str) {
        self.ask(words).unwrap();
    }

    /// The number in a field of a hash; 0 when there is none.
    pub(super) fn number(&self, hash: &str, field: &str) -> u64 {
        let answer = self.read(&format!("HGET {hash} {field}"));
        answer.lines().nth(1).and_then(|number| number.parse().ok()).unwrap_or_default()
    }

    /// How often clients have called a command.
    pub(crate) fn calls(&self, command: &str) -> u64 {
        let told = self.read("INFO commandstats");
        let of = |line: &str| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            (name == command).then(|| rest.split(',').next()?.parse().ok())?
        };
        told.lines().find_map(of).unwrap_or_default()
    }

    /// All that is answered to a command.
    fn read(&self, words: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.write_all(format!("{words}\r\nQUIT\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn ask(&self, words: &str) -> std::io::Result<[u8; 1]> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(format!("{words}\r\n").as_bytes())?;
        let mut answer = [0];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    }

    /// Through the shell, whose `kill` needs no library and no program.
    fn signal(&self, name: &str) {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("kill -{name} {}", self.child.id())]);
        assert!(command.status().unwrap().success());
    }

    fn wait(&self) {
        let began = Instant::now();
        while !matches!(self.ask("PING"), Ok([b'+'])) {
            assert!(began.elapsed() < Duration::from_secs(20), "Redis does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // One that a test has killed already is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--save", "", "--appendonly", "no"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("redis-server is on the path")
}
