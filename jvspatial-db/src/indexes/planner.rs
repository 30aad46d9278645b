//! Which index answers a query, and which of its keys have to be looked at.
//!
//! A filter is taken as a list of predicates that all have to hold. An index is read from the first field
//! that they bound on: by equality as long as there is one, then within a range, and no further.

use super::bounds::{FieldBounds, advance};
use super::spec::{IndexKey, IndexSpec};
use crate::entity_name::EntityName;
use crate::error::{Error, Result};
use crate::filter::{FieldPath, Filter, Node};
use crate::query::Query;

/// The most ranges of one plan; beyond that, fields are left to the filter.
const MAX_RANGES: usize = 1024;

/// An index that a query may use.
pub(crate) trait Candidate {
    fn spec(&self) -> &IndexSpec;
    /// The only type of documents that it holds.
    fn entity(&self) -> Option<EntityName>;
    /// A bit for each field that has led through an array in some document.
    fn multikey(&self) -> u32;
    /// How many keys there are in these ranges, roughly from some thousand on.
    fn estimate(&self, ranges: &[KeyRange]) -> u64;
}

impl<C: Candidate> Candidate for &C {
    fn spec(&self) -> &IndexSpec {
        (**self).spec()
    }

    fn entity(&self) -> Option<EntityName> {
        (**self).entity()
    }

    fn multikey(&self) -> u32 {
        (**self).multikey()
    }

    fn estimate(&self, ranges: &[KeyRange]) -> u64 {
        (**self).estimate(ranges)
    }
}

/// A part of an index: from the first bytes on and below the second.
pub(crate) type KeyRange = (Vec<u8>, Vec<u8>);

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub filter: &'a Filter,
    /// The fields to sort by, and whether the greatest value comes first.
    pub sort: &'a [(FieldPath, bool)],
    /// How many documents are wanted, those passed over included.
    pub limit: Option<u64>,
    /// The name of the index to use.
    pub hint: Option<&'a str>,
}

impl<'a> Question<'a> {
    /// What `query` asks, which is to come in the order of `sort`.
    pub(crate) fn of(query: &'a Query, sort: &'a [(FieldPath, bool)]) -> Self {
        Self {
            filter: &query.filter,
            sort,
            limit: query.limit.map(|limit| limit.saturating_add(query.skip)),
            hint: query.hint.as_deref(),
        }
    }
}

/// How an index answers a query.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(feature = "json"),
    expect(dead_code, reason = "the reference backend asks whole filters again")
)]
pub(crate) struct Plan {
    /// Which of the candidates.
    pub candidate: usize,
    /// In the order of the index, apart from each other.
    pub ranges: Vec<KeyRange>,
    /// What is left to ask of a document, the type included unless the index says it.
    pub residual: Filter,
    /// The order that was asked for, if this gives it.
    pub order: Option<Order>,
    /// Whether a document may come several times.
    pub is_multikey: bool,
    /// The bounds of each field that has some.
    pub bounds: Vec<(FieldPath, FieldBounds)>,
    cost: u64,
}

/// How the index gives the order that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// Whether it is read from its end.
    pub backward: bool,
    /// How many fields of the index decide; among documents that are alike in them the id does.
    pub fields: usize,
    /// How many of those have one value each.
    pub fixed: usize,
    /// Whether ids descend.
    pub ids_descend: bool,
}

/// Chooses an index; `None` when the collection is better read as it is.
///
/// # Errors
/// `Invalid` when the index of the hint does not exist, or would leave out documents that match.
pub(crate) fn plan<C: Candidate>(candidates: &[C], question: Question<'_>) -> Result<Option<Plan>> {
    let members = members(question.filter);
    let mut best: Option<Plan> = None;
    let mut hinted = false;
    for (at, candidate) in candidates.iter().enumerate() {
        if let Some(hint) = question.hint {
            if candidate.spec().name() != hint {
                continue;
            }
            hinted = true;
        }
        let is_alone = candidates.len() == 1;
        let Some(plan) = plan_one(at, candidate, members, question, is_alone) else { continue };
        if best.as_ref().is_none_or(|best| plan.is_better_than(best)) {
            best = Some(plan);
        }
    }
    match question.hint {
        Some(hint) if best.is_none() => Err(Error::invalid(if hinted {
            "the index of the hint leaves out documents that may match"
        } else {
            "the index of the hint does not exist"
        })
        .with("index", hint)),
        _ => Ok(best),
    }
}

impl Plan {
    fn is_better_than(&self, other: &Self) -> bool {
        let key = |plan: &Self| (plan.cost, std::cmp::Reverse(plan.bounds.len()));
        key(self) < key(other)
    }
}

/// The predicates that all have to hold.
fn members(filter: &Filter) -> &[Node] {
    match filter.node() {
        Node::All => &[],
        Node::And(members) => members,
        single => std::slice::from_ref(single),
    }
}

fn plan_one<C: Candidate>(
    at: usize,
    candidate: &C,
    members: &[Node],
    question: Question<'_>,
    is_alone: bool,
) -> Option<Plan> {
    let spec = candidate.spec();
    let asks_type = |node: &Node, name: EntityName| match node {
        Node::Equal { path, value } => {
            path.as_str() == "entity" && value.value().as_str() == Some(name.as_str())
        }
        _ => false,
    };
    if let Some(name) = candidate.entity()
        && !members.iter().any(|node| asks_type(node, name))
    {
        return None;
    }
    let held = self::members(spec.filter());
    if !held.iter().all(|held| members.iter().any(|node| implies(node, held))) {
        return None;
    }
    if spec.is_sparse() && !spec.keys().iter().any(|key| is_required(&key.path, members)) {
        return None;
    }
    let mut reading = Reading::new(spec.keys(), candidate.multikey(), members);
    reading.read();
    let order = reading.order(question.sort);
    // Without bounds an index is worth reading for its order alone, and that for a few documents.
    let wanted = question.hint.is_some() || (order.is_some() && question.limit.is_some());
    if reading.bounds.is_empty() && !wanted {
        return None;
    }
    let Reading { bounds, used, ranges, .. } = reading;
    let left = members.iter().enumerate().filter(|(place, node)| {
        !used.contains(place)
            && !held.contains(node)
            && candidate.entity().is_none_or(|name| !asks_type(node, name))
    });
    let residual = Filter::of_members(left.map(|(_, node)| node.clone()));
    let mut cost = if is_alone { 0 } else { candidate.estimate(&ranges) };
    match (order, question.limit) {
        (Some(_), Some(limit)) if residual.is_all() => cost = cost.min(limit),
        (None, _) if !question.sort.is_empty() => cost = cost.saturating_mul(2),
        _ => {}
    }
    let is_multikey = candidate.multikey() != 0;
    Some(Plan { candidate: at, ranges, residual, order, is_multikey, bounds, cost })
}

/// The fields of one index, read from the first on.
struct Reading<'a> {
    keys: &'a [IndexKey],
    multikey: u32,
    members: &'a [Node],
    bounds: Vec<(FieldPath, FieldBounds)>,
    /// The predicates that the bounds say exactly.
    used: Vec<usize>,
    ranges: Vec<KeyRange>,
    /// How many of the first fields have one value each.
    fixed: usize,
}

impl<'a> Reading<'a> {
    const fn new(keys: &'a [IndexKey], multikey: u32, members: &'a [Node]) -> Self {
        Self {
            keys,
            multikey,
            members,
            bounds: Vec::new(),
            used: Vec::new(),
            ranges: Vec::new(),
            fixed: 0,
        }
    }

    fn read(&mut self) {
        let mut prefixes: Vec<Vec<u8>> = vec![Vec::new()];
        let mut met_array = false;
        for (at, key) in self.keys.iter().enumerate() {
            let is_multikey = self.multikey >> at & 1 == 1;
            // Of fields that lie in one array, any element may meet any of their bounds.
            let bounds = if is_multikey && met_array { None } else { self.bound(key, is_multikey) };
            let Some((bounds, used)) = bounds else { break };
            if prefixes.len() * bounds.intervals.len() > MAX_RANGES {
                break;
            }
            met_array |= is_multikey;
            let is_points = bounds.is_points();
            if is_points && bounds.intervals.len() == 1 && self.fixed == at {
                self.fixed += 1;
            }
            let mut ranges = Vec::new();
            let mut points = Vec::new();
            for prefix in &prefixes {
                for interval in &bounds.intervals {
                    if is_points {
                        let mut point = prefix.clone();
                        interval.push_point(&mut point, key.descending);
                        points.push(point);
                    } else {
                        let (low, high) = interval.range(key.descending);
                        ranges.push((
                            [prefix.as_slice(), &low].concat(),
                            [prefix, high.as_slice()].concat(),
                        ));
                    }
                }
            }
            if bounds.is_exact {
                self.used.extend(used);
            }
            self.bounds.push((key.path.clone(), bounds));
            if !is_points {
                ranges.sort_unstable();
                self.ranges = ranges;
                return;
            }
            prefixes = points;
        }
        prefixes.sort_unstable();
        self.ranges = prefixes
            .into_iter()
            .map(|prefix| {
                let mut end = prefix.clone();
                advance(&mut end);
                (prefix, end)
            })
            .collect();
    }

    /// What the predicates ask of one field, and which of them do.
    fn bound(&self, key: &IndexKey, is_multikey: bool) -> Option<(FieldBounds, Vec<usize>)> {
        let mut found: Option<(FieldBounds, Vec<usize>)> = None;
        for (at, node) in self.members.iter().enumerate() {
            if FieldBounds::path_of(node) != Some(&key.path) {
                continue;
            }
            let Some((_, bounds)) = FieldBounds::of(node) else { continue };
            found = Some(match found {
                None => (bounds, vec![at]),
                // Each element may meet another bound, so only one of them counts.
                Some((kept, used)) if is_multikey => {
                    if bounds.is_points() && !kept.is_points() {
                        (bounds, vec![at])
                    } else {
                        (kept, used)
                    }
                }
                Some((kept, mut used)) => {
                    used.push(at);
                    // What is not exact is asked again, the others with it.
                    (kept.intersect(&bounds), used)
                }
            });
        }
        found
    }

    /// How the index gives an order.
    fn order(&self, sort: &[(FieldPath, bool)]) -> Option<Order> {
        if sort.is_empty() || self.multikey != 0 {
            return None;
        }
        let (sort, ids_descend) = match sort.split_last() {
            Some(((path, descending), rest)) if path.as_str() == "_id" => (rest, *descending),
            _ => (sort, false),
        };
        let is_fixed =
            |path: &FieldPath| self.keys.iter().take(self.fixed).any(|key| key.path == *path);
        let mut backward = None;
        let mut at = self.fixed;
        for (path, descending) in sort.iter().filter(|(path, _)| !is_fixed(path)) {
            let key = self.keys.get(at).filter(|key| key.path == *path)?;
            let turns = key.descending != *descending;
            if *backward.get_or_insert(turns) != turns {
                return None;
            }
            at += 1;
        }
        Some(Order {
            backward: backward.unwrap_or(false),
            fields: at,
            fixed: self.fixed,
            ids_descend,
        })
    }
}

/// Whether no document without the field matches.
fn is_required(path: &FieldPath, members: &[Node]) -> bool {
    members.iter().any(|node| match node {
        Node::Exists { path: at } | Node::Type { path: at, .. } => at == path,
        node => {
            FieldBounds::of(node).is_some_and(|(at, bounds)| at == path && bounds.requires_field())
        }
    })
}

/// Whether every document that matches `node` matches `held` too, as far as can be told easily.
fn implies(node: &Node, held: &Node) -> bool {
    if node == held {
        return true;
    }
    if let Node::Exists { path } = held {
        return is_required(path, std::slice::from_ref(node));
    }
    let (Some((path, asked)), Some((at, wide))) = (FieldBounds::of(node), FieldBounds::of(held))
    else {
        return false;
    };
    path == at && asked.is_exact && wide.is_exact && asked.is_within(&wide)
}

#[cfg(test)]
mod tests;
