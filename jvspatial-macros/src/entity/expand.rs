//! The code of an entity type.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::Kind;
use super::fields::{Handle, Handles};
use super::model::Entity;

/// Where the fields of an entity are in its document.
const PREFIX: &str = "context.";

pub(crate) fn expand(entity: &Entity<'_>) -> TokenStream {
    let mut code = entity.handles.expand(PREFIX, &entity.crate_path);
    code.extend(implement_entity(entity));
    code.extend(match entity.kind {
        Kind::Node => implement(entity, &["Node", "Standalone", "Visitable"]),
        Kind::Object => implement(entity, &["Object", "Standalone"]),
        Kind::Edge => {
            let mut code = implement(entity, &["Visitable"]);
            code.extend(implement_edge(entity));
            code
        }
    });
    code
}

fn implement_entity(entity: &Entity<'_>) -> TokenStream {
    let Entity { name, schema, crate_path: support, .. } = entity;
    let Handles { of: ident, ident: handles_ident, handles, .. } = &entity.handles;
    let collection = match entity.kind {
        Kind::Node => quote!(Node),
        Kind::Edge => quote!(Edge),
        Kind::Object => quote!(Object),
    };
    let handles = handles.iter().map(|handle| {
        let Handle { ident, name, .. } = handle;
        let path = format!("{PREFIX}{name}");
        quote!(#ident: #support::Field::new(#path))
    });
    let indexes = indexes(entity);
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

            #indexes
        }
    }
}

/// The method that tells the indexes; the trait's own will do when there are none.
fn indexes(entity: &Entity<'_>) -> TokenStream {
    if entity.indexes.is_empty() {
        return TokenStream::new();
    }
    let support = &entity.crate_path;
    let Handles { of, ident: handles_ident, .. } = &entity.handles;
    let indexes = entity.indexes.iter().map(|index| {
        let keys = index.keys.iter().map(|key| {
            let path = format!("{PREFIX}{}", key.path);
            match key.descending {
                true => quote!(#support::DeclaredKey::descending(#path)),
                false => quote!(#support::DeclaredKey::ascending(#path)),
            }
        });
        let unique = index.unique.then(|| quote!(.unique()));
        let sparse = index.sparse.then(|| quote!(.sparse()));
        let partial = index.partial.as_ref().map(|predicate| {
            quote! {
                .partial(|| {
                    let predicate: fn(#handles_ident) -> #support::Predicate = #predicate;
                    predicate(<#of as #support::Entity>::fields())
                })
            }
        });
        quote!(#support::DeclaredIndex::new(&[#(#keys),*]) #unique #sparse #partial)
    });
    quote! {
        fn indexes() -> &'static [#support::DeclaredIndex] {
            const INDEXES: &[#support::DeclaredIndex] = &[#(#indexes),*];
            INDEXES
        }
    }
}

/// Traits that say what the type is and have nothing to fill in.
fn implement(entity: &Entity<'_>, markers: &[&str]) -> TokenStream {
    let (ident, support) = (entity.handles.of, &entity.crate_path);
    let markers = markers.iter().map(|marker| format_ident!("{marker}"));
    quote!(#(#[automatically_derived] impl #support::#markers for #ident {})*)
}

fn implement_edge(entity: &Entity<'_>) -> TokenStream {
    let Entity { parallel, undirected, crate_path: support, .. } = entity;
    let ident = entity.handles.of;
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
