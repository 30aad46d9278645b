//! `#[walker]` and `#[visited]`, and the attributes of the hooks in their impls.

mod call;
mod expand;
mod gate;
mod hook;
mod marked;
mod model;
mod parameter;
mod parse;
mod visited;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Attribute, Item, ItemImpl};

use crate::support::Diagnostics;
pub(crate) use visited::expand_impl as expand_visited;

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HookKind {
    Visit,
    Leave,
    Exit,
    VisitedBy,
    LeftBy,
}

impl HookKind {
    /// The kinds of hooks that a walker has.
    const OF_WALKERS: &'static [Self] = &[Self::Visit, Self::Leave, Self::Exit];
    /// The kinds of hooks that nodes and edges have.
    const OF_ENTITIES: &'static [Self] = &[Self::VisitedBy, Self::LeftBy];

    /// The attribute of a hook of this kind.
    fn name(self) -> &'static str {
        match self {
            Self::Visit => "on_visit",
            Self::Leave => "on_leave",
            Self::Exit => "on_exit",
            Self::VisitedBy => "visited_by",
            Self::LeftBy => "left_by",
        }
    }

    /// The attribute of the impl that it stands in.
    fn home(self) -> &'static str {
        match Self::OF_WALKERS.contains(&self) {
            true => "walker",
            false => "visited",
        }
    }

    /// The one of `kinds` that `attribute` names, if it names one.
    fn of(attribute: &Attribute, kinds: &[Self]) -> Option<Self> {
        let last = attribute.path().segments.last()?;
        kinds.iter().copied().find(|kind| last.ident == kind.name())
    }
}

/// The output of `#[walker]`: the user's methods, the implementation, and every mistake as an error
/// at its place.
///
/// The methods and the implementation come even beside mistakes, so that code which uses them
/// brings no errors of its own.
pub(crate) fn expand_impl(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let arguments = parse::Arguments::read(arguments, &mut diagnostics);
    let message = "`#[walker]` stands on the impl that holds the hooks: `impl Type { .. }`";
    let mut item = match parse_impl(item.clone(), message) {
        Ok(item) => item,
        Err(error) => {
            diagnostics.push(error);
            return with_errors(item, diagnostics);
        }
    };
    let methods = marked::take_hooks(&mut item, HookKind::OF_WALKERS, &mut diagnostics);
    let walker = model::Walker::new(&item, &methods, &arguments, &mut diagnostics);
    let mut code = item.to_token_stream();
    code.extend(walker.map(|walker| expand::expand(&walker)));
    with_errors(code, diagnostics)
}

/// The output of a hook attribute: the method as it is, and an error when no `#[walker]` or
/// `#[visited]` has read it.
pub(crate) fn expand_hook(
    kind: HookKind,
    arguments: &TokenStream,
    item: TokenStream,
) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    if arguments.to_string() != marked::TAKEN {
        let (name, home) = (kind.name(), kind.home());
        diagnostics.push(syn::Error::new(
            Span::call_site(),
            format!("`#[{name}]` marks a method of an impl that has `#[{home}]`"),
        ));
    }
    with_errors(item, diagnostics)
}

fn parse_impl(item: TokenStream, otherwise: &str) -> syn::Result<ItemImpl> {
    match syn::parse2(item)? {
        Item::Impl(item) => Ok(item),
        _ => Err(syn::Error::new(Span::call_site(), otherwise)),
    }
}

fn with_errors(mut code: TokenStream, diagnostics: Diagnostics) -> TokenStream {
    code.extend(diagnostics.into_compile_errors());
    code
}
