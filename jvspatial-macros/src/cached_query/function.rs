//! The function whose answers are kept.

use proc_macro2::Ident;
use syn::{
    Attribute, Expr, FnArg, GenericArgument, GenericParam, ItemFn, Pat, PathArguments, Receiver,
    ReceiverKind, ReturnType, Type,
};

use super::parse::Arguments;
use crate::support::Diagnostics;

/// A function that can be cached.
#[derive(Debug)]
pub(super) struct Function<'a> {
    pub(super) item: &'a ItemFn,
    pub(super) receiver: Option<&'a Receiver>,
    pub(super) parameters: Vec<Parameter<'a>>,
    /// The type of an answer.
    pub(super) answer: Type,
    /// Whether it comes in a `Result`.
    pub(super) is_fallible: bool,
    /// The `#[cfg(..)]` attributes, which gate what belongs to it as well.
    pub(super) cfgs: Vec<&'a Attribute>,
}

/// A parameter of the function.
#[derive(Debug)]
pub(super) struct Parameter<'a> {
    pub(super) name: &'a Ident,
    pub(super) ty: &'a Type,
    /// Whether calls are not told apart by it.
    pub(super) is_skipped: bool,
    /// Whether the graph is found by it.
    pub(super) has_graph: bool,
}

impl<'a> Function<'a> {
    pub(super) fn read(
        item: &'a ItemFn,
        arguments: &Arguments,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let signature = &item.sig;
        if signature.asyncness.is_none() {
            diagnostics.error(signature.fn_token, "a cached query is an `async fn`");
        }
        for parameter in &signature.generics.params {
            if !matches!(parameter, GenericParam::Lifetime(_)) {
                let message = "a cached query has no type parameters: which answer is whose could not be told";
                diagnostics.error(parameter, message);
            }
        }
        let graph = arguments.cache.as_ref().and_then(root);
        let mut receiver = None;
        let mut parameters = Vec::new();
        for input in &signature.inputs {
            match input {
                FnArg::Receiver(own) => {
                    if !matches!(own.kind, ReceiverKind::Reference(_, _, None)) {
                        diagnostics.error(own, "a cached query reads by `&self`");
                    }
                    receiver = Some(own);
                }
                FnArg::Typed(typed) => match &*typed.pat {
                    Pat::Ident(name) if name.subpat.is_none() => parameters.push(Parameter {
                        name: &name.ident,
                        ty: &typed.ty,
                        is_skipped: arguments.skip.contains(&name.ident)
                            || graph == Some(&name.ident),
                        has_graph: graph == Some(&name.ident),
                    }),
                    other => diagnostics.error(other, "a parameter of a cached query has a name"),
                },
            }
        }
        for skipped in &arguments.skip {
            if !parameters.iter().any(|parameter| parameter.name == skipped) {
                diagnostics.error(skipped, format!("there is no parameter `{skipped}` to skip"));
            }
        }
        if receiver.is_none() && arguments.cache.is_none() {
            let message = "say where the graph is: `#[cached_query(cache = graph)]`, with an expression of the parameters";
            diagnostics.error(&signature.ident, message);
        }
        let ReturnType::Type(_, output) = &signature.output else {
            diagnostics
                .error(&signature.ident, "a cached query has an answer: give it a return type");
            return None;
        };
        let inner = in_result(output);
        Some(Self {
            item,
            receiver,
            parameters,
            answer: inner.unwrap_or(output).clone(),
            is_fallible: inner.is_some(),
            cfgs: item.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect(),
        })
    }
}

/// The variable that an expression begins with: `towns` of `towns.graph()`.
fn root(expression: &Expr) -> Option<&Ident> {
    match expression {
        Expr::Path(path) => path.path.get_ident(),
        Expr::Field(field) => root(&field.base),
        Expr::MethodCall(call) => root(&call.receiver),
        Expr::Reference(reference) => root(&reference.expr),
        Expr::Unary(unary) => root(&unary.expr),
        Expr::Paren(paren) => root(&paren.expr),
        _ => None,
    }
}

/// The `T` of a `Result<T, ..>`.
fn in_result(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
