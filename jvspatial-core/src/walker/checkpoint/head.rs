//! What there is once of a checkpoint.

use std::time::Duration;

use jvspatial_db::Id;
use serde::{Deserialize, Serialize};

use super::remote::{
    EndedDef, LimitDef, OnConflictDef, OnErrorDef, OnFullDef, StatsDef, UniquenessDef, bound,
};
use crate::walker::frontier::Order;
use crate::walker::limits::Limit;
use crate::walker::outcome::{Ended, Stats};
use crate::walker::policy::{OnConflict, OnError, OnFull};
use crate::walker::visited::Uniqueness;

/// The way in which all of it is stored. A version that has another refuses what it cannot read.
pub(super) const FORMAT: u32 = 1;

/// What is stored as the head, together with the walker.
#[derive(Debug, Serialize)]
pub(super) struct Whole<'a, W> {
    pub(super) head: &'a Head,
    pub(super) state: &'a W,
}

/// What is read of it where the walker is not known, or not wanted.
#[derive(Debug, Deserialize)]
pub(super) struct Headed {
    pub(super) head: Head,
}

/// What is read of it where it is.
#[derive(Debug, Deserialize)]
pub(super) struct Stated<W> {
    pub(super) state: W,
}

/// How far a walk has come, and where the rest of it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) format: u32,
    pub(super) name: String,
    pub(super) walker: String,
    pub(super) walker_version: u32,
    /// The beginning of the keys of its parts.
    pub(super) token: String,
    /// How many parts with what was met are full; each checkpoint may add some.
    pub(super) past_parts: u32,
    /// The parts with everything else are those of this generation.
    pub(super) generation: u64,
    pub(super) parts: u32,
    pub(super) at: At,
    pub(super) course: Course,
    pub(super) progress: Progress,
}

/// Where the walk goes on.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(in crate::walker) enum At {
    /// After the visits of a chunk, of which this is the first, or would have been.
    Chunk(u64),
    /// With the hooks for its end.
    End(#[serde(with = "EndedDef")] Ended),
}

/// How a walk was asked to go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::walker) struct Course {
    pub(super) order: Order,
    #[serde(with = "UniquenessDef")]
    pub(super) uniqueness: Uniqueness,
    pub(super) start: Option<Id>,
    #[serde(with = "bound")]
    pub(super) every: usize,
    pub(super) chunk_size: usize,
    pub(super) batch_size: usize,
    pub(super) batch_age: Option<Duration>,
    #[serde(with = "bound")]
    pub(super) trail: usize,
    #[serde(with = "OnErrorDef")]
    pub(super) on_error: OnError,
    #[serde(with = "OnConflictDef")]
    pub(super) on_conflict: OnConflict,
    #[serde(with = "OnFullDef")]
    pub(super) on_full: OnFull,
    pub(super) hook_timeout: Option<Duration>,
    #[serde(with = "bound")]
    pub(super) max_frontier: usize,
    #[serde(with = "bound")]
    pub(super) max_errors: usize,
    /// The limits that there are none of by default.
    pub(super) limits: Vec<Bound>,
}

/// A limit that was set.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Bound(#[serde(with = "LimitDef")] pub(super) Limit);

/// How far a walk has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) step: u64,
    pub(super) depth: u32,
    pub(super) depth_reached: bool,
    pub(super) waiting: u64,
    pub(super) reported: u64,
    pub(super) errors: u64,
    pub(super) conflicts: u64,
    /// How many writes hooks have asked for.
    pub(super) asked: u64,
    /// Writes that came to nothing.
    pub(super) lost: u64,
    pub(super) forgotten_steps: u64,
    #[serde(with = "StatsDef")]
    pub(super) stats: Stats,
}
