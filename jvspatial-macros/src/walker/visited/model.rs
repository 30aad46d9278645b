//! A node or an edge and its hooks, checked.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::{Attribute, ItemImpl, Type};

use super::hook::{Hook, Walkers};
use crate::support::{CratePath, Diagnostics};
use crate::walker::HookKind;
use crate::walker::gate::Gate;
use crate::walker::marked::MarkedMethod;
use crate::walker::model::{cfgs, type_name};

/// A type of nodes or edges with hooks.
#[derive(Debug)]
pub(crate) struct Visited<'a> {
    pub(crate) self_ty: &'a Type,
    pub(crate) cfgs: Vec<&'a Attribute>,
    /// The name of the type.
    pub(crate) name: String,
    /// The hooks in the order of their declaration.
    pub(crate) hooks: Vec<Hook<'a>>,
    pub(crate) crate_path: &'a CratePath,
}

impl<'a> Visited<'a> {
    /// What `item` is; `None` when it cannot have hooks.
    pub(crate) fn new(
        item: &'a ItemImpl,
        methods: &'a [MarkedMethod],
        crate_path: &'a CratePath,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let hooks = methods.iter().filter_map(|method| Hook::new(method, diagnostics)).collect();
        if let Some((path, _)) = &item.trait_ {
            diagnostics.error(path, "`#[visited]` stands on an inherent impl: `impl City { .. }`");
            return None;
        }
        if !item.generics.params.is_empty() {
            diagnostics.error(&item.generics, "a node or an edge has no type parameters");
            return None;
        }
        let Some(name) = type_name(&item.self_ty) else {
            diagnostics
                .error(&item.self_ty, "`#[visited]` stands on the impl of a node or an edge");
            return None;
        };
        let name = name.unraw().to_string();
        Some(Self { self_ty: &item.self_ty, cfgs: cfgs(item), name, hooks, crate_path })
    }

    /// The walkers that hooks name, each once, in the order in which they do.
    pub(crate) fn walkers(&self) -> Vec<&'a Type> {
        let mut walkers = Vec::new();
        for hook in &self.hooks {
            let Walkers::These(named) = hook.walkers else { continue };
            for walker in named {
                if !walkers.contains(&walker) {
                    walkers.push(walker);
                }
            }
        }
        walkers
    }

    /// The hooks for `walker`, or for any when there is none.
    pub(crate) fn hooks_for(&self, walker: Option<&Type>) -> Vec<&Hook<'a>> {
        let is_for = |hook: &&Hook<'a>| match (hook.walkers, walker) {
            (Walkers::Any, None) => true,
            (Walkers::These(walkers), Some(walker)) => walkers.contains(walker),
            (Walkers::Any, Some(_)) | (Walkers::These(_), None) => false,
        };
        self.hooks.iter().filter(is_for).collect()
    }
}

/// Whether there are hooks for leaving among `hooks`, as an expression.
pub(crate) fn leaves(hooks: &[&Hook<'_>]) -> TokenStream {
    let leaving = hooks.iter().filter(|hook| hook.kind == HookKind::LeftBy);
    Gate::any(leaving.map(|hook| hook.cfgs)).expression()
}
