//! What applying declared indexes would do.

use std::fmt;

use jvspatial_db::{Collection, EntityName, IndexInfo, IndexSpec};

use crate::entity::TypeIndex;
use crate::error::{Error, ErrorKind, Result};

/// The indexes that some types declare beside those that there are; made by
/// [`Graph::plan_indexes`](crate::Graph::plan_indexes).
///
/// `Display` is for people: a line for each index, and a summary.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct IndexPlan {
    /// Declared and not there. Applying makes these, and does nothing else.
    pub create: Vec<TypeIndex>,
    /// There as declared.
    pub present: Vec<IndexInfo>,
    /// There with the same fields and other options. Nothing is applied until one of the two is changed.
    pub conflicts: Vec<IndexConflict>,
    /// There and declared by none of the types; left alone.
    pub undeclared: Vec<IndexInfo>,
}

/// A declared index beside one on the same fields that has other options.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct IndexConflict {
    /// The one that is declared.
    pub declared: TypeIndex,
    /// The one that is there.
    pub found: IndexInfo,
}

impl IndexPlan {
    /// Compares what is declared with what is there.
    ///
    /// # Errors
    /// `Invalid` when one index is declared twice with different options.
    pub(super) fn new(declared: Vec<TypeIndex>, found: Vec<IndexInfo>) -> Result<Self> {
        let mut once: Vec<TypeIndex> = Vec::new();
        for index in declared {
            match once.iter().find(|other| same(other, index.collection, index.entity, &index.spec))
            {
                None => once.push(index),
                Some(other) if other.spec == index.spec => {}
                Some(other) => {
                    return Err(Error::new(
                        ErrorKind::Invalid,
                        "index is declared twice with different options",
                    )
                    .with("index", index.spec.name())
                    .with("entity", index.entity)
                    .with("first", other.spec.to_document())
                    .with("second", index.spec.to_document()));
                }
            }
        }
        let mut plan = Self::default();
        for found in found {
            let own = once.iter().position(|index| {
                found.entity.is_some_and(|of| same(index, found.collection, of, &found.spec))
            });
            match own.map(|at| once.remove(at)) {
                None => plan.undeclared.push(found),
                Some(declared) if declared.spec == found.spec => plan.present.push(found),
                Some(declared) => plan.conflicts.push(IndexConflict { declared, found }),
            }
        }
        plan.create = once;
        Ok(plan)
    }

    /// Whether everything that is declared is there, and as declared.
    pub fn is_applied(&self) -> bool {
        self.create.is_empty() && self.conflicts.is_empty()
    }
}

/// Whether two indexes have one name, so that they cannot stand side by side.
fn same(a: &TypeIndex, collection: Collection, entity: EntityName, spec: &IndexSpec) -> bool {
    (a.collection, a.entity) == (collection, entity) && a.spec.name() == spec.name()
}

impl fmt::Display for IndexPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let declared = |index: &TypeIndex| owner(index.collection, Some(index.entity));
        let there = |index: &IndexInfo| owner(index.collection, index.entity);
        let mut lines = Vec::new();
        for index in &self.create {
            lines.push(("create", declared(index), described(&index.spec)));
        }
        for index in &self.present {
            lines.push(("present", there(index), described(&index.spec)));
        }
        for IndexConflict { declared: index, found } in &self.conflicts {
            let found = options(&found.spec).unwrap_or_else(|| "no options".to_owned());
            let line = format!("{}, but is there with {found}", described(&index.spec));
            lines.push(("conflict", declared(index), line));
        }
        for index in &self.undeclared {
            lines.push(("undeclared", there(index), described(&index.spec)));
        }
        let widest = lines.iter().map(|(_, owner, _)| owner.chars().count()).max().unwrap_or(0);
        for (state, owner, index) in &lines {
            writeln!(f, "{state:<10}  {owner:<widest$}  {index}")?;
        }
        let Self { create, present, conflicts, undeclared } = self;
        write!(
            f,
            "{} to create, {} present, {} in conflict, {} undeclared",
            create.len(),
            present.len(),
            conflicts.len(),
            undeclared.len()
        )
    }
}

/// Whose documents an index holds: `node Airport`.
fn owner(collection: Collection, entity: Option<EntityName>) -> String {
    match entity {
        Some(entity) => format!("{collection} {entity}"),
        None => format!("any {collection}"),
    }
}

fn described(spec: &IndexSpec) -> String {
    match options(spec) {
        Some(options) => format!("{} ({options})", spec.name()),
        None => spec.name(),
    }
}

/// What sets an index apart from one on the same fields without options.
fn options(spec: &IndexSpec) -> Option<String> {
    let mut options = Vec::new();
    if spec.is_unique() {
        options.push("unique".to_owned());
    }
    if spec.is_sparse() {
        options.push("sparse".to_owned());
    }
    if !spec.filter().is_all() {
        options.push(format!("partial {}", spec.filter().to_document()));
    }
    (!options.is_empty()).then(|| options.join(", "))
}
