//! The indexes of an entity type, checked.
//!
//! The bounds are those of `jvspatial_db::IndexSpec`.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Expr, LitStr};

use super::fields::StoredFields;
use super::index_arguments::{INDEX_KEYS, IndexArguments, KeyArgument, KeyName};
use super::names;
use crate::support::{Diagnostics, suggest};

const MAX_KEYS: usize = 32;

/// An index.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) unique: bool,
    pub(crate) sparse: bool,
    pub(crate) partial: Option<Expr>,
    pub(crate) keys: Vec<Key>,
}

/// One field of an index.
#[derive(Debug, PartialEq)]
pub(crate) struct Key {
    /// The path as stored, from the fields of the entity on.
    pub(crate) path: String,
    pub(crate) descending: bool,
}

/// The indexes among `arguments` that there can be; each mistake in the others is reported.
pub(crate) fn check(
    arguments: Vec<IndexArguments>,
    fields: &StoredFields<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<Index> {
    let mut indexes = Vec::<Index>::new();
    for index in arguments {
        let Some(keys) = keys(&index, fields, diagnostics) else { continue };
        if let Some(twin) = indexes.iter().find(|other| other.keys == keys) {
            let message = match twin.unique || !index.unique {
                true => "these fields have this index already",
                false => "these fields have an index already; one that is unique serves for both",
            };
            diagnostics.error(&index.at, message);
            continue;
        }
        if let (Some(sparse), Some(_)) = (&index.sparse, &index.partial) {
            diagnostics.error(
                sparse,
                "an index is `sparse` or `partial`; a predicate can say that a field `exists`",
            );
            continue;
        }
        let IndexArguments { unique, sparse, partial, .. } = index;
        indexes.push(Index { unique, sparse: sparse.is_some(), partial, keys });
    }
    indexes
}

fn keys(
    index: &IndexArguments,
    fields: &StoredFields<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Key>> {
    if index.keys.len() > MAX_KEYS {
        let message = format!("the index has {} fields, at most {MAX_KEYS}", index.keys.len());
        diagnostics.error(&index.at, message);
        return None;
    }
    let mut keys = Vec::<Key>::new();
    let mut sound = true;
    for KeyArgument { descending, name } in &index.keys {
        let found = match name {
            KeyName::Field(ident) => stored_name(ident, fields),
            KeyName::Path(literal) => stored_path(literal, fields),
        };
        match found {
            Ok(path) if keys.iter().any(|key| key.path == path) => {
                diagnostics.error(name, format!("`{path}` is twice in the index"));
                sound = false;
            }
            Ok(path) => keys.push(Key { path, descending: *descending }),
            Err(message) => {
                diagnostics.error(name, message);
                sound = false;
            }
        }
    }
    sound.then_some(keys)
}

/// The name under which the field called `ident` is stored.
fn stored_name(ident: &Ident, fields: &StoredFields<'_>) -> Result<String, String> {
    let word = ident.unraw();
    if let Some(handle) = fields.handles.iter().find(|handle| handle.ident.unraw() == word) {
        return Ok(handle.name.clone());
    }
    if fields.unstored.iter().any(|field| field.unraw() == word) {
        return Err(format!("`{word}` is not stored under a name of its own"));
    }
    if let Some(handle) = fields.handles.iter().find(|handle| word == handle.name) {
        return Err(format!("the field stored as `{word}` is called `{}`", handle.ident));
    }
    if INDEX_KEYS.iter().any(|key| word == key) {
        return Err(format!("`{word}` declares an index of its own: `{word}(..)`"));
    }
    let known: Vec<String> =
        fields.handles.iter().map(|handle| handle.ident.unraw().to_string()).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    Err(suggest::unknown("field", ident, &known))
}

/// The path in `literal`, which begins with the stored name of a field.
fn stored_path(literal: &LitStr, fields: &StoredFields<'_>) -> Result<String, String> {
    let path = literal.value();
    for name in path.split('.') {
        names::check_field(name)?;
        let digits = name.bytes().all(|byte| byte.is_ascii_digit());
        if digits && (name == "0" || !name.starts_with('0')) {
            return Err("an index cannot hold positions of a list".to_owned());
        }
    }
    let first = path.split('.').next().unwrap_or_default();
    if fields.flattens || fields.handles.iter().any(|handle| handle.name == first) {
        return Ok(path);
    }
    let known: Vec<&str> = fields.handles.iter().map(|handle| handle.name.as_str()).collect();
    Err(format!("no field is stored as `{first}` (known: `{}`)", known.join("`, `")))
}
