//! What was started and is to be stopped again, noted in the target directory.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Service;
use super::directory::Directory;
use super::process::Process;

/// One service that was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) service: Service,
    pub(super) url: String,
    pub(super) processes: Vec<Process>,
    pub(super) directory: Directory,
    /// The chore that stops it at its end; `None` when it runs until `down`.
    pub(super) owner: Option<Process>,
}

impl Entry {
    /// Whether every process of it still runs.
    pub(super) fn is_alive(&self) -> bool {
        self.processes.iter().all(Process::is_alive)
    }

    /// Whether a chore still counts on it.
    pub(super) fn is_in_use(&self) -> bool {
        self.owner.as_ref().is_some_and(Process::is_alive)
    }

    /// Stops its processes and removes its files.
    pub(super) fn stop(&self) -> Result<(), String> {
        self.processes.iter().try_for_each(Process::stop)?;
        let path = self.directory.path().display();
        self.directory.remove().map_err(|error| format!("cannot remove {path}: {error}"))
    }

    fn to_json(&self) -> Value {
        json!({
            "service": self.service.name(),
            "url": self.url,
            "processes": self.processes.iter().map(Process::to_json).collect::<Vec<_>>(),
            "directory": self.directory.path().to_string_lossy(),
            "owner": self.owner.as_ref().map(Process::to_json),
        })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let processes = value["processes"].as_array()?;
        Some(Self {
            service: Service::named(value["service"].as_str()?)?,
            url: value["url"].as_str()?.to_owned(),
            processes: processes.iter().map(Process::from_json).collect::<Option<_>>()?,
            directory: Directory::named(value["directory"].as_str()?)?,
            owner: match &value["owner"] {
                Value::Null => None,
                owner => Some(Process::from_json(owner)?),
            },
        })
    }
}

/// The file with all entries, locked while it lives.
#[derive(Debug)]
pub(super) struct State {
    path: PathBuf,
    pub(super) entries: Vec<Entry>,
    _lock: File,
}

impl State {
    /// Waits for the lock and reads the state of a directory, which is made if it is missing.
    pub(super) fn lock(directory: &Path) -> Result<Self, String> {
        let path = directory.join("state.json");
        let cannot = |error: io::Error| format!("cannot use {}: {error}", path.display());
        fs::create_dir_all(directory).map_err(cannot)?;
        let lock = File::create(directory.join("lock")).map_err(cannot)?;
        lock.lock().map_err(cannot)?;
        let entries = match fs::read_to_string(&path) {
            Ok(text) => parse(&text)
                .ok_or_else(|| format!("{} is not understood; remove it", path.display()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(cannot(error)),
        };
        Ok(Self { path, entries, _lock: lock })
    }

    /// Writes the entries back.
    pub(super) fn save(&self) -> Result<(), String> {
        let next = self.path.with_extension("json.new");
        fs::write(&next, print(&self.entries))
            .and_then(|()| fs::rename(&next, &self.path))
            .map_err(|error| format!("cannot write {}: {error}", self.path.display()))
    }
}

fn parse(text: &str) -> Option<Vec<Entry>> {
    let state: Value = serde_json::from_str(text).ok()?;
    state["services"].as_array()?.iter().map(Entry::from_json).collect()
}

fn print(entries: &[Entry]) -> String {
    let entries: Vec<Value> = entries.iter().map(Entry::to_json).collect();
    format!("{:#}\n", json!({"services": entries}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(owner: Option<Process>) -> Entry {
        Entry {
            service: Service::Mongodb,
            url: "mongodb://127.0.0.1:1/?replicaSet=rs".to_owned(),
            processes: vec![Process::this().unwrap()],
            directory: Directory::named("/tmp/jvspatial-services-1-0").unwrap(),
            owner,
        }
    }

    #[test]
    fn a_state_reads_back_as_it_was_written() {
        let entries = vec![entry(None), entry(Process::this())];
        assert_eq!(parse(&print(&entries)), Some(entries));
        assert_eq!(parse(&print(&[])), Some(vec![]));
    }

    #[test]
    fn a_state_that_is_not_understood_is_refused() {
        let good = print(&[entry(None)]);
        for (from, to) in [
            ("mongodb\"", "postgres\""),
            ("/tmp/jvspatial-services-1-0", "/tmp"),
            ("\"began\"", "\"born\""),
            ("\"services\"", "\"servants\""),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good);
            assert_eq!(parse(&bad), None, "{bad}");
        }
        assert_eq!(parse(""), None);
    }

    #[test]
    fn a_state_is_kept_in_its_directory() {
        let home = Directory::make().unwrap();
        let mut state = State::lock(home.path()).unwrap();
        assert_eq!(state.entries, []);
        state.entries.push(entry(None));
        state.save().unwrap();
        drop(state);
        assert_eq!(State::lock(home.path()).unwrap().entries, [entry(None)]);
        home.remove().unwrap();
    }
}
