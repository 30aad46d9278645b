//! How much memory walks take above the opened database.
//!
//! A program of its own with one test, as what other tests take would be counted too. The long figure is
//! `cargo test --release --test memory -- --ignored`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::path::Path;

use jvspatial::prelude::*;
use jvspatial::{Ended, Id};
use tempfile::TempDir;

/// A node whose text makes it large beside what a walk may keep of it.
#[derive(Debug, Serialize, Deserialize, Node)]
struct Leaf {
    number: u64,
    text: String,
}

#[derive(Debug, Serialize, Deserialize, Edge)]
#[edge(parallel)]
struct Branch {}

/// Reports all that it meets.
#[derive(Debug, Default)]
struct Gather {
    visited: u64,
}

#[walker(report = String)]
impl Gather {
    #[on_visit]
    fn leaf(&mut self, here: &Stored<Leaf>, walk: &mut Walk<Self>) {
        self.visited += 1;
        walk.report(here.text.clone());
        walk.follow(out::<Branch>());
    }
}

/// Counts up each node that it meets, in batches.
#[derive(Debug, Default)]
struct Count {
    visited: u64,
}

#[walker]
impl Count {
    #[on_visit]
    fn leaf(&mut self, here: &mut Stored<Leaf>, walk: &mut Walk<Self>) {
        self.visited += 1;
        here.number += 1;
        walk.save(here);
        walk.follow(out::<Branch>());
    }
}

const BATCH: u64 = 20_000;

/// A graph of `nodes` nodes, each behind the one that `parent` names.
async fn plant(path: &Path, nodes: u64, text: usize, parent: Parent) -> Id {
    let graph = Graph::open(&format!("json:{}?durability=os", path.display())).await.unwrap();
    let mut ids: Vec<Id> = Vec::new();
    for first in (0..nodes).step_by(usize::try_from(BATCH).unwrap()) {
        let leaf = |number: u64| Leaf { number, text: format!("{number:0text$}") };
        let leaves = (first..nodes.min(first + BATCH)).map(leaf);
        let created = graph.create_many(leaves).await.unwrap();
        ids.extend(created.iter().map(|leaf| leaf.id().clone()));
        let branches = (first.max(1)..ids.len() as u64).map(|number| {
            let place = |number: u64| &ids[usize::try_from(number).unwrap()];
            (place(parent(number)), place(number), Branch {})
        });
        graph.connect_many_ids(branches).await.unwrap().into_result().unwrap();
    }
    graph.close().await.unwrap();
    ids.swap_remove(0)
}

/// A line of what the system says of the memory of this process, in bytes.
#[expect(clippy::disallowed_methods, reason = "it reads what the system says of this process")]
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// Lets the most that this process has had begin anew.
#[expect(clippy::disallowed_methods, reason = "it asks the system to measure anew")]
fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// By how much the memory of this process grew at most while `walk` went over the opened graph.
async fn growth(path: &Path, walk: impl AsyncFnOnce(&Graph) -> u64) -> (u64, u64) {
    let graph = Graph::open(&format!("json:{}?durability=os", path.display())).await.unwrap();
    forget_peak();
    let before = memory("VmRSS:");
    let visited = walk(&graph).await;
    let grown = memory("VmHWM:").saturating_sub(before);
    graph.close().await.unwrap();
    (visited, grown)
}

async fn streamed(graph: &Graph, start: &Id) -> u64 {
    let mut reports = graph.walk(Gather::default()).from(start).stream();
    let mut bytes = 0;
    while let Some(report) = reports.try_next().await.unwrap() {
        bytes += report.len();
    }
    let outcome = reports.take_outcome().unwrap();
    assert_eq!(outcome.ended, Ended::Finished);
    assert!(bytes > 0);
    outcome.walker.visited
}

async fn updated(graph: &Graph, start: &Id) -> u64 {
    graph.walk(Count::default()).from(start).run().await.unwrap().stats.written
}

/// Behind which node, that comes before it, each one is.
type Parent = fn(u64) -> u64;

/// How nodes hang together.
const SHAPES: [(&str, Parent); 2] = [("tree", |number| (number - 1) / 3), ("hub", |_| 0)];

/// What this program is told when it is to plant a graph: the shape, the nodes, their texts and the path.
const ORDER: &str = "JVSPATIAL_TEST_PLANT";

/// Has another process plant a graph, since what it frees would count as if it were free here.
fn planted(shape: usize, nodes: u64, text: usize, path: &Path) -> Id {
    let program = std::env::current_exe().unwrap();
    let mut command = std::process::Command::new(program);
    command.args(["--exact", "plants_what_it_is_told", "--ignored", "--nocapture"]);
    command.env(ORDER, format!("{shape} {nodes} {text} {}", path.display()));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    let start = told.lines().find_map(|line| line.split_once("planted ")).unwrap().1;
    start.parse().unwrap()
}

#[tokio::test]
#[ignore = "a part of the other tests"]
async fn plants_what_it_is_told() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let [shape, nodes, text, path] = order.splitn(4, ' ').collect::<Vec<_>>().try_into().unwrap();
    let parent = SHAPES[shape.parse::<usize>().unwrap()].1;
    let (nodes, text) = (nodes.parse().unwrap(), text.parse().unwrap());
    println!("planted {}", plant(Path::new(path), nodes, text, parent).await);
}

/// Walks over graphs of `nodes` nodes, of which one is a hub with as many edges: streamed within one bound of bytes each,
/// and updating within another.
async fn walk(nodes: u64, text: usize, [streaming, updating]: [u64; 2]) {
    let directory = TempDir::new().unwrap();
    let mut graphs = Vec::new();
    for (shape, (name, _)) in SHAPES.into_iter().enumerate() {
        let path = directory.path().join(name);
        let start = planted(shape, nodes, text, &path);
        let (visited, grown) = growth(&path, async |graph| streamed(graph, &start).await).await;
        println!("{name}: {visited} nodes streamed with {grown} bytes");
        assert_eq!(visited, nodes);
        assert!(grown < streaming, "a streamed walk over a {name} took {grown} bytes");
        graphs.push((name, path, start));
    }
    for (name, path, start) in graphs {
        let (written, grown) = growth(&path, async |graph| updated(graph, &start).await).await;
        println!("{name}: {written} nodes updated with {grown} bytes");
        assert_eq!(written, nodes);
        assert!(grown < updating, "an updating walk over a {name} took {grown} bytes");
    }
}

#[tokio::test]
async fn a_walk_takes_a_fraction_of_what_it_reads() {
    // The texts alone have 160 MB.
    walk(40_000, 4_096, [32_000_000, 120_000_000]).await;
}

#[tokio::test]
#[ignore = "takes minutes: `cargo test --release --test memory -- --ignored`"]
async fn a_walk_over_a_million_nodes_takes_less_than_200_mb() {
    walk(1_000_000, 200, [200_000_000; 2]).await;
}
