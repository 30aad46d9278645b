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
use crate::expansion::{Adjacent, Direction, EntitySet, Expansion, Place};
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
#[derive(Clone)]
struct Step {
    edge: Id,
    from: Id,
    to: Id,
}

/// Follows edges from all nodes of `from`, all of it as it was at one point in time.
///
/// It asks for the edges, and, unless the expansion may dangle, which of the nodes at their ends exist. Only an answer with
/// a limit that is less than what there is takes more: see [`next_page`].
pub(super) async fn neighbors(
    reader: &Reader,
    from: &[Handle],
    expansion: &Expansion,
) -> Result<Vec<Adjacent>> {
    if u32::try_from(from.len()).is_err() {
        return Err(Error::limit("too many start nodes").with("limit", u32::MAX));
    }
    let is_none = |set: &EntitySet| matches!(set, EntitySet::Several(names) if names.is_empty());
    let is_node = |start: &Handle| start.id().collection() == Collection::Node;
    let limit = expansion.limit.unwrap_or(usize::MAX);
    if limit == 0
        || !from.iter().any(is_node)
        || is_none(&expansion.edges)
        || is_none(&expansion.nodes)
    {
        reader.check_open().await?;
        return Ok(Vec::new());
    }
    let asking = Asking { reader, from, expansion };
    let mut begin = Some(Begin::new(expansion));
    let (mut found, mut time) = (Vec::new(), None);
    // Edges that lead nowhere leave room for others.
    while let Some(place) = begin.take_if(|_| found.len() < limit) {
        let Page { mut steps, next, time: seen } =
            asking.next_page(&place, limit - found.len(), time).await?;
        (begin, time) = (next, seen);
        steps.retain(|(_, step)| expansion.nodes.contains(&step.to));
        if !expansion.may_dangle {
            let ends = steps.iter().flat_map(|(_, step)| [&step.from, &step.to]);
            let named: BTreeSet<&Id> = ends.collect();
            let named: Vec<&Id> = named.into_iter().collect();
            let existing = existing(reader, &named, time).await?;
            steps.retain(|(_, step)| existing.contains(&step.from) && existing.contains(&step.to));
        }
        found.extend(steps.into_iter().map(|(origin, step)| {
            Adjacent::new(origin, Some(Handle::from(&step.edge)), Handle::from(&step.to))
        }));
    }
    expansion.hide_edges(&mut found);
    Ok(found)
}

/// What is asked for.
#[derive(Clone, Copy)]
struct Asking<'a> {
    reader: &'a Reader,
    from: &'a [Handle],
    expansion: &'a Expansion,
}

/// Where a page begins: at a start node, behind one of its edges or at the first.
struct Begin {
    origin: u32,
    edge: Option<Id>,
}

/// Steps in order, with the places of their start nodes.
struct Page {
    steps: Vec<(u32, Step)>,
    /// Where the next begins; none after the last.
    next: Option<Begin>,
    time: Option<Timestamp>,
}

/// The places of start nodes.
type Origins<'a> = HashMap<&'a Id, Vec<u32>, RandomState>;

impl Begin {
    fn new(expansion: &Expansion) -> Self {
        match expansion.after.clone() {
            Some(Place { origin, edge, .. }) => Self { origin, edge: Some(edge) },
            None => Self { origin: 0, edge: None },
        }
    }
}

impl Asking<'_> {
    /// At most `room` steps.
    ///
    /// Mostly they are all there are, and one search finds them. Otherwise the edges of each node are counted: those of the
    /// first nodes make a page if there is room for them, and if not, those of the first node are sorted on the server,
    /// which keeps no more of them than the page has.
    async fn next_page(self, begin: &Begin, room: usize, time: Option<Timestamp>) -> Result<Page> {
        if let Some(edge) = &begin.edge {
            return self.hub(begin.origin, Some(edge), room, time).await;
        }
        let origins = self.origins(begin.origin, self.from.len());
        if origins.is_empty() {
            return Ok(Page { steps: Vec::new(), next: None, time });
        }
        let (steps, time) = self.steps(&origins, Some(room), time).await?;
        let times = |step: &Step| origins.get(&step.from).map_or(0, Vec::len);
        if let Some(steps) = steps
            && steps.iter().map(times).sum::<usize>() <= room
        {
            return Ok(Page { steps: placed(steps, &origins), next: None, time });
        }
        let (counts, time) = self.counts(&origins, time).await?;
        let mut end = begin.origin;
        let mut total = 0;
        for start in self.rest(begin.origin) {
            total += counts.get(start.id()).copied().unwrap_or(0);
            if total > room {
                break;
            }
            end += 1;
        }
        if end == begin.origin {
            return self.hub(begin.origin, None, room, time).await;
        }
        let origins = self.origins(begin.origin, usize::try_from(end).unwrap_or(usize::MAX));
        let (steps, time) = self.steps(&origins, None, time).await?;
        let steps = placed(steps.unwrap_or_default(), &origins);
        Ok(Page { steps, next: self.at(end), time })
    }

    /// The start nodes from `origin` on.
    fn rest(&self, origin: u32) -> &[Handle] {
        usize::try_from(origin).ok().and_then(|origin| self.from.get(origin..)).unwrap_or_default()
    }

    /// The place of a start node, if there is one.
    fn at(&self, origin: u32) -> Option<Begin> {
        (!self.rest(origin).is_empty()).then_some(Begin { origin, edge: None })
    }

    fn origins(&self, first: u32, end: usize) -> Origins<'_> {
        let mut origins = Origins::default();
        let count = end.saturating_sub(usize::try_from(first).unwrap_or(usize::MAX));
        for (origin, start) in (first..).zip(self.rest(first).iter().take(count)) {
            if start.id().collection() == Collection::Node {
                origins.entry(start.id()).or_default().push(origin);
            }
        }
        origins
    }

    /// The steps that can be made from some nodes, in whichever order; `None` when there may be more than `most`.
    async fn steps(
        self,
        starts: &Origins<'_>,
        most: Option<usize>,
        mut time: Option<Timestamp>,
    ) -> Result<(Option<Vec<Step>>, Option<Timestamp>)> {
        let mut steps = Vec::new();
        let mut rows = 0;
        let starts: Vec<&Id> = starts.keys().copied().collect();
        for chunk in starts.chunks(IDS) {
            for mut pipeline in pipelines(chunk, self.expansion, self.reader.is_inside()) {
                pipeline.extend(most.map(|most| at_most(most.saturating_add(1))));
                let direction = self.expansion.direction;
                let show = |raw: &bson::RawDocument| {
                    rows += 1;
                    steps.extend(read(raw, direction)?);
                    Ok(())
                };
                time = self.aggregate(pipeline, time, show).await?;
                if most.is_some_and(|most| rows > most) {
                    return Ok((None, time));
                }
            }
        }
        Ok((Some(steps), time))
    }

    /// How many steps can be made from each of the nodes; the two ways over one loop may be counted.
    async fn counts(
        self,
        starts: &Origins<'_>,
        mut time: Option<Timestamp>,
    ) -> Result<(HashMap<Id, usize, RandomState>, Option<Timestamp>)> {
        let mut counts = HashMap::default();
        let starts: Vec<&Id> = starts.keys().copied().collect();
        let end = doc! { "$ifNull": [format!("${FROM}"), format!("${SOURCE}")] };
        for chunk in starts.chunks(IDS) {
            for mut pipeline in pipelines(chunk, self.expansion, self.reader.is_inside()) {
                pipeline.push(doc! { "$group": { "_id": &end, "count": { "$sum": 1_i64 } } });
                time = self
                    .aggregate(pipeline, time, |raw| {
                        if let (
                            Ok(Some(RawBsonRef::String(id))),
                            Ok(Some(RawBsonRef::Int64(count))),
                        ) = (raw.get("_id"), raw.get("count"))
                        {
                            let counted: &mut usize =
                                counts.entry(Id::parse_stored(id)?).or_default();
                            *counted += usize::try_from(count).unwrap_or_default();
                        }
                        Ok(())
                    })
                    .await?;
            }
        }
        Ok((counts, time))
    }

    /// The first steps from one start node, those behind `after`.
    async fn hub(
        self,
        origin: u32,
        after: Option<&Id>,
        room: usize,
        mut time: Option<Timestamp>,
    ) -> Result<Page> {
        let direction = self.expansion.direction;
        let start = self.rest(origin).first();
        let mut steps: Vec<Step> = Vec::new();
        if let Some(start) = start.filter(|start| start.id().collection() == Collection::Node) {
            for mut pipeline in pipelines(&[start.id()], self.expansion, self.reader.is_inside()) {
                pipeline.extend(in_order(direction, after));
                pipeline.push(at_most(room.saturating_add(1)));
                time = self
                    .aggregate(pipeline, time, |raw| {
                        steps.extend(read(raw, direction)?);
                        Ok(())
                    })
                    .await?;
            }
        }
        steps.sort_by(|a, b| a.edge.cmp_creation(&b.edge));
        let is_cut = steps.len() > room;
        steps.truncate(room);
        let last = steps.last().filter(|_| is_cut).map(|step| step.edge.clone());
        let next = match last {
            Some(edge) => Some(Begin { origin, edge: Some(edge) }),
            None => self.at(origin.saturating_add(1)),
        };
        Ok(Page { steps: steps.into_iter().map(|step| (origin, step)).collect(), next, time })
    }

    /// Shows all that a pipeline over the edges comes to.
    async fn aggregate(
        self,
        pipeline: Vec<Fields>,
        time: Option<Timestamp>,
        mut show: impl FnMut(&bson::RawDocument) -> Result<()>,
    ) -> Result<Option<Timestamp>> {
        let command = doc! {
            "aggregate": Collection::Edge.name(),
            "pipeline": pipeline,
            "cursor": { "batchSize": 100_000 },
            "maxTimeMS": self.reader.max_time(),
        };
        let mut batches = Batches::begin(self.reader, command, time).await?;
        let time = batches.time();
        while let Some(batch) = batches.next(self.reader).await? {
            batch.each(|_, raw| show(raw))?;
        }
        Ok(time)
    }
}

/// Steps in the order of their answer: of start nodes given several times, as many times.
fn placed(steps: Vec<Step>, origins: &Origins<'_>) -> Vec<(u32, Step)> {
    let mut placed: Vec<(u32, Step)> = Vec::with_capacity(steps.len());
    for step in steps {
        let own = origins.get(&step.from).map(Vec::as_slice).unwrap_or_default();
        placed.extend(own.iter().map(|origin| (*origin, step.clone())));
    }
    placed.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.edge.cmp_creation(&y.edge)));
    placed
}

fn at_most(steps: usize) -> Fields {
    doc! { "$limit": i64::try_from(steps).unwrap_or(i64::MAX) }
}

/// What puts steps in the order of creation on the server, those behind `after`, by a text that sorts as the edges do.
/// The second of the two ways over a loop is left out.
fn in_order(direction: Direction, after: Option<&Id>) -> [Fields; 4] {
    let key = doc! { "$cond": [
        { "$regexMatch": { "input": "$_id", "regex": "^.\\.[^.]+\\.[0-9a-f]{24}\\z" } },
        { "$concat": [
            "0",
            { "$substrBytes": ["$_id", { "$subtract": [{ "$strLenBytes": "$_id" }, 24] }, 24] },
            "$_id",
        ] },
        { "$concat": ["1", "$_id"] },
    ] };
    let (from, to) = if direction == Direction::In { (SOURCE, TARGET) } else { (FROM, TO) };
    let is_second = doc! { "$and": [
        { "$ne": [{ "$type": format!("${from}") }, "missing"] },
        { "$eq": [format!("${from}"), format!("${to}")] },
    ] };
    let last = after.map_or_else(String::new, |edge| match edge.generated_key() {
        Some(_) => {
            let text = edge.to_string();
            format!("0{}{text}", text.get(text.len() - 24..).unwrap_or_default())
        }
        None => format!("1{edge}"),
    });
    [
        doc! { "$set": { "key": { "$cond": [is_second, Bson::Null, key] } } },
        doc! { "$match": { "key": { "$gt": last } } },
        doc! { "$sort": { "key": 1 } },
        doc! { "$unset": "key" },
    ]
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
