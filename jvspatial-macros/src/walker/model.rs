//! A walker and its hooks, checked.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{
    Attribute, FnArg, GenericParam, Generics, ItemImpl, PathArguments, Receiver, ReceiverKind,
    ReturnType, Safety, Type,
};

use super::HookKind;
use super::parameter::{NodeParameter, Parameter, ungroup};
use super::parse::{Arguments, MarkedMethod};
use crate::support::{CratePath, Diagnostics};

/// A type whose impl is a walker.
#[derive(Debug)]
pub(crate) struct Walker<'a> {
    pub(crate) self_ty: &'a Type,
    pub(crate) generics: &'a Generics,
    pub(crate) cfgs: Vec<&'a Attribute>,
    /// The name of the type.
    pub(crate) name: String,
    pub(crate) report: Option<Type>,
    /// The hooks for nodes of one type, each type once, in the order of their first hooks.
    pub(crate) typed: Vec<TypedHooks<'a>>,
    /// The hooks for every node.
    pub(crate) any: Vec<Hook<'a>>,
    pub(crate) exit: Vec<Hook<'a>>,
    pub(crate) crate_path: CratePath,
}

/// The hooks that share one decoded node.
#[derive(Debug)]
pub(crate) struct TypedHooks<'a> {
    pub(crate) ty: &'a Type,
    pub(crate) hooks: Vec<Hook<'a>>,
}

/// A method to call.
#[derive(Debug)]
pub(crate) struct Hook<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) cfgs: &'a [Attribute],
    pub(crate) is_async: bool,
    pub(crate) parameters: Vec<Parameter<'a>>,
    pub(crate) output: &'a ReturnType,
}

impl<'a> Walker<'a> {
    /// The walker of `item`; `None` when it cannot be one.
    pub(crate) fn new(
        item: &'a ItemImpl,
        methods: &'a [MarkedMethod],
        arguments: Arguments,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let hooks: Vec<_> = methods
            .iter()
            .filter_map(|method| Some((method.kind, Hook::new(method, diagnostics)?)))
            .collect();
        if let Some((path, _)) = &item.trait_ {
            diagnostics.error(path, "`#[walker]` stands on an inherent impl: `impl Type { .. }`");
            return None;
        }
        let Some(name) = type_name(&item.self_ty) else {
            diagnostics.error(&item.self_ty, "a walker is a struct or an enum");
            return None;
        };
        let mut walker = Self {
            self_ty: &item.self_ty,
            generics: &item.generics,
            cfgs: item.attrs.iter().filter(|a| a.path().is_ident("cfg")).collect(),
            name,
            report: arguments.report,
            typed: Vec::new(),
            any: Vec::new(),
            exit: Vec::new(),
            crate_path: arguments.crate_path,
        };
        for (kind, hook) in hooks {
            walker.add(kind, hook);
        }
        Some(walker)
    }

    fn add(&mut self, kind: HookKind, hook: Hook<'a>) {
        let hooks = match (kind, hook.node_type()) {
            (HookKind::Exit, _) => &mut self.exit,
            (HookKind::Visit, None) => &mut self.any,
            (HookKind::Visit, Some(ty)) => {
                let group = match self.typed.iter().position(|group| group.ty == ty) {
                    Some(group) => group,
                    None => {
                        self.typed.push(TypedHooks { ty, hooks: Vec::new() });
                        self.typed.len() - 1
                    }
                };
                &mut self.typed[group].hooks
            }
        };
        hooks.push(hook);
    }
}

impl<'a> Hook<'a> {
    /// The hook that `method` is, or `None` when it could not be called.
    fn new(method: &'a MarkedMethod, diagnostics: &mut Diagnostics) -> Option<Self> {
        let signature = &method.signature;
        let mut mistakes = Diagnostics::default();
        check_receiver(method, &mut mistakes);
        for parameter in &signature.generics.params {
            if !matches!(parameter, GenericParam::Lifetime(_)) {
                mistakes.error(parameter, "a hook cannot be generic; the walker can");
            }
        }
        if let Safety::Unsafe(token) = &signature.safety {
            mistakes.error(token, "a hook cannot be unsafe");
        }
        let parameters = parameters(method, &mut mistakes);
        if method.kind == HookKind::Exit {
            refuse_control(&signature.output, &mut mistakes);
        }
        let callable = mistakes.is_empty();
        diagnostics.append(mistakes);
        callable.then(|| Self {
            ident: &signature.ident,
            cfgs: &method.cfgs,
            is_async: signature.asyncness.is_some(),
            parameters,
            output: &signature.output,
        })
    }

    /// The node type that selects this hook's nodes.
    fn node_type(&self) -> Option<&'a Type> {
        self.parameters.iter().find_map(|parameter| match parameter {
            Parameter::Node(NodeParameter { ty, .. }) => *ty,
            Parameter::Walk => None,
        })
    }

    /// The name of the hook in errors.
    pub(crate) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }
}

fn check_receiver(method: &MarkedMethod, diagnostics: &mut Diagnostics) {
    match method.signature.receiver() {
        None => diagnostics.error(
            &method.signature.ident,
            "a hook is a method; its first parameter is `&mut self` or `&self`",
        ),
        Some(receiver) if !is_borrowed(receiver) => diagnostics.error(
            receiver,
            "a hook borrows the walker, which visits more than one node; take `&mut self` or `&self`",
        ),
        Some(_) => {}
    }
}

fn is_borrowed(receiver: &Receiver) -> bool {
    match &receiver.kind {
        ReceiverKind::Reference(..) => true,
        ReceiverKind::Typed(_, ty) => matches!(ungroup(ty), Type::Reference(_)),
        _ => false,
    }
}

fn parameters<'a>(method: &'a MarkedMethod, diagnostics: &mut Diagnostics) -> Vec<Parameter<'a>> {
    let mut parameters: Vec<Parameter<'a>> = Vec::new();
    let mut readable = true;
    for argument in &method.signature.inputs {
        let FnArg::Typed(argument) = argument else {
            continue;
        };
        let taken = |walk: bool| {
            parameters.iter().any(|earlier| matches!(earlier, Parameter::Walk) == walk)
        };
        match Parameter::of(&argument.ty) {
            Some(Parameter::Walk) if taken(true) => {
                diagnostics.error(argument, "a hook takes the walk once");
            }
            Some(Parameter::Node(_)) if method.kind == HookKind::Exit => diagnostics.error(
                argument,
                "an `#[on_exit]` hook runs after the last node, so it takes none; it may take `&mut Walk<Self>`",
            ),
            Some(Parameter::Node(_)) if taken(false) => {
                diagnostics.error(argument, "a hook takes one node; write a hook for each type");
            }
            Some(parameter) => parameters.push(parameter),
            None => {
                readable = false;
                diagnostics.error(&argument.ty, expected_types(method.kind));
            }
        }
    }
    let has_node = parameters.iter().any(|p| matches!(p, Parameter::Node(_)));
    if method.kind == HookKind::Visit && readable && !has_node {
        diagnostics.error(
            &method.signature.ident,
            "an `#[on_visit]` hook takes the node, whose type selects the nodes: `here: &mut Stored<T>`, or `here: &AnyNode` for every node",
        );
    }
    parameters
}

fn expected_types(kind: HookKind) -> &'static str {
    match kind {
        HookKind::Visit => {
            "expected `&mut Stored<T>`, `&Stored<T>`, `&mut AnyNode` or `&AnyNode` for the node, or `&mut Walk<Self>` for the walk"
        }
        HookKind::Exit => "expected `&mut Walk<Self>`",
    }
}

/// At the end of a walk there is nothing left to steer; the answer would be lost.
fn refuse_control(output: &ReturnType, diagnostics: &mut Diagnostics) {
    let ReturnType::Type(_, ty) = output else {
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
        diagnostics.error(
            ty,
            "an `#[on_exit]` hook runs when nothing is left to control; return nothing or `Result<()>`",
        );
    }
}

/// The name of the type that `ty` is a path to.
fn type_name(ty: &Type) -> Option<String> {
    let Type::Path(path) = ungroup(ty) else {
        return None;
    };
    let segment = path.path.segments.last()?;
    match segment.arguments {
        PathArguments::None | PathArguments::AngleBracketed(_) => {
            Some(segment.ident.unraw().to_string())
        }
        PathArguments::Parenthesized(_) => None,
    }
}
