//! Pictures of subgraphs and of walks, as text that other programs draw.

mod dot;
mod json;
mod label;
mod mermaid;
mod subgraph;
#[cfg(test)]
mod tests;
mod trail;

use std::fmt;

use foldhash::HashSet;
use jvspatial_db::Id;

pub use json::NodeLink;

/// A picture of a [`Subgraph`](crate::Subgraph) or of the [`Trail`](crate::Trail) of a walk, in the language of
/// Graphviz or of Mermaid; made by their methods `dot` and `mermaid`.
///
/// It is written by its `Display`: `picture.to_string()`, or `write!(file, "{picture}")` for a large one. Whatever
/// stands in labels and ids, the text is well-formed and shows it: line ends begin a new line, and
/// control characters, which cannot be drawn, become `U+FFFD`.
///
/// `N` and `E` are what its nodes and arrows are drawn of: [`AnyNode`](crate::AnyNode) and
/// [`SubgraphEdge`](crate::SubgraphEdge), or [`Id`] and [`Step`](crate::Step).
#[derive(Clone, Debug)]
#[must_use = "a picture has to be written somewhere"]
pub struct Picture<'a, N, E> {
    language: Language,
    shapes: Vec<Shape<'a, N>>,
    arrows: Vec<Arrow<'a, E>>,
    left_to_right: bool,
}

/// What draws the picture.
#[derive(Clone, Copy, Debug)]
enum Language {
    Dot,
    Mermaid,
}

/// A node of the picture.
#[derive(Clone, Debug)]
struct Shape<'a, N> {
    node: &'a N,
    label: String,
    is_start: bool,
    is_highlighted: bool,
}

/// An edge of the picture, between nodes named by their places.
#[derive(Clone, Debug)]
struct Arrow<'a, E> {
    edge: &'a E,
    /// The id of the stored edge, when there is one.
    id: Option<&'a Id>,
    from: usize,
    to: usize,
    label: String,
    is_undirected: bool,
    is_highlighted: bool,
}

impl<'a, N: AsRef<Id>, E> Picture<'a, N, E> {
    const fn new(language: Language, shapes: Vec<Shape<'a, N>>, arrows: Vec<Arrow<'a, E>>) -> Self {
        Self { language, shapes, arrows, left_to_right: false }
    }

    /// Draws from left to right. Default: from top to bottom.
    pub fn left_to_right(mut self) -> Self {
        self.left_to_right = true;
        self
    }

    /// Labels each node with what `label` says. Default: its id.
    pub fn label<L: fmt::Display>(mut self, mut label: impl FnMut(&'a N) -> L) -> Self {
        for shape in &mut self.shapes {
            shape.label = label(shape.node).to_string();
        }
        self
    }

    /// Labels each arrow with what `label` says; with empty text it has none. Default: the type of the
    /// edge, with the number of the step before it in the picture of a walk.
    pub fn edge_label<L: fmt::Display>(mut self, mut label: impl FnMut(&'a E) -> L) -> Self {
        for arrow in &mut self.arrows {
            arrow.label = label(arrow.edge).to_string();
        }
        self
    }

    /// Makes nodes and edges stand out; ids that are not in the picture are passed over.
    pub fn highlight(mut self, ids: impl IntoIterator<Item = impl AsRef<Id>>) -> Self {
        let ids: HashSet<Id> = ids.into_iter().map(|id| id.as_ref().clone()).collect();
        for shape in &mut self.shapes {
            shape.is_highlighted |= ids.contains(shape.node.as_ref());
        }
        for arrow in &mut self.arrows {
            arrow.is_highlighted |= arrow.id.is_some_and(|id| ids.contains(id));
        }
        self
    }
}

impl<N: AsRef<Id>, E> fmt::Display for Picture<'_, N, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.language {
            Language::Dot => dot::write(self, f),
            Language::Mermaid => mermaid::write(self, f),
        }
    }
}
