//! The examples in the documentation of the macros, each of which is a test here.
//!
//! They need the whole of jvspatial. If the tests of the macros' own package asked for it, all of it would be compiled once more:
//! what a procedural macro depends on is built for the compiler, even when it is only for tests.

#![cfg(doctest)]

macro_rules! examples {
    ($($name:ident: $page:literal),* $(,)?) => { $(
        #[doc = include_str!(concat!("../../../jvspatial-macros/docs/", $page))]
        mod $name {}
    )* };
}

examples! {
    cached_query: "cached_query.md",
    edge: "edge.md",
    embedded: "embedded.md",
    left_by: "left_by.md",
    node: "node.md",
    object: "object.md",
    on_exit: "on_exit.md",
    on_leave: "on_leave.md",
    on_visit: "on_visit.md",
    projection: "projection.md",
    visited: "visited.md",
    visited_by: "visited_by.md",
    walker: "walker.md",
}
