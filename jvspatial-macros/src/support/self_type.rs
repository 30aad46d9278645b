//! `Self` in tokens that move to another item.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::ToTokens;

/// `tokens` with `Self`, which means something else where they go, replaced by `name`.
pub(crate) fn name_self(tokens: TokenStream, name: &impl ToTokens) -> TokenStream {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Ident(ident) if ident == "Self" => name.to_token_stream(),
            TokenTree::Group(group) => {
                let mut named = Group::new(group.delimiter(), name_self(group.stream(), name));
                named.set_span(group.span());
                TokenTree::Group(named).into()
            }
            other => other.into(),
        })
        .collect()
}
