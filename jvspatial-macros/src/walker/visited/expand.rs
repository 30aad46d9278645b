//! The code of the hooks of a node or an edge.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::Type;

use super::hook::{Hook, Parameter};
use super::model::{Visited, leaves};
use crate::support::name_self;
use crate::walker::HookKind;
use crate::walker::call::{Call, at, obey};
use crate::walker::gate::Gate;

pub(crate) fn expand(visited: &Visited<'_>) -> TokenStream {
    let mut code: TokenStream =
        visited.walkers().into_iter().map(|walker| visited_by(visited, walker)).collect();
    code.extend(visited_by_any(visited));
    code.extend(one_spelling_check(visited));
    code
}

/// Fails to compile when one walker is written in two ways, once for hooks that change it and once
/// for hooks that look at it: they would run out of order. Otherwise two implementations collide.
fn one_spelling_check(visited: &Visited<'_>) -> TokenStream {
    let walkers = visited.walkers();
    let changes =
        |walker: &&Type| visited.hooks_for(Some(walker)).iter().any(|hook| hook.changes_walker());
    if walkers.iter().all(changes) || !walkers.iter().any(changes) {
        return TokenStream::new();
    }
    let cfgs = &visited.cfgs;
    let walkers = walkers.into_iter().map(|walker| {
        let hooks = visited.hooks_for(Some(walker));
        let gate = Gate::any(hooks.iter().map(|hook| hook.cfgs)).attribute();
        let walker_named = name_self(walker.to_token_stream(), visited.self_ty);
        quote_spanned!(at(walker)=> #gate impl WalkerWrittenOneWay<#walker_named> for Hooks {})
    });
    quote! {
        #(#cfgs)*
        const _: () = {
            #[allow(dead_code)]
            struct Hooks;
            #[allow(dead_code)]
            trait WalkerWrittenOneWay<Walker> {}
            #(#walkers)*
        };
    }
}

/// The hooks for the walkers of one type.
fn visited_by(visited: &Visited<'_>, walker: &Type) -> TokenStream {
    let Visited { self_ty, cfgs, crate_path: support, .. } = visited;
    let hooks = visited.hooks_for(Some(walker));
    let gate = Gate::any(hooks.iter().map(|hook| hook.cfgs)).attribute();
    let changing = Gate::any(hooks.iter().filter(|hook| hook.changes_walker()).map(|h| h.cfgs));
    // Spanned at the walker, because that is what is wrong when it is none, or meets nothing.
    let named = name_self(walker.to_token_stream(), self_ty);
    let mut code = quote_spanned! {at(walker)=>
        #(#cfgs)*
        #gate
        const _: fn() = #support::runs_hooks_of::<#self_ty, #named>;
    };
    if !changing.is_never() {
        let when_changing = changing.attribute();
        code.extend(quote_spanned! {at(walker)=>
            #(#cfgs)*
            #when_changing
            const _: fn() = #support::may_be_changed::<#named>;
        });
        code.extend(implementation(visited, walker, &hooks, true, &when_changing));
    }
    if !changing.is_always() {
        let otherwise = changing.otherwise();
        let gate = quote!(#gate #otherwise);
        code.extend(implementation(visited, walker, &hooks, false, &Some(gate)));
    }
    code
}

/// The implementation of the trait by which walkers of one type find the hooks.
fn implementation(
    visited: &Visited<'_>,
    walker: &Type,
    hooks: &[&Hook<'_>],
    changes_walker: bool,
    gate: &Option<TokenStream>,
) -> TokenStream {
    let Visited { self_ty, cfgs, .. } = visited;
    let support = visited.crate_path.at(at(walker));
    let (name, reference) = match changes_walker {
        true => ("VisitedByMut", quote!(&mut)),
        false => ("VisitedBy", quote!(&)),
    };
    let name = Ident::new(name, at(walker));
    let leaves = leaves(hooks);
    let method = |kind, name: &str| {
        let body = body(visited, hooks, kind);
        let name = format_ident!("{name}");
        quote_spanned! {at(walker)=>
            fn #name(
                here: &mut #support::Stored<Self>,
                walker: #reference #walker,
                walk: &mut #support::Walk<#walker>,
            ) -> #body
        }
    };
    let (visit, leave) = (method(HookKind::VisitedBy, "visited"), method(HookKind::LeftBy, "left"));
    quote_spanned! {at(walker)=>
        #(#cfgs)*
        #gate
        #[automatically_derived]
        #[allow(unused_mut, unused_variables)]
        impl #support::#name<#walker> for #self_ty {
            const LEAVES: ::core::primitive::bool = #leaves;
            #visit
            #leave
        }
    }
}

/// The hooks for walkers of every type.
fn visited_by_any(visited: &Visited<'_>) -> TokenStream {
    let Visited { self_ty, cfgs, crate_path: support, .. } = visited;
    let hooks = visited.hooks_for(None);
    if hooks.is_empty() {
        return TokenStream::new();
    }
    let gate = Gate::any(hooks.iter().map(|hook| hook.cfgs)).attribute();
    let leaves = leaves(&hooks);
    let methods = [(HookKind::VisitedBy, quote!(visited)), (HookKind::LeftBy, quote!(left))].map(
        |(kind, name)| {
            let body = body(visited, &hooks, kind);
            quote! {
                fn #name<__Walker: #support::Walker>(
                    here: &mut #support::Stored<Self>,
                    walk: &mut #support::Walk<__Walker>,
                ) -> #body
            }
        },
    );
    quote! {
        #(#cfgs)*
        #gate
        #[automatically_derived]
        #[allow(unused_mut, unused_variables)]
        impl #support::VisitedByAny for #self_ty {
            const LEAVES: ::core::primitive::bool = #leaves;
            #(#methods)*
        }
    }
}

/// The return type and the body of the method that runs the hooks of `kind`.
fn body(visited: &Visited<'_>, hooks: &[&Hook<'_>], kind: HookKind) -> TokenStream {
    let support = visited.crate_path;
    let hooks = hooks.iter().filter(|hook| hook.kind == kind).map(|hook| {
        let obeyed = obey(support, &call(visited, hook), &quote!(stop));
        let cfgs = hook.cfgs;
        quote!(#(#cfgs)* { #obeyed })
    });
    // A block instead of an `async fn`, which would hold what no hook takes.
    quote! {
        impl ::core::future::Future<
            Output = ::core::result::Result<#support::Control, #support::HookError>,
        > + ::core::marker::Send {
            async move {
                #(#hooks)*
                ::core::result::Result::Ok(#support::Control::Continue)
            }
        }
    }
}

/// The hook as a `Result<Control, HookError>`.
fn call(visited: &Visited<'_>, hook: &Hook<'_>) -> TokenStream {
    let arguments = hook.parameters.iter().map(|parameter| match parameter {
        Parameter::Value { mutable: true } => quote!(&mut **here),
        Parameter::Value { mutable: false } => quote!(&**here),
        Parameter::Stored { mutable: true } => quote!(&mut *here),
        Parameter::Stored { mutable: false } => quote!(&*here),
        Parameter::Walker { mutable: true } => quote!(&mut *walker),
        Parameter::Walker { mutable: false } => quote!(&*walker),
        Parameter::Walk => quote!(&mut *walk),
    });
    let call = Call {
        support: visited.crate_path,
        ident: hook.ident,
        name: format!("{}::{}", visited.name, hook.name()),
        is_async: hook.is_async,
        output: hook.output,
        arguments: arguments.collect(),
    };
    call.answer()
}
