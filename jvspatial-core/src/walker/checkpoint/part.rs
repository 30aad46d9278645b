//! What there is much of in a checkpoint, in documents of bounded size.

use std::time::Duration;

use bson::Binary;
use bson::spec::BinarySubtype;
use jvspatial_db::{Direction, EntityName, EntitySet, Expansion, Filter, Id};
use serde::{Deserialize, Serialize};

use super::remote::StepOutcomeDef;
use crate::error::{Error, ErrorKind, Result};
use crate::walker::trail::StepOutcome;

/// About how many bytes a part has at most, however it is encoded.
const PART_BYTES: usize = 768 * 1024;

/// What an entry takes besides its ids and texts, and more.
const ENTRY_BYTES: usize = 96;

/// A piece of what there is much of. Each list goes on in the next part.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Part {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) past: Vec<Past>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ways: Vec<(Id, Option<u64>)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) waiting: Vec<Waiting>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) expansions: Vec<Followed>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) wishes: Vec<Wish>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) open: Vec<Open>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) trail: Vec<Trod>,
}

/// Something that has happened to a node or an edge, of which only the sum matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::walker) enum Past {
    /// It need not be met again.
    #[serde(rename = "m")]
    Met(Id),
    /// It may be met again.
    #[serde(rename = "f")]
    Forgotten(Id),
    /// It was visited, where that is counted.
    #[serde(rename = "v")]
    Visited(Id),
    /// It is to be visited anew for a conflict.
    #[serde(rename = "r")]
    Retried(Id),
}

/// A node or edge that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) id: Id,
    pub(super) depth: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) again: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rank: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) origin: Option<Origin>,
}

/// How it was met.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) step: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) edge: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ahead: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) way: Option<u64>,
}

/// An expansion that hooks asked to follow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Followed {
    way: Way,
    /// Absent for all types.
    edges: Option<Vec<String>>,
    nodes: Option<Vec<String>>,
    /// As bytes, because the names of fields may not begin as operators do.
    filter: Binary,
    with_edges: bool,
    pub(super) visits_edges: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Way {
    Out,
    In,
    Both,
}

/// What a hook asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Wish {
    /// The node from which to follow, or what to visit itself.
    pub(super) id: Id,
    /// Which of the expansions; absent for a visit of `id` itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expansion: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) edge: Option<Id>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) again: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rank: Option<f64>,
    pub(super) step: u64,
    pub(super) depth: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) way: Option<u64>,
}

/// A visit that is not left yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) step: u64,
    pub(super) id: Id,
    pub(super) depth: u32,
    pub(super) parent: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) way: Option<u64>,
    pub(super) below: u64,
    pub(super) is_done: bool,
}

/// A visit of the trail.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Trod {
    pub(super) sequence: u64,
    pub(super) entity: Id,
    pub(super) edge: Option<Id>,
    pub(super) parent: Option<u64>,
    pub(super) depth: u32,
    pub(super) at: Duration,
    #[serde(with = "StepOutcomeDef")]
    pub(super) outcome: StepOutcome,
}

/// Parts as they fill.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) full: Vec<Part>,
    bytes: usize,
}

impl Parts {
    /// The part for an entry with `ids`, and with so many `bytes` of anything else.
    pub(super) fn for_entry<'a>(
        &mut self,
        ids: impl IntoIterator<Item = &'a Id>,
        bytes: usize,
    ) -> &mut Part {
        let texts: usize = ids.into_iter().map(Id::text_len).sum();
        let bytes = texts + bytes + ENTRY_BYTES;
        if self.full.is_empty() || self.bytes + bytes > PART_BYTES {
            self.full.push(Part::default());
            self.bytes = 0;
        }
        self.bytes += bytes;
        let last = self.full.len() - 1;
        &mut self.full[last]
    }
}

impl Past {
    pub(super) const fn id(&self) -> &Id {
        match self {
            Self::Met(id) | Self::Forgotten(id) | Self::Visited(id) | Self::Retried(id) => id,
        }
    }
}

impl Followed {
    pub(super) fn of(expansion: &Expansion, visits_edges: bool) -> Result<Self> {
        let filter = expansion.edge_filter.to_document();
        let bytes = filter.to_vec().map_err(|error| {
            Error::new(ErrorKind::Invalid, "filter cannot be stored").with("error", error)
        })?;
        Ok(Self {
            way: match expansion.direction {
                Direction::Out => Way::Out,
                Direction::In => Way::In,
                Direction::Both => Way::Both,
            },
            edges: names(&expansion.edges),
            nodes: names(&expansion.nodes),
            filter: Binary { subtype: BinarySubtype::Generic, bytes },
            with_edges: expansion.with_edges,
            visits_edges,
        })
    }

    /// How many bytes it takes besides what an entry does.
    pub(super) fn bytes(&self) -> usize {
        let texts = [&self.edges, &self.nodes].into_iter().flatten().flatten();
        // Bytes are spelled by a third more of them.
        self.filter.bytes.len() * 4 / 3 + texts.map(|text| text.len() + 16).sum::<usize>()
    }

    pub(super) fn to_expansion(&self) -> Result<Expansion> {
        let mut expansion = Expansion::new(match self.way {
            Way::Out => Direction::Out,
            Way::In => Direction::In,
            Way::Both => Direction::Both,
        });
        let filter = bson::Document::from_reader(&*self.filter.bytes).map_err(|error| {
            Error::new(ErrorKind::Corrupt, "filter of a checkpoint cannot be read")
                .with("error", error)
        })?;
        expansion.edges = set(self.edges.as_deref())?;
        expansion.nodes = set(self.nodes.as_deref())?;
        expansion.edge_filter = Filter::parse(&filter)?;
        expansion.with_edges = self.with_edges;
        expansion.may_dangle = true;
        Ok(expansion)
    }
}

fn names(set: &EntitySet) -> Option<Vec<String>> {
    match set {
        EntitySet::Any => None,
        EntitySet::One(name) => Some(vec![name.as_str().to_owned()]),
        EntitySet::Several(names) => {
            Some(names.iter().map(|name| name.as_str().to_owned()).collect())
        }
    }
}

fn set(names: Option<&[String]>) -> Result<EntitySet> {
    let Some(names) = names else { return Ok(EntitySet::Any) };
    let names: jvspatial_db::Result<Vec<_>> =
        names.iter().map(|name| EntityName::new(name)).collect();
    let names = names?;
    Ok(match names.as_slice() {
        [name] => EntitySet::One(*name),
        _ => EntitySet::Several(names.into()),
    })
}
