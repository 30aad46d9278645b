//! Bringing a database to the indexes that types declare.

use jvspatial_db::ErrorKind;

use super::Graph;
use super::index_plan::IndexPlan;
use crate::entity::EntityTypes;
use crate::error::{Error, Result};

impl Graph {
    /// What [`apply_indexes`](Self::apply_indexes) would do for the types `T`, an entity type or a tuple of
    /// them: `graph.plan_indexes::<(Airport, Flight)>()`. It changes nothing.
    ///
    /// Indexes of types that are not asked for count as undeclared.
    ///
    /// ```
    /// use jvspatial_core::{Graph, Result, Root};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result {
    /// let graph = Graph::open("memory:").await?;
    /// let plan = graph.plan_indexes::<Root>().await?;
    /// assert_eq!(plan.to_string(), "0 to create, 0 present, 0 in conflict, 0 undeclared");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The error of an index that cannot be; `Invalid` when two types of one name declare an index with
    /// different options; what the backend reports.
    pub async fn plan_indexes<T: EntityTypes>(&self) -> Result<IndexPlan> {
        IndexPlan::new(T::declared_indexes()?, self.indexes().await?)
    }

    /// Makes the indexes that the types `T` declare and that are not there, and returns the plan that it
    /// carried out. It drops and changes none, so it can be called at every start; calls at the same time
    /// all succeed.
    ///
    /// # Errors
    /// `Invalid` when an index is there with other options, before any is made. When one cannot be made, the
    /// others are made all the same, and the first error is returned, as of
    /// [`create_index`](Self::create_index): `Duplicate` names documents that share a key. The facts
    /// `created` and `failed` count the indexes. Otherwise as [`plan_indexes`](Self::plan_indexes).
    ///
    /// # Cancellation
    /// Some of the indexes may be made.
    pub async fn apply_indexes<T: EntityTypes>(&self) -> Result<IndexPlan> {
        let plan = self.plan_indexes::<T>().await?;
        if let Some(conflict) = plan.conflicts.first() {
            let (declared, found) = (&conflict.declared, &conflict.found);
            return Err(Error::new(ErrorKind::Invalid, "index exists with other options")
                .with("index", declared.spec.name())
                .with("entity", declared.entity)
                .with("expected", declared.spec.to_document())
                .with("found", found.spec.to_document())
                .with("conflicts", plan.conflicts.len()));
        }
        let (mut created, mut failed, mut first) = (0, 0, None);
        for index in &plan.create {
            let made = self.0.database.create_index(
                index.collection,
                Some(index.entity),
                index.spec.clone(),
            );
            match made.await {
                Ok(()) => created += 1,
                Err(error) => {
                    failed += 1;
                    first.get_or_insert_with(|| Error::from(error).with("entity", index.entity));
                }
            }
        }
        match first {
            Some(error) => Err(error.with("created", created).with("failed", failed)),
            None => Ok(plan),
        }
    }
}
