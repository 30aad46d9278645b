//! The simulated disk against the real one.

use super::*;
use crate::json::disk::{LocalDisk, os_error};

/// One script, told as text; the real disk and this one must tell the same story.
fn story(disk: &dyn Disk) -> Vec<String> {
    fn tell<T: fmt::Debug>(result: io::Result<T>) -> String {
        match result {
            Ok(value) => format!("{value:?}"),
            Err(error) => format!("{:?} {:?}", error.kind(), os_error(&error)),
        }
    }
    let open = |path, mode| disk.open_append(path, mode).map(drop);
    let mut story = vec![
        tell(disk.create_dir("d")),
        tell(disk.create_dir("d")),
        tell(disk.create_dir("no/d")),
        tell(open("d/f", OpenMode::Existing)),
        tell(open("d/f", OpenMode::CreateNew)),
        tell(open("d/f", OpenMode::CreateNew)),
        tell(open("d/f/g", OpenMode::CreateNew)),
        tell(open("no/f", OpenMode::CreateNew)),
        tell(disk.create_dir("d/f")),
        tell(disk.open("d").map(drop)),
        tell(disk.open("no").map(drop)),
        tell(disk.entry("d")),
        tell(disk.entry("no/f")),
        tell(disk.entry("d/f/g")),
        tell(disk.list("d/f")),
        tell(disk.list("no")),
        tell(disk.sync_dir("d/f")),
        tell(disk.sync_dir("no")),
        tell(disk.remove("no")),
        tell(disk.remove("d")),
        tell(disk.rename("no", "f")),
        tell(disk.rename("d/f", "no/f")),
        tell(disk.create_dir("e")),
        tell(disk.rename("d/f", "e")),
        tell(disk.rename("d/f", "d/f")),
        tell(disk.list("d")),
    ];
    let writer = disk.open_append("d/f", OpenMode::Existing).unwrap();
    writer.append(b"hello").unwrap();
    let reader = disk.open("d/f").unwrap();
    let mut buf = [0; 3];
    story.extend([
        tell(reader.append(b"x").map_err(io::Error::from)),
        tell(reader.truncate(1)),
        tell(reader.reserve(5..9)),
        tell(reader.read_at(&mut buf, 3)),
        tell(reader.read_at(&mut buf, 2).map(|()| buf)),
        tell(reader.read_at(&mut [], 9)),
        tell(writer.reserve(5..70_000)),
        tell(reader.size()),
        tell(writer.append(b" wo").map_err(io::Error::from)),
        tell(reader.size()),
        tell(reader.read_at(&mut buf, 4).map(|()| buf)),
        tell(reader.read_at(&mut buf, 7).map(|()| buf)),
        tell(writer.truncate(6)),
        tell(writer.append(b"rld").map_err(io::Error::from)),
        tell(reader.read_at(&mut buf, 6).map(|()| buf)),
        tell(writer.reserve(9..12)),
        tell(writer.append(b"1234").map_err(io::Error::from)),
        tell(reader.size()),
        tell(writer.truncate(7)),
        tell(disk.rename("d/f", "f")),
        tell(disk.list(ROOT)),
        tell(reader.size()),
        tell(reader.read_at(&mut buf, 4).map(|()| buf)),
        tell(disk.remove("f")),
        tell(writer.append(b"!").map_err(io::Error::from)),
        tell(reader.size()),
        tell(writer.sync_data()),
        tell(disk.list(ROOT)),
    ]);
    story
}

#[test]
fn it_behaves_as_the_real_one() {
    let home = tempfile::tempdir().unwrap();
    let real = story(&LocalDisk::open(&home.path().join("db"), true).unwrap());
    let simulated = story(&SimulatedDisk::new());
    for (step, (real, simulated)) in real.iter().zip(&simulated).enumerate() {
        assert_eq!(real, simulated, "step {step}");
    }
}
