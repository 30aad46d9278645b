//! What the generated code does: names, handles, aliases, and the dispatch of hooks.

mod embedded;
mod entities;
mod hooks;
mod indexes;
mod projections;
