//! Edges of a whole frontier, followed by one search that an index answers alone.

use std::collections::{BTreeSet, HashMap, HashSet};

use bson::raw::RawBsonRef;
use bson::{Bson, Document as Fields, Timestamp, doc};
use foldhash::fast::RandomState;

use super::batches::Batches;
use super::reader::Reader;
use crate::error::{Error, Result};
use crate::expansion::{Adjacent, Direction, EntitySet, Expansion};
use crate::id::{Collection, Handle, Id};

/// How many nodes one command names.
const IDS: usize = 10_000;

/// An edge, as the index tells it.
struct Edge {
    id: Id,
    source: Id,
    target: Id,
    bidirectional: bool,
}

/// Follows edges from all nodes of `from`, all of it as it was at one point in time.
///
/// It asks twice: for the edges, and which of the nodes at their ends exist.
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
    let (edges, time) = edges(reader, &starts, expansion).await?;
    let mut steps: Vec<(u32, &Edge, &Id)> = Vec::new();
    let mut named: BTreeSet<&Id> = BTreeSet::new();
    for edge in &edges {
        let forward = expansion.direction != Direction::In || edge.bidirectional;
        let backward = expansion.direction != Direction::Out || edge.bidirectional;
        // A loop is followed once.
        let backward = backward && !(forward && edge.source == edge.target);
        for (start, end, is_followed) in
            [(&edge.source, &edge.target, forward), (&edge.target, &edge.source, backward)]
        {
            if is_followed && expansion.nodes.contains(end) {
                let own = origins.get(start).map(Vec::as_slice).unwrap_or_default();
                steps.extend(own.iter().map(|origin| (*origin, edge, end)));
            }
        }
    }
    for (_, edge, _) in &steps {
        named.extend([&edge.source, &edge.target]);
    }
    let named: Vec<&Id> = named.into_iter().collect();
    let existing = existing(reader, &named, time).await?;
    steps.retain(|(_, edge, _)| existing.contains(&edge.source) && existing.contains(&edge.target));
    steps.sort_by(|(a, x, _), (b, y, _)| a.cmp(b).then_with(|| x.id.cmp_creation(&y.id)));
    let adjacent = steps.into_iter().map(|(origin, edge, node)| {
        let edge = expansion.with_edges.then(|| Handle::from(&edge.id));
        Adjacent::new(origin, edge, Handle::from(node))
    });
    Ok(adjacent.collect())
}

/// The edges that can be followed from some of `starts`, in whichever order.
async fn edges(
    reader: &Reader,
    starts: &[&Id],
    expansion: &Expansion,
) -> Result<(Vec<Edge>, Option<Timestamp>)> {
    let mut edges = Vec::new();
    let mut seen: HashSet<Id, RandomState> = HashSet::default();
    let mut time = None;
    for chunk in starts.chunks(IDS) {
        let command = doc! {
            "find": Collection::Edge.name(),
            "filter": filter(chunk, expansion),
            "projection": { "_id": 1, "source": 1, "target": 1, "bidirectional": 1 },
            "batchSize": 100_000,
            "maxTimeMS": reader.max_time(),
        };
        let mut batches = Batches::begin(reader, command, time).await?;
        time = batches.time();
        while let Some(batch) = batches.next(reader).await? {
            batch.each(|_, raw| {
                let edge = read(raw)?;
                // An edge between nodes of two commands is found by both.
                if starts.len() <= IDS || seen.insert(edge.id.clone()) {
                    edges.push(edge);
                }
                Ok(())
            })?;
        }
    }
    Ok((edges, time))
}

/// What an edge must look like to be followed from some of `starts`.
fn filter(starts: &[&Id], expansion: &Expansion) -> Fields {
    let texts: Vec<Bson> = starts.iter().map(|id| Bson::String(id.to_string())).collect();
    let at = |end: &str, texts: Vec<Bson>| {
        let mut filter = doc! { end: { "$in": texts } };
        match &expansion.edges {
            EntitySet::Any => {}
            EntitySet::One(name) => drop(filter.insert("entity", name.as_str())),
            EntitySet::Several(names) => {
                let names: Vec<Bson> = names.iter().map(|name| Bson::from(name.as_str())).collect();
                filter.insert("entity", doc! { "$in": names });
            }
        }
        filter
    };
    let (mut out, mut into) = (at("source", texts.clone()), at("target", texts));
    // Where nothing is stored, an edge can be followed from either end.
    match expansion.direction {
        Direction::Out => drop(into.insert("bidirectional", doc! { "$ne": false })),
        Direction::In => drop(out.insert("bidirectional", doc! { "$ne": false })),
        Direction::Both => {}
    }
    let touching = doc! { "$or": [out, into] };
    if expansion.edge_filter.is_all() {
        return touching;
    }
    doc! { "$and": [touching, expansion.edge_filter.to_document()] }
}

fn read(raw: &bson::RawDocument) -> Result<Edge> {
    let lacking = |field: &'static str| {
        Error::corrupt("stored edge has an envelope that is not ours").with("field", field)
    };
    let text = |field: &'static str| match raw.get(field) {
        Ok(Some(RawBsonRef::String(text))) => Id::parse_stored(text).map_err(|error| {
            lacking(field).with("found", format_args!("{text:?}")).with_source(error)
        }),
        _ => Err(lacking(field)),
    };
    Ok(Edge {
        id: text("_id")?,
        source: text("source")?,
        target: text("target")?,
        bidirectional: !matches!(raw.get("bidirectional"), Ok(Some(RawBsonRef::Boolean(false)))),
    })
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
