//! The scripts that Redis runs, each in one step that nothing comes between.

use std::sync::LazyLock;

use redis::Script;

fn script(body: &str) -> Script {
    Script::new(&format!("{}\n{body}", include_str!("prelude.lua")))
}

/// One that knows of the epochs of parts.
fn of_epochs(body: &str) -> Script {
    script(&format!("{}\n{body}", include_str!("epochs.lua")))
}

pub(super) static BEAT: LazyLock<Script> = LazyLock::new(|| script(include_str!("beat.lua")));
pub(super) static LEAVE: LazyLock<Script> = LazyLock::new(|| script(include_str!("leave.lua")));
pub(super) static CLEAR: LazyLock<Script> = LazyLock::new(|| script(include_str!("clear.lua")));
pub(super) static RELEASE: LazyLock<Script> = LazyLock::new(|| script(include_str!("release.lua")));
pub(super) static TELL: LazyLock<Script> = LazyLock::new(|| of_epochs(include_str!("tell.lua")));
pub(super) static KEEP: LazyLock<Script> = LazyLock::new(|| script(include_str!("keep.lua")));
pub(super) static SEEK: LazyLock<Script> = LazyLock::new(|| of_epochs(include_str!("seek.lua")));
pub(super) static ANSWER: LazyLock<Script> =
    LazyLock::new(|| of_epochs(include_str!("answer.lua")));
pub(super) static UNCHANGED: LazyLock<Script> =
    LazyLock::new(|| of_epochs(include_str!("unchanged.lua")));
