//! What a process did and saw, in a file that another reads when it has ended.

use std::path::Path;

/// A read, or a write that was acknowledged. Times are microseconds on the clock of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) is_write: bool,
    pub(super) task: u16,
    pub(super) node: u16,
    pub(super) version: u64,
    pub(super) begun: i64,
    pub(super) ended: i64,
}

pub(super) fn save(path: &Path, events: &[Event]) {
    let mut text = String::with_capacity(events.len() * 40);
    for event in events {
        let Event { is_write, task, node, version, begun, ended } = *event;
        text.push_str(&format!("{} {task} {node} {version} {begun} {ended}\n", u8::from(is_write)));
    }
    std::fs::write(path, text).unwrap();
}

/// The events of a process whose clock began at `start` on ours.
pub(super) fn load(path: &Path, start: i64) -> Vec<Event> {
    let read = |line: &str| {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap().parse::<i64>().unwrap();
        Event {
            is_write: word() == 1,
            task: word().try_into().unwrap(),
            node: word().try_into().unwrap(),
            version: word().try_into().unwrap(),
            begun: word() + start,
            ended: word() + start,
        }
    };
    std::fs::read_to_string(path).unwrap().lines().map(read).collect()
}
