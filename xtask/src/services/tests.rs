use std::io::Write as _;

use clap::Parser;
use serde_json::json;

use super::directory::Directory;
use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn action(words: &[&str]) -> Result<Action, clap::Error> {
    Line::try_parse_from([&["services"], words].concat()).map(|line| line.options.action)
}

/// A service of one process that does nothing.
fn idle(owner: Option<Process>) -> (Entry, std::process::Child) {
    let child = Command::new("sleep").arg("600").spawn().unwrap();
    let entry = Entry {
        service: Service::Redis,
        url: "redis://127.0.0.1:1/".to_owned(),
        processes: vec![Process::running(child.id()).unwrap()],
        directory: Directory::make().unwrap(),
        owner,
    };
    (entry, child)
}

/// The owner of what is left when a chore was killed.
fn dead_chore() -> Process {
    let mut child = Command::new("sleep").arg("600").spawn().unwrap();
    let process = Process::running(child.id()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    process
}

#[test]
fn services_and_members_are_chosen_on_the_command_line() {
    assert!(matches!(action(&["down"]), Ok(Action::Down)));
    let Ok(Action::Up { services, members }) = action(&["up"]) else { panic!("it is an action") };
    assert_eq!((services, members), (vec![], 1));
    let Ok(Action::Up { services, members }) = action(&["up", "mongodb", "--members", "3"]) else {
        panic!("it is an action")
    };
    assert_eq!((services, members), (vec![Service::Mongodb], 3));
    for wrong in [&["up", "mongo"][..], &["up", "--members", "0"], &["sideways"], &[]] {
        assert!(action(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn an_assignment_is_one_that_a_shell_evaluates_and_exports() {
    let line = assignment("JVSPATIAL_X", "mongodb://127.0.0.1:1/?replicaSet=rs&a=b c");
    let script = "eval \"$(cat)\"; sh -c 'printf %s \"$JVSPATIAL_X\"'";
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).stdin(std::process::Stdio::piped());
    let mut shell = shell.stdout(std::process::Stdio::piped()).spawn().unwrap();
    shell.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
    let told = shell.wait_with_output().unwrap();
    assert_eq!(told.stdout, b"mongodb://127.0.0.1:1/?replicaSet=rs&a=b c");
}

#[test]
fn what_a_chore_uses_is_not_stopped_and_what_a_dead_one_left_is() {
    let home = Directory::make().unwrap();
    let children = {
        let mut state = State::lock(home.path()).unwrap();
        let (mine, abandoned, free) = (idle(Process::this()), idle(Some(dead_chore())), idle(None));
        state.entries = vec![mine.0.clone(), abandoned.0.clone(), free.0.clone()];
        assert_eq!(stop_entries(&mut state, |entry| !entry.is_in_use()), Ok(2));
        assert_eq!(state.entries, std::slice::from_ref(&mine.0));
        assert!(mine.0.is_alive() && !abandoned.0.is_alive() && !free.0.is_alive());
        assert!(mine.0.directory.path().exists() && !free.0.directory.path().exists());
        assert!(line(&mine.0).contains("runs for chore"));
        assert!(line(&free.0).contains("ended"));
        [mine.1, abandoned.1, free.1]
    };
    let guard = Services {
        home: home.path().to_owned(),
        urls: vec![],
        started: State::lock(home.path()).unwrap().entries,
    };
    let mine = guard.started[0].clone();
    drop(guard);
    assert!(!mine.is_alive() && !mine.directory.path().exists());
    assert_eq!(State::lock(home.path()).unwrap().entries, []);
    for mut child in children {
        child.wait().unwrap();
    }
    home.remove().unwrap();
}

#[test]
fn a_guard_stops_what_it_started_when_its_chore_panics() {
    let home = Directory::make().unwrap();
    let (entry, mut child) = idle(Process::this());
    {
        let mut state = State::lock(home.path()).unwrap();
        state.entries.push(entry.clone());
        state.save().unwrap();
    }
    let guard =
        Services { home: home.path().to_owned(), urls: vec![], started: vec![entry.clone()] };
    let chore = std::thread::spawn(move || {
        let _guard = guard;
        panic!("the chore fails");
    });
    assert!(chore.join().is_err());
    assert!(!entry.is_alive());
    child.wait().unwrap();
    home.remove().unwrap();
}

#[test]
fn a_program_is_told_the_urls() {
    let urls = vec![(Service::Mongodb, "mongodb://somewhere/".to_owned())];
    let guard =
        Services { home: Directory::make().unwrap().path().to_owned(), urls, started: vec![] };
    let mut command = Command::new("sh");
    guard.tell(&mut command);
    let told: Vec<_> = command.get_envs().collect();
    assert_eq!(
        told,
        [("JVSPATIAL_TEST_MONGODB_URI".as_ref(), Some("mongodb://somewhere/".as_ref()))]
    );
    let home = guard.home.clone();
    drop(guard);
    std::fs::remove_dir_all(home).unwrap();
}

/// Needs a `mongod`, on the path or fetched before; reports itself as skipped without one.
#[test]
fn a_replica_set_starts_takes_commands_and_stops() {
    let Some(program) = find::mongod(&home()) else {
        // Past the capture of the test harness, for the summary of `cargo xtask test`.
        let mut stderr = std::io::stderr();
        stderr
            .write_all(
                b"fault services: skipped: needs mongod, which cargo xtask services up fetches\n",
            )
            .unwrap();
        return;
    };
    for members in [1, 3] {
        let Started { url, processes, directory } = start::mongodb(&program, members).unwrap();
        assert_eq!(processes.len(), usize::from(members));
        let entry = Entry { service: Service::Mongodb, url, processes, directory, owner: None };
        let servers = Stops(&entry);
        let (_, hosts) = entry.url.split_once("//").unwrap();
        let (hosts, _) = hosts.split_once('/').unwrap();
        let ports = hosts.split(',').map(|host| host.split_once(':').unwrap().1.parse().unwrap());
        let ports: Vec<u16> = ports.collect();
        // Each by its own word, since what a member knows of the others is a heartbeat old.
        let state = |port: &u16| {
            let status = wire::run_command(*port, "replSetGetStatus", &json!(1)).unwrap();
            status["myState"].as_u64().unwrap()
        };
        let mut states: Vec<u64> = ports.iter().map(state).collect();
        states.sort_unstable();
        // One primary, and secondaries.
        let (first, others) = states.split_first().unwrap();
        assert_eq!((*first, others.len()), (1, usize::from(members) - 1));
        assert!(others.iter().all(|state| *state == 2), "{states:?}");
        let port = ports[0];
        let refused = wire::run_command(port, "no such command", &json!(1)).unwrap();
        assert!(refused["errmsg"].as_str().unwrap().contains("no such command"));
        drop(servers);
        assert!(!entry.is_alive() && !entry.directory.path().exists());
    }
}

/// Stops servers when it is dropped, also by a panic.
struct Stops<'a>(&'a Entry);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        let stopped = self.0.stop();
        assert!(stopped.is_ok() || std::thread::panicking(), "{stopped:?}");
    }
}
