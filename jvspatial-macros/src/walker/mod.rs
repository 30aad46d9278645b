//! `#[walker]`, `#[on_visit]` and `#[on_exit]`.

mod expand;
mod model;
mod parameter;
mod parse;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Attribute, Item, ItemImpl};

use crate::support::Diagnostics;

/// What `#[walker]` writes into the hook attributes that it has read.
const TAKEN: &str = "__taken_by_walker";

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HookKind {
    Visit,
    Exit,
}

impl HookKind {
    /// The attribute of a hook of this kind.
    fn name(self) -> &'static str {
        match self {
            Self::Visit => "on_visit",
            Self::Exit => "on_exit",
        }
    }

    /// The kind that `attribute` names, if it names one.
    fn of(attribute: &Attribute) -> Option<Self> {
        let last = attribute.path().segments.last()?;
        [Self::Visit, Self::Exit].into_iter().find(|kind| last.ident == kind.name())
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
    let mut item = match parse_impl(item.clone()) {
        Ok(item) => item,
        Err(error) => {
            diagnostics.push(error);
            return with_errors(item, diagnostics);
        }
    };
    let methods = parse::take_hooks(&mut item, &mut diagnostics);
    let walker = model::Walker::new(&item, &methods, arguments, &mut diagnostics);
    let mut code = item.to_token_stream();
    code.extend(walker.map(|walker| expand::expand(&walker)));
    with_errors(code, diagnostics)
}

/// The output of a hook attribute: the method as it is, and an error when no `#[walker]` has read
/// it.
pub(crate) fn expand_hook(
    kind: HookKind,
    arguments: &TokenStream,
    item: TokenStream,
) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    if arguments.to_string() != TAKEN {
        let name = kind.name();
        diagnostics.push(syn::Error::new(
            Span::call_site(),
            format!("`#[{name}]` marks a method of an impl that has `#[walker]`"),
        ));
    }
    with_errors(item, diagnostics)
}

fn parse_impl(item: TokenStream) -> syn::Result<ItemImpl> {
    match syn::parse2(item)? {
        Item::Impl(item) => Ok(item),
        _ => Err(syn::Error::new(
            Span::call_site(),
            "`#[walker]` stands on the impl that holds the hooks: `impl Type { .. }`",
        )),
    }
}

fn with_errors(mut code: TokenStream, diagnostics: Diagnostics) -> TokenStream {
    code.extend(diagnostics.into_compile_errors());
    code
}
