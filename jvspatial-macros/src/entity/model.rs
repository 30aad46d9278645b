//! An entity type as the library sees it, checked.

use std::collections::HashMap;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, LitInt, LitStr, Type, Visibility};

use super::parse::Arguments;
use super::rename_rule::RenameRule;
use super::serde_attributes::{self, Container};
use super::{Kind, names};
use crate::support::{CratePath, Diagnostics, name_self};

/// The name of the node that every graph has.
const ROOT: &str = "Root";

/// An entity type.
#[derive(Debug)]
pub(crate) struct Entity<'a> {
    pub(crate) kind: Kind,
    pub(crate) ident: &'a Ident,
    pub(crate) vis: &'a Visibility,
    pub(crate) handles_ident: Ident,
    pub(crate) name: String,
    pub(crate) schema: u32,
    pub(crate) handles: Vec<Handle<'a>>,
    pub(crate) parallel: bool,
    pub(crate) undirected: bool,
    pub(crate) from: Option<Type>,
    pub(crate) to: Option<Type>,
    pub(crate) crate_path: CratePath,
}

/// A field that filters can name.
#[derive(Debug)]
pub(crate) struct Handle<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) vis: &'a Visibility,
    /// The type of the stored value, or `None` when the field's type does not tell it.
    pub(crate) ty: Option<TokenStream>,
    /// Where the value is in the stored document.
    pub(crate) path: String,
}

impl<'a> Entity<'a> {
    /// The entity that `input` declares; `None` when nothing could implement it.
    pub(crate) fn new(
        kind: Kind,
        input: &'a DeriveInput,
        arguments: Arguments,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let name = entity_name(kind, input, &arguments, diagnostics);
        let schema = schema(arguments.schema.as_ref(), diagnostics);
        let fields = StoredFields::new(input, diagnostics);
        if !input.generics.params.is_empty() {
            diagnostics
                .error(&input.generics, "an entity is one stored type and cannot be generic");
            return None;
        }
        Some(Self {
            kind,
            ident: &input.ident,
            vis: &input.vis,
            handles_ident: format_ident!("{}Fields", input.ident.unraw()),
            name,
            schema,
            handles: fields.handles,
            parallel: arguments.parallel,
            undirected: arguments.undirected,
            from: arguments.from,
            to: arguments.to,
            crate_path: arguments.crate_path,
        })
    }
}

fn entity_name(
    kind: Kind,
    input: &DeriveInput,
    arguments: &Arguments,
    diagnostics: &mut Diagnostics,
) -> String {
    let name = match &arguments.name {
        Some(literal) => literal.value(),
        None => input.ident.unraw().to_string(),
    };
    let checked = if kind == Kind::Node && name == ROOT {
        Err("`Root` is the node that every graph has".to_owned())
    } else {
        names::check_entity(&name)
    };
    if let Err(reason) = checked {
        match &arguments.name {
            Some(literal) => diagnostics.error(literal, reason),
            None => diagnostics.error(
                &input.ident,
                format!("{reason}; choose a name with `#[{}(name = \"..\")]`", kind.attribute()),
            ),
        }
    }
    name
}

fn schema(literal: Option<&LitInt>, diagnostics: &mut Diagnostics) -> u32 {
    let Some(literal) = literal else { return 1 };
    match literal.base10_parse() {
        Ok(version @ 1..) => version,
        _ => {
            diagnostics
                .error(literal, format!("a schema version is a number from 1 to {}", u32::MAX));
            1
        }
    }
}

/// What of the struct's fields is stored, and under which names.
#[derive(Default)]
struct StoredFields<'a> {
    handles: Vec<Handle<'a>>,
    /// Every name that serde reads, with the field it belongs to.
    taken: HashMap<String, &'a Ident>,
}

impl<'a> StoredFields<'a> {
    fn new(input: &'a DeriveInput, diagnostics: &mut Diagnostics) -> Self {
        let mut stored = Self::default();
        let container = Container::read(&input.attrs);
        refuse_container(&container, diagnostics);
        // All names come before all aliases, so that a clash is reported at the alias.
        let mut aliases = Vec::new();
        for field in fields_by_name(input, diagnostics).into_iter().flatten() {
            let attributes = serde_attributes::Field::read(&field.attrs);
            let added = stored.add(field, &attributes, &container, &input.ident, diagnostics);
            if let Some((ident, name)) = added {
                aliases.push((ident, name, attributes.aliases));
            }
        }
        for (ident, name, literals) in aliases {
            stored.check_aliases(ident, &name, &literals, diagnostics);
        }
        stored
    }

    /// Adds a field, and gives it back with the name under which it is stored, if it is.
    fn add(
        &mut self,
        field: &'a syn::Field,
        attributes: &serde_attributes::Field,
        container: &Container,
        entity: &Ident,
        diagnostics: &mut Diagnostics,
    ) -> Option<(&'a Ident, String)> {
        let ident = field.ident.as_ref()?;
        match (&attributes.skip_serializing, &attributes.skip_deserializing) {
            (Some(_), Some(_)) => return None,
            (Some(at), None) => diagnostics.error(
                at,
                format!("`{ident}` would be read but never written, so a save would lose it; use `skip` to keep it out of the store"),
            ),
            (None, Some(at)) => diagnostics.error(
                at,
                format!("`{ident}` would be written but never read, so the next save would overwrite it with its default; use `skip` to keep it out of the store"),
            ),
            (None, None) => {}
        }
        if attributes.flatten {
            return None;
        }
        let name = stored_name(ident, attributes, container, diagnostics);
        if let Some(other) = self.taken.insert(name.clone(), ident) {
            let message = format!("`{name}` is also the stored name of the field `{other}`");
            match &attributes.rename.serialize {
                Some(literal) => diagnostics.error(literal, message),
                None => diagnostics.error(ident, message),
            }
        }
        self.handles.push(Handle {
            ident,
            vis: &field.vis,
            ty: (!attributes.written_by_function)
                .then(|| name_self(field.ty.to_token_stream(), entity)),
            path: format!("context.{name}"),
        });
        Some((ident, name))
    }

    /// Takes the old names of the field that is stored as `name`.
    fn check_aliases(
        &mut self,
        field: &'a Ident,
        name: &str,
        literals: &[LitStr],
        diagnostics: &mut Diagnostics,
    ) {
        for literal in literals {
            let alias = literal.value();
            if alias == name {
                continue;
            }
            if let Some(other) = self.taken.insert(alias.clone(), field) {
                let message = format!(
                    "`{alias}` is also a name of the field `{other}`: a save would move its value"
                );
                diagnostics.error(literal, message);
            }
        }
    }
}

/// The fields of a struct that has names for them, if it has fields at all.
fn fields_by_name<'a>(input: &'a DeriveInput, diagnostics: &mut Diagnostics) -> Option<&'a Fields> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Unnamed(unnamed) => diagnostics.error(
                unnamed,
                "the fields of an entity are stored by name; write `{ name: Type }`",
            ),
            fields => return Some(fields),
        },
        Data::Enum(data) => diagnostics
            .error(data.enum_token, "an entity is a struct; keep the enum in one of its fields"),
        Data::Union(data) => {
            diagnostics.error(data.union_token, "an entity is a struct, not a union");
        }
    }
    None
}

fn refuse_container(container: &Container, diagnostics: &mut Diagnostics) {
    if let Some(transparent) = &container.transparent {
        diagnostics.error(
            transparent,
            "a transparent struct is stored as its field alone, but the fields of an entity are stored by name",
        );
    }
    if let Some(into) = &container.into {
        diagnostics
            .error(into, "`into` stores the fields of another type; make that type the entity");
    }
}

/// The name under which serde writes a field, which must be the one under which it reads it.
fn stored_name(
    ident: &Ident,
    attributes: &serde_attributes::Field,
    container: &Container,
    diagnostics: &mut Diagnostics,
) -> String {
    let by_rule =
        |rule: Option<RenameRule>| rule.unwrap_or_default().apply(&ident.unraw().to_string());
    let rename = &attributes.rename;
    let written = match &rename.serialize {
        Some(literal) => literal.value(),
        None => by_rule(container.rename_all.serialize),
    };
    let read = match &rename.deserialize {
        Some(literal) => literal.value(),
        None => by_rule(container.rename_all.deserialize),
    };
    let at = rename.serialize.as_ref().or(rename.deserialize.as_ref());
    let mut error = |message: String| match at {
        Some(literal) => diagnostics.error(literal, message),
        None => diagnostics.error(ident, message),
    };
    if written != read {
        error(format!(
            "`{ident}` would be written as `{written}` and read as `{read}`, so a save would not be read back; write `rename = \"{written}\"` and, if `{read}` is an old name, `alias = \"{read}\"`"
        ));
    }
    if let Err(reason) = names::check_field(&written) {
        error(reason);
    }
    written
}
