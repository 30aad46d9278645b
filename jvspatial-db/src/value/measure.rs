//! How much a value from outside holds, counted without recursion.

use bson::Bson;

use crate::error::{Error, Result};

/// What values stand in.
pub(crate) enum Container<'a> {
    Document(bson::document::Iter<'a>),
    Array(std::slice::Iter<'a, Bson>),
}

impl<'a> Container<'a> {
    pub(crate) fn of(value: &'a Bson) -> Option<Self> {
        match value {
            Bson::Document(document) => Some(Self::Document(document.iter())),
            Bson::Array(items) => Some(Self::Array(items.iter())),
            Bson::JavaScriptCodeWithScope(code) => Some(Self::Document(code.scope.iter())),
            _ => None,
        }
    }

    fn next(&mut self) -> Option<(Option<&'a str>, &'a Bson)> {
        match self {
            Self::Document(fields) => {
                fields.next().map(|(name, value)| (Some(name.as_str()), value))
            }
            Self::Array(items) => items.next().map(|value| (None, value)),
        }
    }
}

/// What a measure allows.
pub(crate) struct Bounds<N, W, D> {
    /// How many containers may stand inside one another.
    pub(crate) max_nesting: usize,
    /// What a field's name weighs, or why it may not be.
    pub(crate) name: N,
    /// Returns a weight unless it is too much.
    pub(crate) within: W,
    /// The error for what is nested deeper.
    pub(crate) too_deep: D,
}

/// The weight of everything inside `outermost`; stops at the first excess.
pub(crate) fn weight_inside(
    outermost: Container<'_>,
    bounds: &Bounds<
        impl Fn(&str) -> Result<usize>,
        impl Fn(usize) -> Result<usize>,
        impl Fn() -> Error,
    >,
) -> Result<usize> {
    let mut total = 0_usize;
    let mut open = vec![outermost];
    while let Some(container) = open.last_mut() {
        let Some((name, value)) = container.next() else {
            open.pop();
            continue;
        };
        let name = name.map_or(Ok(0), &bounds.name)?;
        total = (bounds.within)(total.saturating_add(name).saturating_add(weight(value)))?;
        if let Some(inner) = Container::of(value) {
            if open.len() >= bounds.max_nesting {
                return Err((bounds.too_deep)());
            }
            open.push(inner);
        }
    }
    Ok(total)
}

/// The weight of a value without what it contains; never nothing, so that counting ends.
pub(crate) fn weight(value: &Bson) -> usize {
    1 + match value {
        Bson::String(text) | Bson::Symbol(text) | Bson::JavaScriptCode(text) => text.len(),
        Bson::JavaScriptCodeWithScope(code) => code.code.len(),
        Bson::Binary(binary) => binary.bytes.len(),
        Bson::RegularExpression(regex) => {
            regex.pattern.as_str().len() + regex.options.as_str().len()
        }
        _ => 4,
    }
}
