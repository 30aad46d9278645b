//! What a graph keeps.

use std::sync::Arc;

use jvspatial_db::Database;

use super::coherence::Coherence;
use super::database::CachedDatabase;
use super::entities::Entities;
use super::options::CacheOptions;
use super::queries::Queries;
use super::statistics::CacheStatistics;
use super::touched::Touched;
use crate::graph::Graph;

/// All that a graph keeps of what was read before.
#[derive(Debug)]
pub(crate) struct GraphCache {
    database: Arc<CachedDatabase>,
    coherence: Arc<Coherence>,
    queries: Arc<Queries>,
}

impl GraphCache {
    pub(crate) fn new(database: Arc<dyn Database>, options: &CacheOptions) -> Self {
        let coherence = Arc::new(Coherence::new());
        let entities = Entities::new(options, &coherence);
        let database = CachedDatabase::new(database, Arc::clone(&coherence), entities);
        let queries = Arc::new(Queries::new(options));
        Self { database: Arc::new(database), coherence, queries }
    }

    /// The database, with what is kept in front of it.
    pub(crate) fn database(&self) -> Arc<dyn Database> {
        Arc::clone(&self.database) as _
    }

    pub(crate) const fn coherence(&self) -> &Arc<Coherence> {
        &self.coherence
    }

    pub(super) const fn queries(&self) -> &Arc<Queries> {
        &self.queries
    }

    pub(crate) fn statistics(&self) -> CacheStatistics {
        let entities = self.database.entities().map(|kept| kept.statistics()).unwrap_or_default();
        CacheStatistics { entities, queries: self.queries.statistics() }
    }
}

impl Graph {
    /// What became of the reads that could be answered by what was kept. All zero inside of a transaction.
    pub fn cache_statistics(&self) -> CacheStatistics {
        self.kept().map(|kept| kept.statistics()).unwrap_or_default()
    }

    /// Makes untrue what was kept with one of `tags`, or read with it, in every process.
    ///
    /// # Cancellation
    /// It has happened in this process; others may not have been told.
    pub async fn invalidate_tags(&self, tags: &[&str]) {
        if let Some(kept) = self.kept() {
            kept.coherence().changed(&Touched::by_tags(tags.iter().copied())).await;
        }
    }

    /// Makes untrue all that was kept of this graph in this process.
    pub fn invalidate_all(&self) {
        if let Some(kept) = self.kept() {
            kept.coherence().epochs().advance_all();
        }
    }
}
