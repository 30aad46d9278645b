//! What is generated for a cached query.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit, Type, Visibility, parse_quote};

use super::function::{Function, Parameter};
use super::parse::{Arguments, Time};

/// The function with what keeps its answers, and beside it what looks after them: methods beside a method, where nothing else
/// can stand, and a module of its name beside a function.
pub(super) fn expand(arguments: &Arguments, function: &Function<'_>) -> TokenStream {
    let query = Query { arguments, function };
    let cached = query.cached();
    let detached = arguments.computes_detached().map(|time| query.detached(time));
    let companions = match function.receiver {
        Some(_) => query.methods(),
        None => query.module(),
    };
    quote!(#cached #detached #companions)
}

struct Query<'a> {
    arguments: &'a Arguments,
    function: &'a Function<'a>,
}

/// Where generated code stands.
#[derive(Clone, Copy, Debug)]
enum Place {
    Beside,
    InModule,
}

/// The name of something in generated code that no name of the application can mean.
fn own(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

impl Query<'_> {
    fn name(&self) -> &Ident {
        &self.function.item.sig.ident
    }

    /// An expression for the graph that keeps the answers.
    fn graph(&self) -> TokenStream {
        match &self.arguments.cache {
            Some(cache) => quote!(&#cache),
            None => quote!(&self.graph),
        }
    }

    /// An expression for what is said of the query in every call, beside the function or in the module of its name.
    fn options(&self, place: Place) -> TokenStream {
        let support = &self.arguments.crate_path;
        let duration = |time: Option<Time>| {
            let millis = time.map_or(0, |time| time.millis);
            quote!(::core::time::Duration::from_millis(#millis))
        };
        let ttl = match self.arguments.ttl {
            None => quote!(::core::option::Option::None),
            ttl => {
                let ttl = duration(ttl);
                quote!(::core::option::Option::Some(#ttl))
            }
        };
        let stale = duration(self.arguments.stale_while_revalidate);
        let ahead = duration(self.arguments.refresh_ahead);
        let name = self.name().to_string();
        let path = match place {
            Place::Beside => quote!(::core::concat!(::core::module_path!(), "::", #name)),
            Place::InModule => quote!(::core::module_path!()),
        };
        // Methods of one name in one module are told apart by their types.
        let owner = match self.function.receiver {
            Some(_) => quote!(::core::any::type_name::<Self>()),
            None => quote!(""),
        };
        let tier = match self.arguments.is_shared {
            true => quote!(#support::cached_query::Tier::All),
            false => quote!(#support::cached_query::Tier::Memory),
        };
        quote! {
            #support::cached_query::QueryOptions {
                name: #path,
                owner: #owner,
                ttl: #ttl,
                stale_while_revalidate: #stale,
                refresh_ahead: #ahead,
                tier: #tier,
            }
        }
    }

    /// An expression for the key of the answer.
    fn key(&self, place: Place) -> TokenStream {
        let (support, options) = (&self.arguments.crate_path, self.options(place));
        let hashed = match &self.arguments.key {
            Some(key) => quote!(#key),
            None => {
                let counted = self.function.parameters.iter().filter(|one| !one.is_skipped);
                // At the type, which the compiler is to point at when it cannot be hashed.
                let names =
                    counted.map(|Parameter { name, ty, .. }| quote_spanned!(ty.span()=> &#name));
                quote!((#(#names,)*))
            }
        };
        quote!(#support::cached_query::key(&#options, &#hashed))
    }

    /// A closure for how much an answer weighs.
    fn weigh(&self) -> TokenStream {
        let (support, answer) = (&self.arguments.crate_path, &self.function.answer);
        let value = own("value");
        let unless = self.arguments.unless.as_ref().map(|unless| {
            quote_spanned! {unless.span()=>
                if #support::cached_query::holds(#unless, #value) {
                    return ::core::option::Option::None;
                }
            }
        });
        let empty = (!self.arguments.keeps_empty).then(|| {
            quote_spanned! {answer.span()=>
                if #support::Emptiness::is_empty(#value) {
                    return ::core::option::Option::None;
                }
            }
        });
        quote! {
            |#value: &#answer| -> ::core::option::Option<usize> {
                #[allow(unused_imports)]
                use #support::{WeighBySerde as _, WeighBySize as _};
                #unless
                #empty
                ::core::option::Option::Some((&#support::Weighed(#value)).weigh())
            }
        }
    }

    fn tags(&self) -> TokenStream {
        let tags = self.arguments.tags.iter().map(|tag| match tag {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                quote!(::std::borrow::Cow::Borrowed(#text))
            }
            other => quote_spanned! {other.span()=>
                ::std::borrow::Cow::Owned(::std::string::ToString::to_string(&(#other)))
            },
        });
        quote!(::std::vec![#(#tags),*])
    }

    /// An expression for how an answer is written for other processes.
    fn codec(&self) -> TokenStream {
        if !self.arguments.is_shared {
            return quote!(::core::option::Option::None);
        }
        let (support, answer) = (&self.arguments.crate_path, &self.function.answer);
        // At the type, which the compiler is to point at when it cannot be written or read.
        let codec = quote_spanned!(answer.span()=> #support::cached_query::Codec::<#answer>::new());
        quote!(::core::option::Option::Some(#codec))
    }

    /// The function with what keeps its answers.
    fn cached(&self) -> TokenStream {
        let item = self.function.item;
        let (attributes, visibility, signature) = (&item.attrs, &item.vis, &item.sig);
        let support = &self.arguments.crate_path;
        let place = Place::Beside;
        let (graph, options, key) = (self.graph(), self.options(place), self.key(place));
        let (tags, weigh, body) = (self.tags(), self.weigh(), self.body());
        let codec = self.codec();
        let (own_key, own_tags) = (own("key"), own("tags"));
        let key = match &self.arguments.condition {
            None => key,
            Some(condition) => quote! {
                if #condition { #key } else { ::core::option::Option::None }
            },
        };
        let call = quote! {
            #support::cached_query::call(
                #graph,
                #options,
                #support::cached_query::Call {
                    key: #own_key,
                    tags: #own_tags,
                    weigh: #weigh,
                    codec: #codec,
                },
                #body,
            )
            .await
        };
        let call = match self.function.is_fallible {
            true => call,
            false => quote!(#support::cached_query::sure(#call)),
        };
        quote! {
            #(#attributes)*
            #visibility #signature {
                let #own_key = #key;
                let #own_tags = #tags;
                #call
            }
        }
    }

    /// A closure for the body, by where it is to run.
    fn body(&self) -> TokenStream {
        let support = &self.arguments.crate_path;
        let block = &self.function.item.block;
        let in_result = |answer: TokenStream| match self.function.is_fallible {
            true => answer,
            false => quote!(::core::result::Result::Ok(#answer)),
        };
        let Some(time) = self.arguments.computes_detached() else {
            let body = match self.function.is_fallible {
                true => quote!(async move #block),
                false => {
                    quote!(async move { ::core::result::Result::Ok((async move #block).await) })
                }
            };
            return quote!(move |_| #support::cached_query::Body::Here(#body));
        };
        let hidden = self.hidden();
        let names: Vec<_> = self.function.parameters.iter().map(|one| one.name).collect();
        let here = in_result(quote!(#hidden(#(#names),*).await));
        let this = own("this");
        // At the time, which the compiler is to point at when something cannot be copied for later.
        let copied = self.function.parameters.iter().map(|Parameter { name, ty, .. }| match ty {
            Type::Reference(_) => quote_spanned! {time.span=>
                let #name = ::std::borrow::ToOwned::to_owned(#name);
            },
            _ => quote!(),
        });
        let lent = self.function.parameters.iter().map(|Parameter { name, ty, .. }| match ty {
            Type::Reference(_) => quote!(::std::borrow::Borrow::borrow(&#name)),
            _ => quote!(#name),
        });
        let (copy_self, here, later) = match self.function.receiver {
            Some(_) => (
                Some(quote_spanned!(time.span=> let #this = ::core::clone::Clone::clone(self);)),
                in_result(quote!(self.#hidden(#(#names),*).await)),
                in_result(quote!(#this.#hidden(#(#lent),*).await)),
            ),
            None => (None, here, in_result(quote!(#hidden(#(#lent),*).await))),
        };
        quote! {
            move |way| match way {
                #support::cached_query::Way::Here => {
                    #support::cached_query::Body::Here(async move { #here })
                }
                #support::cached_query::Way::Detached => {
                    #copy_self
                    #(#copied)*
                    #support::cached_query::Body::Detached(::std::boxed::Box::pin(
                        async move { #later },
                    ))
                }
            }
        }
    }

    fn hidden(&self) -> Ident {
        format_ident!("__{}_body", self.name())
    }

    /// The function as it was written, under a name of its own.
    fn detached(&self, time: Time) -> TokenStream {
        let item = self.function.item;
        let (cfgs, block) = (&self.function.cfgs, &item.block);
        let mut signature = item.sig.clone();
        signature.ident = self.hidden();
        signature.ident.set_span(time.span);
        quote!(#(#cfgs)* #[doc(hidden)] #signature #block)
    }

    /// What looks after the answers of a method.
    fn methods(&self) -> TokenStream {
        let name = self.name();
        let visibility = &self.function.item.vis;
        let names = [
            format_ident!("{name}_cache"),
            format_ident!("{name}_kept"),
            format_ident!("{name}_refresh"),
        ];
        self.companions(visibility, &names, &quote!(self.#name))
    }

    /// What looks after the answers of a function, in a module of its name.
    fn module(&self) -> TokenStream {
        let (name, cfgs) = (self.name(), &self.function.cfgs);
        let visibility = &self.function.item.vis;
        let inner: Visibility = match visibility {
            Visibility::Inherited => parse_quote!(pub(super)),
            Visibility::Restricted(restricted) if restricted.path.is_ident("super") => {
                parse_quote!(pub(in super::super))
            }
            other => other.clone(),
        };
        let names = ["cache", "kept", "refresh"].map(|name| Ident::new(name, Span::call_site()));
        let companions = self.companions(&inner, &names, &quote!(super::#name));
        let told = format!("What is kept of the answers of [`{name}`](fn@{name}).");
        quote! {
            #(#cfgs)*
            #[doc = #told]
            #visibility mod #name {
                #[allow(unused_imports)]
                use super::*;
                #companions
            }
        }
    }

    fn companions(
        &self,
        visibility: &Visibility,
        [cache, kept, refresh]: &[Ident; 3],
        call: &TokenStream,
    ) -> TokenStream {
        let support = &self.arguments.crate_path;
        let Function { item, answer, cfgs, parameters, receiver, .. } = self.function;
        let place = if receiver.is_some() { Place::Beside } else { Place::InModule };
        let (graph, options, key) = (self.graph(), self.options(place), self.key(place));
        let inputs = &item.sig.inputs;
        let generics = &item.sig.generics;
        let (output, limits) = (&item.sig.output, &generics.where_clause);
        let names: Vec<_> = parameters.iter().map(|one| one.name).collect();
        // Of the parameters a function needs those that its graph is found by.
        let needed = parameters.iter().filter(|one| one.has_graph).map(|one| {
            let (name, ty) = (one.name, one.ty);
            quote!(#name: #ty)
        });
        let needed: Vec<_> =
            receiver.iter().map(|receiver| quote!(#receiver)).chain(needed).collect();
        let name = self.name();
        let told = [
            format!("What is kept of the answers of `{name}`."),
            format!("What is kept of the answer of `{name}` for these arguments."),
            format!("Calls `{name}` for an answer that is computed now, and keeps that one."),
        ];
        let [of_cache, of_kept, of_refresh] = told;
        let names = quote!(#(#names),*);
        let (forgotten, call) = match self.arguments.is_shared {
            true => {
                (quote!(forget), quote!(#support::cached_query::anew(__key, #call(#names)).await))
            }
            false => (quote!(invalidate), quote!(#call(#names).await)),
        };
        let unused = quote!(#[allow(dead_code, unused_variables, clippy::all)]);
        quote! {
            #(#cfgs)*
            #[doc = #of_cache]
            #unused
            #visibility fn #cache #generics (#(#needed),*) -> #support::QueryCache<#answer> #limits {
                #support::QueryCache::new(#graph, #options)
            }

            #(#cfgs)*
            #[doc = #of_kept]
            #unused
            #visibility fn #kept #generics (#inputs) -> #support::CachedAnswer<#answer> #limits {
                let __key = #key;
                #support::QueryCache::new(#graph, #options).answer(__key)
            }

            #(#cfgs)*
            #[doc = #of_refresh]
            #unused
            #visibility async fn #refresh #generics (#inputs) #output #limits {
                let __key = #key;
                #support::QueryCache::<#answer>::new(#graph, #options).answer(__key).#forgotten();
                #call
            }
        }
    }
}
