//! What the targets share: a writer and a reader of the journal made from `docs/format.md` alone.
//!
//! None of it comes from the library, so that the two can disagree.

pub mod journal;
pub mod store;
