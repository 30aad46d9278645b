//! What can be drawn of a text.

use std::iter::Peekable;
use std::str::Chars;

use jvspatial_db::Bson;

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    LineEnd,
    Character(char),
}

/// The parts of a text: a line end however it is written, and no other control character.
pub(super) fn pieces(text: &str) -> Pieces<'_> {
    Pieces(text.chars().peekable())
}

pub(super) struct Pieces<'a>(Peekable<Chars<'a>>);

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        Some(match self.0.next()? {
            '\r' => {
                self.0.next_if_eq(&'\n');
                Piece::LineEnd
            }
            '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => Piece::LineEnd,
            '\t' => Piece::Character(' '),
            // These two are in no XML, and so in no SVG that is made of the picture.
            '\u{fffe}' | '\u{ffff}' => Piece::Character(char::REPLACEMENT_CHARACTER),
            character if character.is_control() => Piece::Character(char::REPLACEMENT_CHARACTER),
            character => Piece::Character(character),
        })
    }
}

/// The value of a field as the text of a label; `None` for a null.
pub(super) fn of_value(value: Bson) -> Option<String> {
    match value {
        Bson::Null => None,
        Bson::String(text) => Some(text),
        Bson::ObjectId(id) => Some(id.to_hex()),
        Bson::DateTime(time) => {
            Some(time.try_to_rfc3339_string().unwrap_or_else(|_| time.to_string()))
        }
        other => Some(other.to_string()),
    }
}
