#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "the tests look at real files from outside the seam")]

mod locking;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;
use crate::json::disk::{ROOT, os_error};

/// Names the directory that a test started as a child process works on.
const CHILD_DIR: &str = "JVSPATIAL_TEST_DISK_DIR";

fn disk() -> (TempDir, PathBuf, LocalDisk) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("db");
    let disk = LocalDisk::open(&path, true).unwrap();
    (home, path, disk)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Runs one test of this file again, in a process of its own.
///
/// `test` is its path below this module.
fn child(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("{}::{test}", module_path!().split_once("::").unwrap().1)]);
    command.args(["--ignored", "--nocapture", "--test-threads=1"]).env(CHILD_DIR, dir);
    command
}

/// Where a child works; `None` when nobody started it as one.
fn child_dir() -> Option<PathBuf> {
    std::env::var_os(CHILD_DIR).map(PathBuf::from)
}

#[test]
fn what_is_appended_is_read_back_and_survives_reopening() {
    let (_home, path, disk) = disk();
    disk.create_dir("journal").unwrap();
    disk.create_dir("journal").unwrap();
    let file = disk.open_append("journal/1", OpenMode::CreateNew).unwrap();
    file.append(b"hello ").unwrap();
    file.append(b"world").unwrap();
    file.sync_data().unwrap();
    file.sync_all().unwrap();
    disk.sync_dir("journal").unwrap();
    disk.sync_dir(ROOT).unwrap();

    let disk = LocalDisk::open(&path, false).unwrap();
    let again = disk.open("journal/1").unwrap();
    let mut buf = [0; 5];
    again.read_at(&mut buf, 6).unwrap();
    assert_eq!(&buf, b"world");
    assert_eq!(again.size().unwrap(), 11);
    let past = again.read_at(&mut buf, 7).unwrap_err();
    assert_eq!(past.kind(), io::ErrorKind::UnexpectedEof);
    assert!(past.to_string().contains("journal/1"), "{past}");
    again.append(b"x").unwrap_err();

    let writer = disk.open_append("journal/1", OpenMode::Existing).unwrap();
    writer.truncate(5).unwrap();
    writer.append(b"!").unwrap();
    assert_eq!(fs::read(path.join("journal/1")).unwrap(), b"hello!");
}

#[test]
fn a_cached_read_gives_the_right_bytes_or_none() {
    let (_home, _, disk) = disk();
    let file = disk.open_append("a", OpenMode::CreateNew).unwrap();
    let bytes: Vec<u8> = (0..=255).collect();
    file.append(&bytes).unwrap();
    let mut buf = [0; 100];
    if file.read_at_cached(&mut buf, 50).unwrap() {
        assert_eq!(buf, bytes[50..150]);
    }
    assert!(!file.read_at_cached(&mut buf, 200).unwrap(), "the file ends before");
    assert!(!file.read_at_cached(&mut buf, 1_000).unwrap(), "nothing is there");
}

#[test]
fn names_can_be_listed_moved_and_removed() {
    let (_home, path, disk) = disk();
    for dir in ["journal", "quarantine"] {
        disk.create_dir(dir).unwrap();
    }
    disk.open_append("journal/2", OpenMode::CreateNew).unwrap().append(b"two").unwrap();
    disk.open_append("journal/1", OpenMode::CreateNew).unwrap();
    fs::write(path.join("journal/odd name"), "").unwrap();
    let names: Vec<_> = disk.list("journal").unwrap();
    let file = |name: &str, len| Entry { name: name.into(), kind: EntryKind::File, len };
    assert_eq!(names, [file("1", 0), file("2", 3), file("odd name", 0)]);
    assert_eq!(disk.entry("journal/2").unwrap(), Some(file("2", 3)));
    assert_eq!(disk.entry("journal").unwrap().unwrap().kind, EntryKind::Directory);
    assert_eq!(disk.entry("journal/3").unwrap(), None);
    assert_eq!(disk.entry("nowhere/3").unwrap(), None);

    disk.rename("journal/2", "quarantine/two").unwrap();
    disk.remove("journal/1").unwrap();
    assert_eq!(disk.list("quarantine").unwrap(), [file("two", 3)]);
    let gone = disk.remove("journal/1").unwrap_err();
    assert_eq!(gone.kind(), io::ErrorKind::NotFound);
    assert_eq!(os_error(&gone), Some(Errno::NOENT.raw_os_error()));
    assert!(gone.to_string().contains("journal/1"), "{gone}");
    let taken = disk.open_append("quarantine/two", OpenMode::CreateNew).unwrap_err();
    assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
    let missing = disk.open_append("journal/9", OpenMode::Existing).unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
}

#[test]
fn paths_that_leave_the_directory_are_refused_by_every_method() {
    let (_home, _, disk) = disk();
    for path in ["../x", "/etc/passwd", "a/../../x", ""] {
        let errors = [
            disk.open(path).unwrap_err(),
            disk.open_append(path, OpenMode::CreateNew).unwrap_err(),
            disk.create_dir(path).unwrap_err(),
            disk.list(path).unwrap_err(),
            disk.entry(path).unwrap_err(),
            disk.rename(path, "ok").unwrap_err(),
            disk.rename("ok", path).unwrap_err(),
            disk.remove(path).unwrap_err(),
            disk.sync_dir(path).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
        }
    }
}

#[test]
fn only_regular_files_are_opened_and_no_link_is_followed() {
    let (home, path, disk) = disk();
    let outside = home.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("f"), "secret").unwrap();
    symlink(outside.join("f"), path.join("link")).unwrap();
    symlink(&outside, path.join("dirlink")).unwrap();
    disk.create_dir("dir").unwrap();
    disk.open_append("dir/f", OpenMode::CreateNew).unwrap();
    symlink("dir", path.join("inner")).unwrap();
    let made = Command::new("mkfifo").arg(path.join("pipe")).status().unwrap();
    assert!(made.success());

    let started = Instant::now();
    for name in ["link", "dirlink/f", "inner/f", "pipe", "dir"] {
        disk.open(name).unwrap_err();
        disk.open_append(name, OpenMode::Existing).unwrap_err();
        disk.open_append(name, OpenMode::CreateNew).unwrap_err();
    }
    for error in [disk.open("link").unwrap_err(), disk.open("pipe").unwrap_err()] {
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    }
    disk.list("dirlink").unwrap_err();
    disk.sync_dir("dirlink").unwrap_err();
    disk.create_dir("dirlink/new").unwrap_err();
    disk.remove("dirlink/f").unwrap_err();
    disk.rename("dirlink/f", "mine").unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "a pipe made it wait");
    assert_eq!(fs::read(outside.join("f")).unwrap(), b"secret");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    assert_eq!(disk.entry("link").unwrap().unwrap().kind, EntryKind::Other);
}

#[test]
fn the_way_down_for_older_kernels_refuses_the_same() {
    let (home, path, disk) = disk();
    let outside = home.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("f"), "").unwrap();
    symlink(&outside, path.join("dirlink")).unwrap();
    symlink(outside.join("f"), path.join("link")).unwrap();
    disk.create_dir("a").unwrap();
    disk.create_dir("a/b").unwrap();
    disk.open_append("a/b/c", OpenMode::CreateNew).unwrap();

    let flags = OFlags::RDONLY;
    let open = |path| disk.root.open_by_parts(path, flags, Mode::empty());
    open("a/b/c").unwrap();
    open(ROOT).unwrap();
    assert_eq!(open("a/x/c").unwrap_err(), Errno::NOENT);
    assert_eq!(open("a/b/c/d").unwrap_err(), Errno::NOTDIR);
    assert_eq!(open("link").unwrap_err(), Errno::LOOP);
    assert_eq!(open("dirlink/f").unwrap_err(), Errno::LOOP);
}

#[test]
fn a_directory_that_cannot_be_one_is_refused_in_plain_words() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let open = |path: PathBuf, create| LocalDisk::open(&path, create).unwrap_err();
    let cases = [
        (open(file.clone(), true), io::ErrorKind::NotADirectory, "it is not a directory"),
        (open(file.join("db"), true), io::ErrorKind::NotADirectory, "a part of the path"),
        (open(home.path().join("no/db"), true), io::ErrorKind::NotFound, "its parent"),
        (open(home.path().join("db"), false), io::ErrorKind::NotFound, "No such file"),
        (open(PathBuf::new(), true), io::ErrorKind::NotFound, "No such file"),
    ];
    for (error, kind, words) in cases {
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(!home.path().join("db").exists());
}

#[test]
fn a_directory_of_another_user_is_refused_unless_told() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("db");
    LocalDisk::open(&path, true).unwrap();
    let refuse = |path: &Path| LocalDisk::open_if(path, true, |owner, user| owner != user);
    let error = refuse(&path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
    assert!(error.to_string().contains("another user"), "{error}");
    LocalDisk::open_of_any_owner(&path, false).unwrap();
}

#[test]
fn a_file_with_a_second_name_is_read_and_never_written() {
    let (home, path, disk) = disk();
    disk.open_append("a", OpenMode::CreateNew).unwrap().append(b"mine").unwrap();
    fs::hard_link(path.join("a"), home.path().join("b")).unwrap();
    disk.open("a").unwrap();
    let error = disk.open_append("a", OpenMode::Existing).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    assert!(error.to_string().contains("second name"), "{error}");
    fs::remove_file(home.path().join("b")).unwrap();
    disk.open_append("a", OpenMode::Existing).unwrap();

    let outside = home.path().join("outside");
    fs::write(&outside, "keep").unwrap();
    fs::hard_link(&outside, path.join("LOCK")).unwrap();
    let error = disk.lock().unwrap_err();
    assert!(error.to_string().contains("second name"), "{error}");
    assert_eq!(fs::read(&outside).unwrap(), b"keep");
}

#[test]
fn a_directory_open_to_others_is_reported_and_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("db");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
    assert_eq!(LocalDisk::open(&path, true).unwrap().exposed_mode(), Some(0o750));
    assert_eq!(mode(&path), 0o750);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(LocalDisk::open(&path, true).unwrap().exposed_mode(), None);
}

#[test]
fn rights_are_the_owners_alone_whatever_the_umask() {
    for umask in ["000", "077", "0277"] {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("db");
        let done = child("child_creates_under_umask", &path).env("UMASK", umask).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
        for dir in ["", "journal"] {
            assert_eq!(mode(&path.join(dir)), 0o700, "{dir:?} under {umask}");
        }
        for file in ["MANIFEST.json", "journal/1", "LOCK"] {
            assert_eq!(mode(&path.join(file)), 0o600, "{file} under {umask}");
        }
    }
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn child_creates_under_umask() {
    let Some(path) = child_dir() else { return };
    let umask = u32::from_str_radix(&std::env::var("UMASK").unwrap(), 8).unwrap();
    rustix::process::umask(Mode::from_raw_mode(umask));
    let disk = LocalDisk::open(&path, true).unwrap();
    let _lock = disk.lock().unwrap();
    disk.create_dir("journal").unwrap();
    for path in ["MANIFEST.json", "journal/1"] {
        disk.open_append(path, OpenMode::CreateNew).unwrap();
    }
}
