//! A hook of a node or an edge, checked.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Attribute, FnArg, GenericParam, ReturnType, Type};

use crate::support::Diagnostics;
use crate::walker::HookKind;
use crate::walker::hook::{is_borrowed, is_mutable, refuse_control, refuse_unsafe};
use crate::walker::marked::{List, MarkedMethod};
use crate::walker::model::type_name;
use crate::walker::parameter::{
    Form, HereParameter, OtherParameter, Parameter as TypedParameter, ungroup,
};

/// A method to call.
#[derive(Debug)]
pub(crate) struct Hook<'a> {
    pub(crate) kind: HookKind,
    pub(crate) ident: &'a Ident,
    pub(crate) cfgs: &'a [Attribute],
    pub(crate) is_async: bool,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) output: &'a ReturnType,
    pub(crate) walkers: Walkers<'a>,
}

/// Which walkers a hook is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Walkers<'a> {
    Any,
    These(&'a [Type]),
}

/// What a hook of a node or an edge is given for one of its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    /// The value alone, as `&self` or `&mut self`.
    Value {
        mutable: bool,
    },
    /// The value with its id and version.
    Stored {
        mutable: bool,
    },
    Walker {
        mutable: bool,
    },
    Walk,
}

impl<'a> Hook<'a> {
    /// The hook that `method` is, or `None` when it could not be called.
    pub(crate) fn new(method: &'a MarkedMethod, diagnostics: &mut Diagnostics) -> Option<Self> {
        let walkers = match &method.list {
            List::Any => Walkers::Any,
            List::Types(types) => Walkers::These(types),
            List::None => return None,
        };
        let mut mistakes = Diagnostics::default();
        let signature = &method.signature;
        refuse_unsafe(signature, &mut mistakes);
        if method.kind == HookKind::LeftBy {
            refuse_control(method, &mut mistakes);
        }
        let mut reader = Reader { walkers, generic: None, parameters: Vec::new() };
        reader.read_generics(method, &mut mistakes);
        for argument in &signature.inputs {
            reader.read(argument, &mut mistakes);
        }
        reader.check_generic(method, &mut mistakes);
        let callable = mistakes.is_empty();
        diagnostics.append(mistakes);
        callable.then(|| Self {
            kind: method.kind,
            ident: &signature.ident,
            cfgs: &method.cfgs,
            is_async: signature.asyncness.is_some(),
            parameters: reader.parameters,
            output: &signature.output,
            walkers,
        })
    }

    /// The name of the method.
    pub(crate) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }

    /// Whether it takes the walker as `&mut`.
    pub(crate) fn changes_walker(&self) -> bool {
        self.parameters.contains(&Parameter::Walker { mutable: true })
    }
}

/// Reads the parameters of a hook.
struct Reader<'a> {
    walkers: Walkers<'a>,
    /// The type parameter that stands for the walker.
    generic: Option<&'a Ident>,
    parameters: Vec<Parameter>,
}

impl<'a> Reader<'a> {
    fn read_generics(&mut self, method: &'a MarkedMethod, diagnostics: &mut Diagnostics) {
        for parameter in &method.signature.generics.params {
            match parameter {
                GenericParam::Lifetime(_) => {}
                GenericParam::Type(ty) if self.generic.is_none() => self.generic = Some(&ty.ident),
                GenericParam::Type(_) | GenericParam::Const(_) => diagnostics.error(
                    parameter,
                    "a hook has at most one type parameter, which stands for the walker",
                ),
            }
        }
    }

    /// A type parameter is known from what the hook is given.
    fn check_generic(&self, method: &MarkedMethod, diagnostics: &mut Diagnostics) {
        let Some(generic) = self.generic else { return };
        let is_named = method.signature.inputs.iter().any(|argument| match argument {
            FnArg::Typed(argument) => names(argument.ty.to_token_stream(), generic),
            FnArg::Receiver(_) => false,
        });
        if !is_named && diagnostics.is_empty() {
            diagnostics.error(
                generic,
                format!("`{generic}` stands for the walker, so take `&mut Walk<{generic}>`, or leave it out"),
            );
        }
    }

    fn read(&mut self, argument: &'a FnArg, diagnostics: &mut Diagnostics) {
        let parameter = match argument {
            FnArg::Receiver(receiver) if is_borrowed(receiver) => {
                Parameter::Value { mutable: is_mutable(receiver) }
            }
            FnArg::Receiver(_) => {
                return diagnostics.error(
                    argument,
                    "a hook borrows the node or edge, as `&self`, `&mut self` or `here: &mut Stored<Self>`",
                );
            }
            FnArg::Typed(argument) => match self.typed(&argument.ty) {
                Ok(parameter) => parameter,
                Err(message) => return diagnostics.error(&argument.ty, message),
            },
        };
        let is_here = |parameter: &Parameter| {
            matches!(parameter, Parameter::Value { .. } | Parameter::Stored { .. })
        };
        let is_taken = self.parameters.iter().any(|earlier| {
            std::mem::discriminant(earlier) == std::mem::discriminant(&parameter)
                || is_here(earlier) && is_here(&parameter)
        });
        if is_taken {
            let message = match parameter {
                Parameter::Walk => "a hook takes the walk once",
                Parameter::Walker { .. } => "a hook takes the walker once",
                Parameter::Value { .. } | Parameter::Stored { .. } => {
                    "a hook takes its node or edge once, as `self` or as `Stored<Self>`"
                }
            };
            return diagnostics.error(argument, message);
        }
        self.parameters.push(parameter);
    }

    /// What a parameter of type `ty` is, or what is wrong with it.
    fn typed(&self, ty: &'a Type) -> Result<Parameter, String> {
        match TypedParameter::of(ty) {
            Some(TypedParameter::Here(HereParameter { form: Form::Typed(_), mutable })) => {
                Ok(Parameter::Stored { mutable })
            }
            Some(TypedParameter::Walk(of)) => match self.is_generic(of) {
                false if self.is_for_several() => {
                    Err("a hook for several walkers takes the walk of each: `fn hook<W: Walker>(walk: &mut Walk<W>)`".into())
                }
                _ => Ok(Parameter::Walk),
            },
            Some(TypedParameter::Other(OtherParameter { path, mutable })) => {
                let is_generic = self.generic.is_some_and(|generic| path.path.is_ident(generic));
                let is_walker = match self.walkers {
                    Walkers::Any => false,
                    Walkers::These(walkers) => {
                        let named = path.path.segments.last().map(|segment| &segment.ident);
                        is_generic || walkers.iter().any(|walker| type_name(walker) == named)
                    }
                };
                match (is_walker, self.walkers) {
                    (true, _) if !is_generic && self.is_for_several() => {
                        Err("a hook for several walkers is generic over them: `fn hook<W: Walker>(walker: &W)`".into())
                    }
                    (true, _) => Ok(Parameter::Walker { mutable }),
                    (false, Walkers::Any) if is_generic => {
                        Err("a hook for any walker knows nothing of it, so it takes none; it may take `&mut Walk<W>`".into())
                    }
                    (false, _) => Err(self.expected_types()),
                }
            }
            _ => Err(self.expected_types()),
        }
    }

    fn is_generic(&self, ty: &Type) -> bool {
        let Type::Path(path) = ungroup(ty) else { return false };
        self.generic.is_some_and(|generic| path.path.is_ident(generic))
    }

    fn is_for_several(&self) -> bool {
        match self.walkers {
            Walkers::Any => true,
            Walkers::These(walkers) => walkers.len() > 1,
        }
    }

    fn expected_types(&self) -> String {
        let here = "expected `&mut Stored<Self>` or `&Stored<Self>` for the node or edge";
        match self.walkers {
            Walkers::These([walker]) => {
                let walker = walker.to_token_stream();
                format!(
                    "{here}, `&mut {walker}` or `&{walker}` for the walker, or `&mut Walk<{walker}>` for the walk"
                )
            }
            Walkers::These(_) => {
                format!("{here}, `&mut W` or `&W` for the walker, or `&mut Walk<W>` for the walk")
            }
            Walkers::Any => format!("{here}, or `&mut Walk<W>` for the walk"),
        }
    }
}

fn names(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => names(group.stream(), name),
        _ => false,
    })
}
