//! A replica set of servers that a test may stop, freeze and kill.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bson::{Document, doc};
use jvspatial_db::{MongoDb, MongoDbOptions};
use mongodb::Client;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::namespaces::Namespaces;

/// How long servers may take to serve or to agree, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long a server may take to say how it is.
const ANSWER: Duration = Duration::from_millis(500);

const SET: &str = "rs";

/// Servers that are killed when this is dropped, also by a panic.
pub(super) struct Set {
    members: Vec<Member>,
    /// Removed after the servers have ended.
    _directory: TempDir,
    namespaces: Option<Namespaces>,
}

struct Member {
    host: String,
    command: Vec<OsString>,
    child: Mutex<Child>,
    admin: Client,
}

impl Set {
    /// Starts three members that hold an election within about a second.
    pub(super) async fn start() -> Self {
        Self::start_with(3, None, &[]).await
    }

    /// Starts members with some options, each in a network of its own when there are namespaces for them.
    pub(super) async fn start_with(
        members: usize,
        namespaces: Option<Namespaces>,
        options: &[&str],
    ) -> Self {
        let options = [&["--replSet", SET], options].concat();
        let set = Self::spawn(members, namespaces, &options).await;
        let hosts = set.hosts().enumerate();
        let hosts: Vec<Document> =
            hosts.map(|(id, host)| doc! { "_id": id as i32, "host": host }).collect();
        let config = doc! {
            "_id": SET,
            "members": hosts,
            "settings": { "electionTimeoutMillis": 1_000, "heartbeatIntervalMillis": 200 },
        };
        set.members[0].ask(doc! { "replSetInitiate": config }, PATIENCE).await.unwrap();
        set.settle().await;
        set
    }

    /// Starts a server that is part of no set.
    pub(super) async fn standalone() -> Self {
        Self::spawn(1, None, &[]).await
    }

    async fn spawn(members: usize, namespaces: Option<Namespaces>, options: &[&str]) -> Self {
        let directory = tempfile::Builder::new().prefix("jvspatial-failover-").tempdir().unwrap();
        let mut started = Vec::new();
        for n in 0..members {
            let data = directory.path().join(format!("member-{n}"));
            std::fs::create_dir(&data).unwrap();
            let (prefix, address) = match &namespaces {
                Some(namespaces) => (namespaces.prefix(n), namespaces.address(n)),
                None => (Vec::new(), "127.0.0.1".to_owned()),
            };
            started.push(Member::start(prefix, &address, &data, options).await);
        }
        Self { members: started, _directory: directory, namespaces }
    }

    /// The connection string of `database`, with options such as `&maxPoolSize=1`.
    pub(super) fn url(&self, database: &str, options: &str) -> String {
        let hosts: Vec<&str> = self.hosts().collect();
        format!("mongodb://{}/{database}?replicaSet={SET}{options}", hosts.join(","))
    }

    pub(super) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.host.as_str())
    }

    /// The driver alone, with its own defaults.
    pub(super) async fn raw(&self, database: &str) -> mongodb::Database {
        Client::with_uri_str(self.url(database, "")).await.unwrap().database(database)
    }

    /// The driver alone, on one member.
    pub(super) fn direct(&self, member: usize, database: &str) -> mongodb::Database {
        self.members[member].admin.database(database)
    }

    /// Waits until a member is the primary, the newest where several believe so, and says which.
    pub(super) async fn primary(&self) -> usize {
        self.primary_but(None).await
    }

    /// Waits for a primary that is not this member.
    pub(super) async fn other_primary(&self, than: usize) -> usize {
        self.primary_but(Some(than)).await
    }

    async fn primary_but(&self, except: Option<usize>) -> usize {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let told = self.hello().await;
            let term = |told: &Option<Document>| {
                let told = told.as_ref()?;
                let is_primary = told.get_bool("isWritablePrimary").ok()?;
                is_primary.then(|| told.get_object_id("electionId").ok().map(|id| id.bytes()))
            };
            let terms = told.iter().map(term).enumerate();
            let newest = terms.filter(|(n, term)| term.is_some() && Some(*n) != except);
            if let Some((member, _)) = newest.max_by_key(|(_, term)| *term) {
                return member;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("no primary after {PATIENCE:?}");
    }

    /// Waits until there is one primary and all others follow it.
    pub(super) async fn settle(&self) {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            // A port may have been taken while its member was dead.
            self.members.iter().for_each(Member::revive);
            let told = self.hello().await;
            let all = |name: &str| {
                let is = |told: &&Option<Document>| {
                    told.as_ref().is_some_and(|told| told.get_bool(name).unwrap_or_default())
                };
                told.iter().filter(is).count()
            };
            let (primaries, secondaries) = (all("isWritablePrimary"), all("secondary"));
            if (primaries, secondaries) == (1, self.members.len() - 1) {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("no quorum after {PATIENCE:?}");
    }

    async fn hello(&self) -> Vec<Option<Document>> {
        let mut told = Vec::new();
        for member in &self.members {
            told.push(member.ask(doc! { "hello": 1 }, ANSWER).await);
        }
        told
    }

    /// Runs a command on a member; fails the test when it is refused.
    pub(super) async fn command(&self, member: usize, command: Document) -> Document {
        let told = self.members[member].admin.database("admin").run_command(command).await;
        told.unwrap()
    }

    /// Has the primary step down and says which it was.
    pub(super) async fn step_down(&self) -> usize {
        let end = Instant::now() + PATIENCE;
        loop {
            let primary = self.primary().await;
            let command = doc! {
                "replSetStepDown": 2, "secondaryCatchUpPeriodSecs": 1, "force": true,
            };
            // Before it is caught up with the others, a member may refuse.
            if self.members[primary].ask(command, Duration::from_secs(5)).await.is_some() {
                return primary;
            }
            assert!(Instant::now() < end, "no primary steps down");
        }
    }

    /// Kills a member in the midst of whatever it does.
    pub(super) fn kill(&self, member: usize) {
        self.members[member].kill();
    }

    /// Starts a member again that was killed.
    pub(super) fn restart(&self, member: usize) {
        let member = &self.members[member];
        *member.child.lock().unwrap() = spawn(&member.command);
    }

    /// Stops a member where it is, its connections open.
    pub(super) fn freeze(&self, member: usize) {
        self.members[member].signal(Signal::STOP);
    }

    pub(super) fn thaw(&self, member: usize) {
        self.members[member].signal(Signal::CONT);
    }

    /// Every member but this one.
    pub(super) fn others(&self, member: usize) -> impl Iterator<Item = usize> {
        (0..self.members.len()).filter(move |other| *other != member)
    }

    /// Cuts a member off from the others, but not from clients.
    pub(super) fn cut_off(&self, member: usize) {
        let namespaces = self.namespaces.as_ref().expect("members have networks of their own");
        self.others(member).for_each(|other| namespaces.cut(member, other));
    }

    /// Ends all cuts.
    pub(super) fn join_up(&self) {
        self.namespaces.as_ref().expect("members have networks of their own").heal();
    }
}

impl Member {
    async fn start(prefix: Vec<OsString>, address: &str, data: &Path, options: &[&str]) -> Self {
        let port = free_port();
        let mut command = prefix;
        command.push(program());
        command.extend(options.iter().map(OsString::from));
        for word in ["--bind_ip", address, "--port", &port.to_string(), "--nounixsocket"] {
            command.push(word.into());
        }
        for word in ["--quiet", "--oplogSize", "64", "--wiredTigerCacheSizeGB", "0.25"] {
            command.push(word.into());
        }
        for setting in ["enableTestCommands=1", "diagnosticDataCollectionEnabled=false"] {
            command.extend(["--setParameter".into(), setting.into()]);
        }
        let log = data.join("mongod.log");
        command.extend(["--dbpath".into(), data.into(), "--logpath".into(), log.into()]);
        command.push("--logappend".into());
        let host = format!("{address}:{port}");
        let child = Mutex::new(spawn(&command));
        let url = format!(
            "mongodb://{host}/?directConnection=true&serverSelectionTimeoutMS=1000&connectTimeoutMS=500&heartbeatFrequencyMS=500"
        );
        let admin = Client::with_uri_str(url).await.unwrap();
        let member = Self { host, command, child, admin };
        let end = Instant::now() + PATIENCE;
        while member.ask(doc! { "ping": 1 }, ANSWER).await.is_none() {
            let ended = member.child.lock().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "a server ended: {ended:?}");
            assert!(Instant::now() < end, "no server after {PATIENCE:?}");
            sleep(Duration::from_millis(20)).await;
        }
        member
    }

    /// What a member answers, unless it is refused or takes too long.
    async fn ask(&self, command: Document, patience: Duration) -> Option<Document> {
        let admin = self.admin.database("admin");
        // In a task of its own, since the driver's futures must not be dropped.
        let asked = tokio::spawn(async move { admin.run_command(command).await });
        timeout(patience, asked).await.ok()?.ok()?.ok()
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.lock().unwrap();
        let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Starts it again, if it has ended.
    fn revive(&self) {
        let mut child = self.child.lock().unwrap();
        if child.try_wait().unwrap().is_some() {
            *child = spawn(&self.command);
        }
    }

    fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let Ok(child) = self.child.get_mut() else { return };
        // One that has ended already is what is wanted.
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn spawn(command: &[OsString]) -> Child {
    let (program, words) = command.split_first().unwrap();
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| panic!("cannot start {program:?}: {error}"))
}

/// Opens a database of ours, again while an election goes on.
pub(super) async fn open(url: &str, options: MongoDbOptions) -> MongoDb {
    let end = Instant::now() + PATIENCE;
    loop {
        match MongoDb::open(url, options.clone()).await {
            Err(error) if error.is_retryable() && Instant::now() < end => {}
            opened => return opened.unwrap(),
        }
    }
}

/// The server program.
///
/// # Panics
/// Without one: a test that could start no server must not pass.
pub(super) fn program() -> OsString {
    std::env::var_os("JVSPATIAL_TEST_MONGOD").expect("JVSPATIAL_TEST_MONGOD names a server program")
}

/// A port on which nobody listens now.
pub(super) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
