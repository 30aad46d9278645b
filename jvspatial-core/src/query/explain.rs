//! How a search is answered.

use std::time::Instant;

use jvspatial_db::{Explanation, Query, Stage, limits};

use super::find::{Find, Source};
use super::hop::{Reach, load};
use super::view::View;
use crate::entity::Entity;
use crate::error::Result;
use crate::graph::Graph;

impl<T: Entity, V: View<T>> Find<T, V> {
    /// Runs the search as [`all`](Self::all) does and tells how it was answered: by which index, between
    /// which bounds, what was looked at, whether there was something to sort. Its `Display` is for people;
    /// `docs/indexes.md` reads it line by line.
    ///
    /// Nodes behind edges are [`Stage::Edges`]: no index finds them, all that are reached are read.
    ///
    /// ```
    /// use jvspatial_core::{Graph, Result, Root, Stage};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result {
    /// let graph = Graph::open("memory:").await?;
    /// graph.root().await?;
    /// let explanation = graph.nodes::<Root>().explain().await?;
    /// assert_eq!(explanation.stage, Stage::CollectionScan);
    /// assert_eq!((explanation.documents_examined, explanation.returned), (1, 1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`all`](Self::all); `Unsupported` on backends that cannot tell.
    pub async fn explain(self) -> Result<Explanation> {
        let (graph, source, view, query) = self.into_parts()?;
        let query = query.project(view.projection()?);
        match source {
            Source::Collection => Ok(graph.database().explain(query).await?),
            Source::Reached(reach) => explain_reached(&graph, reach, &query).await,
        }
    }
}

async fn explain_reached(graph: &Graph, reach: Reach, query: &Query) -> Result<Explanation> {
    let start = Instant::now();
    let handles = reach.handles(graph).await?;
    let documents: Vec<_> = load(graph, &handles).await?.into_iter().flatten().collect();
    let mut explanation = Explanation::new(Stage::Edges);
    explanation.documents_examined = documents.len() as u64;
    explanation.sorted_in_memory = !query.sort.is_none();
    explanation.returned = query.answer(documents, limits::MAX_SORT_BYTES)?.len() as u64;
    explanation.elapsed = start.elapsed();
    Ok(explanation)
}
