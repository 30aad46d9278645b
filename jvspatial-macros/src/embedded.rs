//! `derive(Embedded)`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::DeriveInput;

use crate::entity::fields::{Handle, Handles, StoredFields};
use crate::support::{CratePath, Diagnostics};

/// What messages call the struct.
const NOUN: &str = "an embedded type";

/// The derive's output: the implementation, and every mistake as an error at its place.
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut diagnostics = Diagnostics::default();
    let crate_path = CratePath::from_attributes(&input.attrs, &mut diagnostics);
    let fields = StoredFields::new(NOUN, &input, &mut diagnostics);
    let mut code = TokenStream::new();
    if input.generics.params.is_empty() {
        code.extend(expand(&Handles::new(&input, fields.handles), &crate_path));
    } else {
        diagnostics
            .error(&input.generics, "an embedded type has known fields and cannot be generic");
    }
    code.extend(diagnostics.into_compile_errors());
    code
}

fn expand(handles: &Handles<'_>, support: &CratePath) -> TokenStream {
    let mut code = handles.expand("", support);
    let Handles { of, ident, handles, .. } = handles;
    let fields = handles.iter().map(|handle| {
        let Handle { ident, name, .. } = handle;
        quote!(#ident: at.field(#name))
    });
    quote! {
        #[automatically_derived]
        impl #support::Embedded for #of {
            type Fields = #ident;

            fn fields_at(at: #support::EmbeddedAt) -> #ident {
                let _ = at;
                #ident { #(#fields,)* }
            }
        }
    }
    .to_tokens(&mut code);
    code
}
