//! What a walk is made of, as parts of a checkpoint.

use super::part::{Followed, Open, Origin, Parts, Past, Trod, Waiting, Wish};
use super::ways::Numbers;
use crate::error::Result;
use crate::walker::engine::Engine;
use crate::walker::frontier;
use crate::walker::trail::Trail;
use crate::walker::wishes::Wishes;

/// Adds what has happened that is in no part of its own.
pub(super) fn add_past(parts: &mut Parts, past: &[Past]) {
    for past in past {
        parts.for_entry([past.id()], 0).past.push(past.clone());
    }
}

/// Adds what waits, what was asked for and what was not left.
pub(super) fn add_engine(parts: &mut Parts, engine: &Engine, wishes: &Wishes) -> Result<()> {
    let mut ways = Numbers::default();
    for (pending, rank) in engine.frontier.waiting() {
        let origin = pending.origin.as_deref().map(|origin| stored(origin, &mut ways, parts));
        let id = pending.handle.id().clone();
        let seen = origin.as_ref().map(|origin| [&origin.edge, &origin.ahead]);
        let ids = seen.into_iter().flatten().flatten().chain([&id]);
        let part = parts.for_entry(ids, 0);
        let (depth, again) = (pending.depth, pending.again);
        part.waiting.push(Waiting { id, depth, again, rank, origin });
    }
    for (expansion, visits_edges) in wishes.expansions() {
        let followed = Followed::of(expansion, visits_edges)?;
        parts.for_entry([], followed.bytes()).expansions.push(followed);
    }
    for call in wishes.calls() {
        let way = call.from.way.as_ref().map(|way| ways.of(way, parts));
        let (id, edge) = (call.handle.id(), call.edge.map(|edge| edge.id()));
        parts.for_entry(edge.into_iter().chain([id]), 0).wishes.push(Wish {
            id: id.clone(),
            expansion: call.expansion.map(|expansion| expansion as u64),
            edge: edge.cloned(),
            again: call.again,
            rank: call.rank,
            step: call.from.step,
            depth: call.from.depth,
            way,
        });
    }
    for (step, open) in engine.leaves.iter().flat_map(|leaves| leaves.open()) {
        let way = open.way.as_ref().map(|way| ways.of(way, parts));
        let id = open.handle.id().clone();
        let (depth, parent, below, is_done) = (open.depth, open.parent, open.below, open.is_done);
        let part = parts.for_entry([&id], 0);
        part.open.push(Open { step, id, depth, parent, way, below, is_done });
    }
    Ok(())
}

/// Adds the visits that are kept.
pub(super) fn add_trail(parts: &mut Parts, trail: &Trail) {
    for step in trail.steps() {
        let ids = step.edge.iter().chain([&step.entity]);
        parts.for_entry(ids, 0).trail.push(Trod {
            sequence: step.sequence,
            entity: step.entity.clone(),
            edge: step.edge.clone(),
            parent: step.parent,
            depth: step.depth,
            at: step.at,
            outcome: step.outcome,
        });
    }
}

fn stored(origin: &frontier::Origin, ways: &mut Numbers, parts: &mut Parts) -> Origin {
    Origin {
        step: origin.step,
        edge: origin.edge.clone(),
        ahead: origin.ahead.as_ref().map(|ahead| ahead.id().clone()),
        way: origin.way.as_ref().map(|way| ways.of(way, parts)),
    }
}
