//! The language of Graphviz.

use std::fmt::{self, Write};

use jvspatial_db::Id;

use super::Picture;
use super::label::{Piece, pieces};

/// Writes the picture; nodes are named by their ids, so that programs which read it know them.
pub(super) fn write<N: AsRef<Id>, E>(
    picture: &Picture<'_, N, E>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    f.write_str("digraph {\n")?;
    if picture.left_to_right {
        f.write_str("  rankdir=LR;\n")?;
    }
    f.write_str("  node [shape=box];\n")?;
    for shape in &picture.shapes {
        write!(f, "  {} [label={}", quoted(shape.node.as_ref()), Quoted(&shape.label))?;
        if shape.is_start {
            f.write_str(", peripheries=2")?;
        }
        if shape.is_highlighted {
            f.write_str(", style=filled, fillcolor=gold")?;
        }
        f.write_str("];\n")?;
    }
    for arrow in &picture.arrows {
        let ends = (picture.shapes.get(arrow.from), picture.shapes.get(arrow.to));
        let (Some(from), Some(to)) = ends else { continue };
        write!(f, "  {} -> {}", quoted(from.node.as_ref()), quoted(to.node.as_ref()))?;
        let mut attributes = Vec::new();
        if !arrow.label.is_empty() {
            attributes.push(format!("label={}", Quoted(&arrow.label)));
        }
        if arrow.is_undirected {
            attributes.push("dir=none".to_owned());
        }
        if arrow.is_highlighted {
            attributes.push("color=orange, penwidth=2".to_owned());
        }
        if !attributes.is_empty() {
            write!(f, " [{}]", attributes.join(", "))?;
        }
        f.write_str(";\n")?;
    }
    f.write_str("}\n")
}

/// An id as a name. By its rule it holds neither quotation marks nor backslashes nor control characters; but where
/// Graphviz shows names it takes what looks like an entity of HTML for one, `&#;` too.
fn quoted(id: &Id) -> String {
    format!("\"{}\"", id.to_string().replace('&', "&amp;"))
}

/// Text as a label that shows it.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for piece in pieces(self.0) {
            match piece {
                Piece::LineEnd => f.write_str("\\n")?,
                Piece::Character('"') => f.write_str("\\\"")?,
                // A backslash would begin an escape of Graphviz, such as `\N` for the name of the node.
                Piece::Character('\\') => f.write_str("\\\\")?,
                // Labels may hold entities of HTML.
                Piece::Character('&') => f.write_str("&amp;")?,
                Piece::Character(character) => f.write_char(character)?,
            }
        }
        f.write_char('"')
    }
}
