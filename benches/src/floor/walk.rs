//! Breadth first over plain arrays of integers.

use std::hint::black_box;

use crate::Result;
use crate::data::{Lines, Network, OUT_DEGREE, read_line};
use crate::measure::{Contender, timed};
use crate::setup::Setup;

/// A graph as two arrays of integers, and its documents as one array of bytes.
#[derive(Debug)]
struct Graph {
    /// The edges of node `n` end at `targets[first_edge[n]..first_edge[n + 1]]`.
    first_edge: Vec<u32>,
    targets: Vec<u32>,
    lines: Lines,
}

/// Visits 1,000,000 nodes along 3,000,000 edges, decoding each node's document; one thread.
pub(crate) fn walk_1m(setup: &Setup) -> Result<Contender> {
    let graph = Graph::new(setup.size(1_000_000))?;
    Ok(Box::new(move || {
        timed(|| {
            let (visited, sum) = graph.walk(0)?;
            if visited != graph.nodes() {
                return Err(format!("{visited} of {} nodes were visited", graph.nodes()).into());
            }
            Ok(sum)
        })
    }))
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

    /// How many nodes were visited, and the sum over their documents.
    fn walk(&self, start: u32) -> Result<(usize, u64)> {
        let mut seen = vec![false; self.nodes()];
        // It only grows: what lies before the current node is the list of visits.
        let mut queue = Vec::with_capacity(self.nodes());
        seen[start as usize] = true;
        queue.push(start);
        let mut visited = 0;
        let mut sum = 0_u64;
        while let Some(&node) = queue.get(visited) {
            let node = node as usize;
            let city = black_box(read_line(&self.lines.bytes[self.lines.range(node)])?);
            sum = sum.wrapping_add(city.check());
            visited += 1;
            let edges = self.first_edge[node] as usize..self.first_edge[node + 1] as usize;
            for &target in &self.targets[edges] {
                if !seen[target as usize] {
                    seen[target as usize] = true;
                    queue.push(target);
                }
            }
        }
        Ok((visited, sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::cities;

    #[test]
    fn every_node_is_visited_once_and_decoded() {
        let graph = Graph::new(1_000).unwrap();
        let expected =
            cities().take(1_000).fold(0, |sum: u64, city| sum.wrapping_add(city.check()));
        assert_eq!(graph.walk(0).unwrap(), (1_000, expected));
        assert_eq!(graph.walk(999).unwrap(), (1_000, expected));
    }
}
