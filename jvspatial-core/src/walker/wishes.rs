//! What the hooks of a chunk asked to follow, before the database is asked.

use jvspatial_db::{Adjacent, Database, Expansion, Handle, OrdinalSet};

use super::frontier::{Origin, Pending};
use crate::error::Result;

/// The wishes of a chunk, grouped so that the database is asked once for each distinct expansion.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// In the order of the visits, and within a visit of the calls.
    wishes: Vec<Wish>,
    groups: Vec<Group>,
}

/// One call of `follow`.
#[derive(Clone, Copy, Debug)]
struct Wish {
    group: usize,
    step: u64,
    depth: u32,
}

/// The wishes with the same expansion.
#[derive(Debug)]
struct Group {
    expansion: Expansion,
    from: Vec<Handle>,
}

/// What the database answered to a group, and how many of its wishes were handed their part.
struct Answer {
    nodes: std::iter::Peekable<std::vec::IntoIter<Adjacent>>,
    served: u32,
}

impl Wishes {
    /// Adds the wish of the node `from`, visited as number `step` at `depth`.
    ///
    /// The hooks of one type mostly ask for the same, so the group of the last wish is tried first.
    pub(super) fn add(&mut self, expansion: Expansion, from: &Handle, step: u64, depth: u32) {
        let same = |group: &usize| self.groups[*group].expansion == expansion;
        let last = self.wishes.last().map(|wish| wish.group);
        let group = last
            .filter(same)
            .or_else(|| (0..self.groups.len()).find(same))
            .unwrap_or(self.groups.len());
        if group == self.groups.len() {
            self.groups.push(Group { expansion, from: Vec::new() });
        }
        self.groups[group].from.push(from.clone());
        self.wishes.push(Wish { group, step, depth });
    }

    /// Forgets all wishes.
    pub(super) fn clear(&mut self) {
        self.wishes.clear();
        // A group that this chunk did not use is let go; the others are likely to be used again, and
        // with their buffers.
        self.groups.retain(|group| !group.from.is_empty());
        for group in &mut self.groups {
            group.from.clear();
        }
    }

    /// Asks the database, and counts in `queries` how often. Nodes that are `known` may be left out.
    ///
    /// The nodes come in the order of the visits, then of the calls, then of the edges' creation,
    /// whichever expansion they come from: the size of a chunk makes no difference to it.
    pub(super) async fn ask<'a>(
        &'a self,
        database: &dyn Database,
        known: &OrdinalSet,
        queries: &mut u64,
    ) -> Result<impl Iterator<Item = Pending> + use<'a>> {
        let mut answers = Vec::with_capacity(self.groups.len());
        for Group { expansion, from } in &self.groups {
            let nodes = if from.is_empty() {
                Vec::new()
            } else {
                *queries += 1;
                database.neighbors_except(from, expansion, known).await?
            };
            answers.push(Answer { nodes: nodes.into_iter().peekable(), served: 0 });
        }
        let mut wishes = self.wishes.iter();
        let mut wish = wishes.next();
        Ok(std::iter::from_fn(move || {
            loop {
                let Wish { group, step, depth } = *wish?;
                let Answer { nodes, served } = answers.get_mut(group)?;
                if let Some(node) = nodes.next_if(|node| node.origin == *served) {
                    let origin = || {
                        let edge = node.edge?.into_id();
                        Some(Box::new(Origin { step, edge }))
                    };
                    return Some(Pending {
                        origin: origin(),
                        handle: node.node,
                        depth: depth.saturating_add(1),
                    });
                }
                *served += 1;
                wish = wishes.next();
            }
        }))
    }
}
