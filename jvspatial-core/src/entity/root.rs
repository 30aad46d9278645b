//! The root node.

use serde::{Deserialize, Serialize};

use jvspatial_db::{Collection, EntityName};

use super::{Entity, Node, Standalone, Visitable};

/// The one node that every graph has, with the id `n.Root.root`.
///
/// Applications connect their entry points to it, and walks without a start begin there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {}

impl Entity for Root {
    const COLLECTION: Collection = Collection::Node;
    const NAME: &'static str = "Root";
    type Fields = ();

    fn fields() -> Self::Fields {}

    fn entity_name() -> EntityName {
        crate::__private::entity_name!("Root")
    }
}

impl Node for Root {}
impl Standalone for Root {}
impl Visitable for Root {}
