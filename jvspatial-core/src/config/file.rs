//! A configuration file, with the line of each key.

use std::collections::BTreeMap;

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Error, ErrorKind, Result};

/// The keys of a file and where they stand.
#[derive(Debug)]
pub(super) struct File {
    values: Dict,
    lines: BTreeMap<String, usize>,
}

impl File {
    /// What `Metadata` calls a file.
    pub(super) const NAME: &str = "file";

    /// Reads the text of the file called `name`.
    ///
    /// # Errors
    /// `Invalid` for text that is not TOML, with the line and nothing of what stands there.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self> {
        let table = DeTable::parse(text).map_err(|error| {
            let line = line_of(text, error.span().map_or(0, |span| span.start));
            Error::new(ErrorKind::Invalid, "configuration is not TOML")
                .with("source", format_args!("{name}:{line}"))
                .with("reason", error.message().lines().next().unwrap_or_default())
        })?;
        let mut file = Self { values: Dict::new(), lines: BTreeMap::new() };
        file.values = file.table(text, "", table.get_ref());
        Ok(file)
    }

    /// The line on which a key stands.
    pub(super) fn line(&self, key: &str) -> Option<usize> {
        self.lines.get(key).copied()
    }

    // The parser bounds how deep tables and lists lie in one another.
    fn table(&mut self, text: &str, above: &str, table: &DeTable<'_>) -> Dict {
        let mut values = Dict::new();
        for (name, value) in table {
            let dot = if above.is_empty() { "" } else { "." };
            let path = format!("{above}{dot}{}", name.get_ref());
            self.lines.insert(path.clone(), line_of(text, name.span().start));
            let value = self.value(text, &path, value);
            values.insert(name.get_ref().to_string(), value);
        }
        values
    }

    fn value(&mut self, text: &str, path: &str, value: &Spanned<DeValue<'_>>) -> Value {
        match value.get_ref() {
            DeValue::String(text) => Value::from(text.as_ref()),
            DeValue::Boolean(truth) => Value::from(*truth),
            DeValue::Integer(number) => {
                match i64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => Value::from(number),
                    Err(_) => Value::from(number.to_string()),
                }
            }
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(number) => Value::from(number),
                Err(_) => Value::from(number.as_str()),
            },
            DeValue::Datetime(time) => Value::from(time.to_string()),
            DeValue::Array(items) => {
                let items: Vec<Value> =
                    items.iter().map(|item| self.value(text, path, item)).collect();
                Value::from(items)
            }
            DeValue::Table(table) => Value::from(self.table(text, path, table)),
        }
    }
}

impl Provider for &File {
    fn metadata(&self) -> Metadata {
        Metadata::named(File::NAME)
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

/// The number of the line that holds the byte at `offset`.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}
