//! Derives and attributes of jvspatial.
//!
//! Applications use them through the `jvspatial` crate, whose paths the generated code names.
//!
//! The examples in `docs/` are tests of the package in `tests/macros`: all that they need would be compiled once more, for the
//! compiler, if it was for tests of this one.

mod cached_query;
mod embedded;
mod entity;
mod projection;
mod support;
mod walker;

use proc_macro::TokenStream;

use entity::Kind;
use walker::HookKind;

#[cfg_attr(not(doctest), doc = include_str!("../docs/node.md"))]
#[proc_macro_derive(Node, attributes(node, jvspatial))]
pub fn derive_node(input: TokenStream) -> TokenStream {
    entity::derive(Kind::Node, input.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("../docs/edge.md"))]
#[proc_macro_derive(Edge, attributes(edge, jvspatial))]
pub fn derive_edge(input: TokenStream) -> TokenStream {
    entity::derive(Kind::Edge, input.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("../docs/object.md"))]
#[proc_macro_derive(Object, attributes(object, jvspatial))]
pub fn derive_object(input: TokenStream) -> TokenStream {
    entity::derive(Kind::Object, input.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("../docs/embedded.md"))]
#[proc_macro_derive(Embedded, attributes(jvspatial))]
pub fn derive_embedded(input: TokenStream) -> TokenStream {
    embedded::derive(input.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("../docs/projection.md"))]
#[proc_macro_derive(Projection, attributes(projection, serde, jvspatial))]
pub fn derive_projection(input: TokenStream) -> TokenStream {
    projection::derive(input.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("../docs/walker.md"))]
#[proc_macro_attribute]
pub fn walker(args: TokenStream, item: TokenStream) -> TokenStream {
    walker::expand_impl(args.into(), item.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("../docs/on_visit.md"))]
#[proc_macro_attribute]
pub fn on_visit(args: TokenStream, item: TokenStream) -> TokenStream {
    walker::expand_hook(HookKind::Visit, &args.into(), item.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("../docs/on_leave.md"))]
#[proc_macro_attribute]
pub fn on_leave(args: TokenStream, item: TokenStream) -> TokenStream {
    walker::expand_hook(HookKind::Leave, &args.into(), item.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("../docs/on_exit.md"))]
#[proc_macro_attribute]
pub fn on_exit(args: TokenStream, item: TokenStream) -> TokenStream {
    walker::expand_hook(HookKind::Exit, &args.into(), item.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("../docs/visited.md"))]
#[proc_macro_attribute]
pub fn visited(args: TokenStream, item: TokenStream) -> TokenStream {
    walker::expand_visited(args.into(), item.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("../docs/visited_by.md"))]
#[proc_macro_attribute]
pub fn visited_by(args: TokenStream, item: TokenStream) -> TokenStream {
    walker::expand_hook(HookKind::VisitedBy, &args.into(), item.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("../docs/left_by.md"))]
#[proc_macro_attribute]
pub fn left_by(args: TokenStream, item: TokenStream) -> TokenStream {
    walker::expand_hook(HookKind::LeftBy, &args.into(), item.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("../docs/cached_query.md"))]
#[proc_macro_attribute]
pub fn cached_query(args: TokenStream, item: TokenStream) -> TokenStream {
    cached_query::expand(args.into(), item.into()).into()
}
