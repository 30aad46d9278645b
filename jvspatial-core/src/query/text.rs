//! Which fields a regular expression can search.

use std::borrow::Cow;
use std::sync::Arc;

/// A type that is stored as text, so that [`Field::matches`](crate::Field::matches) can search it:
/// strings and options of them. An application may implement it for its own types that serde writes
/// as strings.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` is not text",
    label = "expected a field with a `String`",
    note = "a type that serde writes as a string may implement `jvspatial::Text`"
)]
pub trait Text {}

impl Text for String {}
impl Text for Box<str> {}
impl Text for Arc<str> {}
impl Text for Cow<'static, str> {}
impl<T: Text> Text for Option<T> {}
