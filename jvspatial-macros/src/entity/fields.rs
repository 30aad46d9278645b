//! The fields of a struct as they are stored, checked.

use std::collections::HashMap;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, LitStr, Visibility};

use super::names;
use super::rename_rule::RenameRule;
use super::serde_attributes::{self, Container};
use crate::support::{CratePath, Diagnostics, name_self};

/// A field that filters can name.
#[derive(Debug)]
pub(crate) struct Handle<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) vis: &'a Visibility,
    /// The type of the stored value, or `None` when the field's type does not tell it.
    pub(crate) ty: Option<TokenStream>,
    /// The name under which the value is stored.
    pub(crate) name: String,
}

/// The struct with a handle for each field, which stands beside the struct with the fields.
#[derive(Debug)]
pub(crate) struct Handles<'a> {
    /// The struct with the fields.
    pub(crate) of: &'a Ident,
    pub(crate) vis: &'a Visibility,
    pub(crate) ident: Ident,
    pub(crate) handles: Vec<Handle<'a>>,
}

impl<'a> Handles<'a> {
    pub(crate) fn new(input: &'a DeriveInput, handles: Vec<Handle<'a>>) -> Self {
        let of = &input.ident;
        let ident = format_ident!("{}Fields", of.unraw());
        Self { of, vis: &input.vis, ident, handles }
    }

    /// The code of the struct; what its fields are stored in begins with `prefix`.
    pub(crate) fn expand(&self, prefix: &str, support: &CratePath) -> TokenStream {
        let Self { of, vis, ident, handles } = self;
        let fields = handles.iter().map(|handle| {
            let Handle { ident, vis, ty, name } = handle;
            let ty = match ty {
                Some(ty) => ty.clone(),
                None => quote!(#support::Bson),
            };
            let doc = format!("`{ident}`, stored at `{prefix}{name}`.");
            quote!(#[doc = #doc] #vis #ident: #support::Field<#ty>)
        });
        let doc = format!("Typed handles of the fields of `{of}`, for filters.");
        quote! {
            #[doc = #doc]
            #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
            #[allow(dead_code, deprecated, non_camel_case_types, non_snake_case)]
            #vis struct #ident {
                #(#fields,)*
            }
        }
    }
}

/// What of the struct's fields is stored, and under which names.
#[derive(Default)]
pub(crate) struct StoredFields<'a> {
    pub(crate) handles: Vec<Handle<'a>>,
    /// The fields that are not stored under a name of their own.
    pub(crate) unstored: Vec<&'a Ident>,
    /// Whether a flattened field stores further names.
    pub(crate) flattens: bool,
    /// Every name that serde reads, with the field it belongs to.
    taken: HashMap<String, &'a Ident>,
}

impl<'a> StoredFields<'a> {
    /// The fields of `input`, which messages call `noun`.
    pub(crate) fn new(noun: &str, input: &'a DeriveInput, diagnostics: &mut Diagnostics) -> Self {
        let mut stored = Self::default();
        let container = Container::read(&input.attrs);
        refuse_container(noun, &container, diagnostics);
        // All names come before all aliases, so that a clash is reported at the alias.
        let mut aliases = Vec::new();
        for field in fields_by_name(noun, input, diagnostics).into_iter().flatten() {
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
            (Some(_), Some(_)) => {
                self.unstored.push(ident);
                return None;
            }
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
            self.unstored.push(ident);
            self.flattens = true;
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
            name: name.clone(),
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
fn fields_by_name<'a>(
    noun: &str,
    input: &'a DeriveInput,
    diagnostics: &mut Diagnostics,
) -> Option<&'a Fields> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Unnamed(unnamed) => diagnostics.error(
                unnamed,
                format!("the fields of {noun} are stored by name; write `{{ name: Type }}`"),
            ),
            fields => return Some(fields),
        },
        Data::Enum(data) => diagnostics.error(
            data.enum_token,
            format!("{noun} is a struct; keep the enum in one of its fields"),
        ),
        Data::Union(data) => {
            diagnostics.error(data.union_token, format!("{noun} is a struct, not a union"));
        }
    }
    None
}

fn refuse_container(noun: &str, container: &Container, diagnostics: &mut Diagnostics) {
    if let Some(transparent) = &container.transparent {
        diagnostics.error(
            transparent,
            format!("a transparent struct is stored as its field alone, but the fields of {noun} are stored by name"),
        );
    }
    if let Some(into) = &container.into {
        diagnostics.error(
            into,
            format!("`into` stores the fields of another type; make that type {noun}"),
        );
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
