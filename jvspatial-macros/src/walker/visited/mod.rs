//! `#[visited]`, the impl that holds the hooks of a node or an edge.

mod expand;
mod hook;
mod model;

use proc_macro2::TokenStream;
use quote::ToTokens;

use super::{HookKind, marked, parse_impl, with_errors};
use crate::support::{CratePath, Diagnostics, keys};

/// The output of `#[visited]`: the user's methods, the implementations, and every mistake as an
/// error at its place.
pub(crate) fn expand_impl(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let mut crate_path = CratePath::default();
    keys::read_list(arguments, &mut diagnostics, |key, diagnostics| {
        match key.is("crate") {
            true => crate_path.set(key.value()?, diagnostics),
            false => key.unknown(&["crate"], diagnostics)?,
        }
        Ok(())
    });
    let message = "`#[visited]` stands on the impl of a node or an edge: `impl City { .. }`";
    let mut item = match parse_impl(item.clone(), message) {
        Ok(item) => item,
        Err(error) => {
            diagnostics.push(error);
            return with_errors(item, diagnostics);
        }
    };
    let methods = marked::take_hooks(&mut item, HookKind::OF_ENTITIES, &mut diagnostics);
    let visited = model::Visited::new(&item, &methods, &crate_path, &mut diagnostics);
    let mut code = item.to_token_stream();
    code.extend(visited.map(|visited| expand::expand(&visited)));
    with_errors(code, diagnostics)
}
