//! The keys of `#[node(..)]`, `#[edge(..)]` and `#[object(..)]`.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, LitInt, LitStr, Type};

use super::Kind;
use super::index_arguments::{INDEX_KEYS, IndexArguments};
use crate::support::{CratePath, Diagnostics, keys};

/// What the attributes of the struct say, as it is written.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) name: Option<LitStr>,
    pub(crate) schema: Option<LitInt>,
    pub(crate) parallel: bool,
    pub(crate) undirected: bool,
    pub(crate) from: Option<Type>,
    pub(crate) to: Option<Type>,
    pub(crate) indexes: Vec<IndexArguments>,
    pub(crate) crate_path: CratePath,
}

impl Arguments {
    /// Reads the attributes of the struct and of its fields.
    pub(crate) fn read(kind: Kind, input: &DeriveInput, diagnostics: &mut Diagnostics) -> Self {
        let mut arguments = Self {
            crate_path: CratePath::from_attributes(&input.attrs, diagnostics),
            ..Self::default()
        };
        let attribute = kind.attribute();
        keys::read_repeating(
            &input.attrs,
            attribute,
            INDEX_KEYS,
            diagnostics,
            |key, diagnostics| arguments.read_key(kind, &key, diagnostics),
        );
        arguments.read_fields(kind, input, diagnostics);
        arguments
    }

    fn read_key(
        &mut self,
        kind: Kind,
        key: &keys::Key<'_>,
        diagnostics: &mut Diagnostics,
    ) -> syn::Result<()> {
        match (kind, key.ident.to_string().as_str()) {
            (_, "name") => self.name = Some(key.value()?),
            (_, "schema") => self.schema = Some(key.value()?),
            (Kind::Edge, "parallel") => key.flag(&mut self.parallel)?,
            (Kind::Edge, "undirected") => key.flag(&mut self.undirected)?,
            (Kind::Edge, "from") => self.from = Some(key.ty()?),
            (Kind::Edge, "to") => self.to = Some(key.ty()?),
            (_, "index" | "unique") => {
                self.indexes.extend(IndexArguments::of_struct(key, diagnostics)?);
            }
            _ => key.unknown(kind.keys(), diagnostics)?,
        }
        Ok(())
    }

    fn read_fields(&mut self, kind: Kind, input: &DeriveInput, diagnostics: &mut Diagnostics) {
        let Data::Struct(data) = &input.data else {
            return;
        };
        for field in &data.fields {
            for attribute in &field.attrs {
                if attribute.path().is_ident("jvspatial") {
                    diagnostics.error(attribute, "`#[jvspatial(..)]` stands on the struct");
                }
            }
            let Some(ident) = &field.ident else { continue };
            let name = kind.attribute();
            keys::read_attributes(&field.attrs, name, diagnostics, |key, diagnostics| {
                self.read_key_of_field(kind, ident, &key, diagnostics)
            });
        }
    }

    fn read_key_of_field(
        &mut self,
        kind: Kind,
        field: &Ident,
        key: &keys::Key<'_>,
        diagnostics: &mut Diagnostics,
    ) -> syn::Result<()> {
        let word = key.ident.unraw().to_string();
        if INDEX_KEYS.contains(&word.as_str()) {
            self.indexes.push(IndexArguments::of_field(field, key, diagnostics)?);
            return Ok(());
        }
        if !kind.keys().contains(&word.as_str()) {
            return key.unknown(INDEX_KEYS, diagnostics);
        }
        let known = INDEX_KEYS.join("`, `");
        let message = format!("`{word}` stands on the struct, not on a field (known: `{known}`)");
        diagnostics.error(&key.ident, message);
        key.skip()
    }
}
