//! The keys of `#[walker(..)]`.

use proc_macro2::TokenStream;
use syn::{LitInt, Type};

use super::marked::read_types;
use crate::support::{CratePath, Diagnostics, keys};

/// What `#[walker(..)]` says, as it is written.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) report: Option<Type>,
    /// The version that checkpoints name, if it is not the first.
    pub(crate) version: Option<u32>,
    /// The types whose own hooks run, besides those that the walker's hooks name.
    pub(crate) meets: Vec<Type>,
    pub(crate) sequential: bool,
    pub(crate) crate_path: CratePath,
}

impl Arguments {
    pub(crate) fn read(tokens: TokenStream, diagnostics: &mut Diagnostics) -> Self {
        let mut arguments = Self::default();
        keys::read_list(tokens, diagnostics, |key, diagnostics| {
            if key.is("report") {
                arguments.report = Some(key.ty()?);
            } else if key.is("version") {
                let version: LitInt = key.value()?;
                arguments.version = Some(version.base10_parse()?);
            } else if key.is("meets") {
                let list = key.list()?.unwrap_or_default();
                if list.is_empty() {
                    let message = "`meets` takes types of nodes and edges: `meets(City, Road)`";
                    return Err(syn::Error::new_spanned(&key.ident, message));
                }
                arguments.meets = read_types(list, diagnostics);
            } else if key.is("sequential") {
                key.flag(&mut arguments.sequential)?;
            } else if key.is("crate") {
                arguments.crate_path.set(key.value()?, diagnostics);
            } else {
                key.unknown(&["report", "version", "meets", "sequential", "crate"], diagnostics)?;
            }
            Ok(())
        });
        arguments
    }
}
