//! Which methods of an impl are marked as hooks.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{
    Attribute, ImplItem, ItemImpl, MacroDelimiter, Meta, MetaList, Path, Signature, Token, Type,
    token,
};

use super::HookKind;
use crate::support::Diagnostics;

/// What stands in the hook attributes that have been read.
pub(crate) const TAKEN: &str = "__taken";

/// A method marked as a hook.
#[derive(Debug)]
pub(crate) struct MarkedMethod {
    pub(crate) kind: HookKind,
    /// What stands in the parentheses of the attribute.
    pub(crate) list: List,
    pub(crate) signature: Signature,
    /// The `#[cfg(..)]` attributes, which gate the call as well.
    pub(crate) cfgs: Vec<Attribute>,
}

/// The types that a hook attribute lists.
#[derive(Debug)]
pub(crate) enum List {
    /// There are no parentheses.
    None,
    /// `any`.
    Any,
    Types(Vec<Type>),
}

/// The methods of `item` that are marked as hooks of one of `kinds`.
///
/// Their hook attributes stay, so that their names resolve and imports of them are used, but say
/// that they are taken.
pub(crate) fn take_hooks(
    item: &mut ItemImpl,
    kinds: &[HookKind],
    diagnostics: &mut Diagnostics,
) -> Vec<MarkedMethod> {
    let mut methods = Vec::new();
    for item in &mut item.items {
        let ImplItem::Fn(method) = item else { continue };
        let mut marks: Vec<(HookKind, Option<List>)> = Vec::new();
        method.attrs.retain_mut(|attribute| {
            let Some(kind) = HookKind::of(attribute, kinds) else {
                return !refused_as_conditional(attribute, kinds, diagnostics);
            };
            match marks.is_empty() {
                true => marks.push((kind, read_list(kind, attribute, diagnostics))),
                false => diagnostics.error(
                    &*attribute,
                    "a method is one hook; move the second into a method of its own",
                ),
            }
            attribute.meta = taken(attribute.path().clone());
            true
        });
        if let Some((kind, Some(list))) = marks.pop() {
            methods.push(MarkedMethod {
                kind,
                list,
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

/// The list in `attribute`; `None` when it is no list for a hook of this kind.
fn read_list(kind: HookKind, attribute: &Attribute, diagnostics: &mut Diagnostics) -> Option<List> {
    let name = kind.name();
    let list = match (&attribute.meta, kind) {
        (Meta::Path(_), HookKind::Visit | HookKind::Leave | HookKind::Exit) => {
            return Some(List::None);
        }
        (Meta::List(list), _) if kind != HookKind::Exit && !list.tokens.is_empty() => list,
        _ => {
            let message = match kind {
                HookKind::Visit | HookKind::Leave => format!(
                    "write `#[{name}]`, or list types of nodes and edges: `#[{name}(City, Road)]`"
                ),
                HookKind::Exit => format!("`#[{name}]` takes no keys; write it alone"),
                HookKind::VisitedBy | HookKind::LeftBy => format!(
                    "list the walkers: `#[{name}(Surveyor)]`, or `#[{name}(any)]` for every walker"
                ),
            };
            diagnostics.error(attribute, message);
            return None;
        }
    };
    let mut tokens = list.tokens.clone().into_iter();
    if let (Some(TokenTree::Ident(word)), None) = (tokens.next(), tokens.next())
        && word == "any"
    {
        return Some(List::Any);
    }
    let mut mistakes = Diagnostics::default();
    let types = read_types(list.tokens.clone(), &mut mistakes);
    let is_readable = mistakes.is_empty();
    diagnostics.append(mistakes);
    is_readable.then_some(List::Types(types))
}

/// The types in a list, each once.
pub(crate) fn read_types(tokens: TokenStream, diagnostics: &mut Diagnostics) -> Vec<Type> {
    let mut types: Vec<Type> = Vec::new();
    match Punctuated::<Type, Token![,]>::parse_terminated.parse2(tokens) {
        Ok(list) => {
            for ty in list {
                match types.contains(&ty) {
                    true => {
                        let name = ty.to_token_stream();
                        diagnostics.error(&ty, format!("`{name}` is listed twice"));
                    }
                    false => types.push(ty),
                }
            }
        }
        Err(error) => {
            diagnostics.push(syn::Error::new(error.span(), "expected types: `City, Road`"));
        }
    }
    types
}

/// A hook attribute as it stands when it has been read.
fn taken(path: Path) -> Meta {
    Meta::List(MetaList {
        path,
        delimiter: MacroDelimiter::Paren(token::Paren::default()),
        tokens: Ident::new(TAKEN, Span::call_site()).into_token_stream(),
    })
}

/// Whether `attribute` would mark the method only after its impl has been searched for hooks, as
/// `cfg_attr` does.
fn refused_as_conditional(
    attribute: &Attribute,
    kinds: &[HookKind],
    diagnostics: &mut Diagnostics,
) -> bool {
    let Meta::List(list) = &attribute.meta else {
        return false;
    };
    let names_a_hook = |token: TokenTree| match token {
        TokenTree::Ident(ident) => kinds.iter().any(|kind| ident == kind.name()),
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
