//! A cold answer that several real processes want is computed by one of them.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};

use tokio::task::JoinSet;

use super::*;

const NAMESPACE: &str = "JVSPATIAL_TEST_LEASE_NAMESPACE";
const PROCESSES: usize = 4;
const CALLS: usize = 50;
/// For how long others wait for one that has died.
const LEASE: Duration = Duration::from_secs(2);

/// Takes `time`, as it is told by whoever computes it.
#[cached_query(cache = towns.graph, tier = all, skip(time))]
async fn shared(towns: &Towns, round: u32, time: Duration) -> u32 {
    towns.ran();
    say("began");
    tokio::time::sleep(time).await;
    round
}

/// The same, kept by each process alone.
#[cached_query(cache = towns.graph, skip(time))]
async fn alone(towns: &Towns, round: u32, time: Duration) -> u32 {
    towns.ran();
    say("began");
    tokio::time::sleep(time).await;
    round
}

fn say(words: &str) {
    eprintln!("{words}");
}

/// Plays the part of a child if this process is one.
fn is_child() -> bool {
    let Ok(namespace) = env::var(NAMESPACE) else { return false };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let towns = runtime.block_on(async {
        Shared { database: Arc::default(), url: redis_url(), namespace }.open().await
    });
    say("ready");
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let [kind, round, millis] = line.split(' ').collect::<Vec<_>>()[..] else { break };
        let (round, time) =
            (round.parse().unwrap(), Duration::from_millis(millis.parse().unwrap()));
        let kept = kind == "shared";
        runtime.block_on(async {
            let mut calls = JoinSet::new();
            for _ in 0..CALLS {
                let towns = towns.clone();
                calls.spawn(async move {
                    match kept {
                        true => shared(&towns, round, time).await,
                        false => alone(&towns, round, time).await,
                    }
                });
            }
            while let Some(told) = calls.join_next().await {
                assert_eq!(told.unwrap(), round);
            }
        });
        say(&format!("runs {}", towns.runs()));
    }
    true
}

/// A process of this program. It is killed with this.
struct Other {
    child: Child,
    words: ChildStdin,
    lines: BufReader<ChildStderr>,
}

impl Other {
    fn start(test: &str, namespace: &str) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "--include-ignored", "--nocapture", test]);
        command.env(NAMESPACE, namespace);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (words, lines) = (child.stdin.take().unwrap(), child.stderr.take().unwrap());
        Self { child, words, lines: BufReader::new(lines) }
    }

    fn say(&mut self, words: &str) {
        writeln!(self.words, "{words}").unwrap();
    }

    fn wait_for(&mut self, begin: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "it ended before {begin:?}");
            if let Some(rest) = line.strip_prefix(begin) {
                return rest.trim().to_owned();
            }
        }
    }

    fn runs(&mut self) -> u32 {
        self.wait_for("runs ").parse().unwrap()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // One that a test has killed already is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(test: &str) -> Vec<Other> {
    let namespace = format!("lease-{}-{}", test.len(), std::process::id());
    let test = format!("cached_query::processes::lease::{test}");
    let mut others: Vec<_> = (0..PROCESSES).map(|_| Other::start(&test, &namespace)).collect();
    others.iter_mut().for_each(|other| drop(other.wait_for("ready")));
    others
}

#[test]
#[ignore = "needs Redis"]
fn four_processes_with_fifty_calls_of_a_cold_answer_compute_it_once() {
    if is_child() {
        return;
    }
    let mut others = start("four_processes_with_fifty_calls_of_a_cold_answer_compute_it_once");
    let mut runs = |what: &str| -> u32 {
        others.iter_mut().for_each(|other| other.say(what));
        others.iter_mut().map(Other::runs).sum()
    };
    for round in 0..5 {
        assert_eq!(runs(&format!("shared {round} 50")), 1, "round {round}");
    }
    // The control: what is not shared is computed by each.
    assert_eq!(runs("alone 0 50"), 4);
}

#[test]
#[ignore = "needs Redis"]
fn when_the_process_that_computes_dies_the_others_go_on_when_its_lease_is_up() {
    if is_child() {
        return;
    }
    let mut others =
        start("when_the_process_that_computes_dies_the_others_go_on_when_its_lease_is_up");
    let mut first = others.pop().unwrap();
    first.say("shared 7 60000");
    first.wait_for("began");
    let start = Instant::now();
    others.iter_mut().for_each(|other| other.say("shared 7 10"));
    std::thread::sleep(Duration::from_millis(100));
    drop(first);
    let runs: Vec<u32> = others.iter_mut().map(Other::runs).collect();
    let taken = start.elapsed();
    // That a process has vanished begins an era too, which may overtake a body.
    let most = 3;
    assert!(runs.iter().all(|runs| *runs <= most) && runs.iter().sum::<u32>() > 0, "{runs:?}");
    // Until then they have waited for it.
    assert!(taken > LEASE / 2 && taken < LEASE + Duration::from_secs(1), "{taken:?}");
}
