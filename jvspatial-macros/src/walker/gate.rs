//! Under which `cfg`s generated code is there.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Meta};

/// When code is compiled: always, or when one of some hooks is.
#[derive(Clone, Debug)]
pub(crate) enum Gate {
    Always,
    /// When one of the conditions holds; never when there is none.
    When(Vec<TokenStream>),
}

impl Gate {
    pub(crate) const fn never() -> Self {
        Self::When(Vec::new())
    }

    /// When one of some hooks is compiled, of which these are the `cfg`s.
    pub(crate) fn any<'a>(hooks: impl IntoIterator<Item = &'a [Attribute]>) -> Self {
        hooks.into_iter().fold(Self::never(), |mut gate, cfgs| {
            gate.open_for(cfgs);
            gate
        })
    }

    /// Also when a hook with these `cfg`s is compiled.
    pub(crate) fn open_for(&mut self, cfgs: &[Attribute]) {
        match self {
            Self::Always => {}
            Self::When(_) if cfgs.is_empty() => *self = Self::Always,
            Self::When(conditions) => conditions.push(all(cfgs)),
        }
    }

    pub(crate) const fn is_always(&self) -> bool {
        matches!(self, Self::Always)
    }

    pub(crate) fn is_never(&self) -> bool {
        matches!(self, Self::When(conditions) if conditions.is_empty())
    }

    /// The attribute for code that is there then.
    pub(crate) fn attribute(&self) -> Option<TokenStream> {
        match self {
            Self::Always => None,
            Self::When(conditions) => Some(quote!(#[cfg(any(#(#conditions),*))])),
        }
    }

    /// Whether it is then, as an expression.
    pub(crate) fn expression(&self) -> TokenStream {
        match self {
            Self::Always => quote!(true),
            Self::When(conditions) => quote!(::core::cfg!(any(#(#conditions),*))),
        }
    }

    /// The attribute for code that is there otherwise.
    pub(crate) fn otherwise(&self) -> Option<TokenStream> {
        match self {
            Self::Always => Some(quote!(#[cfg(any())])),
            Self::When(conditions) if conditions.is_empty() => None,
            Self::When(conditions) => Some(quote!(#[cfg(not(any(#(#conditions),*)))])),
        }
    }
}

fn all(cfgs: &[Attribute]) -> TokenStream {
    let conditions = cfgs.iter().filter_map(|cfg| match &cfg.meta {
        Meta::List(list) => Some(&list.tokens),
        Meta::Path(_) | Meta::NameValue(_) => None,
    });
    quote!(all(#(#conditions),*))
}
