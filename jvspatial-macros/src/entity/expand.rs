//! The code of an entity type.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::Kind;
use super::model::{Entity, Handle};

pub(crate) fn expand(entity: &Entity<'_>) -> TokenStream {
    let mut code = handles(entity);
    code.extend(implement_entity(entity));
    code.extend(match entity.kind {
        Kind::Node => implement_marker(entity, "Node"),
        Kind::Object => implement_marker(entity, "Object"),
        Kind::Edge => implement_edge(entity),
    });
    code
}

/// The struct with a handle for each field.
fn handles(entity: &Entity<'_>) -> TokenStream {
    let Entity { vis, ident, handles_ident, crate_path: support, .. } = entity;
    let fields = entity.handles.iter().map(|handle| {
        let Handle { ident, vis, ty, path } = handle;
        let ty = match ty {
            Some(ty) => ty.clone(),
            None => quote!(#support::Bson),
        };
        let doc = format!("`{ident}`, stored at `{path}`.");
        quote!(#[doc = #doc] #vis #ident: #support::Field<#ty>)
    });
    let doc = format!("Typed handles of the fields of `{ident}`, for filters.");
    quote! {
        #[doc = #doc]
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #[allow(dead_code, deprecated, non_camel_case_types, non_snake_case)]
        #vis struct #handles_ident {
            #(#fields,)*
        }
    }
}

fn implement_entity(entity: &Entity<'_>) -> TokenStream {
    let Entity { ident, handles_ident, name, schema, crate_path: support, .. } = entity;
    let collection = match entity.kind {
        Kind::Node => quote!(Node),
        Kind::Edge => quote!(Edge),
        Kind::Object => quote!(Object),
    };
    let handles = entity.handles.iter().map(|handle| {
        let Handle { ident, path, .. } = handle;
        quote!(#ident: #support::Field::new(#path))
    });
    quote! {
        #[automatically_derived]
        impl #support::Entity for #ident {
            const COLLECTION: #support::Collection = #support::Collection::#collection;
            const NAME: &'static ::core::primitive::str = #name;
            const SCHEMA: ::core::primitive::u32 = #schema;
            type Fields = #handles_ident;

            fn fields() -> #handles_ident {
                #handles_ident { #(#handles,)* }
            }

            fn entity_name() -> #support::EntityName {
                #support::entity_name!(#name)
            }
        }
    }
}

/// `Node` or `Object`, both of which stand alone.
fn implement_marker(entity: &Entity<'_>, marker: &str) -> TokenStream {
    let Entity { ident, crate_path: support, .. } = entity;
    let marker = format_ident!("{marker}");
    quote! {
        #[automatically_derived]
        impl #support::#marker for #ident {}
        #[automatically_derived]
        impl #support::Standalone for #ident {}
    }
}

fn implement_edge(entity: &Entity<'_>) -> TokenStream {
    let Entity { ident, parallel, undirected, crate_path: support, .. } = entity;
    let mut parameters = Vec::new();
    let mut conditions = Vec::new();
    let mut names = Vec::new();
    let mut end = |ty: &Option<syn::Type>, parameter: &str| match ty {
        Some(ty) => {
            // As a condition, because the compiler then points at the type when it is not a node.
            let at = ty.span().resolved_at(Span::call_site());
            let support = support.at(at);
            conditions.push(quote_spanned!(at=> #ty: #support::Node));
            names.push(quote_spanned!(at=> {
                #[allow(unused_imports)]
                use #support::NoNodeName as _;
                #support::NodeName::<#ty>::VALUE
            }));
            ty.to_token_stream()
        }
        None => {
            let parameter = format_ident!("{parameter}");
            parameters.push(quote!(#parameter: #support::Node));
            names.push(quote!(::core::option::Option::None));
            parameter.to_token_stream()
        }
    };
    let from = end(&entity.from, "__From");
    let to = end(&entity.to, "__To");
    let constants = ["FROM", "TO"].map(|constant| format_ident!("{constant}"));
    quote! {
        #[automatically_derived]
        impl #support::Edge for #ident {
            const PARALLEL: ::core::primitive::bool = #parallel;
            const UNDIRECTED: ::core::primitive::bool = #undirected;
            #(const #constants: ::core::option::Option<&'static ::core::primitive::str> = #names;)*
        }
        #[automatically_derived]
        impl<#(#parameters),*> #support::Connects<#from, #to> for #ident
        where
            #(#conditions,)*
        {
        }
    }
}
