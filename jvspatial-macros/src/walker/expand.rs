//! The code of a walker.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::Type;

use super::HookKind;
use super::call::{Call, at, obey};
use super::hook::Hook;
use super::model::{Target, Walker};
use super::parameter::{Form, HereParameter, Parameter};

/// Whether the visits for which code is generated share the walker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Shared,
    Exclusive,
}

impl Access {
    /// What hooks of nodes are given where the walker has no other visit at the same time.
    fn alone(walker: &Walker<'_>) -> Self {
        match walker.sequential.is_never() {
            true => Self::Shared,
            false => Self::Exclusive,
        }
    }
}

pub(crate) fn expand(walker: &Walker<'_>) -> TokenStream {
    let Walker { self_ty, cfgs, name, crate_path: support, sequential, .. } = walker;
    let (parameters, _, conditions) = walker.generics.split_for_impl();
    let report = match &walker.report {
        Some(report) => report.to_token_stream(),
        None => quote!(()),
    };
    let result = quote!(::core::result::Result);
    let version =
        walker.version.map(|version| quote!(const VERSION: ::core::primitive::u32 = #version;));
    let visit = visit(walker);
    let leave = leave(walker);
    let exit = walker.hooks(HookKind::Exit).map(|hook| {
        let answer = call(walker, hook);
        let cfgs = hook.cfgs;
        quote!(#(#cfgs)* { let _: #support::Control = #answer?; })
    });
    let mut code = quote! {
        #(#cfgs)*
        #[automatically_derived]
        #[allow(unused_mut, unused_variables, unused_imports, unused_assignments)]
        impl #parameters #support::Walker for #self_ty #conditions {
            type Report = #report;
            const NAME: &'static ::core::primitive::str = #name;
            #version

            #visit
            #leave

            async fn exit(
                &mut self,
                ended: #support::Ended,
                walk: &mut #support::Walk<Self>,
            ) -> #result<(), #support::HookError> {
                #(#exit)*
                #result::Ok(())
            }
        }
    };
    if !sequential.is_never() {
        let gate = sequential.attribute();
        code.extend(quote! {
            #(#cfgs)*
            #gate
            #[automatically_derived]
            impl #parameters #support::SequentialWalker for #self_ty #conditions {}
        });
    }
    code.extend(parallel_walker(walker));
    code.extend(meets(walker));
    code
}

/// The method that runs the hooks for a visit.
fn visit(walker: &Walker<'_>) -> TokenStream {
    let support = walker.crate_path;
    let body = visit_body(walker, Access::alone(walker));
    quote! {
        async fn visit(
            &mut self,
            here: &mut #support::Here,
            walk: &mut #support::Walk<Self>,
        ) -> ::core::result::Result<#support::Control, #support::HookError> {
            #body
        }
    }
}

/// The implementation for visits that share the walker; none when a hook changes it.
///
/// [`visit`] does not call it, because a walker need not be `Sync` to walk alone.
fn parallel_walker(walker: &Walker<'_>) -> TokenStream {
    let Walker { self_ty, cfgs, crate_path: support, sequential, .. } = walker;
    if sequential.is_always() {
        return TokenStream::new();
    }
    let mut generics = walker.generics.clone();
    let is_sync = syn::parse_quote!(for<'__any> #self_ty: #support::SyncFor<'__any>);
    generics.make_where_clause().predicates.push(is_sync);
    let (parameters, _, conditions) = generics.split_for_impl();
    let gate = sequential.otherwise();
    let body = visit_body(walker, Access::Shared);
    quote! {
        #(#cfgs)*
        #gate
        #[automatically_derived]
        #[allow(unused_mut, unused_variables, unused_imports)]
        impl #parameters #support::ParallelWalker for #self_ty #conditions {
            async fn visit_shared(
                &self,
                here: &mut #support::Here,
                walk: &mut #support::Walk<Self>,
            ) -> ::core::result::Result<#support::Control, #support::HookError> {
                #body
            }
        }
    }
}

/// The hooks of the walker for types that it names, then its hooks for all, then those of the node
/// or edge.
fn visit_body(walker: &Walker<'_>, access: Access) -> TokenStream {
    let decoded = decoded(walker, HookKind::Visit);
    let own = walker_hooks(walker, HookKind::Visit, true, &quote!(stop));
    let any = walker_hooks(walker, HookKind::Visit, false, &quote!(stop));
    let theirs = theirs(walker, HookKind::Visit, access);
    let support = walker.crate_path;
    let imports = imports(walker);
    quote! {
        #imports
        #decoded
        #own
        #any
        #theirs
        ::core::result::Result::Ok(#support::Control::Continue)
    }
}

/// The method that runs the hooks for leaving, in the reverse order of their groups, and whether
/// there are any.
fn leave(walker: &Walker<'_>) -> TokenStream {
    let Walker { crate_path: support, .. } = walker;
    if walker.targets.is_empty() && walker.hooks(HookKind::Leave).next().is_none() {
        return TokenStream::new();
    }
    let leaves = walker.hooks(HookKind::Leave).map(|hook| {
        let cfgs = hook.cfgs;
        quote!(#(#cfgs)* { leaves = true; })
    });
    let they_leave = walker.targets.iter().map(|target| {
        let gate = target.gate.attribute();
        let leaves = their_constant(walker, target, "LEAVES");
        quote!(#gate { leaves = leaves || #leaves; })
    });
    let decoded = decoded(walker, HookKind::Leave);
    let own = walker_hooks(walker, HookKind::Leave, true, &quote!(()));
    let any = walker_hooks(walker, HookKind::Leave, false, &quote!(()));
    let theirs = theirs(walker, HookKind::Leave, Access::alone(walker));
    let imports = imports(walker);
    let checks = walker.targets.iter().map(|target| check(walker, target));
    quote! {
        const LEAVES: ::core::primitive::bool = {
            #imports
            #(#checks)*
            let mut leaves = false;
            #(#leaves)*
            #(#they_leave)*
            leaves
        };

        async fn leave(
            &mut self,
            here: &mut #support::Here,
            walk: &mut #support::Walk<Self>,
        ) -> ::core::result::Result<(), #support::HookError> {
            #imports
            #decoded
            #theirs
            #any
            #own
            ::core::result::Result::Ok(())
        }
    }
}

/// Says where a target is named that it is not what it is taken for; nothing else in the code does.
fn check(walker: &Walker<'_>, target: &Target<'_>) -> TokenStream {
    let (support, ty) = (walker.crate_path, target.ty);
    let is_listed = |wanted: fn(&Form<'_>) -> bool| target.listed_as.iter().any(wanted);
    let mut checks = Vec::new();
    if is_listed(|form| matches!(form, Form::Node)) {
        checks.push("is_node");
    }
    if is_listed(|form| matches!(form, Form::Edge)) {
        checks.push("is_edge");
    }
    if checks.is_empty() {
        checks.push("is_visitable");
    }
    let gate = target.gate.attribute();
    let checks = checks.into_iter().map(|check| {
        let check = Ident::new(check, at(ty));
        quote!(#gate let _ = #support::#check::<#ty>;)
    });
    checks.collect()
}

/// Decodes what is visited for the hooks of `kind` that take it as a value, once for each type.
fn decoded(walker: &Walker<'_>, kind: HookKind) -> TokenStream {
    let support = walker.crate_path;
    let targets = walker.targets.iter().enumerate();
    targets
        .filter(|(_, target)| target.decoded_for.contains(&kind))
        .map(|(place, Target { ty, gate, .. })| {
            let (gate, entity) = (gate.attribute(), slot(place));
            quote!(#gate let mut #entity = #support::Target::<#ty>::decode(here)?;)
        })
        .collect()
}

/// The variable of a target that was decoded.
fn slot(place: usize) -> Ident {
    format_ident!("entity_{place}")
}

/// The hooks of `kind`, either those for types that they name or those for all.
fn walker_hooks(
    walker: &Walker<'_>,
    kind: HookKind,
    specific: bool,
    stop: &TokenStream,
) -> TokenStream {
    let hooks = walker.hooks(kind).filter(|hook| hook.is_specific() == specific);
    hooks
        .map(|hook| {
            let obeyed = obey(walker.crate_path, &call(walker, hook), stop);
            let when_here = when_here(walker, hook, obeyed);
            let cfgs = hook.cfgs;
            quote!(#(#cfgs)* { #when_here })
        })
        .collect()
}

/// Runs `code` with the variable `entity` when what is visited is of a type that `hook` is for.
fn when_here(walker: &Walker<'_>, hook: &Hook<'_>, code: TokenStream) -> TokenStream {
    let some = quote!(::core::option::Option::Some);
    let any = match hook.form() {
        Some(Form::Typed(ty)) => {
            let entity = walker.target(ty).map(slot);
            return quote!(if let #some(entity) = &mut #entity { #code });
        }
        Some(Form::Node) => quote!(here.any_node()),
        Some(Form::Edge) => quote!(here.any_edge()),
        Some(Form::All) | None => quote!(#some(&*here)),
    };
    // An earlier hook may have saved it, which this one is to see.
    let when_any = quote! {
        walk.refresh(here);
        if let #some(mut entity) = #any { #code }
    };
    if hook.types.is_empty() {
        return when_any;
    }
    let support = walker.crate_path;
    let is_here = hook.types.iter().map(|ty| quote!(#support::Target::<#ty>::is(here)));
    quote!(if #(#is_here)||* { #when_any })
}

/// The walker's hook as a `Result<Control, HookError>`.
fn call(walker: &Walker<'_>, hook: &Hook<'_>) -> TokenStream {
    let is_typed = matches!(hook.form(), Some(Form::Typed(_)));
    let arguments = hook.parameters.iter().filter_map(|parameter| match parameter {
        Parameter::Here(HereParameter { form: Form::All, .. }) => Some(quote!(entity)),
        Parameter::Here(HereParameter { mutable, .. }) => Some(match (is_typed, mutable) {
            (true, true) => quote!(&mut *entity),
            (true, false) => quote!(&*entity),
            (false, true) => quote!(&mut entity),
            (false, false) => quote!(&entity),
        }),
        Parameter::Walk(_) => Some(quote!(walk)),
        Parameter::Ended { is_reference: true } => Some(quote!(&ended)),
        Parameter::Ended { is_reference: false } => Some(quote!(ended)),
        Parameter::Other(_) => None,
    });
    let call = Call {
        support: walker.crate_path,
        ident: hook.ident,
        name: hook.name(),
        is_async: hook.is_async,
        output: hook.output,
        arguments: std::iter::once(quote!(self)).chain(arguments).collect(),
    };
    call.answer()
}

/// The hooks that the node or edge has itself: those for this walker, then those for any; the other
/// way round when it is left.
fn theirs(walker: &Walker<'_>, kind: HookKind, access: Access) -> TokenStream {
    let support = walker.crate_path;
    let (method, constant, stop) = match kind {
        HookKind::Leave => (quote!(left), "LEAVES", quote!(())),
        _ => (quote!(visited), "RUN", quote!(stop)),
    };
    let targets = walker.targets.iter().enumerate().map(|(place, target)| {
        let Target { ty, gate, decoded_for, .. } = target;
        let mut calls = Vec::new();
        if !walker.is_generic() {
            if access == Access::Exclusive {
                calls.push(quote! {
                    #support::HooksMut::<#ty, Self>::#method(entity, self, walk).await
                });
            }
            calls.push(quote! {
                #support::Hooks::<#ty, Self>::#method(entity, self, walk).await
            });
        }
        calls.push(quote!(#support::AnyHooks::<#ty, Self>::#method(entity, walk).await));
        if kind == HookKind::Leave {
            calls.reverse();
        }
        let calls = calls.iter().map(|call| obey(support, call, &stop));
        let gate = gate.attribute();
        if decoded_for.contains(&kind) {
            let slot = slot(place);
            return quote! {
                #gate
                if let ::core::option::Option::Some(entity) = &mut #slot { #(#calls)* }
            };
        }
        let are_there = their_constant(walker, target, constant);
        quote! {
            #gate
            if #are_there && #support::Target::<#ty>::is(here) {
                walk.refresh(here);
                if let ::core::option::Option::Some(mut entity) = #support::Target::<#ty>::decode(here)? {
                    let entity = &mut entity;
                    #(#calls)*
                }
            }
        }
    });
    quote!(#(#targets)*)
}

/// Whether one of the constants called `name` of the hooks that `target` has holds.
fn their_constant(walker: &Walker<'_>, target: &Target<'_>, name: &str) -> TokenStream {
    let (support, ty) = (walker.crate_path, target.ty);
    let name = format_ident!("{name}");
    let mut hooks = vec![quote!(AnyHooks)];
    if !walker.is_generic() {
        hooks.extend([quote!(Hooks), quote!(HooksMut)]);
    }
    quote!((#(#support::#hooks::<#ty, Self>::#name)||*))
}

/// What does nothing for types without hooks.
fn imports(walker: &Walker<'_>) -> TokenStream {
    let support = walker.crate_path;
    quote! {
        use #support::{
            NoAnyHooks as _, NoHooksMut as _, NoHooks as _, NoTarget as _,
        };
    }
}

/// Says of each target that the walker runs its hooks.
///
/// A target that is written in two ways would be taken for two, each of which decodes the node for
/// itself, so that the second would not see what hooks of the first have changed. Two
/// implementations of one trait for one type make the compiler compare the types and point at the
/// second. A generic walker's types may overlap only in appearance, and hooks for it are not found.
fn meets(walker: &Walker<'_>) -> TokenStream {
    if walker.is_generic() {
        return TokenStream::new();
    }
    let Walker { self_ty, cfgs, crate_path, .. } = walker;
    let meets = |target: &Target<'_>| {
        let (ty, gate): (&Type, _) = (target.ty, target.gate.attribute());
        let support = crate_path.at(at(ty));
        quote_spanned! {at(ty)=>
            #(#cfgs)*
            #gate
            #[automatically_derived]
            impl #support::Meets<#ty> for #self_ty {}
        }
    };
    walker.targets.iter().map(meets).collect()
}
