//! The keys of `#[node(..)]`, `#[edge(..)]` and `#[object(..)]`.

use syn::{Data, DeriveInput, LitInt, LitStr, Type};

use super::Kind;
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
    pub(crate) crate_path: CratePath,
}

impl Arguments {
    /// Reads the attributes of the struct, and refuses those on its fields.
    pub(crate) fn read(kind: Kind, input: &DeriveInput, diagnostics: &mut Diagnostics) -> Self {
        let mut arguments = Self {
            crate_path: CratePath::from_attributes(&input.attrs, diagnostics),
            ..Self::default()
        };
        keys::read_attributes(&input.attrs, kind.attribute(), diagnostics, |key, diagnostics| {
            arguments.read_key(kind, &key, diagnostics)
        });
        refuse_on_fields(kind, input, diagnostics);
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
            _ => key.unknown(kind.keys(), diagnostics)?,
        }
        Ok(())
    }
}

fn refuse_on_fields(kind: Kind, input: &DeriveInput, diagnostics: &mut Diagnostics) {
    let Data::Struct(data) = &input.data else {
        return;
    };
    for attribute in data.fields.iter().flat_map(|field| &field.attrs) {
        if attribute.path().is_ident(kind.attribute()) {
            let name = kind.attribute();
            let keys = kind.keys().join("`, `");
            diagnostics.error(
                attribute,
                format!(
                    "a field has no keys; `#[{name}(..)]` stands on the struct (known: `{keys}`)"
                ),
            );
        } else if attribute.path().is_ident("jvspatial") {
            diagnostics.error(attribute, "`#[jvspatial(..)]` stands on the struct");
        }
    }
}
