//! The keys of `#[walker(..)]`, and which methods are marked as hooks.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, ImplItem, ItemImpl, MacroDelimiter, Meta, MetaList, Path, Signature, Type, token,
};

use super::{HookKind, TAKEN};
use crate::support::{CratePath, Diagnostics, keys};

/// What `#[walker(..)]` says, as it is written.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) report: Option<Type>,
    pub(crate) crate_path: CratePath,
}

impl Arguments {
    pub(crate) fn read(tokens: TokenStream, diagnostics: &mut Diagnostics) -> Self {
        let mut arguments = Self::default();
        keys::read_list(tokens, diagnostics, |key, diagnostics| {
            if key.is("report") {
                arguments.report = Some(key.ty()?);
            } else if key.is("crate") {
                arguments.crate_path.set(key.value()?, diagnostics);
            } else {
                key.unknown(&["report", "crate"], diagnostics)?;
            }
            Ok(())
        });
        arguments
    }
}

/// A method marked as a hook.
#[derive(Debug)]
pub(crate) struct MarkedMethod {
    pub(crate) kind: HookKind,
    pub(crate) signature: Signature,
    /// The `#[cfg(..)]` attributes, which gate the call as well.
    pub(crate) cfgs: Vec<Attribute>,
}

/// The marked methods of `item`.
///
/// Their hook attributes stay, so that their names resolve and imports of them are used, but say
/// that they are taken.
pub(crate) fn take_hooks(item: &mut ItemImpl, diagnostics: &mut Diagnostics) -> Vec<MarkedMethod> {
    let mut methods = Vec::new();
    for item in &mut item.items {
        let ImplItem::Fn(method) = item else { continue };
        let mut kinds = Vec::new();
        method.attrs.retain_mut(|attribute| {
            let Some(kind) = HookKind::of(attribute) else {
                return !refused_as_conditional(attribute, diagnostics);
            };
            match &attribute.meta {
                Meta::Path(_) if kinds.is_empty() => kinds.push(kind),
                Meta::Path(_) => diagnostics.error(
                    &*attribute,
                    "a method is one hook; move the second into a method of its own",
                ),
                Meta::List(_) | Meta::NameValue(_) => {
                    let name = kind.name();
                    diagnostics.error(
                        &*attribute,
                        format!("`#[{name}]` takes no keys; the type of the node parameter selects the nodes"),
                    );
                }
            }
            attribute.meta = taken(attribute.path().clone());
            true
        });
        if let Some(&kind) = kinds.first() {
            methods.push(MarkedMethod {
                kind,
                signature: method.sig.clone(),
                cfgs: method
                    .attrs
                    .iter()
                    .filter(|attribute| attribute.path().is_ident("cfg"))
                    .cloned()
                    .collect(),
            });
        }
    }
    methods
}

/// `#[on_visit]` as it stands after `#[walker]` has read it.
fn taken(path: Path) -> Meta {
    Meta::List(MetaList {
        path,
        delimiter: MacroDelimiter::Paren(token::Paren::default()),
        tokens: Ident::new(TAKEN, Span::call_site()).into_token_stream(),
    })
}

/// Whether `attribute` would mark the method only after `#[walker]` has looked for hooks, as
/// `cfg_attr` does.
fn refused_as_conditional(attribute: &Attribute, diagnostics: &mut Diagnostics) -> bool {
    let Meta::List(list) = &attribute.meta else {
        return false;
    };
    let names_a_hook = |token: TokenTree| match token {
        TokenTree::Ident(ident) => ident == "on_visit" || ident == "on_exit",
        _ => false,
    };
    let refused =
        list.path.is_ident("cfg_attr") && list.tokens.clone().into_iter().any(names_a_hook);
    if refused {
        diagnostics.error(
            attribute,
            "a hook cannot be marked by `cfg_attr`; write `#[cfg(..)]` beside the hook attribute",
        );
    }
    refused
}
