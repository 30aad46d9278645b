//! The hooks that nodes and edges have themselves.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use super::{Control, HookError, Walk, Walker};
use crate::entity::{Stored, Visitable};

/// A walker that runs the hooks which the type `T` itself has.
///
/// `#[walker]` implements it for each type that a hook of the walker names, and for those in `meets(..)`. A walker
/// type with parameters meets nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not run the hooks of `{T}`",
    note = "a walker runs the hooks of the types that its own hooks name, and of others it says so: \
            `#[walker(meets({T}))]`; one with type parameters runs only those for `any` walker"
)]
pub trait Meets<T>: Walker {}

/// A walker that is visited with one node at a time, so that the hooks of nodes and edges may change it.
///
/// `#[walker]` implements it when an `#[on_visit]` hook takes `&mut self`, and when the walker says `sequential`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` may be walking in parallel, so no node or edge can change it",
    note = "take `&{Self}`, or make it `#[walker(sequential)]`; it is when one of its own `on_visit` hooks \
            takes `&mut self`"
)]
pub trait SequentialWalker: Walker {}

/// A node or edge with hooks for walkers of type `W` that only look at the walker; `#[visited]` implements it.
pub trait VisitedBy<W: Walker>: Visitable {
    /// Whether [`left`](Self::left) does anything.
    const LEAVES: bool;

    /// Runs the hooks for a visit, and stops at the first answer that is not [`Control::Continue`].
    ///
    /// # Errors
    /// The error of a hook.
    fn visited(
        here: &mut Stored<Self>,
        walker: &W,
        walk: &mut Walk<W>,
    ) -> impl Future<Output = Result<Control, HookError>> + Send;

    /// Runs the hooks for leaving, likewise.
    ///
    /// # Errors
    /// The error of a hook.
    fn left(
        here: &mut Stored<Self>,
        walker: &W,
        walk: &mut Walk<W>,
    ) -> impl Future<Output = Result<Control, HookError>> + Send;
}

/// A node or edge with hooks for walkers of type `W`, some of which change the walker; `#[visited]` implements it.
pub trait VisitedByMut<W: Walker>: Visitable {
    /// Whether [`left`](Self::left) does anything.
    const LEAVES: bool;

    /// Runs the hooks for a visit, and stops at the first answer that is not [`Control::Continue`].
    ///
    /// # Errors
    /// The error of a hook.
    fn visited(
        here: &mut Stored<Self>,
        walker: &mut W,
        walk: &mut Walk<W>,
    ) -> impl Future<Output = Result<Control, HookError>> + Send;

    /// Runs the hooks for leaving, likewise.
    ///
    /// # Errors
    /// The error of a hook.
    fn left(
        here: &mut Stored<Self>,
        walker: &mut W,
        walk: &mut Walk<W>,
    ) -> impl Future<Output = Result<Control, HookError>> + Send;
}

/// A node or edge with hooks for walkers of every type that [`Meets`] it; `#[visited]` implements it.
pub trait VisitedByAny: Visitable {
    /// Whether [`left`](Self::left) does anything.
    const LEAVES: bool;

    /// Runs the hooks for a visit, and stops at the first answer that is not [`Control::Continue`].
    ///
    /// # Errors
    /// The error of a hook.
    fn visited<W: Walker>(
        here: &mut Stored<Self>,
        walk: &mut Walk<W>,
    ) -> impl Future<Output = Result<Control, HookError>> + Send;

    /// Runs the hooks for leaving, likewise.
    ///
    /// # Errors
    /// The error of a hook.
    fn left<W: Walker>(
        here: &mut Stored<Self>,
        walk: &mut Walk<W>,
    ) -> impl Future<Output = Result<Control, HookError>> + Send;
}

/// The answer when there are no hooks.
type Nothing = Ready<Result<Control, HookError>>;

/// Defines a type whose associated items run the hooks of `T` where `T` has some. Otherwise they are those of the
/// trait `$none`, which generated code imports, and do nothing: the compiler prefers the inherent ones wherever their
/// conditions hold. So hooks are found without a registry, for all types that are known where the code stands.
macro_rules! hooks_if_any {
    ($(#[$doc:meta])* $hooks:ident or $none:ident, $trait:ident[$($of:tt)*] ($($walker:ident: $ty:ty)?)) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $hooks<T, W>(PhantomData<(T, W)>);

        impl<T: $trait<$($of)*>, W: Walker> $hooks<T, W> {
            /// Whether there are hooks.
            pub const RUN: bool = true;
            /// Whether there are hooks for leaving.
            pub const LEAVES: bool = T::LEAVES;

            /// Runs the hooks for a visit.
            ///
            /// # Errors
            /// The error of a hook.
            pub fn visited(
                here: &mut Stored<T>,
                $($walker: $ty,)?
                walk: &mut Walk<W>,
            ) -> impl Future<Output = Result<Control, HookError>> + Send {
                T::visited(here, $($walker,)? walk)
            }

            /// Runs the hooks for leaving.
            ///
            /// # Errors
            /// The error of a hook.
            pub fn left(
                here: &mut Stored<T>,
                $($walker: $ty,)?
                walk: &mut Walk<W>,
            ) -> impl Future<Output = Result<Control, HookError>> + Send {
                T::left(here, $($walker,)? walk)
            }
        }

        /// What there is for a type without hooks.
        pub trait $none<T, W: Walker> {
            /// There are none.
            const RUN: bool = false;
            /// There are none.
            const LEAVES: bool = false;

            /// Does nothing.
            fn visited(_: &mut Stored<T>, $(_: $ty,)? _: &mut Walk<W>) -> Nothing {
                ready(Ok(Control::Continue))
            }

            /// Does nothing.
            fn left(_: &mut Stored<T>, $(_: $ty,)? _: &mut Walk<W>) -> Nothing {
                ready(Ok(Control::Continue))
            }
        }

        impl<T, W: Walker> $none<T, W> for $hooks<T, W> {}
    };
}

hooks_if_any! {
    /// The hooks of `T` for walkers of type `W` that only look at the walker.
    Hooks or NoHooks, VisitedBy[W] (walker: &W)
}
hooks_if_any! {
    /// The hooks of `T` for walkers of type `W`, some of which change the walker.
    HooksMut or NoHooksMut, VisitedByMut[W] (walker: &mut W)
}
hooks_if_any! {
    /// The hooks of `T` for walkers of any type.
    AnyHooks or NoAnyHooks, VisitedByAny[] ()
}
