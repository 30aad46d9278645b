//! The code of a projection.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::model::{Projection, Source};

pub(crate) fn expand(projection: &Projection<'_>) -> TokenStream {
    let Projection { ident, fields, crate_path: support } = projection;
    let paths = fields.iter().filter_map(|field| match &field.source {
        Source::Path { path, .. } => Some(path),
        Source::Id | Source::Version => None,
    });
    let values = fields.iter().map(|field| {
        let (name, ty) = (field.ident, field.ty);
        // The compiler points at the type when it cannot be read.
        let value = match &field.source {
            Source::Path { path, default: None } => {
                quote_spanned!(ty.span()=> fields.get::<#ty>(#path)?)
            }
            Source::Path { path, default: Some(default) } => {
                let default = match default {
                    Some(function) => quote!(#function),
                    None => quote_spanned!(ty.span()=> <#ty as ::core::default::Default>::default),
                };
                quote_spanned!(ty.span()=> fields.get_or::<#ty>(#path, #default)?)
            }
            Source::Id => quote!(::core::clone::Clone::clone(fields.id())),
            Source::Version => quote!(fields.version()),
        };
        quote!(#name: #value)
    });
    quote! {
        #[automatically_derived]
        impl #support::Projection for #ident {
            const PATHS: &'static [&'static ::core::primitive::str] = &[#(#paths),*];

            fn read(
                fields: &#support::ProjectedFields<'_>,
            ) -> ::core::result::Result<Self, #support::Error> {
                let _ = fields;
                ::core::result::Result::Ok(Self { #(#values,)* })
            }
        }
    }
}
