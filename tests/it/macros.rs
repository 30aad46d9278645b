//! What the generated code does: names, handles, aliases, and the dispatch of hooks.

mod entities;
mod hooks;
mod projections;
