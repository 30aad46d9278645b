//! The document that an upsert makes of its filter.

use std::collections::BTreeMap;

use bson::{Bson, Document};

use super::Upsert;
use super::path::{Excerpt, FIELDS};
use crate::document::Ends;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::id::{Collection, Id};
use crate::write::Link;

/// A document before the update is applied to it.
#[derive(Debug)]
pub(super) struct Seed {
    pub(super) id: Id,
    pub(super) fields: Document,
    pub(super) link: Option<Link>,
}

impl Seed {
    /// The document with the fields that `filter` says are equal to something.
    ///
    /// # Errors
    /// `Invalid` when the filter says it twice, or says something of the envelope that the document
    /// cannot have; naming the field.
    pub(super) fn new(filter: &Filter, upsert: &Upsert) -> Result<Self> {
        let mut equal = Equalities::default();
        filter.equalities().into_iter().try_for_each(|(path, value)| equal.add(path, value))?;
        let mut seed = Self { id: upsert.id.clone(), fields: Document::new(), link: None };
        let (mut source, mut target, mut bidirectional) = (None, None, false);
        let is_edge = upsert.id.collection() == Collection::Edge;
        for (path, value) in equal.0 {
            let odd = |why: &'static str| Error::invalid(why).with("field", Excerpt(&path));
            match (path.as_str(), value) {
                ("_id", Bson::String(text)) => {
                    let id: Id = text.parse()?;
                    let same = id.entity() == upsert.id.entity();
                    if !same || id.collection() != upsert.id.collection() {
                        return Err(odd("id in the filter of an upsert is of another type")
                            .with("expected", upsert.id.entity())
                            .with("found", &id));
                    }
                    seed.id = id;
                }
                ("entity", Bson::String(name)) if name == upsert.id.entity() => {}
                ("source", Bson::String(text)) if is_edge => source = Some(text.parse()?),
                ("target", Bson::String(text)) if is_edge => target = Some(text.parse()?),
                ("bidirectional", Bson::Boolean(value)) if is_edge => bidirectional = value,
                (FIELDS, Bson::Document(fields)) => seed.fields = fields,
                (below, value) if below.starts_with("context.") => {
                    place(&mut seed.fields, below, value);
                }
                _ => return Err(odd("an upsert cannot make a document with this field")),
            }
        }
        if is_edge {
            let ends = |end: Option<Id>, name: &'static str| {
                end.ok_or_else(|| {
                    Error::invalid("the filter of an upserted edge says what it joins")
                        .with("field", name)
                })
            };
            let ends = Ends {
                source: ends(source, "source")?,
                target: ends(target, "target")?,
                bidirectional,
            };
            seed.link = Some(Link { ends, unique: upsert.unique });
        }
        Ok(seed)
    }
}

/// Puts a value at a dotted path below `context`. No path is a part of another one.
fn place(fields: &mut Document, path: &str, value: Bson) {
    let mut document = fields;
    let mut names = path.split('.').skip(1).peekable();
    while let Some(name) = names.next() {
        if names.peek().is_none() {
            document.insert(name, value);
            return;
        }
        let inner = document.entry(name).or_insert_with(|| Bson::Document(Document::new()));
        let Bson::Document(inner) = inner else { return };
        document = inner;
    }
}

/// What a filter says is equal to one value, by path.
#[derive(Default)]
struct Equalities(BTreeMap<String, Bson>);

impl Equalities {
    fn add(&mut self, path: &str, value: &Bson) -> Result<()> {
        // The first path from there on is one inside of this one, if there is any.
        let below = format!("{path}.");
        let inside = self.0.range(below.clone()..).next().filter(|(at, _)| at.starts_with(&below));
        let mut around = path.match_indices('.').map(|(dot, _)| &path[..dot]);
        let around = around.rfind(|prefix| self.0.contains_key(*prefix));
        let met = if self.0.contains_key(path) { Some(path) } else { around };
        if let Some(met) = met.or(inside.map(|(at, _)| at.as_str())) {
            return Err(Error::invalid("filter of an upsert says twice what a field equals")
                .with("field", Excerpt(path))
                .with("also", Excerpt(met)));
        }
        self.0.insert(path.to_owned(), value.clone());
        Ok(())
    }
}
