//! Settings from a file and from the environment.

use std::env::{self, VarError};
use std::io::{ErrorKind as IoErrorKind, Result as IoResult};
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::GraphConfig;
use super::file::File;
use super::refusal::{ENVIRONMENT, refusal, unknown_variable};
use crate::error::{Error, ErrorKind, Result};

/// What the names of all variables begin with.
pub(super) const PREFIX: &str = "JVSPATIAL_";

/// What the names of variables begin with that are for the tests of this library: they are no settings.
const TESTS: &str = "JVSPATIAL_TEST_";

/// The file that is read when no other is named, in the directory in which the process runs.
const FILE: &str = "jvspatial.toml";

/// The variable that names another one.
const FILE_VARIABLE: &str = "JVSPATIAL_CONFIG";

impl GraphConfig {
    /// Reads the settings: variables of the environment, then the file, then the defaults.
    ///
    /// The file is the one that `JVSPATIAL_CONFIG` names, otherwise `jvspatial.toml` in the directory in which the
    /// process runs, if there is one. The variable of `database.url` is `JVSPATIAL_DATABASE_URL`, and so on.
    ///
    /// # Errors
    /// `Invalid` for a key that is unknown, with the nearest known one, and for a value of the wrong type or out of
    /// its range: with the key, its file and line or its variable, what was expected and what was found;
    /// `NotFound` or `Unavailable` when the file cannot be read. No error shows a URL.
    pub fn load() -> Result<Self> {
        match env::var_os(FILE_VARIABLE) {
            Some(path) => Self::load_from(PathBuf::from(path)),
            None => match read_file(Path::new(FILE)) {
                Ok(text) => from_sources(Some((FILE, &text)), variables()?),
                Err(error) if error.kind() == IoErrorKind::NotFound => {
                    from_sources(None, variables()?)
                }
                Err(error) => Err(unreadable(Path::new(FILE), error)),
            },
        }
    }

    /// As [`load`](Self::load), from the file at `path`, which must be there.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_from(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = read_file(path).map_err(|error| unreadable(path, error))?;
        from_sources(Some((&path.display().to_string(), &text)), variables()?)
    }
}

#[expect(clippy::disallowed_methods, reason = "the one file that is no database's")]
fn read_file(path: &Path) -> IoResult<String> {
    std::fs::read_to_string(path)
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    let kind = match error.kind() {
        IoErrorKind::NotFound => ErrorKind::NotFound,
        IoErrorKind::InvalidData => ErrorKind::Invalid,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, "configuration cannot be read")
        .with("file", path.display())
        .with("reason", error)
}

/// The variables of the environment that are ours.
fn variables() -> Result<Vec<(String, String)>> {
    let mut ours = Vec::new();
    for (name, _) in env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        match env::var(name) {
            _ if name == FILE_VARIABLE => {}
            Ok(value) => ours.push((name.to_owned(), value)),
            Err(VarError::NotPresent) => {}
            Err(VarError::NotUnicode(_)) => {
                return Err(Error::new(ErrorKind::Invalid, "setting is not text")
                    .with("source", name)
                    .with("expected", "UTF-8"));
            }
        }
    }
    Ok(ours)
}

/// Reads settings from a file, given with its name, and from variables.
pub(super) fn from_sources(
    file: Option<(&str, &str)>,
    variables: Vec<(String, String)>,
) -> Result<GraphConfig> {
    let mut all = Figment::new();
    if let Some((name, text)) = file {
        let file = File::parse(name, text)?;
        // By itself first, so that what a variable hides is looked at too, and no text passes for a number.
        let read = Figment::from(&file).extract::<GraphConfig>();
        read.map_err(|error| refusal(error, Some((name, &file))))?;
        all = all.merge(&file);
    }
    let variables = Variables::new(variables)?;
    // Lossy is what a variable needs: its numbers are text.
    all.merge(variables).extract_lossy().map_err(|error| refusal(error, None))
}

/// Variables as settings: the first word of a name is the section, the others are the key.
struct Variables(Dict);

impl Variables {
    fn new(variables: Vec<(String, String)>) -> Result<Self> {
        let mut sections = Dict::new();
        for (name, value) in variables {
            if name.starts_with(TESTS) {
                continue;
            }
            let path = name.strip_prefix(PREFIX).and_then(|path| path.split_once('_'));
            let Some((section, key)) = path else { return Err(unknown_variable(&name)) };
            let section = sections
                .entry(section.to_ascii_lowercase())
                .or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, keys) = section {
                keys.insert(key.to_ascii_lowercase(), Value::from(value));
            }
        }
        Ok(Self(sections))
    }
}

impl Provider for Variables {
    fn metadata(&self) -> Metadata {
        Metadata::named(ENVIRONMENT)
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}
