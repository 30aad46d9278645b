//! Edges of a whole frontier, followed by one search that indexes answer alone.

use std::collections::{BTreeSet, HashMap, HashSet};

use bson::raw::RawBsonRef;
use bson::{Bson, Document as Fields, Timestamp, doc};
use foldhash::fast::RandomState;

use super::batches::Batches;
use super::filters::for_server;
use super::indexes::undirected;
use super::reader::Reader;
use crate::error::{Error, Result};
use crate::expansion::{Adjacent, Direction, EntitySet, Expansion};
use crate::id::{Collection, Handle, Id};

/// How many nodes one command names.
const IDS: usize = 10_000;

/// The names of an edge's ends as they are stored.
const SOURCE: &str = "source";
const TARGET: &str = "target";

/// The names of the ends in a reply, for an edge that is followed backward.
const FROM: &str = "from";
const TO: &str = "to";

/// An edge from one of the nodes to its other end.
struct Step {
    edge: Id,
    from: Id,
    to: Id,
}

/// Follows edges from all nodes of `from`, all of it as it was at one point in time.
///
/// It asks for the edges, and, unless the expansion may dangle, which of the nodes at their ends exist.
pub(super) async fn neighbors(
    reader: &Reader,
    from: &[Handle],
    expansion: &Expansion,
) -> Result<Vec<Adjacent>> {
    if u32::try_from(from.len()).is_err() {
        return Err(Error::limit("too many start nodes").with("limit", u32::MAX));
    }
    let mut origins: HashMap<&Id, Vec<u32>, RandomState> = HashMap::default();
    for (origin, start) in (0_u32..).zip(from) {
        if start.id().collection() == Collection::Node {
            origins.entry(start.id()).or_default().push(origin);
        }
    }
    let is_none = |set: &EntitySet| matches!(set, EntitySet::Several(names) if names.is_empty());
    if origins.is_empty() || is_none(&expansion.edges) || is_none(&expansion.nodes) {
        reader.check_open().await?;
        return Ok(Vec::new());
    }
    let starts: Vec<&Id> = origins.keys().copied().collect();
    let (mut steps, time) = steps(reader, &starts, expansion).await?;
    steps.retain(|step| expansion.nodes.contains(&step.to));
    if !expansion.may_dangle {
        let named: BTreeSet<&Id> = steps.iter().flat_map(|step| [&step.from, &step.to]).collect();
        let named: Vec<&Id> = named.into_iter().collect();
        let existing = existing(reader, &named, time).await?;
        steps.retain(|step| existing.contains(&step.from) && existing.contains(&step.to));
    }
    let mut taken: Vec<(u32, &Step)> = Vec::with_capacity(steps.len());
    for step in &steps {
        let own = origins.get(&step.from).map(Vec::as_slice).unwrap_or_default();
        taken.extend(own.iter().map(|origin| (*origin, step)));
    }
    taken.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.edge.cmp_creation(&y.edge)));
    let adjacent = taken.into_iter().map(|(origin, step)| {
        let edge = expansion.with_edges.then(|| Handle::from(&step.edge));
        Adjacent::new(origin, edge, Handle::from(&step.to))
    });
    Ok(adjacent.collect())
}

/// The steps that can be made from `starts`, in whichever order.
async fn steps(
    reader: &Reader,
    starts: &[&Id],
    expansion: &Expansion,
) -> Result<(Vec<Step>, Option<Timestamp>)> {
    let mut steps = Vec::new();
    let mut time = None;
    for chunk in starts.chunks(IDS) {
        for pipeline in pipelines(chunk, expansion, reader.is_inside()) {
            let command = doc! {
                "aggregate": Collection::Edge.name(),
                "pipeline": pipeline,
                "cursor": { "batchSize": 100_000 },
                "maxTimeMS": reader.max_time(),
            };
            let mut batches = Batches::begin(reader, command, time).await?;
            time = batches.time();
            while let Some(batch) = batches.next(reader).await? {
                batch.each(|_, raw| {
                    steps.extend(read(raw, expansion.direction)?);
                    Ok(())
                })?;
            }
        }
    }
    Ok((steps, time))
}

/// What finds the steps: the edges that leave some of `starts` and those that come to them, each by an index of its
/// own. One condition for both could not be answered without a look at the edges, and a transaction takes no union.
///
/// Those that can be followed either way are read, since an index does not tell a `null` from nothing stored.
fn pipelines(starts: &[&Id], expansion: &Expansion, is_inside: bool) -> Vec<Vec<Fields>> {
    let texts: Vec<Bson> = starts.iter().map(|id| Bson::String(id.to_string())).collect();
    let matching = |end: &str, texts: Vec<Bson>, is_undirected: bool| {
        let mut filter = doc! { end: { "$in": texts } };
        match &expansion.edges {
            EntitySet::Any => {}
            EntitySet::One(name) => drop(filter.insert("entity", name.as_str())),
            EntitySet::Several(names) => {
                let names: Vec<Bson> = names.iter().map(|name| Bson::from(name.as_str())).collect();
                filter.insert("entity", doc! { "$in": names });
            }
        }
        if is_undirected {
            filter.insert("bidirectional", undirected());
        }
        if !expansion.edge_filter.is_all() {
            filter = doc! { "$and": [filter, for_server(&expansion.edge_filter)] };
        }
        doc! { "$match": filter }
    };
    let leaving = matching(SOURCE, texts.clone(), expansion.direction == Direction::In);
    let coming = matching(TARGET, texts, expansion.direction == Direction::Out);
    let (source, target) = (format!("${SOURCE}"), format!("${TARGET}"));
    let mut leaving = vec![leaving, doc! { "$project": { "_id": 1, SOURCE: 1, TARGET: 1 } }];
    let coming = vec![coming, doc! { "$project": { "_id": 1, FROM: target, TO: source } }];
    if is_inside {
        return vec![leaving, coming];
    }
    leaving.push(doc! { "$unionWith": { "coll": Collection::Edge.name(), "pipeline": coming } });
    vec![leaving]
}

/// The step that a reply tells; none for the second of the two that lead back to where they began.
fn read(raw: &bson::RawDocument, direction: Direction) -> Result<Option<Step>> {
    let is_forward = matches!(raw.get(SOURCE), Ok(Some(_)));
    let (from, to) = if is_forward { (SOURCE, TARGET) } else { (FROM, TO) };
    let lacking = |field: &'static str| {
        Error::corrupt("stored edge has an envelope that is not ours").with("field", field)
    };
    let text = |field: &'static str, shown: &'static str| match raw.get(field) {
        Ok(Some(RawBsonRef::String(text))) => Id::parse_stored(text).map_err(|error| {
            lacking(shown).with("found", format_args!("{text:?}")).with_source(error)
        }),
        _ => Err(lacking(shown)),
    };
    let ends = if is_forward { (SOURCE, TARGET) } else { (TARGET, SOURCE) };
    let step = Step { edge: text("_id", "_id")?, from: text(from, ends.0)?, to: text(to, ends.1)? };
    // A loop that can be followed either way is found both ways.
    let is_second = step.from == step.to && is_forward == (direction == Direction::In);
    Ok((!is_second).then_some(step))
}

/// Which of the nodes exist.
async fn existing(
    reader: &Reader,
    nodes: &[&Id],
    mut time: Option<Timestamp>,
) -> Result<HashSet<Id, RandomState>> {
    let mut existing: HashSet<Id, RandomState> = HashSet::default();
    for nodes in nodes.chunks(IDS) {
        let texts: Vec<Bson> = nodes.iter().map(|id| Bson::String(id.to_string())).collect();
        let command = doc! {
            "find": Collection::Node.name(),
            "filter": { "_id": { "$in": texts } },
            "projection": { "_id": 1 },
            "batchSize": 100_000,
            "maxTimeMS": reader.max_time(),
        };
        let mut batches = Batches::begin(reader, command, time).await?;
        time = batches.time();
        while let Some(batch) = batches.next(reader).await? {
            batch.each(|_, raw| {
                if let Ok(Some(RawBsonRef::String(text))) = raw.get("_id") {
                    existing.insert(Id::parse_stored(text)?);
                }
                Ok(())
            })?;
        }
    }
    Ok(existing)
}
