//! Walkers whose hooks can run at the same time.

use super::Walker;
use super::control::Control;
use super::here::Here;
use super::hook::HookError;
use super::walk::Walk;

/// A walker whose hooks for visits share it; `#[walker]` implements it when they all take `&self`.
#[diagnostic::on_unimplemented(
    message = "the hooks of `{Self}` cannot run in parallel",
    note = "a hook takes `&mut self`; take `&self` in every `on_visit` hook and keep what changes in atomics or \
            reports, or implement `Fork` and walk with `.parallel_forked(n)`"
)]
pub trait ParallelWalker: Walker + Sync {
    /// As [`Walker::visit`].
    ///
    /// # Errors
    /// As [`Walker::visit`].
    fn visit_shared(
        &self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> impl Future<Output = Result<Control, HookError>> + Send;
}

/// A walker that accumulates, and can do so in parts: its hooks may take `&mut self` and still run in parallel.
///
/// The nodes of a chunk are handed out in pieces that follow one another. Each piece is visited by a fork of the walker as it
/// stood at the beginning of the chunk, and the forks are merged in the order of the pieces, so the result does not
/// depend on how many workers there are.
///
/// ```
/// # use jvspatial_core::Fork;
/// # use jvspatial_core::{Control, Here, HookError, Result, Walk, Walker};
/// #[derive(Default)]
/// struct Count {
///     nodes: u64,
/// }
/// # impl Walker for Count {
/// #     type Report = ();
/// #     const NAME: &'static str = "Count";
/// #     async fn visit(&mut self, _: &mut Here, _: &mut Walk<Self>) -> Result<Control, HookError> {
/// #         self.nodes += 1;
/// #         Ok(Control::Continue)
/// #     }
/// # }
///
/// impl Fork for Count {
///     fn fork(&self) -> Self {
///         Self::default()
///     }
///
///     fn merge(&mut self, part: Self) {
///         self.nodes += part.nodes;
///     }
/// }
/// ```
pub trait Fork: Walker {
    /// A walker for a piece of a chunk.
    fn fork(&self) -> Self;

    /// Takes up what a fork has gathered.
    fn merge(&mut self, part: Self);
}
