//! `derive(Node)`, `derive(Edge)` and `derive(Object)`.

mod expand;
pub(crate) mod fields;
mod index_arguments;
mod indexes;
mod model;
pub(crate) mod names;
mod parse;
mod rename_rule;
pub(crate) mod serde_attributes;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::support::Diagnostics;

/// Which of the three derives is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Node,
    Edge,
    Object,
}

impl Kind {
    /// The attribute that holds the keys.
    fn attribute(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Edge => "edge",
            Self::Object => "object",
        }
    }

    /// The keys of that attribute.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Node | Self::Object => &["name", "schema", "index", "unique"],
            Self::Edge => {
                &["name", "schema", "index", "unique", "from", "to", "parallel", "undirected"]
            }
        }
    }
}

/// The derive's output: the implementation, and every mistake as an error at its place.
///
/// The implementation comes even beside mistakes, so that code which uses the type brings no errors
/// of its own.
pub(crate) fn derive(kind: Kind, input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut diagnostics = Diagnostics::default();
    let arguments = parse::Arguments::read(kind, &input, &mut diagnostics);
    let mut code = model::Entity::new(kind, &input, arguments, &mut diagnostics)
        .map(|entity| expand::expand(&entity))
        .unwrap_or_default();
    code.extend(diagnostics.into_compile_errors());
    code
}
