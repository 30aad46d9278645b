//! Reads a projection in MongoDB's form.

use bson::{Bson, Document};

use super::{ID, Mode, Projection};
use crate::error::{Error, ErrorKind, Result};
use crate::filter::FieldPath;
use crate::limits::{MAX_PROJECTION_DEPTH, MAX_PROJECTION_PATHS};
use crate::value;

pub(super) fn parse(projection: &Document) -> Result<Projection> {
    let mut found = Found::default();
    found.fields(projection, None, 1)?;
    if found.id.is_some()
        && let Some(path) = found.paths.iter().find(|path| path.segment(0) == ID)
    {
        return Err(Error::invalid("one path of a projection is or leads into another one")
            .with("path", path));
    }
    // `_id` alone says which of the two is meant.
    let id = found.id.unwrap_or(true);
    let mode = found.mode.unwrap_or(match found.id {
        Some(true) => Mode::Include,
        _ => Mode::Exclude,
    });
    Projection::new(mode, found.paths, id)
}

#[derive(Default)]
struct Found {
    mode: Option<Mode>,
    paths: Vec<FieldPath>,
    /// What is said of `_id` itself.
    id: Option<bool>,
}

impl Found {
    fn fields(&mut self, fields: &Document, at: Option<&FieldPath>, level: usize) -> Result<()> {
        if level > MAX_PROJECTION_DEPTH {
            return Err(Error::limit("projection is too deep").with("limit", MAX_PROJECTION_DEPTH));
        }
        for (name, value) in fields {
            let text = match at {
                Some(outer) => format!("{outer}.{name}"),
                None => name.clone(),
            };
            self.field(&text, value, level).map_err(|error| match error.context("path") {
                Some(_) => error,
                None => error.with("path", &text),
            })?;
        }
        Ok(())
    }

    fn field(&mut self, text: &str, value: &Bson, level: usize) -> Result<()> {
        if text == "$" || text.ends_with(".$") {
            return Err(unsupported("projection cannot select the position that a filter matched"));
        }
        if let Bson::Document(inner) = value
            && let Some(operator) = inner.keys().find(|name| name.starts_with('$'))
        {
            return Err(unsupported("projection has an operator or expression")
                .with("operator", format_args!("{operator:?}")));
        }
        let path = FieldPath::parse(text)?;
        let includes = match value {
            Bson::Document(inner) if inner.is_empty() => {
                return Err(Error::invalid("projection holds an empty document"));
            }
            Bson::Document(inner) => return self.fields(inner, Some(&path), level + 1),
            Bson::Boolean(includes) => *includes,
            Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => {
                value::is_truthy(value)
            }
            _ => return Err(unsupported("projection has a computed value")),
        };
        if path.as_str() == ID {
            self.id = Some(includes);
            return Ok(());
        }
        let mode = if includes { Mode::Include } else { Mode::Exclude };
        if *self.mode.get_or_insert(mode) != mode {
            return Err(Error::invalid("projection mixes inclusion and exclusion"));
        }
        if self.paths.len() >= MAX_PROJECTION_PATHS {
            return Err(
                Error::limit("projection names too many paths").with("limit", MAX_PROJECTION_PATHS)
            );
        }
        self.paths.push(path);
        Ok(())
    }
}

fn unsupported(message: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, message)
}
