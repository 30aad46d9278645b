//! Salvage of stores that have lost files or parts of them, and what is left when it is cut off itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use jvspatial_db::json::disk::{Fault, OpKind, SimulatedDisk};
use jvspatial_db::{Database as _, ErrorKind, JsonDb};
use parking_lot::Mutex;

use super::salvage::{Journal, judge, salvage};
use super::story::{
    Story, closed, contents, contents_of, id, killed, open, options, runtime, segments, step,
    write_story,
};

#[test]
fn without_a_segment_the_others_are_salvaged_and_the_loss_is_told() {
    let story = closed();
    let journal = Journal::of(&story.disk);
    for (number, path) in (1..).zip(segments(&story.disk)) {
        let damaged = journal.touched(&path, 0..usize::MAX);
        for has_manifest in [true, false] {
            let disk = story.disk.kill_state();
            disk.erase(&path).unwrap();
            if !has_manifest {
                disk.erase("MANIFEST.json").unwrap();
            }
            let salvaged = salvage(&disk);
            judge(&story, &journal, &salvaged, &damaged, |_| true).unwrap();
            let report = salvaged.1;
            // Nobody can tell that the last one is missing without a manifest.
            if has_manifest || number < 3 {
                assert_eq!(report.missing_segments.first(), [number], "{report:?}");
                assert_eq!(report.missing_commits, damaged.len() as u64, "{report:?}");
            }
        }
    }
}

#[test]
fn a_segment_cut_anywhere_gives_what_stands_before_the_cut() {
    let story = closed();
    let journal = Journal::of(&story.disk);
    for path in segments(&story.disk) {
        let bytes = story.disk.bytes(&path).unwrap();
        for cut in (0..bytes.len()).step_by(step(11)) {
            let disk = story.disk.kill_state();
            disk.set_bytes(&path, &bytes[..cut]).unwrap();
            let salvaged = salvage(&disk);
            let damaged = journal.touched(&path, cut..bytes.len());
            // Lines behind the cut are gone with their ids.
            judge(&story, &journal, &salvaged, &damaged, |_| true)
                .unwrap_or_else(|why| panic!("{path} cut at {cut}: {why}"));
            assert_eq!(salvaged.1.missing_commits, damaged.len() as u64, "{path} cut at {cut}");
        }
    }
}

#[test]
fn swapped_doubled_and_foreign_files_change_nothing() {
    let story = closed();
    let paths = segments(&story.disk);
    let (first, second) = (&paths[0], &paths[1]);
    let bytes = |path: &str| story.disk.bytes(path).unwrap();
    let swapped = story.disk.kill_state();
    swapped.set_bytes(first, bytes(second)).unwrap();
    swapped.set_bytes(second, bytes(first)).unwrap();
    let doubled = story.disk.kill_state();
    let body = bytes(first).iter().position(|byte| *byte == b'\n').unwrap() + 1;
    doubled.set_bytes(second, [bytes(second), bytes(first)[body..].to_vec()].concat()).unwrap();
    let foreign = story.disk.kill_state();
    let other = closed();
    foreign.set_bytes("journal/00000004.jsonl", other.disk.bytes(&paths[2]).unwrap()).unwrap();
    for disk in [swapped, doubled, foreign] {
        for has_manifest in [true, false] {
            if !has_manifest {
                disk.erase("MANIFEST.json").unwrap();
            }
            let (state, report) = salvage(&disk);
            assert_eq!(state, *story.last(), "{report:?}");
            assert_eq!(report.verified, report.documents);
        }
    }
}

#[test]
fn a_compacted_store_is_salvaged_with_and_without_its_manifest() {
    let (disk, runtime) = (SimulatedDisk::new(), runtime());
    let db = open(&disk);
    let states = write_story(&db, &disk);
    disk.heal();
    runtime.block_on(db.compact()).unwrap();
    runtime.block_on(db.close()).unwrap();
    assert!(segments(&disk).iter().any(|path| path.contains('-')), "{:?}", disk.paths());
    let disk = disk.kill_state();
    for has_manifest in [true, false] {
        if !has_manifest {
            disk.erase("MANIFEST.json").unwrap();
        }
        let (state, report) = salvage(&disk);
        assert_eq!(state, *states.last().unwrap());
        assert_eq!(report.verified, report.documents, "{report:?}");
        assert!(report.missing_segments.is_empty() && report.missing_commits == 0, "{report:?}");
    }
}

#[test]
fn a_store_killed_in_the_middle_of_a_compaction_loses_nothing() {
    let (disk, runtime) = (SimulatedDisk::new(), runtime());
    let db = open(&disk);
    let states = write_story(&db, &disk);
    disk.heal();
    let moments = Arc::new(Mutex::new(Vec::new()));
    disk.observe({
        let moments = Arc::clone(&moments);
        move |disk, _| moments.lock().push(disk.kill_state())
    });
    runtime.block_on(db.compact()).unwrap();
    disk.observe(|_, _| {});
    runtime.block_on(db.close()).unwrap();
    let moments = std::mem::take(&mut *moments.lock());
    assert!(moments.len() > 10, "{}", moments.len());
    for disk in moments {
        let (state, report) = salvage(&disk);
        assert_eq!(state, *states.last().unwrap(), "{report:?}");
        assert_eq!(report.verified, report.documents, "{report:?}");
        let _ = disk.erase("MANIFEST.json");
        let (state, report) = salvage(&disk);
        for (id, stored) in states.last().unwrap() {
            assert_eq!(state.get(id), Some(stored), "{report:?}");
        }
        for (id, stored) in state {
            assert!(states.iter().any(|state| state.get(&id) == Some(&stored)), "{id} is invented");
        }
    }
}

#[test]
fn a_part_that_the_medium_does_not_give_is_passed() {
    let story = closed();
    let journal = Journal::of(&story.disk);
    let path = segments(&story.disk)[1].clone();
    let disk = story.disk.kill_state();
    disk.fail(Fault::broken(OpKind::ReadAt).under(&path).from_then_on());
    let salvaged = salvage(&disk);
    let damaged = journal.touched(&path, 0..usize::MAX);
    judge(&story, &journal, &salvaged, &damaged, |_| true).unwrap();
    let bytes = story.disk.bytes(&path).unwrap().len() as u64;
    let report = salvaged.1;
    assert_eq!(
        (report.unvouched_bytes, report.unvouched.first()[0].file.as_str()),
        (bytes, &*path)
    );
}

#[test]
fn an_unfinished_batch_is_taken_as_unverified_and_a_line_without_an_end_as_reverted() {
    let story = killed();
    let path = segments(&story.disk).pop().unwrap();
    let mut bytes = story.disk.bytes(&path).unwrap();
    let line = |text: &str| text.as_bytes().to_vec();
    bytes.extend(line(
        "{\"_id\":\"o.Note.new\",\"_version\":1,\"entity\":\"Note\",\"context\":{}}\n",
    ));
    bytes.extend(line(
        "{\"_id\":\"o.Note.bad\",\"_version\":1,\"entity\":\"Note\",\"context\":{a}}\n",
    ));
    bytes.extend(line("{\"_id\":\"n.City.c1\",\"_ver"));
    story.disk.set_bytes(&path, bytes).unwrap();
    let (state, report) = salvage(&story.disk);
    assert_eq!(report.unverified.first(), [id("o.Note.new")]);
    assert_eq!(report.lost.first(), [id("o.Note.bad")]);
    assert_eq!(report.reverted.first(), [id("n.City.c1")]);
    assert_eq!(state.get(&id("n.City.c1")), story.last().get(&id("n.City.c1")));
    assert_eq!(state.len(), story.last().len() + 1);
}

#[test]
fn an_edge_without_its_node_is_kept_and_told() {
    let story = closed();
    let disk = story.disk.kill_state();
    // All lines of one node, and with them its commits, so everything else there is unverified.
    for path in segments(&disk) {
        let text = String::from_utf8(disk.bytes(&path).unwrap()).unwrap();
        let text = text.replace("{\"_id\":\"n.City.c1\"", "{\"_id\":\"n.City?c1\"");
        disk.set_bytes(&path, text).unwrap();
    }
    let (state, report) = salvage(&disk);
    assert!(!state.contains_key(&id("n.City.c1")));
    let dangling: Vec<_> = report.dangling_edges.first().to_vec();
    assert!(!dangling.is_empty());
    for (id, stored) in &state {
        let ends = stored.ends.as_ref();
        let lacks = ends.is_some_and(|ends| ends.source == super::story::id("n.City.c1"));
        assert_eq!(lacks, dangling.contains(id), "{id}");
    }
}

#[test]
fn bytes_without_end_are_passed_in_bounded_memory() {
    let story = closed();
    let disk = story.disk.kill_state();
    let path = segments(&disk)[1].clone();
    let bytes = disk.bytes(&path).unwrap();
    let bomb = vec![b'x'; 40 * 1024 * 1024];
    let middle = Journal::of(&story.disk).commits.values().find(|(f, _)| *f == path).unwrap().1.end;
    disk.set_bytes(&path, [&bytes[..middle], &bomb, b"\n", &bytes[middle..]].concat()).unwrap();
    disk.set_bytes("journal/4294967295.jsonl", vec![b'\n'; 1 << 16]).unwrap();
    let (state, report) = salvage(&disk);
    assert_eq!(state, *story.last());
    assert_eq!(report.unvouched_bytes, bomb.len() as u64 + 1 + (1 << 16));
    disk.erase("MANIFEST.json").unwrap();
    let (_, report) = salvage(&disk);
    assert_eq!(report.missing_segments.total(), u64::from(u32::MAX) - 4);
}

#[test]
fn what_cannot_be_salvaged_is_refused_by_kind() {
    let target = || Arc::new(SimulatedDisk::new());
    let nothing = JsonDb::salvage_on(&SimulatedDisk::new(), target()).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::NotFound);
    let disk = SimulatedDisk::new();
    let db = open(&disk);
    let held = JsonDb::salvage_on(&disk, target()).unwrap_err();
    assert_eq!(held.kind(), ErrorKind::Locked);
    runtime().block_on(db.close()).unwrap();
    let story = closed();
    let taken = SimulatedDisk::new();
    taken.set_bytes("notes.txt", b"mine").unwrap();
    let refused = JsonDb::salvage_on(&story.disk, Arc::new(taken)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    story.disk.set_bytes("MANIFEST.json", br#"{"format": 3}"#).unwrap();
    let newer = JsonDb::salvage_on(&story.disk, target()).unwrap_err();
    assert_eq!(newer.kind(), ErrorKind::Unsupported);
}

/// Cuts the power after every change of a salvage's target; returns how many states there were, and how many
/// held something else than nothing or the whole.
fn cut_power(story: &Story, faults: &[Fault]) -> (u64, u64) {
    let target = SimulatedDisk::new();
    faults.iter().for_each(|fault| target.fail(fault.clone()));
    let moments = Arc::new(Mutex::new(Vec::new()));
    target.observe({
        let moments = Arc::clone(&moments);
        move |disk, _| moments.lock().push(disk.kill_state())
    });
    JsonDb::salvage_on(&story.disk, Arc::new(target.clone())).unwrap();
    target.observe(|_, _| {});
    let moments = std::mem::take(&mut *moments.lock());
    let (runtime, done) = (runtime(), moments.len() - 1);
    let (mut tried, mut wrong) = (0, 0);
    for (number, moment) in moments.into_iter().enumerate() {
        for state in moment.crash_states(number as u64, 60).chain([moment.kill_state()]) {
            tried += 1;
            wrong += match JsonDb::open_on(Arc::new(state), options().create(false)) {
                Err(error) => u64::from(number == done || error.kind() != ErrorKind::NotFound),
                Ok(db) => {
                    let found = runtime.block_on(contents(&db));
                    let is_whole = db.recovery().clean && found == *story.last();
                    runtime.block_on(db.close()).unwrap();
                    u64::from(!is_whole)
                }
            };
        }
    }
    (tried, wrong)
}

#[test]
fn a_salvage_cut_off_by_the_power_leaves_no_store() {
    let story = closed();
    let (tried, wrong) = cut_power(&story, &[]);
    assert_eq!(wrong, 0, "of {tried}");
    for kind in [OpKind::SyncAll, OpKind::SyncDir] {
        let (_, wrong) = cut_power(&story, &[Fault::ignored(kind).from_then_on()]);
        assert!(wrong > 0, "without {kind:?} some must be broken");
    }
}

#[tokio::test]
async fn a_store_on_this_machine_is_salvaged_without_a_trace() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    let db = JsonDb::open(path("db"), options()).await.unwrap();
    super::bank::make_accounts(&db).await;
    db.close().await.unwrap();
    std::fs::remove_file(path("db/MANIFEST.json")).unwrap();
    assert_eq!(JsonDb::open(path("db"), options()).await.unwrap_err().kind(), ErrorKind::Corrupt);
    std::fs::write(path("db/LOCK"), "as it was").unwrap();
    let report = JsonDb::salvage(path("db"), path("new")).await.unwrap();
    assert_eq!((report.documents, report.verified), (8, 8));
    assert_eq!(std::fs::read(path("db/LOCK")).unwrap(), b"as it was");
    let db = JsonDb::open(path("new"), options()).await.unwrap();
    assert!(super::bank::add_up(&super::bank::amounts(&db).await));
    db.close().await.unwrap();
}

#[test]
fn nothing_of_a_story_is_left_out() {
    let story = closed();
    let journal = Journal::of(&story.disk);
    let commits: BTreeSet<u64> = journal.commits.keys().copied().collect();
    assert_eq!(commits, (1..story.states.len() as u64).collect());
    assert_eq!(contents_of(&story.disk), *story.last());
}
