//! The language of Mermaid.

use std::fmt::{self, Write};

use jvspatial_db::Id;

use super::Picture;
use super::label::{Piece, pieces};

/// Writes the picture; nodes are named by their places, since an id may hold what a name may not.
pub(super) fn write<N: AsRef<Id>, E>(
    picture: &Picture<'_, N, E>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    writeln!(f, "flowchart {}", if picture.left_to_right { "LR" } else { "TB" })?;
    for (place, shape) in picture.shapes.iter().enumerate() {
        let label = Quoted(&shape.label);
        match shape.is_start {
            true => write!(f, "  n{place}([{label}])")?,
            false => write!(f, "  n{place}[{label}]")?,
        }
        if shape.is_highlighted {
            f.write_str(":::highlight")?;
        }
        f.write_char('\n')?;
    }
    for arrow in &picture.arrows {
        let line = if arrow.is_undirected { "---" } else { "-->" };
        write!(f, "  n{} {line}", arrow.from)?;
        if !arrow.label.is_empty() {
            write!(f, "|{}|", Quoted(&arrow.label))?;
        }
        writeln!(f, " n{}", arrow.to)?;
    }
    if picture.shapes.iter().any(|shape| shape.is_highlighted) {
        f.write_str("  classDef highlight fill:gold,stroke:black,color:black\n")?;
    }
    for (place, arrow) in picture.arrows.iter().enumerate() {
        if arrow.is_highlighted {
            writeln!(f, "  linkStyle {place} stroke:orange,stroke-width:3px")?;
        }
    }
    Ok(())
}

/// Text as a label that shows it.
///
/// A label passes through patterns for directives and styles, the grammar, Markdown and HTML, each
/// with its own meaningful characters. So only those are written as they are that mean nothing anywhere, and all others by
/// their numbers.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            // The grammar knows no empty text.
            return f.write_str("\" \"");
        }
        f.write_char('"')?;
        let mut word = String::new();
        for piece in pieces(self.0) {
            let Piece::Character(character) = piece else {
                f.write_str("<br/>")?;
                word.clear();
                continue;
            };
            if is_plain(&word, character) {
                f.write_char(character)?;
            } else {
                write!(f, "#{};", u32::from(character))?;
            }
            if character.is_alphanumeric() {
                word.push(character);
            } else {
                word.clear();
            }
        }
        f.write_char('"')
    }
}

/// Whether a character means nothing behind `word`, the letters and digits before it.
fn is_plain(word: &str, character: char) -> bool {
    match character {
        // The grammar looks for `direction LR` in the whole of a line, be it in a text.
        ' ' => !word.ends_with("direction"),
        // `1.` and `- ` begin a list; behind a letter there is none.
        '.' | '-' => word.ends_with(char::is_alphabetic),
        ',' => true,
        // A placeholder of Mermaid's own for `&` begins with the ligature, one for `;` with the sign.
        'ﬂ' | '¶' => false,
        // Spaces of other kinds; the last is one to Mermaid alone.
        _ if character.is_whitespace() || character == '\u{feff}' => false,
        _ => character.is_alphanumeric() || !character.is_ascii(),
    }
}
