//! `derive(Projection)`.

mod expand;
mod model;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::support::{CratePath, Diagnostics};

/// The derive's output: the implementation, and every mistake as an error at its place.
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut diagnostics = Diagnostics::default();
    let crate_path = CratePath::from_attributes(&input.attrs, &mut diagnostics);
    let mut code = model::Projection::new(&input, crate_path, &mut diagnostics)
        .map(|projection| expand::expand(&projection))
        .unwrap_or_default();
    code.extend(diagnostics.into_compile_errors());
    code
}
