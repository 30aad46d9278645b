//! `#[cached_query]`.

mod expand;
mod function;
mod parse;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ItemFn;

use crate::support::Diagnostics;
use function::Function;
use parse::Arguments;

/// Generates the function with what keeps its answers, and the functions that look after them.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let arguments = Arguments::read(arguments, &mut diagnostics);
    let item = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(item) => item,
        Err(_) => {
            diagnostics.error(&item, "`#[cached_query]` belongs on an `async fn` with a body");
            return [diagnostics.into_compile_errors(), item].into_iter().collect();
        }
    };
    let function = Function::read(&item, &arguments, &mut diagnostics);
    match function {
        Some(function) if diagnostics.is_empty() => expand::expand(&arguments, &function),
        // The function as it was written, so that nothing else is missed for this mistake.
        _ => [diagnostics.into_compile_errors(), item.into_token_stream()].into_iter().collect(),
    }
}
