//! Faults, observers and alterations on command.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
fn a_fault_strikes_the_nth_operation_of_its_kind_and_path() {
    let disk = SimulatedDisk::new();
    let (a, b) = (create(&disk, "a", b""), create(&disk, "b", b""));
    disk.fail(Fault::full(OpKind::Append).nth(2).under("b"));
    b.append(b"1").unwrap();
    a.append(b"1").unwrap();
    a.append(b"2").unwrap();
    let error = b.append(b"2").unwrap_err();
    assert_eq!((error.kind(), error.written()), (io::ErrorKind::StorageFull, 0));
    assert!(error.to_string().contains("\"b\""), "{error}");
    b.append(b"3").unwrap();
    assert_eq!(disk.bytes("b").unwrap(), b"13");
}

#[test]
fn a_lasting_fault_strikes_until_it_is_healed_and_a_short_one_writes_a_part() {
    let disk = SimulatedDisk::new();
    let a = create(&disk, "a", b"");
    disk.fail(Fault::full(OpKind::Append).nth(2).short(2).from_then_on());
    a.append(b"one").unwrap();
    assert_eq!(a.append(b"two").unwrap_err().written(), 2);
    assert_eq!(a.append(b"x").unwrap_err().written(), 1);
    disk.heal();
    a.append(b"!").unwrap();
    assert_eq!(disk.bytes("a").unwrap(), b"onetwx!");
}

#[test]
fn any_change_can_fail_before_or_after_the_fact_and_reads_too() {
    let disk = SimulatedDisk::new();
    disk.fail(Fault::broken(None).nth(3));
    let a = create(&disk, "a", b"");
    disk.list(ROOT).unwrap();
    disk.rename("a", "b").unwrap_err();
    assert_eq!(disk.paths(), ["a"]);
    disk.fail(Fault::broken(OpKind::Rename).after_the_fact());
    disk.rename("a", "b").unwrap_err();
    assert_eq!(disk.paths(), ["b"]);
    disk.fail(Fault::broken(OpKind::ReadAt));
    a.append(b"x").unwrap();
    a.read_at(&mut [0], 0).unwrap_err();
    a.read_at(&mut [0], 0).unwrap();
}

#[test]
fn an_ignored_sync_reports_success_and_keeps_nothing() {
    let (disk, file) = with_durable("a", b"");
    disk.fail(Fault::ignored(None).from_then_on());
    file.append(b"x").unwrap();
    file.sync_data().unwrap();
    create(&disk, "b", b"");
    disk.sync_dir(ROOT).unwrap();
    assert!(outcomes(&disk, "a").contains(&Some(Vec::new())));
    assert!(outcomes(&disk, "b").contains(&None));
}

#[test]
fn a_full_disk_takes_what_fits_and_works_again_when_there_is_room() {
    let disk = SimulatedDisk::new();
    let a = create(&disk, "a", b"12");
    create(&disk, "b", b"34");
    disk.set_capacity(Some(6));
    let error = a.append(b"567").unwrap_err();
    assert_eq!((error.kind(), error.written()), (io::ErrorKind::StorageFull, 2));
    a.truncate(2).unwrap();
    disk.remove("b").unwrap();
    a.append(b"5678").unwrap();
    a.append(b"9").unwrap_err();
    disk.set_capacity(None);
    a.append(b"9").unwrap();
}

#[test]
fn an_observer_sees_every_change_and_may_cut_the_power_after_each() {
    let disk = SimulatedDisk::new();
    let states = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&states);
    disk.observe(move |disk, op| {
        assert_eq!(disk.ops().last(), Some(op));
        seen.fetch_add(disk.crash_states(1, LIMIT).count(), Ordering::Relaxed);
    });
    let file = create(&disk, "a", b"xy");
    file.sync_data().unwrap();
    disk.sync_dir(ROOT).unwrap();
    // There or not; then five fates of two bytes as well; then there or not; then there.
    assert_eq!(states.load(Ordering::Relaxed), 2 + 10 + 2 + 1);
    let kinds: Vec<_> = disk.ops().iter().map(|op| (op.kind, op.len, op.ok)).collect();
    assert_eq!(
        kinds,
        [
            (OpKind::CreateFile, 0, true),
            (OpKind::Append, 2, true),
            (OpKind::SyncData, 0, true),
            (OpKind::SyncDir, 0, true),
        ]
    );
    assert_eq!(disk.count(OpKind::SyncDir), 1);
    assert_eq!(disk.count(OpKind::ReadAt), 0);
}

#[test]
fn bytes_can_be_altered_behind_everybodys_back() {
    let disk = SimulatedDisk::new();
    disk.set_bytes("journal/1", *b"abc").unwrap();
    let open = disk.open("journal/1").unwrap();
    disk.flip("journal/1", 1, 0).unwrap();
    let mut buf = [0; 3];
    open.read_at(&mut buf, 0).unwrap();
    assert_eq!(&buf, b"acc");
    assert_eq!(outcomes(&disk, "journal/1"), some([b"acc"]));
    disk.flip("journal/1", 3, 0).unwrap_err();
    disk.erase("journal/1").unwrap();
    assert_eq!(outcomes(&disk, "journal/1"), BTreeSet::from([None]));
    disk.set_bytes("../x", *b"").unwrap_err();

    disk.set_bytes("a", *b"x").unwrap();
    disk.remove("a").unwrap();
    disk.set_bytes("a", *b"y").unwrap();
    assert_eq!(outcomes(&disk, "a"), some([b"y"]), "older changes of the name are forgotten");
}

#[test]
fn one_owner_at_a_time() {
    let disk = SimulatedDisk::new();
    let lock = disk.lock().unwrap();
    assert!(matches!(disk.clone().lock(), Err(LockError::Held { pid: Some(_) })));
    drop(lock);
    drop(disk.lock().unwrap());
}

#[test]
fn a_cold_disk_has_nothing_cached() {
    let (disk, file) = with_durable("a", b"x");
    let mut buf = [0];
    assert!(file.read_at_cached(&mut buf, 0).unwrap());
    assert_eq!(&buf, b"x");
    assert!(!file.read_at_cached(&mut buf, 1).unwrap());
    disk.set_cold(true);
    assert!(!file.read_at_cached(&mut buf, 0).unwrap());
}
