//! What a graph keeps.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "redis")]
use jvspatial_cache::RedisOptions;
use jvspatial_db::Database;

use super::change_feed::ChangeFeed;
use super::coherence::Coherence;
use super::database::CachedDatabase;
use super::entities::Entities;
#[cfg(feature = "redis")]
use super::far::Far;
use super::options::CacheOptions;
use super::queries::Queries;
#[cfg(feature = "redis")]
use super::redis::RedisPeers;
use super::registry;
#[cfg(feature = "redis")]
use super::second_ear::SecondEar;
use super::statistics::CacheStatistics;
use super::strategy::Strategy;
#[cfg(feature = "redis")]
use super::told::Told;
use super::touched::Touched;
use super::write_behind::WritesBehind;
use crate::error::Result;
use crate::graph::Graph;

/// All that a graph keeps of what was read before.
#[derive(Debug)]
pub(crate) struct GraphCache {
    database: Arc<CachedDatabase>,
    /// In front of it, where writes are acknowledged before they are written.
    behind: Option<Arc<WritesBehind>>,
    coherence: Arc<Coherence>,
    queries: Arc<Queries>,
    max_stale: Duration,
    /// Whether others are asked before anything is handed out that was kept.
    strict: bool,
}

impl GraphCache {
    pub(crate) fn new(database: Arc<dyn Database>, options: &CacheOptions) -> Self {
        let coherence = registry::coherence_of(&database);
        let entities = Entities::new(options, &coherence);
        let database = Arc::new(CachedDatabase::new(
            database,
            Arc::clone(&coherence),
            entities,
            &options.strategy,
        ));
        registry::also(&(Arc::clone(&database) as _), &coherence);
        let behind = match &options.strategy {
            Strategy::WriteBehind(behind) => {
                let layer = WritesBehind::new(Arc::clone(&database), behind.clone());
                let layer = Arc::new(layer);
                registry::also(&(Arc::clone(&layer) as _), &coherence);
                Some(layer)
            }
            _ => None,
        };
        let queries = Arc::new(Queries::new(options));
        let (max_stale, strict) = (options.max_stale, options.strict);
        Self { database, behind, coherence, queries, max_stale, strict }
    }

    /// Begins to listen where documents are kept from the first read on.
    pub(crate) fn begin(&self) {
        if self.database.entities().is_some() {
            self.follow();
        }
    }

    /// Begins to listen to the changes of others, where there may be any and nobody listens yet.
    pub(super) fn follow(&self) {
        if !self.can_follow() || self.coherence.has_peers() {
            return;
        }
        let (coherence, database) = (&self.coherence, self.database.below());
        coherence.join(|| Arc::new(ChangeFeed::alone(database, coherence, self.max_stale)));
    }

    /// Whether the database tells of changes by others.
    fn can_follow(&self) -> bool {
        let capabilities = self.database.capabilities();
        capabilities.shared && capabilities.change_feed
    }

    /// Shares what is kept with other processes through Redis, and follows the database as well where it tells of changes.
    #[cfg(feature = "redis")]
    pub(crate) async fn share(&self, options: RedisOptions) -> Result<()> {
        let told = Arc::new(Told::default());
        let (redis, bus) = RedisPeers::open(options, &self.coherence, Arc::clone(&told)).await?;
        let far = redis.clone();
        let tells_ids = self.database.entities().is_some();
        let bus = RedisPeers::new(redis, bus, tells_ids);
        let joined = self.coherence.join(|| {
            if !self.can_follow() {
                return Arc::new(bus);
            }
            let (coherence, database) = (&self.coherence, self.database.below());
            Arc::new(SecondEar::new(bus, &told, database, coherence, self.max_stale))
        });
        // Who is told of changes by other ways does not tell of them here, where documents would outlive them.
        if let Some(entities) = self.database.entities().filter(|_| joined) {
            let encoding = self.database.capabilities().encoding;
            entities.share(Far::new(far, encoding));
        }
        Ok(())
    }

    /// The database, with what is kept in front of it.
    pub(crate) fn database(&self) -> Arc<dyn Database> {
        match &self.behind {
            Some(behind) => Arc::clone(behind) as _,
            None => Arc::clone(&self.database) as _,
        }
    }

    pub(crate) const fn coherence(&self) -> &Arc<Coherence> {
        &self.coherence
    }

    pub(super) fn entities(&self) -> Option<&Entities> {
        self.database.entities()
    }

    /// Whether this was to be, and there are others. An embedded database has none.
    pub(super) fn is_strict(&self) -> bool {
        self.strict && self.coherence.has_peers()
    }

    pub(super) const fn queries(&self) -> &Arc<Queries> {
        &self.queries
    }

    pub(crate) fn statistics(&self) -> CacheStatistics {
        let entities = self.database.entities().map(|kept| kept.statistics());
        let (entities, mut prefixes) = entities.unwrap_or_default();
        prefixes.extend(self.queries.by_query());
        prefixes.sort_unstable_by(|a, b| (&a.prefix, a.owner).cmp(&(&b.prefix, b.owner)));
        let write_behind = self.behind.as_ref().map(|behind| behind.statistics());
        let write_behind = write_behind.unwrap_or_default();
        CacheStatistics { entities, queries: self.queries.statistics(), prefixes, write_behind }
    }
}

impl Graph {
    /// What became of the reads that could be answered by what was kept, together and by what was read. All zero inside of a transaction.
    pub fn cache_statistics(&self) -> CacheStatistics {
        self.kept().map(|kept| kept.statistics()).unwrap_or_default()
    }

    /// Waits until what was acknowledged is written, or refused by the database, which is told elsewhere. It is the one
    /// moment from which on the loss of this process loses nothing of it. Without
    /// [`WriteBehind`](crate::Strategy::WriteBehind) it has nothing to do.
    ///
    /// # Errors
    /// `Unavailable` when it could not be written within [`patience`](crate::WriteBehind::patience); it goes on being tried.
    ///
    /// # Cancellation
    /// Nothing but the waiting ends.
    pub async fn flush(&self) -> Result<()> {
        match self.kept().and_then(|kept| kept.behind.as_ref()) {
            Some(behind) => Ok(behind.flush().await?),
            None => Ok(()),
        }
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

    /// Makes untrue all that was kept of this graph in this process. What is in Redis, for all processes, stays there.
    pub fn invalidate_all(&self) {
        if let Some(kept) = self.kept() {
            kept.coherence().epochs().advance_all();
        }
    }
}
