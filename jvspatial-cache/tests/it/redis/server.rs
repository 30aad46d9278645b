//! A Redis of a test's own, which it may stop, kill and start again.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::Commands;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A server on a socket in a directory of its own. It ends with this.
#[derive(Debug)]
pub(super) struct Server {
    directory: TempDir,
    more: Vec<String>,
    child: Child,
}

/// The server that the environment names, or else one of the caller's own; and an unused namespace.
pub(super) fn any() -> (String, String, Option<Server>) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let namespace = format!("test-{}-{next}", std::process::id());
    match std::env::var("JVSPATIAL_TEST_REDIS_URL") {
        Ok(url) => (url, namespace, None),
        Err(_) => {
            let server = Server::start(&[]);
            (server.url(), namespace, Some(server))
        }
    }
}

impl Server {
    pub(super) fn start(more: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let more: Vec<_> = more.iter().map(|word| (*word).to_owned()).collect();
        let child = spawn(directory.path(), &more);
        let server = Self { directory, more, child };
        server.wait();
        server
    }

    pub(super) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    pub(super) fn socket(&self) -> std::path::PathBuf {
        self.directory.path().join("socket")
    }

    /// A connection that knows nothing of caches.
    pub(super) fn connection(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    pub(super) fn command(&self, words: &[&str]) -> redis::Value {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut self.connection()).unwrap()
    }

    /// The only key with this in its name.
    pub(super) fn key(&self, part: &[u8]) -> Vec<u8> {
        let keys: Vec<Vec<u8>> = self.connection().keys("*").unwrap();
        let mut keys = keys.into_iter().filter(|key| key.windows(part.len()).any(|at| at == part));
        let key = keys.next().unwrap_or_else(|| panic!("no key has {part:?} in it"));
        assert!(keys.next().is_none());
        key
    }

    pub(super) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(super) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again after it was killed, with what it had saved.
    pub(super) fn restart(&mut self) {
        self.child = spawn(self.directory.path(), &self.more);
        self.wait();
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn wait(&self) {
        let began = Instant::now();
        let ping = || {
            let client = redis::Client::open(self.url())?;
            redis::cmd("PING").query::<String>(&mut client.get_connection()?)
        };
        while let Err(error) = ping() {
            // One with a password answers that it wants it.
            if error.kind() == redis::ErrorKind::AuthenticationFailed
                || error.code() == Some("NOAUTH")
            {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{error}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.thaw();
        // One that a test has killed already is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(directory: &Path, more: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--save", "", "--appendonly", "no"]);
    command.args(["--enable-debug-command", "yes", "--unixsocket"]).arg(directory.join("socket"));
    command.arg("--dir").arg(directory).args(more);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("redis-server is on the path")
}
