//! Going on in an index from a place in the order that it gives.

use std::cmp::Ordering;

use crate::id::Id;
use crate::indexes::{Definition, Order, Plan, advance, invert, prefix_len, push_value};
use crate::query::Query;
use crate::sort::{Direction, Position};

/// A place at which an order is entered or left.
#[derive(Debug)]
pub(super) struct Edge {
    /// The keys there.
    key: Vec<u8>,
    id: Id,
    /// How an id compares with that one on the right side of it.
    side: Ordering,
    is_inclusive: bool,
}

impl Edge {
    /// Whether a document with these keys stands on the right side, as far as ids decide it.
    pub(super) fn admits(&self, key: &[u8], id: &Id) -> bool {
        if key != self.key {
            return true;
        }
        let order = id.cmp(&self.id);
        order == self.side || (self.is_inclusive && order.is_eq())
    }
}

/// Cuts the ranges of a plan at the positions of a query, if it gives the order of the query, and tells what
/// is left to decide by ids.
pub(super) fn edges(plan: &mut Plan, definition: &Definition, query: &Query) -> Vec<Edge> {
    let mut edges = Vec::new();
    let Some(order) = plan.order else { return edges };
    // The order of the query is that of the index, unless just one of them is gone through from its end.
    let ascends = order.backward == query.reversed;
    for (position, side) in [(&query.after, Ordering::Greater), (&query.before, Ordering::Less)] {
        let (Some(position), Some((first, _))) = (position, plan.ranges.first()) else { continue };
        let key = key_of(position, first, order, definition, query);
        if ascends == (side == Ordering::Greater) {
            for (start, _) in &mut plan.ranges {
                if *start < key {
                    start.clone_from(&key);
                }
            }
        } else {
            let mut after = key.clone();
            advance(&mut after);
            for (_, end) in &mut plan.ranges {
                if *end > after {
                    end.clone_from(&after);
                }
            }
        }
        plan.ranges.retain(|(start, end)| start < end);
        let side = match query.order().id_direction() {
            Direction::Ascending => side,
            Direction::Descending => side.reverse(),
        };
        let (id, is_inclusive) = (position.id().clone(), position.is_inclusive());
        edges.push(Edge { key, id, side, is_inclusive });
    }
    edges
}

/// The keys that a document at `position` has in the fields that decide; `range` begins with those of
/// the fields that have one value.
fn key_of(
    position: &Position,
    range: &[u8],
    order: Order,
    definition: &Definition,
    query: &Query,
) -> Vec<u8> {
    let keys = definition.spec.keys();
    let fixed = keys.get(..order.fixed).unwrap_or_default();
    let length = prefix_len(range, fixed.iter().map(|key| key.descending));
    let mut bytes = range.get(..length).unwrap_or_default().to_vec();
    let sort = query.order();
    let values = sort.deciding_keys().iter().zip(position.values());
    let deciding = values.filter(|(key, _)| fixed.iter().all(|fixed| fixed.path != key.path));
    let own = keys.get(order.fixed..order.fields).unwrap_or_default();
    for ((_, value), key) in deciding.zip(own) {
        let start = bytes.len();
        push_value(&mut bytes, &value);
        if key.descending {
            invert(&mut bytes, start);
        }
    }
    bytes
}
