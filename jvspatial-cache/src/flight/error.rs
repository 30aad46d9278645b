//! Why a load that callers share brought no value.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// Why a load brought no value. Nothing of it is kept: the next call loads again.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError<E> {
    /// The load failed. All who waited for it share the error.
    Failed(Arc<E>),
    /// The load of another, for which this call waited, panicked.
    Panicked,
    /// A load of many keys brought another number of values than it was given keys.
    Miscounted {
        /// How many keys were to be loaded.
        keys: usize,
        /// How many values came.
        values: usize,
    },
}

impl<E> Clone for LoadError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            Self::Panicked => Self::Panicked,
            Self::Miscounted { keys, values } => Self::Miscounted { keys: *keys, values: *values },
        }
    }
}

impl<E: fmt::Display> fmt::Display for LoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Panicked => f.write_str("the load that this call waited for panicked"),
            Self::Miscounted { keys, values } => {
                write!(f, "a load of {keys} keys brought {values} values")
            }
        }
    }
}

impl<E: StdError + 'static> StdError for LoadError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            // Its text is that of the error itself, so the chain goes on behind it.
            Self::Failed(error) => error.source(),
            Self::Panicked | Self::Miscounted { .. } => None,
        }
    }
}
