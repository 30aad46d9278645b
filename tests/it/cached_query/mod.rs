//! Functions whose answers are kept.

mod calls;
mod capacity;
mod clock;
mod invalidation;
mod options;
#[cfg(feature = "redis")]
mod processes;
mod strategies;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jvspatial::prelude::*;
use jvspatial::{CacheOptions, Error};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Node)]
struct Town {
    name: String,
    people: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Node)]
struct Lake {
    depth: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Edge)]
struct Road {
    km: u32,
}

/// A graph with functions on it, and how often their bodies ran.
#[derive(Clone)]
struct Towns {
    graph: Graph,
    runs: Arc<AtomicU32>,
}

impl Towns {
    async fn open() -> Self {
        Self::with(CacheOptions::new()).await
    }

    async fn with(options: CacheOptions) -> Self {
        let graph = Graph::builder().url("memory:").cache(options).open().await.unwrap();
        Self { graph, runs: Arc::default() }
    }

    fn ran(&self) {
        self.runs.fetch_add(1, Ordering::SeqCst);
    }

    /// How often bodies ran since this was asked last.
    fn runs(&self) -> u32 {
        self.runs.swap(0, Ordering::SeqCst)
    }

    async fn town(&self, name: &str, people: u32) -> Stored<Town> {
        self.graph.create(Town { name: name.into(), people }).await.unwrap()
    }
}
