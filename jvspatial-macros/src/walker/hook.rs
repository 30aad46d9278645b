//! A hook of a walker, checked.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{
    Attribute, FnArg, GenericParam, Receiver, ReceiverKind, ReturnType, Safety, Signature, Type,
};

use super::HookKind;
use super::marked::{List, MarkedMethod};
use super::parameter::{Form, HereParameter, Parameter, ungroup};
use crate::support::Diagnostics;

/// A method to call.
#[derive(Debug)]
pub(crate) struct Hook<'a> {
    pub(crate) kind: HookKind,
    pub(crate) ident: &'a Ident,
    pub(crate) cfgs: &'a [Attribute],
    pub(crate) is_async: bool,
    /// Whether it takes `&mut self`.
    pub(crate) is_exclusive: bool,
    pub(crate) parameters: Vec<Parameter<'a>>,
    pub(crate) output: &'a ReturnType,
    /// The types in its attribute, which select from what its parameter stands for.
    pub(crate) types: &'a [Type],
}

impl<'a> Hook<'a> {
    /// The hook that `method` is, or `None` when it could not be called.
    pub(crate) fn new(method: &'a MarkedMethod, diagnostics: &mut Diagnostics) -> Option<Self> {
        let signature = &method.signature;
        let mut mistakes = Diagnostics::default();
        check_receiver(signature, &mut mistakes);
        for parameter in &signature.generics.params {
            if !matches!(parameter, GenericParam::Lifetime(_)) {
                mistakes.error(parameter, "a hook cannot be generic; the walker can");
            }
        }
        refuse_unsafe(signature, &mut mistakes);
        let parameters = parameters(method, &mut mistakes);
        if method.kind != HookKind::Visit {
            refuse_control(method, &mut mistakes);
        }
        let callable = mistakes.is_empty();
        diagnostics.append(mistakes);
        callable.then(|| Self {
            kind: method.kind,
            ident: &signature.ident,
            cfgs: &method.cfgs,
            is_async: signature.asyncness.is_some(),
            is_exclusive: signature.receiver().is_some_and(is_mutable),
            parameters,
            output: &signature.output,
            types: match &method.list {
                List::Types(types) => types,
                List::None | List::Any => &[],
            },
        })
    }

    /// As what it takes what is visited; `None` when it does not.
    pub(crate) fn form(&self) -> Option<Form<'a>> {
        self.parameters.iter().find_map(|parameter| match parameter {
            Parameter::Here(HereParameter { form, .. }) => Some(*form),
            _ => None,
        })
    }

    /// The types that it names.
    pub(crate) fn named_types(&self) -> impl Iterator<Item = &'a Type> {
        let own = match self.form() {
            Some(Form::Typed(ty)) => Some(ty),
            _ => None,
        };
        own.into_iter().chain(self.types)
    }

    /// Whether it runs for types that it names, and not for all nodes or edges.
    pub(crate) fn is_specific(&self) -> bool {
        self.named_types().next().is_some()
    }

    /// The name of the hook in errors.
    pub(crate) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }
}

fn check_receiver(signature: &Signature, diagnostics: &mut Diagnostics) {
    match signature.receiver() {
        None => diagnostics.error(
            &signature.ident,
            "a hook is a method; its first parameter is `&mut self` or `&self`",
        ),
        Some(receiver) if !is_borrowed(receiver) => diagnostics.error(
            receiver,
            "a hook borrows the walker, which visits more than one node; take `&mut self` or `&self`",
        ),
        Some(_) => {}
    }
}

/// Whether `receiver` is a reference.
pub(crate) fn is_borrowed(receiver: &Receiver) -> bool {
    match &receiver.kind {
        ReceiverKind::Reference(..) => true,
        ReceiverKind::Typed(_, ty) => matches!(ungroup(ty), Type::Reference(_)),
        _ => false,
    }
}

/// Whether `receiver` is a mutable reference.
pub(crate) fn is_mutable(receiver: &Receiver) -> bool {
    match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => mutability.is_some(),
        ReceiverKind::Typed(_, ty) => {
            matches!(ungroup(ty), Type::Reference(reference) if reference.mutability.is_some())
        }
        _ => false,
    }
}

pub(crate) fn refuse_unsafe(signature: &Signature, diagnostics: &mut Diagnostics) {
    if let Safety::Unsafe(token) = &signature.safety {
        diagnostics.error(token, "a hook cannot be unsafe");
    }
}

fn parameters<'a>(method: &'a MarkedMethod, diagnostics: &mut Diagnostics) -> Vec<Parameter<'a>> {
    let is_exit = method.kind == HookKind::Exit;
    let mut parameters: Vec<Parameter<'a>> = Vec::new();
    let mut readable = true;
    for argument in &method.signature.inputs {
        let FnArg::Typed(argument) = argument else {
            continue;
        };
        let parameter = Parameter::of(&argument.ty);
        let is_taken = parameter.is_some_and(|parameter| {
            let kind = std::mem::discriminant(&parameter);
            parameters.iter().any(|earlier| std::mem::discriminant(earlier) == kind)
        });
        match parameter {
            Some(Parameter::Walk(_)) if is_taken => {
                diagnostics.error(argument, "a hook takes the walk once");
            }
            Some(Parameter::Ended { .. }) if is_taken => {
                diagnostics.error(argument, "a hook takes the end of the walk once");
            }
            Some(Parameter::Ended { .. }) if !is_exit => diagnostics.error(
                argument,
                "the end of the walk is known in an `#[on_exit]` hook",
            ),
            Some(Parameter::Here(_)) if is_exit => diagnostics.error(
                argument,
                "an `#[on_exit]` hook runs after the last node, so it takes none; it may take `&mut Walk<Self>` and `Ended`",
            ),
            Some(Parameter::Here(_)) if is_taken => {
                diagnostics.error(argument, "a hook takes one node or edge; write a hook for each type");
            }
            Some(Parameter::Here(here)) => {
                if let Some(message) = misfit(here.form, &method.list) {
                    diagnostics.error(&argument.ty, message);
                }
                parameters.push(Parameter::Here(here));
            }
            Some(parameter @ (Parameter::Walk(_) | Parameter::Ended { .. })) => {
                parameters.push(parameter);
            }
            Some(Parameter::Other(_)) | None => {
                readable = false;
                diagnostics.error(&argument.ty, expected_types(method.kind));
            }
        }
    }
    let has_node = parameters.iter().any(|p| matches!(p, Parameter::Here(_)));
    if !is_exit && readable && !has_node {
        let name = method.kind.name();
        diagnostics.error(
            &method.signature.ident,
            format!("an `#[{name}]` hook takes what it runs for, and its type selects that: `here: &mut Stored<T>`, or `here: &AnyNode`, `&AnyEdge` or `&Here` for several types"),
        );
    }
    parameters
}

/// What is wrong with taking `form` when the attribute has `list`.
fn misfit(form: Form<'_>, list: &List) -> Option<&'static str> {
    match (form, list) {
        (Form::Typed(_), List::Types(_)) => Some(
            "`Stored<T>` is one type; with types in the attribute take `&AnyNode`, `&AnyEdge` or `&Here`",
        ),
        (Form::Typed(_), List::Any) => {
            Some("`Stored<T>` is one type; with `any` take `&AnyNode`, `&AnyEdge` or `&Here`")
        }
        _ => None,
    }
}

fn expected_types(kind: HookKind) -> &'static str {
    match kind {
        HookKind::Exit => "expected `&mut Walk<Self>` or `Ended`",
        _ => {
            "expected `&mut Stored<T>`, `&Stored<T>`, `&AnyNode`, `&AnyEdge` or `&Here` for what is visited, or `&mut Walk<Self>` for the walk"
        }
    }
}

/// When a node is left, or at the end of a walk, there is nothing left to steer; the answer would be
/// lost.
pub(crate) fn refuse_control(method: &MarkedMethod, diagnostics: &mut Diagnostics) {
    let ReturnType::Type(_, ty) = &method.signature.output else {
        return;
    };
    let mut stack: Vec<TokenStream> = vec![ty.to_token_stream()];
    let mut names_control = false;
    while let Some(tokens) = stack.pop() {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => names_control |= ident == "Control",
                TokenTree::Group(group) => stack.push(group.stream()),
                _ => {}
            }
        }
    }
    if names_control {
        let name = method.kind.name();
        let article = if name.starts_with('o') { "an" } else { "a" };
        diagnostics.error(
            ty,
            format!("{article} `#[{name}]` hook runs when nothing is left to control; return nothing or `Result<()>`"),
        );
    }
}
