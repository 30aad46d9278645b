//! The results of hooks: what they may return, and the error that remembers which hook failed.

use std::error::Error as StdError;

use super::control::Control;
use crate::error::{Error, Place};

/// An error on the way through the hooks of one node; the walk adds the rest of the place.
#[derive(Debug)]
pub struct HookError {
    hook: Option<&'static str>,
    error: Error,
}

impl HookError {
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

/// The answer of the hook `name`, or its error with the name attached.
///
/// # Errors
/// What the hook failed with.
pub fn hook(name: &'static str, result: impl IntoHookResult) -> Result<Control, HookError> {
    result.into_hook_result().map_err(|error| HookError { hook: Some(name), error })
}
