//! When an acknowledged write is on disk.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer};

use crate::config::{self, parse_duration};

/// When an acknowledged write is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Acknowledged means synced: it survives kill -9 and power loss. The default.
    #[default]
    Sync,
    /// Acknowledged means handed to the system, synced at the latest this much later. Survives kill -9;
    /// a power cut takes at most the last interval and 50 ms with it, always the newest writes.
    Interval(Duration),
    /// Acknowledged means handed to the system, which writes when it likes. Survives kill -9; a power
    /// cut takes the newest writes of the segment in use.
    Os,
}

impl Durability {
    pub(crate) const EXPECTED: &str = "sync, os, or a time such as 250ms";

    /// Reads `sync`, `os`, or the time of an interval.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "sync" => Some(Self::Sync),
            "os" => Some(Self::Os),
            _ => parse_duration(text).map(Self::Interval),
        }
    }
}

/// From `"sync"`, `"os"`, or a time with its unit such as `"250ms"`.
impl<'de> Deserialize<'de> for Durability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        config::from_text(deserializer, Self::EXPECTED, Self::parse)
    }
}
