//! How settings and ends are stored: mirrors of public types, which need not be serde's for that.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::walker::limits::Limit;
use crate::walker::outcome::{Ended, Stats};
use crate::walker::policy::{OnConflict, OnError, OnFull};
use crate::walker::trail::StepOutcome;
use crate::walker::visited::Uniqueness;

#[derive(Serialize, Deserialize)]
#[serde(remote = "Uniqueness")]
pub(super) enum UniquenessDef {
    NodeOnce,
    EdgeOnce,
    PathOnce,
    Unlimited,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "OnError")]
pub(super) enum OnErrorDef {
    Fail,
    Collect,
    Skip,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "OnConflict")]
pub(super) enum OnConflictDef {
    Fail,
    Report,
    Revisit(u32),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "OnFull")]
pub(super) enum OnFullDef {
    End,
    Drop,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "StepOutcome")]
pub(super) enum StepOutcomeDef {
    UnderWay,
    Continued,
    Skipped,
    Paused,
    Disengaged,
    Failed,
}

/// A limit; a bound that is larger than what can be stored is as good as the largest.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Limit")]
pub(super) enum LimitDef {
    Steps(#[serde(with = "bound")] u64),
    Visits(u32),
    Depth(u32),
    Time(Duration),
    Deadline,
    Frontier(#[serde(with = "bound")] usize),
    Reports(#[serde(with = "bound")] u64),
    Queries(#[serde(with = "bound")] u64),
    Bytes(#[serde(with = "bound")] u64),
    Writes(#[serde(with = "bound")] u64),
    Errors(#[serde(with = "bound")] usize),
}

/// An end that is one: a walk that pauses, is cancelled or fails goes on from its checkpoint.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Ended")]
pub(super) enum EndedDef {
    Finished,
    Disengaged,
    #[serde(skip)]
    Paused,
    Limit(#[serde(with = "LimitDef")] Limit),
    #[serde(skip)]
    Cancelled,
    #[serde(skip)]
    Failed,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Stats")]
pub(super) struct StatsDef {
    visited: u64,
    edges: u64,
    revisited: u64,
    repeated: u64,
    missing: u64,
    added: u64,
    already_visited: u64,
    dropped: u64,
    chunks: u64,
    queries: u64,
    bytes: u64,
    written: u64,
    unchanged: u64,
    conflicts: u64,
    batches: u64,
    peak_frontier: usize,
    elapsed: Duration,
}

/// A number that is a bound: what is stored is at most 2⁶³ - 1.
pub(super) mod bound {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub(in super::super) fn serialize<T, S>(bound: &T, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Copy + TryInto<i64>,
        S: Serializer,
    {
        (*bound).try_into().unwrap_or(i64::MAX).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: TryFrom<i64>,
        D: Deserializer<'de>,
    {
        let bound = i64::deserialize(deserializer)?;
        T::try_from(bound).map_err(|_| de::Error::custom("a bound is out of its range"))
    }
}
