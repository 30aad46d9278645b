//! Power cuts while documents are written and indexes made and dropped: what is left agrees.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jvspatial_db::json::disk::{Fault, OpKind, SimulatedDisk};
use jvspatial_db::{Collection, Database, Filter, IndexSpec, JsonDb, Query, doc};
use parking_lot::Mutex;

use super::figures::seed;
use super::script::{Script, check, options, runtime};

/// The indexes by name after each step.
const STEPS: [&[&str]; 4] = [
    &[],
    &["context.amount_1"],
    &["context.amount_1", "context.serial_-1_context.amount_1"],
    &["context.serial_-1_context.amount_1"],
];

/// The disk after one change, and the steps that were done and begun by then.
struct Moment {
    disk: SimulatedDisk,
    done: usize,
    begun: usize,
}

fn play(seed: u64, fault: Option<Fault>) -> Vec<Moment> {
    let disk = SimulatedDisk::new();
    let moments = Arc::new(Mutex::new(Vec::new()));
    let (done, begun) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    disk.observe({
        let (moments, done, begun) = (moments.clone(), done.clone(), begun.clone());
        move |disk, _| {
            let disk = disk.kill_state();
            let (done, begun) = (done.load(Ordering::SeqCst), begun.load(Ordering::SeqCst));
            moments.lock().push(Moment { disk, done, begun });
        }
    });
    fault.into_iter().for_each(|fault| disk.fail(fault));
    let mut script = Script::new(seed);
    let runtime = runtime();
    for _ in 0..2 {
        let db = JsonDb::open_on(Arc::new(disk.clone()), options()).unwrap();
        runtime.block_on(async {
            for _ in 0..2 {
                for _ in 0..6 {
                    check(&db.write(script.next()).await.unwrap());
                }
                let step = begun.fetch_add(1, Ordering::SeqCst) + 1;
                let make = async |key| {
                    let spec = IndexSpec::parse(&doc! { "key": key }).unwrap();
                    db.create_index(Collection::Node, None, spec).await.unwrap();
                };
                match step {
                    1 => make(doc! { "context.amount": 1 }).await,
                    2 => make(doc! { "context.serial": -1, "context.amount": 1 }).await,
                    3 => {
                        let name = STEPS[1][0];
                        assert!(db.drop_index(Collection::Node, None, name).await.unwrap());
                    }
                    _ => continue,
                }
                done.fetch_add(1, Ordering::SeqCst);
            }
            check(&db.write(script.next()).await.unwrap());
            db.close().await.unwrap();
        });
    }
    disk.observe(|_, _| {});
    std::mem::take(&mut *moments.lock())
}

/// Looks at what a power cut left; returns how many indexes there are, or what does not agree.
async fn inspect(db: &JsonDb, moment: &Moment) -> Result<usize, String> {
    let indexes = db.indexes(Collection::Node).await.unwrap();
    let names: Vec<String> = indexes.iter().map(|index| index.spec.name()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let last = STEPS.len() - 1;
    let possible = &STEPS[moment.done.min(last)..=moment.begun.min(last)];
    if !possible.contains(&names.as_slice()) {
        return Err(format!("{names:?} instead of {possible:?}"));
    }
    let filters = [
        doc! { "context.amount": { "$gte": 0 } },
        doc! { "context.serial": { "$gte": 0 }, "context.amount": { "$gte": 90 } },
    ];
    for filter in filters {
        let filter = Filter::parse(&filter).unwrap();
        let mut expected = Vec::new();
        let all = db.find(Query::new(Collection::Node, Filter::all())).await.unwrap();
        let all = all.try_collect().await.unwrap();
        for document in &all {
            if filter.matches(&document.to_bson().unwrap()) {
                expected.push((document.id.clone(), document.version));
            }
        }
        expected.sort_unstable();
        for index in &indexes {
            if index.keys != all.len() as u64 {
                return Err(format!("{} documents in {index:?}", all.len()));
            }
            let query = Query::new(Collection::Node, filter.clone()).hint(index.spec.name());
            let found = db.find(query).await.unwrap().try_collect().await.unwrap();
            let mut found: Vec<_> = found.into_iter().map(|of| (of.id, of.version)).collect();
            found.sort_unstable();
            if found != expected {
                return Err(format!("{found:?} instead of {expected:?} by {index:?}"));
            }
        }
        if db.count(Collection::Node, &filter).await.unwrap() != expected.len() as u64 {
            return Err(format!("another count than {}", expected.len()));
        }
    }
    Ok(indexes.len())
}

/// Cuts the power in every moment; returns in how many states there was an index, or what was wrong.
fn cut_power(seed: u64, fault: Option<Fault>) -> Result<usize, String> {
    const EACH: u64 = 12;
    let runtime = runtime();
    let mut with_indexes = 0;
    for (number, moment) in play(seed, fault).iter().enumerate() {
        let states = moment.disk.crash_states(seed.wrapping_add(number as u64), EACH);
        for state in states.chain([moment.disk.kill_state()]) {
            let db = JsonDb::open_on(Arc::new(state), options());
            let db = db.map_err(|error| error.to_string())?;
            with_indexes += runtime.block_on(inspect(&db, moment))?.min(1);
            runtime.block_on(db.close()).unwrap();
        }
    }
    Ok(with_indexes)
}

#[test]
fn indexes_agree_with_the_documents_after_every_power_cut() {
    let with_indexes = cut_power(seed(), None).unwrap();
    assert!(with_indexes > 100, "only {with_indexes} states had an index");
    let name_of_manifest = Fault::ignored(OpKind::SyncDir).under(".").from_then_on();
    let control = cut_power(seed(), Some(name_of_manifest));
    assert!(control.is_err(), "without a sync of the manifest's name nothing was lost");
}
