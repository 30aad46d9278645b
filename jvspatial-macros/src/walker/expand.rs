//! The code of a walker.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Meta, ReturnType, Type};

use super::model::{Hook, TypedHooks, Walker};
use super::parameter::{NodeParameter, Parameter};
use crate::support::name_self;

pub(crate) fn expand(walker: &Walker<'_>) -> TokenStream {
    let Walker { self_ty, cfgs, name, crate_path: support, .. } = walker;
    let (parameters, _, conditions) = walker.generics.split_for_impl();
    let report = match &walker.report {
        Some(report) => report.to_token_stream(),
        None => quote!(()),
    };
    let typed = walker.typed.iter().map(|group| typed_hooks(walker, group));
    let any = any_hooks(walker);
    let exit = walker.exit.iter().map(|hook| {
        let answer = call(walker, hook);
        let cfgs = hook.cfgs;
        quote!(#(#cfgs)* { let _: #support::Control = #answer?; })
    });
    let result = quote!(::core::result::Result);
    let mut code = quote! {
        #(#cfgs)*
        #[automatically_derived]
        #[allow(unused_mut, unused_variables)]
        impl #parameters #support::Walker for #self_ty #conditions {
            type Report = #report;
            const NAME: &'static ::core::primitive::str = #name;

            async fn visit(
                &mut self,
                here: &mut #support::Here,
                walk: &mut #support::Walk<Self>,
            ) -> #result<#support::Control, #support::HookError> {
                #(#typed)*
                #any
                #result::Ok(#support::Control::Continue)
            }

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
    code.extend(one_spelling_check(walker));
    code
}

/// Decodes the node once and hands it to each hook for its type.
fn typed_hooks(walker: &Walker<'_>, group: &TypedHooks<'_>) -> TokenStream {
    let TypedHooks { ty, hooks } = group;
    let gate = gate(hooks);
    let hooks = hooks.iter().map(|hook| visit_hook(walker, hook));
    // Spanned at the type, because that is what is wrong when it is not a node.
    let is_here = quote_spanned!(at(ty)=> here.is::<#ty>());
    quote! {
        #gate
        {
            if #is_here {
                let mut node = here.decode::<#ty>()?;
                #(#hooks)*
            }
        }
    }
}

fn any_hooks(walker: &Walker<'_>) -> TokenStream {
    if walker.any.is_empty() {
        return TokenStream::new();
    }
    let gate = gate(&walker.any);
    let hooks = walker.any.iter().map(|hook| visit_hook(walker, hook));
    quote! {
        #gate
        {
            if let ::core::option::Option::Some(mut node) = here.any_node() {
                #(#hooks)*
            }
        }
    }
}

/// Calls the hook and obeys its answer.
fn visit_hook(walker: &Walker<'_>, hook: &Hook<'_>) -> TokenStream {
    let Walker { crate_path: support, .. } = walker;
    let answer = call(walker, hook);
    let cfgs = hook.cfgs;
    quote! {
        #(#cfgs)*
        {
            match #answer? {
                #support::Control::Continue => {}
                stop => return ::core::result::Result::Ok(stop),
            }
        }
    }
}

/// The hook's answer as a `Result<Control, HookError>`.
fn call(walker: &Walker<'_>, hook: &Hook<'_>) -> TokenStream {
    let Walker { crate_path: support, .. } = walker;
    let Hook { ident, .. } = hook;
    let name = hook.name();
    let arguments = hook.parameters.iter().map(|parameter| match parameter {
        Parameter::Walk => quote!(walk),
        Parameter::Node(NodeParameter { mutable: true, .. }) => quote!(&mut node),
        Parameter::Node(NodeParameter { mutable: false, .. }) => quote!(&node),
    });
    let output = match hook.output {
        ReturnType::Default => Span::call_site(),
        ReturnType::Type(_, ty) => at(ty),
    };
    // Spanned at what the hook returns, because that is what is wrong when it is no answer.
    let answer = match hook.is_async {
        true => {
            let guard = quote_spanned!(output=> guard);
            quote!(#support::#guard(Self::#ident(self, #(#arguments),*)).await)
        }
        false => {
            let guard = quote_spanned!(output=> guard_sync);
            quote!(#support::#guard(|| Self::#ident(self, #(#arguments),*)))
        }
    };
    quote! {
        {
            let answer = #answer;
            walk.answered(#name, answer)
        }
    }
}

/// The place of `ty`, for names that belong to the generated code.
fn at(ty: &Type) -> Span {
    ty.span().resolved_at(Span::call_site())
}

/// Leaves a block out when all of its hooks are left out, because then its node type may not exist
/// either.
fn gate(hooks: &[Hook<'_>]) -> Option<TokenStream> {
    let conditions: Option<Vec<TokenStream>> =
        hooks.iter().map(|hook| (!hook.cfgs.is_empty()).then(|| all(hook.cfgs))).collect();
    conditions.map(|conditions| quote!(#[cfg(any(#(#conditions),*))]))
}

fn all(cfgs: &[Attribute]) -> TokenStream {
    let conditions = cfgs.iter().filter_map(|cfg| match &cfg.meta {
        Meta::List(list) => Some(&list.tokens),
        Meta::Path(_) | Meta::NameValue(_) => None,
    });
    quote!(all(#(#conditions),*))
}

/// Fails to compile when one node type is written in two ways.
///
/// Its hooks would then be taken for those of two types and each group would decode the node for
/// itself, so that the second would not see what the first has changed. Two implementations of one
/// trait for one type make the compiler compare the types and point at the second. A generic
/// walker's types may overlap only in appearance, so it goes unchecked.
fn one_spelling_check(walker: &Walker<'_>) -> TokenStream {
    if walker.typed.len() < 2 || !walker.generics.params.is_empty() {
        return TokenStream::new();
    }
    let cfgs = &walker.cfgs;
    let types = walker.typed.iter().map(|group| {
        let gate = gate(&group.hooks);
        let place = at(group.ty);
        let ty = name_self(group.ty.to_token_stream(), walker.self_ty);
        quote_spanned!(place=> #gate impl NodeTypeWrittenOneWay<#ty> for Hooks {})
    });
    quote! {
        #(#cfgs)*
        const _: () = {
            #[allow(dead_code)]
            struct Hooks;
            #[allow(dead_code)]
            trait NodeTypeWrittenOneWay<Node> {}
            #(#types)*
        };
    }
}
