//! What a power cut, a kill and a failed sync leave behind.

use super::*;
use crate::json::disk::os_error;

#[test]
fn what_was_synced_is_in_every_state() {
    let (disk, _file) = with_durable("a", b"kept");
    assert_eq!(outcomes(&disk, "a"), some([b"kept"]));
    assert_eq!(disk.crash_states(1, LIMIT).count(), 1);
}

#[test]
fn an_unsynced_append_is_there_absent_or_torn_in_every_way() {
    let (disk, file) = with_durable("a", b"k");
    file.append(b"xyz").unwrap();
    let torn = some([b"k", b"kx", b"kxy", b"kxyz", b"k\0\0\0", b"kx\0\0", b"kxy\0"]);
    assert_eq!(outcomes(&disk, "a"), torn);
}

#[test]
fn of_two_unsynced_appends_the_later_may_survive_alone() {
    let (disk, file) = with_durable("a", b"");
    file.append(b"1").unwrap();
    file.append(b"2").unwrap();
    let expected = some([b"", b"1", b"\0", b"12", b"1\0", b"\x002", b"\0\0"]);
    assert_eq!(outcomes(&disk, "a"), expected);
}

#[test]
fn blocks_of_512_bytes_may_be_missing_from_the_middle() {
    let (disk, file) = with_durable("a", &[b'k'; 500]);
    file.append(&[b'n'; 600]).unwrap();
    let states = outcomes(&disk, "a");
    let mut gap = vec![b'k'; 500];
    gap.extend([b'n'; 12]);
    gap.extend([0; 512]);
    gap.extend([b'n'; 76]);
    assert!(states.contains(&Some(gap)));
    assert!(states.iter().flatten().all(|bytes| bytes.starts_with(&[b'k'; 500])));
}

#[test]
fn an_unsynced_truncation_may_be_undone_and_a_synced_one_never_is() {
    let (disk, file) = with_durable("a", b"abcd");
    file.truncate(2).unwrap();
    assert_eq!(outcomes(&disk, "a"), some([b"ab", b"abcd"]));
    file.sync_all().unwrap();
    assert_eq!(outcomes(&disk, "a"), some([b"ab"]));
}

#[test]
fn a_created_file_may_vanish_until_its_directory_is_synced_however_often_it_is() {
    let disk = SimulatedDisk::new();
    let file = create(&disk, "a", b"x");
    file.sync_all().unwrap();
    assert!(outcomes(&disk, "a").contains(&None));
    disk.sync_dir(ROOT).unwrap();
    assert_eq!(outcomes(&disk, "a"), some([b"x"]));

    disk.create_dir("dir").unwrap();
    create(&disk, "dir/b", b"").sync_data().unwrap();
    disk.sync_dir("dir").unwrap();
    assert!(outcomes(&disk, "dir/b").contains(&None), "the directory itself may vanish");
    disk.sync_dir(ROOT).unwrap();
    assert_eq!(outcomes(&disk, "dir/b"), some([b""]));
}

#[test]
fn a_removed_file_may_come_back_until_its_directory_is_synced() {
    let (disk, _file) = with_durable("a", b"x");
    disk.remove("a").unwrap();
    assert_eq!(outcomes(&disk, "a"), BTreeSet::from([None, Some(b"x".to_vec())]));
    disk.sync_dir(ROOT).unwrap();
    assert_eq!(outcomes(&disk, "a"), BTreeSet::from([None]));
}

#[test]
fn a_rename_over_a_file_leaves_the_old_or_the_new_one() {
    let (disk, _file) = with_durable("MANIFEST", b"old");
    let new = create(&disk, "tmp", b"new");
    new.sync_data().unwrap();
    disk.rename("tmp", "MANIFEST").unwrap();
    assert_eq!(outcomes(&disk, "MANIFEST"), some([b"old", b"new"]));
    disk.sync_dir(ROOT).unwrap();
    assert_eq!(outcomes(&disk, "MANIFEST"), some([b"new"]));
    assert_eq!(outcomes(&disk, "tmp"), BTreeSet::from([None]));
}

#[test]
fn a_rename_of_an_unsynced_file_may_leave_an_empty_one_in_place_of_the_old() {
    let (disk, _file) = with_durable("MANIFEST", b"old");
    create(&disk, "tmp", b"new");
    disk.rename("tmp", "MANIFEST").unwrap();
    disk.sync_dir(ROOT).unwrap();
    assert!(outcomes(&disk, "MANIFEST").contains(&Some(Vec::new())));
}

#[test]
fn a_file_moved_between_directories_has_either_name_or_both_but_never_none() {
    let disk = SimulatedDisk::new();
    disk.set_bytes("from/x", "1").unwrap();
    disk.set_bytes("to/y", "2").unwrap();
    disk.rename("from/x", "to/x").unwrap();
    let places = |disk: &SimulatedDisk| -> BTreeSet<Vec<String>> {
        disk.crash_states(1, LIMIT).map(|state| state.paths()).collect()
    };
    let paths = |paths: &[&str]| paths.iter().map(ToString::to_string).collect::<Vec<_>>();
    let old = paths(&["from/x", "to/y"]);
    let new = paths(&["to/x", "to/y"]);
    let both = paths(&["from/x", "to/x", "to/y"]);
    assert_eq!(places(&disk), BTreeSet::from([old, new.clone(), both.clone()]));

    let target_first = disk.kill_state();
    target_first.sync_dir("to").unwrap();
    assert_eq!(places(&target_first), BTreeSet::from([new.clone(), both]));
    target_first.sync_dir("from").unwrap();
    assert_eq!(places(&target_first), BTreeSet::from([new.clone()]));

    disk.sync_dir("from").unwrap();
    assert_eq!(places(&disk), BTreeSet::from([new]));
}

#[test]
fn a_synced_name_takes_along_what_the_same_name_went_through_before() {
    let disk = SimulatedDisk::new();
    disk.set_bytes("from/x", "new").unwrap();
    disk.set_bytes("to/x", "old").unwrap();
    disk.remove("to/x").unwrap();
    disk.rename("from/x", "to/x").unwrap();
    disk.sync_dir("from").unwrap();
    assert_eq!(outcomes(&disk, "to/x"), some([b"new"]));
}

#[test]
fn names_are_lost_independently_but_changes_of_one_name_keep_their_order() {
    let (disk, _file) = with_durable("a", b"1");
    create(&disk, "b", b"").sync_data().unwrap();
    create(&disk, "c", b"").sync_data().unwrap();
    let states: BTreeSet<_> = disk.crash_states(1, LIMIT).map(|state| state.paths()).collect();
    assert_eq!(states.len(), 4);

    let (disk, _file) = with_durable("a", b"1");
    disk.rename("a", "b").unwrap();
    create(&disk, "a", b"").sync_data().unwrap();
    for state in disk.crash_states(1, LIMIT) {
        let kept = [state.bytes("a"), state.bytes("b")];
        assert!(kept.contains(&Some(b"1".to_vec())), "{kept:?}");
    }
}

#[test]
fn a_failed_sync_loses_data_that_later_syncs_do_not_bring_back() {
    let (disk, file) = with_durable("a", b"k");
    file.append(b"L").unwrap();
    disk.fail(Fault::broken(OpKind::SyncData));
    let error = file.sync_data().unwrap_err();
    assert_eq!(os_error(&error), Some(Errno::IO.raw_os_error()));
    file.sync_data().unwrap();
    assert_eq!(disk.bytes("a").unwrap(), b"kL", "the cache still shows it");
    assert_eq!(outcomes(&disk, "a"), some([b"k", b"kL", b"k\0"]));

    file.append(b"n").unwrap();
    file.sync_data().unwrap();
    assert_eq!(outcomes(&disk, "a"), some([b"kLn", b"k\0n"]), "what came later is safe");
    disk.drop_caches();
    assert_eq!(disk.bytes("a").unwrap(), b"k\0n");
}

#[test]
fn what_a_failed_sync_lost_does_not_come_back_over_a_truncation() {
    let (disk, file) = with_durable("a", b"k");
    file.append(b"LL").unwrap();
    disk.fail(Fault::broken(OpKind::SyncData));
    file.sync_data().unwrap_err();
    file.truncate(1).unwrap();
    file.append(b"new").unwrap();
    file.sync_data().unwrap();
    assert_eq!(outcomes(&disk, "a"), some([b"knew"]));
}

#[test]
fn a_failed_directory_sync_leaves_names_in_doubt() {
    let (disk, _file) = with_durable("a", b"");
    create(&disk, "b", b"").sync_data().unwrap();
    disk.fail(Fault::broken(OpKind::SyncDir));
    disk.sync_dir(ROOT).unwrap_err();
    disk.sync_dir(ROOT).unwrap();
    assert_eq!(outcomes(&disk, "b"), BTreeSet::from([None, Some(Vec::new())]));

    disk.rename("b", "c").unwrap();
    disk.sync_dir(ROOT).unwrap();
    assert!(outcomes(&disk, "c").contains(&None), "what rests on it is in doubt too");
}

#[test]
fn a_kill_keeps_every_write_but_makes_none_durable() {
    let disk = SimulatedDisk::new();
    let file = create(&disk, "a", b"x");
    let _lock = disk.lock().unwrap();
    let killed = disk.kill_state();
    drop(killed.lock().expect("the lock died with the process"));
    file.append(b"too late").unwrap();
    assert_eq!(killed.bytes("a").unwrap(), b"x");
    assert!(outcomes(&killed, "a").contains(&None));
}

#[test]
fn a_state_after_a_power_cut_is_a_working_disk_whose_content_is_durable() {
    let (disk, file) = with_durable("a", b"k");
    file.append(b"x").unwrap();
    for state in disk.crash_states(1, LIMIT) {
        let before = state.bytes("a").unwrap();
        assert_eq!(outcomes(&state, "a"), BTreeSet::from([Some(before.clone())]));
        state.open_append("a", OpenMode::Existing).unwrap().append(b"!").unwrap();
        assert_eq!(state.bytes("a").unwrap(), [before, b"!".to_vec()].concat());
    }
    assert_eq!(disk.bytes("a").unwrap(), b"kx", "the states share nothing with their origin");
}

#[test]
fn too_many_states_are_sampled_and_the_seed_decides() {
    let (disk, file) = with_durable("a", b"k");
    for _ in 0..10 {
        file.append(&[b'x'; 300]).unwrap();
    }
    let draw = |seed| -> Vec<_> {
        let states = disk.crash_states(seed, 500);
        assert!(!states.is_exhaustive());
        states.map(|state| state.bytes("a").unwrap()).collect()
    };
    let states = draw(7);
    assert_eq!(states.len(), 500);
    assert_eq!(states, draw(7));
    assert_ne!(states, draw(8));
    assert!(states.iter().all(|bytes| bytes.starts_with(b"k")));
    assert!(states.contains(&b"k".to_vec()) && states.contains(&disk.bytes("a").unwrap()));
    assert!(states.iter().collect::<BTreeSet<_>>().len() > 200, "mostly different ones");
}
