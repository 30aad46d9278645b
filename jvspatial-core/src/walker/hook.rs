//! The results of hooks: what they may return, and the error that remembers which hook failed.

use std::any::Any;
use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt as _;

use super::control::Control;
use crate::error::{Error, ErrorKind, Place};

/// An error on the way through the hooks of one visit; the walk adds the rest of the place.
#[derive(Debug)]
pub struct HookError {
    hook: Option<&'static str>,
    error: Error,
}

impl HookError {
    /// The error of the hook `name`.
    pub const fn of(name: &'static str, error: Error) -> Self {
        Self { hook: Some(name), error }
    }

    /// The class of the error.
    pub(super) fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    /// The error with its place, unless an inner walk has already named one.
    pub(super) fn into_error(self, place: impl FnOnce(Option<&'static str>) -> Place) -> Error {
        let Self { hook, error } = self;
        error.at(|| place(hook))
    }
}

impl From<Error> for HookError {
    /// An error between two hooks, such as a document that does not fit the hook's type.
    fn from(error: Error) -> Self {
        Self { hook: None, error }
    }
}

/// What a hook may return: nothing, a [`Control`], or a `Result` of either with any error.
#[diagnostic::on_unimplemented(
    message = "a hook cannot return `{Self}`",
    note = "it returns nothing, `Control`, `Result<()>` or `Result<Control>`"
)]
pub trait IntoHookResult {
    /// The answer, or the error of the application.
    fn into_hook_result(self) -> Result<Control, Error>;
}

impl IntoHookResult for () {
    fn into_hook_result(self) -> Result<Control, Error> {
        Ok(Control::Continue)
    }
}

impl IntoHookResult for Control {
    fn into_hook_result(self) -> Result<Control, Error> {
        Ok(self)
    }
}

impl<C, E> IntoHookResult for Result<C, E>
where
    C: Into<Control>,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    fn into_hook_result(self) -> Result<Control, Error> {
        self.map(C::into).map_err(|error| keep_kind(error.into()))
    }
}

/// An error of this library stays what it is, so that a conflict in a hook is still a conflict to the
/// caller of the walk; anything else is an application's.
fn keep_kind(error: Box<dyn StdError + Send + Sync>) -> Error {
    error
        .downcast::<Error>()
        .map(|error| *error)
        .or_else(|error| error.downcast::<jvspatial_db::Error>().map(|e| (*e).into()))
        .unwrap_or_else(Error::application)
}

/// Runs an asynchronous hook; a panic in it becomes an error.
///
/// # Errors
/// What the hook failed with.
pub async fn guard<R: IntoHookResult>(hook: impl Future<Output = R>) -> Result<Control, Error> {
    match AssertUnwindSafe(hook).catch_unwind().await {
        Ok(result) => result.into_hook_result(),
        Err(panic) => Err(panicked(&*panic)),
    }
}

/// Runs a hook that does not wait; a panic in it becomes an error.
///
/// # Errors
/// What the hook failed with.
pub fn guard_sync<R: IntoHookResult>(hook: impl FnOnce() -> R) -> Result<Control, Error> {
    match catch_unwind(AssertUnwindSafe(hook)) {
        Ok(result) => result.into_hook_result(),
        Err(panic) => Err(panicked(&*panic)),
    }
}

/// The error of a hook that panicked.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Error::new(ErrorKind::Application, "hook panicked").with("panic", text)
}
