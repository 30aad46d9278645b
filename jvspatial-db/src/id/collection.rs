//! The fixed collections.

use std::fmt;

/// Which of the fixed collections a document is in; the first letter of its id says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Collection {
    /// Edges, `e.…`
    Edge,
    /// The library's own state, such as walk checkpoints, `j.…`
    System,
    /// Nodes, `n.…`
    Node,
    /// Plain records that no edge touches, `o.…`
    Object,
}

impl Collection {
    /// Every collection.
    pub const ALL: [Self; 4] = [Self::Node, Self::Edge, Self::Object, Self::System];

    /// The name under which a backend stores it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Edge => "edge",
            Self::Object => "object",
            Self::System => "jvspatial",
        }
    }

    /// The letter with which the ids of its documents begin.
    pub const fn letter(self) -> char {
        match self {
            Self::Node => 'n',
            Self::Edge => 'e',
            Self::Object => 'o',
            Self::System => 'j',
        }
    }

    pub(crate) const fn from_letter(letter: u8) -> Option<Self> {
        match letter {
            b'n' => Some(Self::Node),
            b'e' => Some(Self::Edge),
            b'o' => Some(Self::Object),
            b'j' => Some(Self::System),
            _ => None,
        }
    }
}

impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
