//! Which fields a filter looks at.

use super::Filter;
use super::node::Node;
use crate::projection::PathTree;

impl Filter {
    /// The paths of its predicates; nothing else of a document has any say.
    pub(crate) fn paths(&self) -> PathTree {
        let mut paths = PathTree::default();
        self.node().add_paths(&mut paths);
        paths
    }
}

impl Node {
    fn add_paths(&self, paths: &mut PathTree) {
        match self {
            Self::And(members) | Self::Or(members) => {
                members.iter().for_each(|member| member.add_paths(paths));
            }
            Self::Not(inner) => inner.add_paths(paths),
            // What is asked of elements lies behind the path of their array.
            other => other.path().into_iter().for_each(|path| paths.keep(path)),
        }
    }
}
