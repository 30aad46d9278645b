//! What generated code calls. Not part of the public interface.

use std::marker::PhantomData;

pub use jvspatial_db::{Collection, EntityName};

use crate::entity::{Edge, Node, Stored, Visitable};
use crate::error::Error;

pub use crate::cache::cached_query;
pub use crate::cache::weight::{Emptiness, Weigh, WeighBySerde, WeighBySize, Weighed};
pub use crate::query::EmbeddedAt;
pub use crate::walker::hook::{IntoHookResult, guard, guard_sync};
pub use crate::walker::visited_by::{AnyHooks, Hooks, HooksMut, NoAnyHooks, NoHooks, NoHooksMut};
pub use crate::walker::{
    Control, Ended, Here, HookError, Meets, ParallelWalker, SequentialWalker, VisitedBy,
    VisitedByAny, VisitedByMut, Walk, Walker,
};

/// The interned name of an entity type, looked up once.
#[doc(hidden)]
#[macro_export]
macro_rules! __entity_name {
    ($name:expr) => {{
        static NAME: ::std::sync::OnceLock<$crate::__private::EntityName> =
            ::std::sync::OnceLock::new();
        *NAME.get_or_init(|| $crate::__private::intern($name))
    }};
}
pub use crate::__entity_name as entity_name;

/// The name of a node type that an edge is declared to join.
///
/// `NodeName::<T>::VALUE` is that of [`NoNodeName`] when `T` is no node: the compiler says so where
/// the edge is implemented for it, and once is enough.
#[derive(Debug)]
pub struct NodeName<T>(PhantomData<T>);

impl<N: Node> NodeName<N> {
    /// The name.
    pub const VALUE: Option<&'static str> = Some(N::NAME);
}

/// What any type has for a node name unless it is a node.
pub trait NoNodeName {
    /// No name.
    const VALUE: Option<&'static str> = None;
}

impl<T> NoNodeName for NodeName<T> {}

/// Interns a name that the derive has checked.
///
/// # Panics
/// When the application itself declares more than 32,768 entity types: there is no way to go on without
/// the name. Names from files and other input have numbers of their own.
#[expect(clippy::panic, reason = "only a program with 32,768 entity types of its own gets here")]
pub fn intern(name: &str) -> EntityName {
    EntityName::new(name).unwrap_or_else(|error| panic!("{error}"))
}

/// What a hook returned, as an answer.
///
/// Called by itself, so that the compiler complains of a wrong type here alone, at the place of the type.
///
/// # Errors
/// The error that the hook returned.
pub fn answer<R: IntoHookResult>(returned: R) -> Result<Control, Error> {
    returned.into_hook_result()
}

/// As [`Walk::answered`].
///
/// # Errors
/// As [`Walk::answered`].
pub fn answered<W: Walker>(
    walk: &mut Walk<W>,
    hook: &'static str,
    answer: Result<Control, Error>,
) -> Result<Control, HookError> {
    walk.answered(hook, answer)
}

/// What a visit is at, taken for a `T`.
///
/// The associated functions are those of [`NoTarget`] when `T` is no type of nodes or edges: the compiler says so
/// where generated code checks it, and once is enough.
#[derive(Debug)]
pub struct Target<T>(PhantomData<T>);

impl<T: Visitable> Target<T> {
    /// Whether it is of type `T`.
    pub fn is(here: &Here) -> bool {
        here.is::<T>()
    }

    /// The value, if it is of type `T`.
    ///
    /// # Errors
    /// As [`Here::decode`].
    pub fn decode(here: &Here) -> Result<Option<Stored<T>>, Error> {
        match here.is::<T>() {
            true => here.decode().map(Some),
            false => Ok(None),
        }
    }
}

/// What a visit is never at.
pub trait NoTarget<T> {
    /// It is not.
    fn is(_: &Here) -> bool {
        false
    }

    /// It has none.
    ///
    /// # Errors
    /// None.
    fn decode(_: &Here) -> Result<Option<Stored<T>>, Error> {
        Ok(None)
    }
}

impl<T> NoTarget<T> for Target<T> {}

/// Compiles only if walkers visit documents of type `T`.
pub const fn is_visitable<T: Visitable>() {}

/// Compiles only if `N` is a type of nodes.
pub const fn is_node<N: Node>() {}

/// Compiles only if `E` is a type of edges.
pub const fn is_edge<E: Edge>() {}

/// What is `Sync`, for any lifetime.
///
/// A condition on a type without parameters is refused where it does not hold, unless it is for all lifetimes. So a
/// walker that cannot be shared is one still, and only its walking in parallel is refused.
pub trait SyncFor<'a>: Sync {}

impl<T: Sync> SyncFor<'_> for T {}

/// Compiles only if walkers of type `W` run the hooks that `T` has for them.
pub const fn runs_hooks_of<T, W: Meets<T>>() {}

/// Compiles only if hooks of nodes and edges may change walkers of type `W`.
pub const fn may_be_changed<W: SequentialWalker>() {}
