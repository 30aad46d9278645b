//! Breadth first over plain arrays of integers.
#![expect(clippy::disallowed_methods, reason = "a floor is bare file access")]

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use crate::Result;
use crate::data::{City, Lines, Network, OUT_DEGREE, read_line, write_line};
use crate::measure::{Contender, timed};
use crate::setup::{NETWORK, Setup};

/// A graph as two arrays of integers, and its documents as one array of bytes.
#[derive(Debug)]
struct Graph {
    /// The edges of node `n` end at `targets[first_edge[n]..first_edge[n + 1]]`.
    first_edge: Vec<u32>,
    targets: Vec<u32>,
    lines: Lines,
}

/// How many changed documents are written at once.
pub(crate) const SAVES: usize = 1_000;

/// Where the id stands in the line of a city.
const ID: Range<usize> = r#"{"_id":""#.len()..r#"{"_id":"n.City.674000000000000000000000"#.len();

/// Visits 1,000,000 nodes along 3,000,000 edges, decoding each node's document; one thread.
pub(crate) fn walk_1m(setup: &Setup) -> Result<Contender> {
    let graph = Graph::new(setup.size(NETWORK))?;
    Ok(Box::new(move || {
        timed(|| {
            let mut sum = 0_u64;
            graph.walk_all(|_, city| {
                sum = sum.wrapping_add(city.check());
                Ok(())
            })?;
            Ok(sum)
        })
    }))
}

/// The same walk, changing each document, serializing it and appending 1,000 at once to a file.
pub(crate) fn walk_update_1m(setup: &Setup) -> Result<Contender> {
    let graph = Graph::new(setup.size(NETWORK))?;
    let directory = setup.temporary_directory()?;
    Ok(Box::new(move || {
        let path = directory.path().join("journal.jsonl");
        let sample = timed(|| {
            let mut journal = Journal::new(&path)?;
            let mut sum = 0_u64;
            graph.walk_all(|line, mut city| {
                city.population += 1;
                sum = sum.wrapping_add(city.check());
                journal.save(std::str::from_utf8(&line[ID])?, &city)
            })?;
            Ok(sum.wrapping_add(journal.finish()?))
        });
        fs::remove_file(&path)?;
        sample
    }))
}

/// Documents on their way to a file.
#[derive(Debug)]
struct Journal {
    file: File,
    bytes: Vec<u8>,
    waiting: usize,
    saved: u64,
}

impl Journal {
    fn new(path: &Path) -> Result<Self> {
        Ok(Self { file: File::create_new(path)?, bytes: Vec::new(), waiting: 0, saved: 0 })
    }

    fn save(&mut self, id: &str, city: &City) -> Result<()> {
        write_line(id, 2, city, &mut self.bytes)?;
        self.waiting += 1;
        if self.waiting == SAVES {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        self.file.write_all(&self.bytes)?;
        self.bytes.clear();
        self.saved += std::mem::take(&mut self.waiting) as u64;
        Ok(())
    }

    /// How many documents were saved.
    fn finish(mut self) -> Result<u64> {
        self.write()?;
        Ok(self.saved)
    }
}

impl Graph {
    fn new(nodes: usize) -> Result<Self> {
        let Network { targets } = Network::new(nodes)?;
        let first_edge = (0..=targets.len())
            .step_by(OUT_DEGREE)
            .map(u32::try_from)
            .collect::<Result<Vec<u32>, _>>()?;
        Ok(Self { first_edge, targets, lines: Lines::new(nodes)? })
    }

    fn nodes(&self) -> usize {
        self.first_edge.len() - 1
    }

    /// Walks from node 0 and fails unless that visits every node.
    fn walk_all(&self, visit: impl FnMut(&[u8], City) -> Result<()>) -> Result<()> {
        match self.walk(0, visit)? {
            visited if visited == self.nodes() => Ok(()),
            visited => Err(format!("{visited} of {} nodes were visited", self.nodes()).into()),
        }
    }

    /// Hands each line and its city to `visit`; how many nodes were visited.
    fn walk(&self, start: u32, mut visit: impl FnMut(&[u8], City) -> Result<()>) -> Result<usize> {
        let mut seen = vec![false; self.nodes()];
        // It only grows: what lies before the current node is the list of visits.
        let mut queue = Vec::with_capacity(self.nodes());
        seen[start as usize] = true;
        queue.push(start);
        let mut visited = 0;
        while let Some(&node) = queue.get(visited) {
            let node = node as usize;
            let line = &self.lines.bytes[self.lines.range(node)];
            visit(line, black_box(read_line(line)?))?;
            visited += 1;
            let edges = self.first_edge[node] as usize..self.first_edge[node + 1] as usize;
            for &target in &self.targets[edges] {
                if !seen[target as usize] {
                    seen[target as usize] = true;
                    queue.push(target);
                }
            }
        }
        Ok(visited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{cities, id};

    #[test]
    fn every_node_is_visited_once_and_decoded() {
        let graph = Graph::new(1_000).unwrap();
        let expected =
            cities().take(1_000).fold(0, |sum: u64, city| sum.wrapping_add(city.check()));
        for start in [0, 999] {
            let mut sum = 0_u64;
            let visited = graph.walk(start, |_, city| {
                sum = sum.wrapping_add(city.check());
                Ok(())
            });
            assert_eq!((visited.unwrap(), sum), (1_000, expected));
        }
    }

    #[test]
    fn a_journal_holds_every_document_that_was_saved() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("journal");
        let mut journal = Journal::new(&path).unwrap();
        let mut expected = Vec::new();
        for (number, city) in cities().take(SAVES + 1).enumerate() {
            journal.save(&id(number), &city).unwrap();
            write_line(&id(number), 2, &city, &mut expected).unwrap();
        }
        assert_eq!(journal.finish().unwrap(), SAVES as u64 + 1);
        assert_eq!(fs::read(&path).unwrap(), expected);
    }

    #[test]
    fn the_id_of_a_line_is_where_it_is_expected() {
        let lines = Lines::new(20).unwrap();
        let line = &lines.bytes[lines.range(17)];
        assert_eq!(std::str::from_utf8(&line[ID]).unwrap(), id(17));
    }
}
