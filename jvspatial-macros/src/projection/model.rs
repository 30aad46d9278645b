//! A projection as the library sees it, checked.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, ExprPath, Fields, LitStr, Type};

use crate::entity::names;
use crate::entity::serde_attributes::{self, Container};
use crate::support::{CratePath, Diagnostics, keys};

/// The keys of `#[projection(..)]`.
const KEYS: &[&str] = &["path", "id", "version"];

/// A struct that reads some fields.
#[derive(Debug)]
pub(crate) struct Projection<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) fields: Vec<Field<'a>>,
    pub(crate) crate_path: CratePath,
}

/// One field of the struct.
#[derive(Debug)]
pub(crate) struct Field<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) source: Source,
}

/// Where the value of a field comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The stored field at this path.
    Path {
        path: String,
        /// What stands for a missing one: the type's default, or what a function makes.
        default: Option<Option<ExprPath>>,
    },
    /// The id of the document.
    Id,
    /// The version of the document.
    Version,
}

impl<'a> Projection<'a> {
    /// The projection that `input` declares; `None` when nothing could implement it.
    pub(crate) fn new(
        input: &'a DeriveInput,
        crate_path: CratePath,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        refuse_on_struct(input, diagnostics);
        let named = fields_by_name(input, diagnostics)?;
        if !input.generics.params.is_empty() {
            diagnostics
                .error(&input.generics, "a projection reads known fields and cannot be generic");
            return None;
        }
        let container = Container::read(&input.attrs);
        if let Some(at) = container.transparent.as_ref().or(container.into.as_ref()) {
            diagnostics.error(at, "a projection is read field by field; serde does not write it");
        }
        let mut taken: Vec<(String, Span)> = Vec::new();
        let mut fields = Vec::new();
        for field in named {
            let Some(ident) = &field.ident else { continue };
            let (source, at) = source(field, ident, &container, diagnostics);
            if let Source::Path { path, .. } = &source {
                check_collision(path, at, &taken, diagnostics);
                taken.push((path.clone(), at));
            }
            fields.push(Field { ident, ty: &field.ty, source });
        }
        Some(Self { ident: &input.ident, fields, crate_path })
    }
}

/// Where a field comes from, and the place in the code that says so.
fn source(
    field: &syn::Field,
    ident: &Ident,
    container: &Container,
    diagnostics: &mut Diagnostics,
) -> (Source, Span) {
    let (mut path, mut id, mut version) = (None::<LitStr>, false, false);
    keys::read_attributes(&field.attrs, "projection", diagnostics, |key, diagnostics| {
        if key.is("path") {
            path = Some(key.value()?);
        } else if key.is("id") {
            key.flag(&mut id)?;
        } else if key.is("version") {
            key.flag(&mut version)?;
        } else {
            key.unknown(KEYS, diagnostics)?;
        }
        Ok(())
    });
    let attributes = serde_attributes::Field::read(&field.attrs);
    refuse_serde(ident, &attributes, diagnostics);
    let said = usize::from(path.is_some()) + usize::from(id) + usize::from(version);
    if said > 1 {
        diagnostics.error(ident, "a field is one of `path`, `id` and `version`");
    }
    if id {
        return (Source::Id, ident.span());
    }
    if version {
        return (Source::Version, ident.span());
    }
    let default = attributes.default;
    if let Some(literal) = path {
        if let Some(rename) = &attributes.rename.deserialize {
            diagnostics.error(rename, "`path` says already where the field is stored");
        }
        check_path(&literal, diagnostics);
        return (Source::Path { path: literal.value(), default }, literal.span());
    }
    let (name, at) = match &attributes.rename.deserialize {
        Some(literal) => (literal.value(), literal.span()),
        None => {
            let rule = container.rename_all.deserialize.unwrap_or_default();
            (rule.apply(&ident.unraw().to_string()), ident.span())
        }
    };
    if let Err(reason) = names::check_field(&name) {
        diagnostics.push(syn::Error::new(at, reason));
    }
    (Source::Path { path: name, default }, at)
}

fn refuse_serde(
    ident: &Ident,
    attributes: &serde_attributes::Field,
    diagnostics: &mut Diagnostics,
) {
    if let Some(at) = attributes.skip_deserializing.as_ref() {
        diagnostics.error(at, format!("`{ident}` would not be read; leave it out of the struct"));
    }
    if let Some(at) = attributes.read_by_function.as_ref() {
        let message = format!("`{ident}` is read by its type; give it a type that reads itself so");
        diagnostics.error(at, message);
    }
    if attributes.flatten {
        diagnostics.error(ident, "a projection names its fields; a flattened one has no name");
    }
    for alias in &attributes.aliases {
        diagnostics.error(alias, "a projection reads one name; old names are not looked for");
    }
}

fn check_path(literal: &LitStr, diagnostics: &mut Diagnostics) {
    for name in literal.value().split('.') {
        if let Err(reason) = names::check_field(name) {
            diagnostics.error(literal, reason);
            return;
        }
    }
}

/// Refuses a path that is, or leads into, another one.
fn check_collision(path: &str, at: Span, taken: &[(String, Span)], diagnostics: &mut Diagnostics) {
    let leads_into = |outer: &str, inner: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let collides =
        |other: &&(String, Span)| leads_into(&other.0, path) || leads_into(path, &other.0);
    if let Some((other, _)) = taken.iter().find(collides) {
        let message = if other == path {
            format!("`{path}` is read twice")
        } else {
            format!("`{path}` and `{other}` overlap: one leads into the other")
        };
        diagnostics.push(syn::Error::new(at, message));
    }
}

fn refuse_on_struct(input: &DeriveInput, diagnostics: &mut Diagnostics) {
    for attribute in &input.attrs {
        if attribute.path().is_ident("projection") {
            diagnostics.error(attribute, "`#[projection(..)]` stands on a field");
        }
    }
}

fn fields_by_name<'a>(input: &'a DeriveInput, diagnostics: &mut Diagnostics) -> Option<&'a Fields> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Unnamed(unnamed) => diagnostics.error(
                unnamed,
                "the fields of a projection are read by name; write `{ name: Type }`",
            ),
            fields => return Some(fields),
        },
        Data::Enum(data) => diagnostics.error(data.enum_token, "a projection is a struct"),
        Data::Union(data) => {
            diagnostics.error(data.union_token, "a projection is a struct, not a union");
        }
    }
    None
}
