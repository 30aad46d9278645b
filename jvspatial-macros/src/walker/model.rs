//! A walker and its hooks, checked.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Attribute, Generics, ItemImpl, PathArguments, Type};

use super::HookKind;
use super::gate::Gate;
use super::hook::Hook;
use super::marked::MarkedMethod;
use super::parameter::{Form, ungroup};
use super::parse::Arguments;
use crate::support::{CratePath, Diagnostics};

/// A type whose impl is a walker.
#[derive(Debug)]
pub(crate) struct Walker<'a> {
    pub(crate) self_ty: &'a Type,
    pub(crate) generics: &'a Generics,
    pub(crate) cfgs: Vec<&'a Attribute>,
    /// The name of the type.
    pub(crate) name: String,
    pub(crate) report: Option<&'a Type>,
    /// The version that it names.
    pub(crate) version: Option<u32>,
    /// The types that it names, each once, in the order in which it does.
    pub(crate) targets: Vec<Target<'a>>,
    /// The hooks in the order of their declaration.
    pub(crate) hooks: Vec<Hook<'a>>,
    /// When visits may change it.
    pub(crate) sequential: Gate,
    pub(crate) crate_path: &'a CratePath,
}

/// A type of nodes or edges that the walker names.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) ty: &'a Type,
    /// When it is named.
    pub(crate) gate: Gate,
    /// The kinds of hooks that take it as `Stored<T>`, which share one decoded value.
    pub(crate) decoded_for: Vec<HookKind>,
    /// The hooks for several types that name it, by what they take.
    pub(crate) listed_as: Vec<Form<'a>>,
}

impl<'a> Walker<'a> {
    /// The walker of `item`; `None` when it cannot be one.
    pub(crate) fn new(
        item: &'a ItemImpl,
        methods: &'a [MarkedMethod],
        arguments: &'a Arguments,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let hooks: Vec<_> =
            methods.iter().filter_map(|method| Hook::new(method, diagnostics)).collect();
        if let Some((path, _)) = &item.trait_ {
            diagnostics.error(path, "`#[walker]` stands on an inherent impl: `impl Type { .. }`");
            return None;
        }
        let Some(name) = type_name(&item.self_ty) else {
            diagnostics.error(&item.self_ty, "a walker is a struct or an enum");
            return None;
        };
        let exclusive =
            hooks.iter().filter(|hook| hook.is_exclusive && hook.kind == HookKind::Visit);
        let sequential = match arguments.sequential {
            true => Gate::Always,
            false => Gate::any(exclusive.map(|hook| hook.cfgs)),
        };
        Some(Self {
            self_ty: &item.self_ty,
            generics: &item.generics,
            cfgs: cfgs(item),
            name: name.unraw().to_string(),
            report: arguments.report.as_ref(),
            version: arguments.version,
            targets: targets(&hooks, &arguments.meets),
            hooks,
            sequential,
            crate_path: &arguments.crate_path,
        })
    }

    /// Its hooks of `kind`, in the order of their declaration.
    pub(crate) fn hooks(&self, kind: HookKind) -> impl Iterator<Item = &Hook<'a>> {
        self.hooks.iter().filter(move |hook| hook.kind == kind)
    }

    /// Whether its type has parameters. The hooks of nodes are then not known where its code is
    /// generated.
    pub(crate) fn is_generic(&self) -> bool {
        !self.generics.params.is_empty()
    }

    /// The place of `ty` among its targets.
    pub(crate) fn target(&self, ty: &Type) -> Option<usize> {
        self.targets.iter().position(|target| target.ty == ty)
    }
}

/// The types that `hooks` and `meets(..)` name.
fn targets<'a>(hooks: &[Hook<'a>], meets: &'a [Type]) -> Vec<Target<'a>> {
    let mut targets: Vec<Target<'a>> = Vec::new();
    let mut name = |ty: &'a Type, cfgs: &[Attribute], hook: Option<&Hook<'a>>| {
        let place = targets.iter().position(|target| target.ty == ty).unwrap_or_else(|| {
            targets.push(Target {
                ty,
                gate: Gate::never(),
                decoded_for: Vec::new(),
                listed_as: Vec::new(),
            });
            targets.len() - 1
        });
        let target = &mut targets[place];
        target.gate.open_for(cfgs);
        match hook.and_then(|hook| Some((hook.kind, hook.form()?))) {
            Some((kind, Form::Typed(_))) => target.decoded_for.push(kind),
            Some((_, form)) => target.listed_as.push(form),
            None => {}
        }
    };
    for hook in hooks {
        for ty in hook.named_types() {
            name(ty, hook.cfgs, Some(hook));
        }
    }
    for ty in meets {
        name(ty, &[], None);
    }
    targets
}

/// The `#[cfg(..)]` attributes of an impl.
pub(crate) fn cfgs(item: &ItemImpl) -> Vec<&Attribute> {
    item.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect()
}

/// The name of the type that `ty` is a path to.
pub(crate) fn type_name(ty: &Type) -> Option<&Ident> {
    let Type::Path(path) = ungroup(ty) else {
        return None;
    };
    let segment = path.path.segments.last()?;
    match segment.arguments {
        PathArguments::None | PathArguments::AngleBracketed(_) => Some(&segment.ident),
        PathArguments::Parenthesized(_) => None,
    }
}
