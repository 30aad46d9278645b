//! The handle of a cached query.

use std::marker::PhantomData;

use super::cached_query::{Freshness, QueryOptions};
use super::queries::Key;
use super::statistics::QueryStatistics;
use super::touched::Touched;
use crate::graph::Graph;

/// What a graph keeps of one cached query. `#[cached_query]` makes a function that returns it.
#[derive(Clone, Debug)]
pub struct QueryCache<T> {
    graph: Graph,
    options: QueryOptions,
    answer: PhantomData<fn() -> T>,
}

impl<T> QueryCache<T> {
    #[doc(hidden)]
    pub fn new(graph: &Graph, options: QueryOptions) -> Self {
        Self { graph: graph.clone(), options, answer: PhantomData }
    }

    /// The answer with the key `key`.
    #[doc(hidden)]
    pub fn answer(self, key: Option<Key>) -> CachedAnswer<T> {
        CachedAnswer { query: self, key }
    }

    /// Makes untrue all answers of the query, in every process.
    ///
    /// # Cancellation
    /// It has happened in this process; others may not have been told.
    pub async fn invalidate(&self) {
        if let Some(kept) = self.graph.kept() {
            kept.coherence().changed(&Touched::by_query(&self.options)).await;
        }
    }

    /// What became of the calls of the query in this process.
    pub fn statistics(&self) -> QueryStatistics {
        let kept = self.graph.kept();
        kept.map(|kept| kept.queries().counts(&self.options).statistics()).unwrap_or_default()
    }
}

/// What a graph keeps of one cached query for some arguments.
#[derive(Clone, Debug)]
pub struct CachedAnswer<T> {
    query: QueryCache<T>,
    key: Option<Key>,
}

impl<T> CachedAnswer<T> {
    /// The answer, if it is kept in memory and true. The query does not run, and Redis is not asked: where that has to be
    /// for each answer ([`CacheOptions::strict`](crate::CacheOptions::strict)) there is none.
    pub fn get(&self) -> Option<T>
    where
        T: Clone + 'static,
    {
        let cache = self.query.graph.kept()?;
        let kept = cache.queries().get(&self.query.options, self.key?)?;
        if cache.is_strict() || kept.look(&self.query.options) == Freshness::Gone {
            return None;
        }
        kept.value()
    }

    /// Forgets the answer, in this process. One in Redis is forgotten too, in the background: this process does not find it any
    /// more, and others soon after.
    pub fn invalidate(&self) {
        self.forget();
        #[cfg(feature = "redis")]
        if let Some((kept, key)) = self.query.graph.kept().zip(self.key) {
            kept.forget_far::<T>(key, &self.query.options);
        }
    }

    /// Forgets the answer in memory.
    #[doc(hidden)]
    pub fn forget(&self) {
        if let Some((kept, key)) = self.query.graph.kept().zip(self.key) {
            kept.queries().forget(&self.query.options, key);
        }
    }
}
