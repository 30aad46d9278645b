//! Checkpoints: a walk that goes on after a crash.
//!
//! A walk with checkpoints writes nothing but together with one, as an atomic batch. So what is stored is always what
//! hooks had written up to the checkpoint that is stored, and a walk that goes on from it makes every visit since anew,
//! none of whose writes is there. `docs/decisions/0025-checkpoints.md` has the reasons.

mod end;
mod gather;
mod head;
mod load;
mod name;
mod part;
mod plan;
mod remote;
mod restore;
mod save;
mod saver;
mod ways;

pub(super) use head::At;
pub use load::Checkpoint;
pub(crate) use load::{discard, list, load};
pub(super) use part::Past;
pub(super) use plan::Plan;
pub(super) use saver::Saver;
