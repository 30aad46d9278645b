//! Where in a filter the parser stands.

use std::cell::Cell;
use std::fmt;

use super::bounds;
use super::regex::Pattern;
use crate::error::{Error, Result};

/// A place in the text of a filter, written out only for an error.
pub(super) enum Place<'a> {
    /// The whole filter.
    Root(Progress),
    Name(&'a Place<'a>, &'a str),
    Index(&'a Place<'a>, usize),
}

/// What was met so far.
#[derive(Default)]
pub(super) struct Progress {
    /// The deepest level.
    pub(super) deepest: Cell<usize>,
    /// The weight of all regular expressions.
    searched: Cell<usize>,
}

impl<'a> Place<'a> {
    pub(super) fn root() -> Self {
        Self::Root(Progress::default())
    }

    pub(super) fn name(&'a self, name: &'a str) -> Self {
        Self::Name(self, name)
    }

    pub(super) fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }

    pub(super) fn error(&self, message: &'static str) -> Error {
        self.locate(Error::invalid(message))
    }

    pub(super) fn locate(&self, error: Error) -> Error {
        match self {
            Self::Root(_) => error,
            place => error.with("at", place),
        }
    }

    /// Enters a level.
    ///
    /// # Errors
    /// `Limit` when a filter may not have that many.
    pub(super) fn enter(&self, level: usize) -> Result<()> {
        bounds::within_depth(level).map_err(|error| self.locate(error))?;
        let deepest = &self.progress().deepest;
        deepest.set(deepest.get().max(level));
        Ok(())
    }

    /// Counts a regular expression, each of which costs far more than its text.
    ///
    /// # Errors
    /// `Limit` when a filter may not have that many.
    pub(super) fn count(&self, pattern: &Pattern) -> Result<()> {
        let searched = &self.progress().searched;
        searched.set(searched.get() + pattern.weight());
        bounds::within_bytes(searched.get()).map_err(|error| self.locate(error))?;
        Ok(())
    }

    pub(super) fn progress(&self) -> &Progress {
        match self {
            Self::Root(progress) => progress,
            Self::Name(parent, _) | Self::Index(parent, _) => parent.progress(),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 100;
        match self {
            Self::Root(_) => Ok(()),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Name(parent, name) => {
                if !matches!(parent, Self::Root(_)) {
                    write!(f, "{parent}.")?;
                }
                let name = name.strip_prefix('$').unwrap_or(name);
                name.chars().take(SHOWN).try_for_each(|letter| {
                    letter.escape_debug().try_for_each(|part| fmt::Write::write_char(f, part))
                })
            }
        }
    }
}
