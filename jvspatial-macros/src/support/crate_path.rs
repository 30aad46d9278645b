//! Where generated code finds the library.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Attribute, LitStr, Path};

use super::{Diagnostics, keys};

/// The path of the `jvspatial` crate: `::jvspatial` unless an application says otherwise.
///
/// It prints as the path of the module that holds everything generated code may name.
#[derive(Debug, Default)]
pub(crate) struct CratePath(Option<Path>);

impl CratePath {
    /// Reads `#[jvspatial(crate = "..")]`.
    pub(crate) fn from_attributes(attributes: &[Attribute], diagnostics: &mut Diagnostics) -> Self {
        let mut path = Self::default();
        keys::read_attributes(attributes, "jvspatial", diagnostics, |key, diagnostics| {
            if key.is("crate") {
                path.set(key.value()?, diagnostics);
                return Ok(());
            }
            key.unknown(&["crate"], diagnostics)
        });
        path
    }

    /// The path with every token at `span`, for a bound that the compiler should point at there.
    pub(crate) fn at(&self, span: Span) -> TokenStream {
        let mut tokens = self.to_token_stream().into_iter().collect::<Vec<_>>();
        for token in &mut tokens {
            token.set_span(span);
        }
        tokens.into_iter().collect()
    }

    /// Takes the path from the string in `crate = ".."`.
    pub(crate) fn set(&mut self, literal: LitStr, diagnostics: &mut Diagnostics) {
        match literal.parse_with(Path::parse_mod_style) {
            Ok(path) => self.0 = Some(path),
            Err(_) => diagnostics.error(
                &literal,
                "expected the path of the jvspatial crate, such as `\"::graphs\"`",
            ),
        }
    }
}

impl ToTokens for CratePath {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match &self.0 {
            Some(path) => tokens.extend(quote!(#path::__private)),
            None => tokens.extend(quote!(::jvspatial::__private)),
        }
    }
}
