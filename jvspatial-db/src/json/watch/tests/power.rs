//! Power cuts under a watch.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::*;
use crate::filter::Filter;
use crate::id::Collection;
use crate::query::Query;
use crate::version::Version;
use crate::watch::ChangeKind;

/// Documents and their versions.
type State = BTreeMap<String, u64>;

/// What a change makes of the documents; `None` when it cannot follow on them.
fn apply(state: &mut State, change: &DocumentChange) -> Option<()> {
    let (id, version) = (change.id.to_string(), change.version?.get());
    match change.kind {
        ChangeKind::Created => state.insert(id, version).is_none().then_some(()),
        ChangeKind::Updated => (state.insert(id, version)? + 1 == version).then_some(()),
        ChangeKind::Deleted => (state.remove(&id)? == version).then_some(()),
    }
}

/// The batch of this number: something new, something changed, something gone.
fn batch(number: usize) -> WriteBatch {
    let mut batch = WriteBatch::new(Encoding::Json).atomic(true);
    let id = |number: usize| format!("o.Note.{number}").parse().unwrap();
    let fields = json!({ "text": "x".repeat(number * 7 % 300) });
    for part in 0..1 + number % 3 {
        batch.insert(id(number * 10 + part), &fields).unwrap();
    }
    if number > 0 {
        batch.update(id(number * 10 - 10), Version::FIRST, &fields).unwrap();
    }
    if number > 1 {
        batch.delete(id(number * 10 - 20), Some(Version::new(2)), false).unwrap();
    }
    batch
}

/// What was told, with the token behind each change.
type Log = Arc<Mutex<Vec<DocumentChange>>>;

/// The disk after a change of its files, and how much had been told by then.
type Moments = Arc<Mutex<Vec<(SimulatedDisk, usize)>>>;

/// Writes batches while a watch reads along; returns where it began and what it was told.
async fn play(options: &JsonDbOptions, moments: &Moments) -> (ResumeToken, Vec<DocumentChange>) {
    const BATCHES: usize = 40;
    let disk = SimulatedDisk::new();
    let db = open(&disk, options);
    let log = Log::default();
    let mut changes = watch(&db, None).await;
    let start = changes.token().clone();
    disk.observe({
        let (log, moments) = (Arc::clone(&log), Arc::clone(moments));
        move |disk, _| moments.lock().push((disk.kill_state(), log.lock().len()))
    });
    let reading = tokio::spawn({
        let log = Arc::clone(&log);
        async move {
            while let Ok(Some(ChangeEvent::Changed(change))) = changes.try_next().await {
                log.lock().push(change);
            }
        }
    });
    for number in 0..BATCHES {
        assert!(db.write(batch(number)).await.unwrap().is_complete());
        tokio::task::yield_now().await;
    }
    disk.observe(|_, _| {});
    let all = (0..BATCHES).map(|number| batch(number).len()).sum();
    while log.lock().len() < all {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    db.close().await.unwrap();
    reading.await.unwrap();
    let log = std::mem::take(&mut *log.lock());
    (start, log)
}

/// Whether what was told before the power cut, and what a watch tells after it, are what the store holds. Without
/// `resumes` the watch begins anew: the control.
async fn is_sound(
    disk: &SimulatedDisk,
    options: &JsonDbOptions,
    start: &ResumeToken,
    told: &[DocumentChange],
    resumes: bool,
) -> bool {
    let db = open(disk, options);
    let after = told.last().map_or(start, |change| &change.token);
    let mut changes = watch(&db, resumes.then_some(after)).await;
    let mut stored = State::new();
    let mut cursor = db.find(Query::new(Collection::Object, Filter::all())).await.unwrap();
    while let Some(document) = cursor.try_next().await.unwrap() {
        stored.insert(document.id.to_string(), document.version.get());
    }
    create(&db, 9999..10_000, 1).await;
    let mut state = State::new();
    if !told.iter().all(|change| apply(&mut state, change).is_some()) {
        return false;
    }
    loop {
        let ChangeEvent::Changed(change) = event(&mut changes).await else { return false };
        if change.id.to_string() == "o.Note.9999" {
            return state == stored;
        }
        if apply(&mut state, &change).is_none() {
            return false;
        }
    }
}

/// Cuts the power at every moment; returns how many states were looked at, and how many were wrong.
async fn cut_power(options: &JsonDbOptions, resumes: bool) -> (usize, usize) {
    const EACH: u64 = 12;
    let moments = Moments::default();
    let (start, log) = play(options, &moments).await;
    let (mut states, mut wrong) = (0, 0);
    let moments = std::mem::take(&mut *moments.lock());
    for (seed, (disk, told)) in (0..).zip(moments) {
        let told = &log[..told];
        let killed = disk.kill_state();
        for state in disk.crash_states(seed, EACH).chain([killed]) {
            states += 1;
            wrong += usize::from(!is_sound(&state, options, &start, told, resumes).await);
        }
    }
    (states, wrong)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_is_told_that_a_power_cut_takes_back_and_none_is_missed() {
    for options in
        [JsonDbOptions::new(), JsonDbOptions::new().segment_bytes(4096).compaction(false)]
    {
        let (states, wrong) = cut_power(&options, true).await;
        assert!(states > 400, "{states} states");
        assert_eq!(wrong, 0, "of {states} states");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_a_watch_that_begins_anew_after_a_power_cut_misses_changes() {
    let (states, wrong) = cut_power(&JsonDbOptions::new(), false).await;
    assert!(wrong > states / 2, "{wrong} of {states} states");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_changes_that_were_not_synced_are_told_and_taken_back() {
    let options = JsonDbOptions::new().durability(Durability::Os);
    let (states, wrong) = cut_power(&options, true).await;
    // What was told and is gone shows as lost history.
    assert!(wrong > states / 10, "{wrong} of {states} states");
}
