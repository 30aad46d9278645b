//! An entity type as the library sees it, checked.

use syn::ext::IdentExt;
use syn::{DeriveInput, LitInt, Type};

use super::fields::{Handles, StoredFields};
use super::indexes::{self, Index};
use super::parse::Arguments;
use super::{Kind, names};
use crate::support::{CratePath, Diagnostics};

/// The name of the node that every graph has.
const ROOT: &str = "Root";

/// What messages call an entity.
const ENTITY: &str = "an entity";

/// An entity type.
#[derive(Debug)]
pub(crate) struct Entity<'a> {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) schema: u32,
    pub(crate) handles: Handles<'a>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) parallel: bool,
    pub(crate) undirected: bool,
    pub(crate) from: Option<Type>,
    pub(crate) to: Option<Type>,
    pub(crate) crate_path: CratePath,
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
        let fields = StoredFields::new(ENTITY, input, diagnostics);
        let indexes = indexes::check(arguments.indexes, &fields, diagnostics);
        if !input.generics.params.is_empty() {
            diagnostics
                .error(&input.generics, "an entity is one stored type and cannot be generic");
            return None;
        }
        Some(Self {
            kind,
            name,
            schema,
            indexes,
            handles: Handles::new(input, fields.handles),
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
