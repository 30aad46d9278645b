//! Nothing outside the directory is reached, nothing planted in it is followed, and all that is made in it
//! is its owner's alone.

mod watched;

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use jvspatial_db::{
    Collection, Database as _, Encoding, EntityName, Error, ErrorKind, Filter, Handle, Id, JsonDb,
    JsonDbOptions, WriteBatch, doc,
};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use self::watched::Watched;
use super::child::{Teller, orders, tell};
use super::figures::say;
use super::script::{Script, check, options, runtime};

/// Longer than any opening takes, unless something is waited for.
const HANG: Duration = Duration::from_secs(10);

const SEGMENT: &str = "journal/00000001.jsonl";

fn open(home: &Path) -> Result<JsonDb, Error> {
    runtime().block_on(JsonDb::open(home, options()))
}

/// Opens and closes the store in `home`; panics when that takes long.
fn open_soon(home: &Path) -> Result<(), Error> {
    let (send, receive) = mpsc::channel();
    let path = home.to_owned();
    std::thread::spawn(move || {
        let opened = open(&path).and_then(|db| runtime().block_on(db.close()));
        let _ = send.send(opened);
    });
    receive.recv_timeout(HANG).expect("opening waits for something")
}

/// Everything beneath `dir`: what it is, and the bytes of files. Nothing is opened that could wait.
fn everything(dir: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let mut bytes = Vec::new();
            if metadata.is_dir() {
                dirs.push(path.clone());
            } else if metadata.is_file() {
                bytes = std::fs::read(&path).unwrap();
            }
            found.insert(path, (metadata.mode(), bytes));
        }
    }
    found
}

/// A store of a few documents, closed or with half a batch at its end.
fn plant_store(home: &Path, is_torn: bool) {
    let (runtime, mut script) = (runtime(), Script::new(1));
    let db = open(home).unwrap();
    for _ in 0..3 {
        check(&runtime.block_on(db.write(script.next())).unwrap());
    }
    let open_manifest = std::fs::read(home.join("MANIFEST.json")).unwrap();
    runtime.block_on(db.close()).unwrap();
    drop(db);
    if is_torn {
        std::fs::write(home.join("MANIFEST.json"), open_manifest).unwrap();
        let bytes = std::fs::read(home.join(SEGMENT)).unwrap();
        std::fs::write(home.join(SEGMENT), &bytes[..bytes.len() - 9]).unwrap();
    }
}

#[test]
fn names_that_could_be_paths_stay_inside_the_journal() {
    let long = "a".repeat(300);
    // Whether each may be the key of an id, the name of a type, the name of a field.
    let names = [
        ("..", [false, false, false]),
        ("/x", [false, false, true]),
        ("a\0b", [false, false, false]),
        (&long, [false, false, true]),
        ("a..b", [false, false, false]),
        (".a", [true, false, false]),
        ("CON", [true, true, true]),
        ("../../x", [false, false, false]),
        ("é", [true, true, true]),
        ("e\u{301}", [true, false, true]),
        ("\u{202e}x", [true, false, true]),
        ("a/b", [false, false, true]),
        ("~", [true, false, true]),
        ("C:\\x", [false, false, true]),
        ("LOCK", [true, true, true]),
        ("MANIFEST.json", [true, false, false]),
    ];
    let room = tempfile::tempdir().unwrap();
    let home = room.path().join("db");
    let db = open(&home).unwrap();
    let runtime = runtime();
    let mut written = Vec::new();
    let object = EntityName::new("Name").unwrap();
    for (number, (name, expected)) in names.into_iter().enumerate() {
        let by_key = Id::with_key(Collection::Object, object, name);
        let by_entity = EntityName::new(name)
            .and_then(|entity| Id::with_key(Collection::Object, entity, "key"));
        let mut fields = doc! {};
        fields.insert(name, 1);
        let id: Id = format!("o.Field.{number}").parse().unwrap();
        let by_field = WriteBatch::new(Encoding::Json).insert(id.clone(), &fields).map(|()| id);
        let own = doc! { "name": name };
        let tried = [(by_key, own.clone()), (by_entity, own), (by_field, fields)];
        for ((id, fields), expected) in tried.into_iter().zip(expected) {
            assert_eq!(id.is_ok(), expected, "{name}");
            match id {
                Ok(id) => written.push((id, fields)),
                Err(error) => {
                    let kinds = [ErrorKind::Invalid, ErrorKind::Limit];
                    assert!(kinds.contains(&error.kind()), "{error}");
                }
            }
        }
    }
    for (id, fields) in &written {
        let mut batch = WriteBatch::new(Encoding::Json);
        batch.insert(id.clone(), fields).unwrap();
        assert!(runtime.block_on(db.write(batch)).unwrap().is_complete(), "{id}");
    }
    runtime.block_on(db.close()).unwrap();
    drop(db);
    let db = open(&home).unwrap();
    for (id, fields) in &written {
        let found = runtime.block_on(db.get_many(&[Handle::new(id.clone())])).unwrap();
        assert_eq!(found[0].as_ref().unwrap().body.to_bson().unwrap(), *fields, "{id}");
    }
    assert_eq!(
        runtime.block_on(db.count(Collection::Object, &Filter::all())).unwrap(),
        written.len() as u64
    );
    let paths: Vec<PathBuf> = everything(room.path()).into_keys().collect();
    for path in &paths {
        let inside = path.strip_prefix(&home).unwrap().to_str().unwrap();
        let is_ours = ["", "LOCK", "MANIFEST.json", "journal"].contains(&inside)
            || inside.starts_with("journal/0000000");
        assert!(is_ours, "{inside}");
    }
}

/// What somebody may put where a file or a directory of the store belongs.
const PLANTED: [&str; 5] = ["link", "pipe", "directory", "second name", "dangling link"];

#[test]
fn nothing_that_is_planted_in_the_directory_is_followed_or_waited_for() {
    let places = [
        "LOCK",
        "MANIFEST.json",
        "MANIFEST.json.new",
        SEGMENT,
        "journal",
        "quarantine",
        "journal/00000002.jsonl",
    ];
    for place in places {
        for planted in PLANTED {
            let room = tempfile::tempdir().unwrap();
            let home = room.path().join("db");
            plant_store(&home, place == "quarantine");
            let outside = room.path().join("outside");
            std::fs::create_dir(&outside).unwrap();
            let at = home.join(place);
            let is_dir = at.is_dir() || place == "quarantine";
            // What is followed would serve the store well, and be changed by it.
            let goal = outside.join("goal");
            if is_dir && at.exists() {
                std::fs::rename(&at, &goal).unwrap();
            } else if is_dir {
                std::fs::create_dir(&goal).unwrap();
            } else if at.exists() {
                std::fs::rename(&at, &goal).unwrap();
            } else {
                std::fs::write(&goal, "").unwrap();
            }
            match planted {
                "link" => symlink(&goal, &at).unwrap(),
                "dangling link" => symlink(outside.join("nothing"), &at).unwrap(),
                "pipe" => mknodat(CWD, &at, FileType::Fifo, Mode::RWXU, 0).unwrap(),
                "directory" if is_dir => continue,
                "directory" => std::fs::create_dir(&at).unwrap(),
                _ if is_dir => continue,
                _ => std::fs::hard_link(&goal, &at).unwrap(),
            }
            let before = everything(&outside);
            let opened = open_soon(&home);
            assert_eq!(everything(&outside), before, "{planted} as {place}");
            // A manifest that was not finished is removed by its name, whatever has it.
            let is_removed = place == "MANIFEST.json.new" && planted != "directory";
            // What is only read, or replaced as a whole, may have another name as well.
            let is_read = ["MANIFEST.json", "journal/00000002.jsonl"].contains(&place);
            let is_taken = is_removed || (is_read && planted == "second name");
            match opened {
                Ok(()) => assert!(is_taken, "{planted} as {place} was taken"),
                Err(error) => {
                    assert!(!is_taken, "{planted} as {place}: {error}");
                    assert!(format!("{error}").contains(place), "{planted} as {place}: {error}");
                }
            }
        }
    }
}

#[test]
fn what_is_planted_where_the_next_segment_will_be_is_not_written_through() {
    let room = tempfile::tempdir().unwrap();
    let (home, goal) = (room.path().join("db"), room.path().join("goal"));
    let (runtime, mut script) = (runtime(), Script::new(1));
    let db = open(&home).unwrap();
    std::fs::write(&goal, "keep").unwrap();
    let next = home.join("journal/00000002.jsonl");
    symlink(&goal, &next).unwrap();
    while next.is_symlink() {
        check(&runtime.block_on(db.write(script.next())).unwrap());
    }
    runtime.block_on(db.close()).unwrap();
    assert_eq!(std::fs::read(&goal).unwrap(), b"keep");
    assert!(next.is_file());
    drop(db);
    open_soon(&home).unwrap();
}

#[test]
fn all_that_is_made_is_its_owners_alone_though_the_umask_takes_nothing_away() {
    const TEST: &str =
        "fault::paths::all_that_is_made_is_its_owners_alone_though_the_umask_takes_nothing_away";
    if let Some((role, home)) = orders() {
        return make_everything(Path::new(&home), role == "control");
    }
    for (role, is_sound) in [("owner", true), ("control", false)] {
        let room = tempfile::tempdir().unwrap();
        let told = Teller::start(TEST, role, &room.path().join("db")).rest();
        let wide = told.lines().filter(|line| line.starts_with("wide ")).count();
        let looked = told.lines().find_map(|line| line.strip_prefix("looked "));
        let Some(looked) = looked else { panic!("the child did not come to its end: {told}") };
        say(format_args!("rights/{role}: {looked} looks, {wide} names too wide"));
        assert!(looked.parse::<u64>().unwrap() > 20, "{looked}");
        assert_eq!(wide == 0, is_sound, "{told}");
        for (path, (mode, _)) in everything(room.path()).iter().filter(|_| is_sound) {
            let expected = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode & 0o7777, expected, "{}", path.display());
        }
    }
}

/// The child: makes every kind of file there is, and tells of each that others can reach.
fn make_everything(home: &Path, is_control: bool) {
    rustix::process::umask(Mode::empty());
    let open = || {
        let disk = Arc::new(Watched::open(home, is_control));
        (JsonDb::open_on(disk.clone(), options()).unwrap(), disk)
    };
    let (runtime, mut script) = (runtime(), Script::new(1));
    let mut looked = 0;
    for life in 0..2 {
        let (db, disk) = open();
        for _ in 0..30 {
            check(&runtime.block_on(db.write(script.next())).unwrap());
        }
        let manifest = std::fs::read(home.join("MANIFEST.json")).unwrap();
        runtime.block_on(db.close()).unwrap();
        drop(db);
        looked += disk.looked();
        if life == 0 {
            // As after a kill in mid batch, so that there is something for the quarantine.
            std::fs::write(home.join("MANIFEST.json"), manifest).unwrap();
            let journal = std::fs::read_dir(home.join("journal")).unwrap();
            let active = journal.map(|entry| entry.unwrap().path()).max().unwrap();
            let mut bytes = std::fs::read(&active).unwrap();
            bytes.extend_from_slice(b"half a line");
            std::fs::write(&active, bytes).unwrap();
        }
    }
    assert!(home.join("quarantine").is_dir());
    tell(&format!("looked {looked}"));
}

#[test]
fn a_directory_of_another_user_is_refused_unless_told() {
    if !rustix::process::geteuid().is_root() {
        return say(format_args!("a directory of another user: skipped, needs root"));
    }
    let room = tempfile::tempdir().unwrap();
    let home = room.path().join("db");
    for is_new in [true, false] {
        if is_new {
            std::fs::create_dir(&home).unwrap();
        }
        chown(&home, Some(12_345), None).unwrap();
        let before = everything(&home);
        let error = open(&home).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(format!("{error}").contains("belongs to another user"), "{error}");
        assert_eq!(everything(&home), before);

        let options = JsonDbOptions::new().any_owner(true);
        let db = runtime().block_on(JsonDb::open(&home, options)).unwrap();
        runtime().block_on(db.close()).unwrap();
    }
    chown(&home, Some(0), None).unwrap();
    open_soon(&home).unwrap();
}

#[test]
fn a_directory_that_others_can_enter_keeps_its_files_to_their_owner() {
    let room = tempfile::tempdir().unwrap();
    let home = room.path().join("db");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o755)).unwrap();
    open_soon(&home).unwrap();
    for (path, (mode, _)) in everything(&home) {
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
}
