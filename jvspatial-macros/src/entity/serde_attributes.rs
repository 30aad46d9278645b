//! The serde attributes that decide under which name, and as what, a field is stored.
//!
//! Serde reports its own mistakes; here whatever cannot be read is passed over.

use proc_macro2::TokenTree;
use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::{Attribute, ExprPath, Ident, LitStr, Path, Token, token};

use super::rename_rule::RenameRule;

/// What serde is told about the struct.
#[derive(Debug, Default)]
pub(crate) struct Container {
    pub(crate) rename_all: Rename<RenameRule>,
    pub(crate) transparent: Option<Path>,
    pub(crate) into: Option<Path>,
}

/// What serde is told about a field.
#[derive(Debug, Default)]
pub(crate) struct Field {
    pub(crate) rename: Rename<LitStr>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) skip_serializing: Option<Path>,
    pub(crate) skip_deserializing: Option<Path>,
    pub(crate) flatten: bool,
    /// The field is written by a function, so that its type says nothing about what is stored.
    pub(crate) written_by_function: bool,
    /// The field is read by a function.
    pub(crate) read_by_function: Option<Path>,
    /// What stands for a missing field: the type's default, or what a function makes.
    pub(crate) default: Option<Option<ExprPath>>,
}

/// A setting that may differ between writing and reading.
#[derive(Debug)]
pub(crate) struct Rename<T> {
    pub(crate) serialize: Option<T>,
    pub(crate) deserialize: Option<T>,
}

impl<T> Rename<T> {
    /// Takes over what `other` sets.
    fn update(&mut self, other: Self) {
        self.serialize = other.serialize.or(self.serialize.take());
        self.deserialize = other.deserialize.or(self.deserialize.take());
    }
}

impl<T> Default for Rename<T> {
    fn default() -> Self {
        Self { serialize: None, deserialize: None }
    }
}

impl Container {
    pub(crate) fn read(attributes: &[Attribute]) -> Self {
        let mut container = Self::default();
        for_each_key(attributes, |meta| {
            if meta.path.is_ident("rename_all") {
                let (names, _) = read_rename(&meta)?;
                let rule = |name: Option<LitStr>| RenameRule::named(&name?.value());
                container.rename_all.update(Rename {
                    serialize: rule(names.serialize),
                    deserialize: rule(names.deserialize),
                });
            } else if meta.path.is_ident("transparent") {
                container.transparent = Some(meta.path);
            } else if meta.path.is_ident("into") {
                container.into = Some(meta.path);
            }
            Ok(())
        });
        container
    }
}

impl Field {
    pub(crate) fn read(attributes: &[Attribute]) -> Self {
        let mut field = Self::default();
        for_each_key(attributes, |meta| {
            let Some(key) = meta.path.get_ident().map(Ident::to_string) else {
                return Ok(());
            };
            match key.as_str() {
                "rename" => {
                    let (names, aliases) = read_rename(&meta)?;
                    field.rename.update(names);
                    field.aliases.extend(aliases);
                }
                "alias" => field.aliases.push(meta.value()?.parse()?),
                "skip" => {
                    field.skip_serializing = Some(meta.path.clone());
                    field.skip_deserializing = Some(meta.path);
                }
                "skip_serializing" => field.skip_serializing = Some(meta.path),
                "skip_deserializing" => field.skip_deserializing = Some(meta.path),
                "flatten" => field.flatten = true,
                "with" => {
                    field.written_by_function = true;
                    field.read_by_function = Some(meta.path);
                }
                "serialize_with" => field.written_by_function = true,
                "deserialize_with" => field.read_by_function = Some(meta.path),
                "default" if meta.input.peek(Token![=]) => {
                    let function: LitStr = meta.value()?.parse()?;
                    field.default = Some(Some(function.parse()?));
                }
                "default" => field.default = Some(None),
                _ => {}
            }
            Ok(())
        });
        field
    }
}

fn for_each_key(
    attributes: &[Attribute],
    mut read: impl FnMut(ParseNestedMeta<'_>) -> syn::Result<()>,
) {
    for attribute in attributes {
        if attribute.path().is_ident("serde") {
            // An error ends the reading of this attribute, and serde reports the same one.
            let _ = attribute.parse_nested_meta(|meta| {
                let input = meta.input;
                read(meta)?;
                skip_value(input)
            });
        }
    }
}

/// Reads `= ".."` or `(serialize = "..", deserialize = "..")`.
///
/// Serde takes several names to deserialize: the first is the name, the others are aliases.
fn read_rename(meta: &ParseNestedMeta<'_>) -> syn::Result<(Rename<LitStr>, Vec<LitStr>)> {
    let mut names = Rename::default();
    let mut aliases = Vec::new();
    if meta.input.peek(token::Paren) {
        meta.parse_nested_meta(|meta| {
            let name: LitStr = meta.value()?.parse()?;
            if meta.path.is_ident("serialize") {
                names.serialize = Some(name);
            } else if names.deserialize.is_none() {
                names.deserialize = Some(name);
            } else {
                aliases.push(name);
            }
            Ok(())
        })?;
    } else {
        let name: LitStr = meta.value()?.parse()?;
        names.serialize = Some(name.clone());
        names.deserialize = Some(name);
    }
    Ok((names, aliases))
}

fn skip_value(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}
