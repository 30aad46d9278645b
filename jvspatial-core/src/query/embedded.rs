//! The fields of structs that are kept inside of others.

use std::any::{Any, TypeId};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use foldhash::HashMap;
use jvspatial_db::limits::MAX_DOCUMENT_DEPTH;

use super::field::{Field, Place};

/// A struct that is kept in a field of an entity or of another such struct; derived by
/// `#[derive(Embedded)]`.
///
/// The handle of the field leads to the handles of the struct's own fields:
/// `a.address.city.eq("Oslo")`. It holds for options and boxes of such a struct, too.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no handles for its fields",
    note = "use a struct with `#[derive(Embedded)]`"
)]
pub trait Embedded {
    /// One typed handle for each field.
    type Fields: Copy + Send + Sync + 'static;

    /// The handles of the fields of the struct at a place.
    fn fields_at(at: EmbeddedAt) -> Self::Fields;
}

/// Where an [`Embedded`] struct is.
#[derive(Clone, Copy)]
pub struct EmbeddedAt(Place);

impl EmbeddedAt {
    /// The handle of the field stored as `name` in the struct.
    pub fn field<T>(self, name: &str) -> Field<T> {
        let Place { path, scope } = self.0;
        // No document is deeper, and a search refuses the path as it is; so handles of a struct that
        // holds itself come to an end.
        if path.split('.').count() > MAX_DOCUMENT_DEPTH {
            return Field::at(self.0);
        }
        let path = Box::leak(format!("{path}.{name}").into_boxed_str());
        Field::at(Place { path, scope })
    }
}

impl std::fmt::Debug for EmbeddedAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("EmbeddedAt").field(&self.0.path).finish()
    }
}

impl<T: Embedded> Embedded for Option<T> {
    type Fields = T::Fields;

    fn fields_at(at: EmbeddedAt) -> T::Fields {
        T::fields_at(at)
    }
}

macro_rules! pointers {
    ($($pointer:ident)+) => {$(
        impl<T: Embedded> Embedded for $pointer<T> {
            type Fields = T::Fields;

            fn fields_at(at: EmbeddedAt) -> T::Fields {
                T::fields_at(at)
            }
        }
    )+};
}

pointers!(Box Rc Arc);

impl<T: Embedded> Deref for Field<T> {
    type Target = T::Fields;

    fn deref(&self) -> &T::Fields {
        handles(self.place(), T::fields_at)
    }
}

type Handles = HashMap<(TypeId, Place), &'static (dyn Any + Send + Sync)>;

/// The handles of the struct at `place`, made once and kept for as long as the program runs: there
/// are as many as its code names.
fn handles<F: Copy + Send + Sync + 'static>(
    place: Place,
    make: impl FnOnce(EmbeddedAt) -> F,
) -> &'static F {
    static HANDLES: LazyLock<RwLock<Handles>> = LazyLock::new(RwLock::default);
    let key = (TypeId::of::<F>(), place);
    let found = HANDLES.read().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
    if let Some(handles) = found.and_then(|handles| handles.downcast_ref()) {
        return handles;
    }
    let made: &'static F = Box::leak(Box::new(make(EmbeddedAt(place))));
    HANDLES.write().unwrap_or_else(PoisonError::into_inner).insert(key, made);
    made
}
