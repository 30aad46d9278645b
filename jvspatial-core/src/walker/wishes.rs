//! What the hooks of a chunk asked to visit, before the database is asked.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;

use jvspatial_db::{Adjacent, Database, Expansion, Handle, OrdinalSet, Place};

use super::frontier::{Met, Origin, Pending};
use super::visited::Way;
use crate::error::Result;

/// The wishes of a chunk, grouped so that the database is asked once for each distinct expansion.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// In the order of the visits, and within a visit of the calls.
    wishes: Vec<Wish>,
    groups: Vec<Group>,
    /// What was named itself and not met yet.
    named: VecDeque<Named>,
    /// How many of the wishes are met.
    met: usize,
    /// For how many the first group has room.
    first_group: usize,
}

/// One call that asks for visits.
#[derive(Debug)]
struct Wish {
    what: What,
    from: From,
    rank: Option<f64>,
}

/// The visit that asks.
#[derive(Clone, Debug)]
pub(super) struct From {
    pub(super) step: u64,
    pub(super) depth: u32,
    /// Where ways are kept.
    pub(super) way: Option<Arc<Way>>,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// What an expansion leads to from one node; the number is that of its group.
    Expansion(usize),
    /// The next of what was named.
    Named,
}

/// A node or edge that a hook named.
#[derive(Debug)]
struct Named {
    handle: Handle,
    /// The edge that was visited on the way to it.
    edge: Option<Handle>,
    again: bool,
}

/// The wishes with the same expansion.
#[derive(Debug)]
struct Group {
    expansion: Expansion,
    /// Whether the edges are visited on the way.
    visits_edges: bool,
    from: Vec<Handle>,
    answer: Option<Answer>,
}

/// One call that asks for visits, with what it asks for.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// The node from which to follow, or what to visit itself.
    pub(super) handle: &'a Handle,
    /// Which of the expansions; none for a visit of `handle` itself.
    pub(super) expansion: Option<usize>,
    /// The edge that was visited on the way to it.
    pub(super) edge: Option<&'a Handle>,
    pub(super) again: bool,
    pub(super) from: &'a From,
    pub(super) rank: Option<f64>,
}

/// A page of what the database answers to a group.
#[derive(Debug)]
struct Answer {
    nodes: Peekable<IntoIter<Adjacent>>,
    /// Where the next page begins, if there is one.
    next: Option<Place>,
    /// How many wishes of the group have all of their part.
    served: u32,
}

/// What has to be kept of the way to a node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Keep {
    /// The step it was met in.
    pub(super) origins: bool,
    /// The edge that led to it, for a trail.
    pub(super) trail: bool,
    /// The edges, because each is followed once.
    pub(super) edges: bool,
    /// The whole way from the start.
    pub(super) ways: bool,
}

impl Keep {
    /// Whether the database is asked for the edges it has followed.
    pub(super) const fn with_edges(self) -> bool {
        self.trail || self.edges
    }
}

impl Wishes {
    /// Makes room for `wishes`, and as many in the first group.
    pub(super) fn reserve(&mut self, wishes: usize) {
        self.wishes.reserve(wishes);
        self.first_group = wishes;
    }

    /// Adds the wish for what `expansion` leads to from the node `node`.
    pub(super) fn follow(
        &mut self,
        expansion: Expansion,
        visits_edges: bool,
        node: Handle,
        from: From,
        rank: Option<f64>,
    ) {
        let group = self.group(expansion, visits_edges);
        self.groups[group].from.push(node);
        self.wishes.push(Wish { what: What::Expansion(group), from, rank });
    }

    /// Adds the wish for a node or edge itself, come to by `edge` if that was visited on the way.
    pub(super) fn visit(
        &mut self,
        handle: Handle,
        edge: Option<Handle>,
        again: bool,
        from: From,
        rank: Option<f64>,
    ) {
        self.wishes.push(Wish { what: What::Named, from, rank });
        self.named.push_back(Named { handle, edge, again });
    }

    /// The expansions that were asked for, each once, and whether their edges are visited on the way.
    pub(super) fn expansions(&self) -> impl Iterator<Item = (&Expansion, bool)> {
        self.groups.iter().map(|group| (&group.expansion, group.visits_edges))
    }

    /// All calls, in order.
    pub(super) fn calls(&self) -> impl Iterator<Item = Call<'_>> {
        let mut named = self.named.iter();
        let mut groups: Vec<_> = self.groups.iter().map(|group| group.from.iter()).collect();
        self.wishes.iter().filter_map(move |Wish { what, from, rank }| {
            let (handle, expansion, edge, again) = match *what {
                What::Named => {
                    let Named { handle, edge, again } = named.next()?;
                    (handle, None, edge.as_ref(), *again)
                }
                What::Expansion(group) => {
                    (groups.get_mut(group)?.next()?, Some(group), None, false)
                }
            };
            Some(Call { handle, expansion, edge, again, from, rank: *rank })
        })
    }

    /// Whether there are none.
    pub(super) const fn is_empty(&self) -> bool {
        self.wishes.is_empty()
    }

    /// The number of the group of `expansion`, a new one if there is none.
    ///
    /// The hooks of one type mostly ask for the same, so the group of the last wish is tried first.
    fn group(&mut self, expansion: Expansion, visits_edges: bool) -> usize {
        let same = |group: &usize| {
            let group = &self.groups[*group];
            group.visits_edges == visits_edges
                && group.answer.is_none()
                && group.expansion == expansion
        };
        let last = self.wishes.iter().rev().find_map(|wish| match wish.what {
            What::Expansion(group) => Some(group),
            What::Named => None,
        });
        let place = last.filter(same).or_else(|| (0..self.groups.len()).find(same));
        place.unwrap_or_else(|| {
            let room = if self.groups.is_empty() { self.first_group } else { 0 };
            let from = Vec::with_capacity(room);
            self.groups.push(Group { expansion, visits_edges, from, answer: None });
            self.groups.len() - 1
        })
    }

    /// Adds the wishes of later visits.
    pub(super) fn absorb(&mut self, later: Self) {
        let Self { wishes, groups, named, .. } = later;
        let mut places = Vec::with_capacity(groups.len());
        for Group { expansion, visits_edges, from, .. } in groups {
            let place = self.group(expansion, visits_edges);
            self.groups[place].from.extend(from);
            places.push(place);
        }
        self.named.extend(named);
        self.wishes.extend(wishes.into_iter().map(|wish| match wish.what {
            What::Expansion(group) => Wish { what: What::Expansion(places[group]), ..wish },
            What::Named => wish,
        }));
    }

    /// Forgets all wishes.
    pub(super) fn clear(&mut self) {
        self.wishes.clear();
        self.named.clear();
        self.met = 0;
        // A group that this chunk did not use is let go; the others are likely to be used again, and
        // with their buffers.
        self.groups.retain(|group| !group.from.is_empty());
        for group in &mut self.groups {
            group.from.clear();
            group.answer = None;
            (group.expansion.limit, group.expansion.after) = (None, None);
        }
    }

    /// How many queries it takes to go on.
    pub(super) fn queries(&self) -> u64 {
        self.groups.iter().filter(|group| group.is_due()).count() as u64
    }

    /// Asks the database for the next page of every expansion that has none. Nodes that are `known` may be left out.
    pub(super) async fn ask(
        &mut self,
        database: &dyn Database,
        known: &OrdinalSet,
        page: usize,
    ) -> Result<()> {
        for group in self.groups.iter_mut().filter(|group| group.is_due()) {
            group.ask(database, known, page).await?;
        }
        for named in self.named.iter_mut().filter(|named| named.handle.ordinal().is_none()) {
            // What was created meanwhile is known by its ordinal from now on, as it is to who follows an edge to it.
            named.handle = database.handle(named.handle.id());
        }
        Ok(())
    }

    /// What is met, up to where another page is needed.
    ///
    /// It is in the order of the visits, then of the calls, then of the edges' creation, whichever expansion it
    /// comes from: neither the size of a chunk nor that of a page makes a difference to it.
    pub(super) fn met(&mut self, keep: Keep) -> impl Iterator<Item = Met> {
        let Self { wishes, groups, named, met, .. } = self;
        std::iter::from_fn(move || {
            loop {
                let Wish { what, from, rank } = wishes.get(*met)?;
                match *what {
                    What::Named => {
                        *met += 1;
                        return named.pop_front().map(|named| named.into_met(from, *rank, keep));
                    }
                    What::Expansion(group) => {
                        let Group { visits_edges, answer, .. } = groups.get_mut(group)?;
                        let Answer { nodes, next, served } = answer.as_mut()?;
                        if let Some(node) = nodes.next_if(|node| node.origin == *served) {
                            return Some(from.reach(node, *visits_edges, *rank, keep));
                        }
                        if nodes.peek().is_none() && next.is_some() {
                            return None;
                        }
                        *served += 1;
                        *met += 1;
                    }
                }
            }
        })
    }

    /// Whether there is no more to be met.
    pub(super) const fn are_met(&self) -> bool {
        self.met == self.wishes.len()
    }
}

impl Group {
    /// Whether the database must be asked before it can go on.
    fn is_due(&self) -> bool {
        match &self.answer {
            None => !self.from.is_empty(),
            Some(Answer { nodes, next, .. }) => nodes.len() == 0 && next.is_some(),
        }
    }

    /// Asks for the next page.
    async fn ask(
        &mut self,
        database: &dyn Database,
        known: &OrdinalSet,
        page: usize,
    ) -> Result<()> {
        let Self { expansion, visits_edges, from, answer } = self;
        expansion.limit = Some(page);
        expansion.after = answer.as_mut().and_then(|answer| answer.next.clone());
        let nodes = if *visits_edges {
            database.neighbors(from, expansion).await?
        } else {
            database.neighbors_except(from, expansion, known).await?
        };
        let next = expansion.place_after(&nodes);
        let served = answer.as_ref().map_or(0, |answer| answer.served);
        *answer = Some(Answer { nodes: nodes.into_iter().peekable(), next, served });
        Ok(())
    }
}

impl From {
    /// What the database found from the visit.
    fn reach(&self, found: Adjacent, visits_edges: bool, rank: Option<f64>, keep: Keep) -> Met {
        let Adjacent { edge, node, .. } = found;
        let depth = self.depth.saturating_add(1);
        let (handle, ahead, edge) = match edge {
            Some(edge) if visits_edges => (edge, Some(node), None),
            edge => (node, None, edge),
        };
        let origin = (keep.origins || ahead.is_some()).then(|| {
            let edge = edge.as_ref().map(|edge| edge.id().clone());
            self.origin(edge, ahead, keep)
        });
        let edge = edge.filter(|_| keep.edges);
        let pending = Pending { handle, depth, again: false, origin };
        Met { pending, edge, rank }
    }

    fn origin(
        &self,
        edge: Option<jvspatial_db::Id>,
        ahead: Option<Handle>,
        keep: Keep,
    ) -> Box<Origin> {
        let way = self.way.clone().filter(|_| keep.ways);
        Box::new(Origin { step: self.step, edge, ahead, way })
    }
}

impl Named {
    fn into_met(self, from: &From, rank: Option<f64>, keep: Keep) -> Met {
        let Self { handle, edge, again } = self;
        // Who comes from an edge has made the step already.
        let depth = if edge.is_some() { from.depth } else { from.depth.saturating_add(1) };
        let id = edge.as_ref().map(|edge| edge.id().clone());
        let origin = keep.origins.then(|| from.origin(id, None, keep));
        Met { pending: Pending { handle, depth, again, origin }, edge: None, rank }
    }
}
