//! Many tasks at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use bson::doc;
use tokio::task::JoinSet;

use super::support::{fields, find_all, follow, get, handles, link, ops, reached, read};
use crate::database::Database;
use crate::error::ErrorKind;
use crate::expansion::{Direction, Expansion};
use crate::filter::Filter;
use crate::id::Collection;
use crate::query::Query;
use crate::write::{Link, Outcome};

/// Runs `task` for each number below `count` at once and returns what they return.
pub(super) async fn at_once<F, T>(count: u64, task: impl Fn(u64) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let mut tasks: JoinSet<T> = (0..count).map(task).collect();
    let mut results = Vec::new();
    while let Some(result) = tasks.join_next().await {
        results.push(result.expect("a task that does not panic"));
    }
    results
}

fn winners(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| outcome.is_written()).count()
}

pub async fn no_update_is_lost_among_sixty_four_tasks(db: Arc<dyn Database>) {
    const ROUNDS: i32 = 4;
    ops(&*db).insert("o.Count.1", &doc! { "n": 0 }).done().await;
    at_once(64, |_| {
        let db = Arc::clone(&db);
        async move {
            for _ in 0..ROUNDS {
                loop {
                    let (version, found) = read(&*db, "o.Count.1").await;
                    let n = found.get_i32("n").expect("n");
                    let batch = ops(&*db).update("o.Count.1", version, &doc! { "n": n + 1 });
                    match batch.outcomes().await.remove(0) {
                        Outcome::Written(_) => break,
                        Outcome::Conflict { expected, found } => assert!(found > expected),
                        other => panic!("{other:?}"),
                    }
                    tokio::task::yield_now().await;
                }
            }
        }
    })
    .await;
    let expected = (u64::from(64 * ROUNDS.unsigned_abs() + 1), doc! { "n": 64 * ROUNDS });
    assert_eq!(read(&*db, "o.Count.1").await, expected);
}

pub async fn of_two_updates_from_one_version_exactly_one_wins(db: Arc<dyn Database>) {
    ops(&*db).insert("o.Count.1", &doc! {}).done().await;
    for version in 1..=50 {
        let outcomes = at_once(2, |task| {
            let db = Arc::clone(&db);
            async move {
                let fields = doc! { "by": task as i64 + (1 << 40) };
                ops(&*db).update("o.Count.1", version, &fields).outcomes().await.remove(0)
            }
        })
        .await;
        assert_eq!(winners(&outcomes), 1, "{outcomes:?}");
        let lost = super::support::conflict(version, version + 1);
        assert!(outcomes.contains(&lost), "{outcomes:?}");
    }
}

pub async fn of_many_inserts_of_one_id_exactly_one_wins(db: Arc<dyn Database>) {
    for round in 0..10 {
        let outcomes = at_once(16, |task| {
            let db = Arc::clone(&db);
            async move {
                let fields = doc! { "by": task as i32 };
                let batch = ops(&*db).insert(&format!("o.Note.{round}"), &fields);
                (task, batch.outcomes().await.remove(0))
            }
        })
        .await;
        let won: Vec<_> = outcomes.iter().filter(|(_, outcome)| outcome.is_written()).collect();
        assert_eq!(won.len(), 1, "{outcomes:?}");
        let (_, found) = read(&*db, &format!("o.Note.{round}")).await;
        assert_eq!(found, doc! { "by": won[0].0 as i32 });
    }
}

pub async fn of_many_unique_edges_exactly_one_wins(db: Arc<dyn Database>) {
    for round in 0..10 {
        let [a, b] = ["a", "b"].map(|name| format!("n.City.{name}{round}"));
        ops(&*db).nodes(&[&a, &b]).done().await;
        let outcomes = at_once(16, |task| {
            let db = Arc::clone(&db);
            let (a, b) =
                if task % 2 == 0 { (a.clone(), b.clone()) } else { (b.clone(), a.clone()) };
            async move {
                let way = Link { unique: true, ..super::support::undirected(link(&a, &b)) };
                let edge = format!("e.Road.{round}.{task}");
                ops(&*db).link(&edge, &doc! {}, way).outcomes().await.remove(0)
            }
        })
        .await;
        assert_eq!(winners(&outcomes), 1, "{outcomes:?}");
        assert_eq!(reached(&*db, &a, Direction::Out).await, [format!("b{round}")]);
    }
}

pub async fn of_two_deletes_exactly_one_wins(db: Arc<dyn Database>) {
    for round in 0..20 {
        let [hub, end] = ["hub", "end"].map(|name| format!("n.City.{name}{round}"));
        let edge = format!("e.Road.{round}");
        ops(&*db).nodes(&[&hub, &end]).edge(&edge, &hub, &end).done().await;
        let reports = at_once(2, |task| {
            let db = Arc::clone(&db);
            let node = if task == 0 { hub.clone() } else { end.clone() };
            async move { ops(&*db).detach(&node).write().await.detached }
        })
        .await;
        assert_eq!(reports.iter().sum::<u64>(), 1, "the edge went with one of its nodes");
        assert!(get(&*db, &edge).await.is_none());
    }
}

pub async fn no_edge_is_left_when_its_node_is_detached_meanwhile(db: Arc<dyn Database>) {
    for round in 0..10 {
        let hub = format!("n.City.hub{round}");
        ops(&*db).nodes(&[&hub]).done().await;
        at_once(12, |task| {
            let (db, hub) = (Arc::clone(&db), hub.clone());
            async move {
                if task == 6 {
                    assert!(ops(&*db).detach(&hub).write().await.is_complete());
                    return;
                }
                let node = format!("n.Town.{round}.{task}");
                let edge = format!("e.Road.{round}.{task}");
                let outcomes = ops(&*db).nodes(&[&node]).edge(&edge, &hub, &node).outcomes().await;
                assert!(outcomes[0].is_written(), "{outcomes:?}");
            }
        })
        .await;
        assert_eq!(find_all(&*db, Collection::Edge).await, [""; 0]);
    }
}

pub async fn readers_never_see_part_of_a_batch(db: Arc<dyn Database>) {
    const PAIRS: usize = 8;
    const SUM: i64 = 10_000_000_000;
    let names: Vec<String> = (0..PAIRS * 2).map(|number| format!("o.Account.{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let all = names.iter().fold(ops(&*db), |ops, name| ops.insert(name, &doc! { "n": SUM / 2 }));
    all.done().await;
    let atomic = |db: &Arc<dyn Database>| db.capabilities().atomic_batches;
    if !atomic(&db) {
        let refused = ops(&*db).atomic().delete(names[0]).try_write().await;
        assert_eq!(refused.expect_err("not atomic").kind(), ErrorKind::Unsupported);
        return;
    }
    let done = Arc::new(AtomicBool::new(false));
    let moved = Arc::new(AtomicU64::new(0));
    let mut writers = JoinSet::new();
    for writer in 0..2 {
        let (db, done, moved) = (Arc::clone(&db), Arc::clone(&done), Arc::clone(&moved));
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        writers.spawn(async move {
            let mut step = writer;
            while !done.load(Ordering::Relaxed) {
                step += 1;
                let pair = step % PAIRS;
                let (from, to) = (&names[pair * 2], &names[pair * 2 + 1]);
                let found = db.get_many(&handles(&[from, to])).await.expect("get_many");
                let found: Vec<_> = found.into_iter().flatten().collect();
                let amount = |place: usize| fields(&found[place]).get_i64("n").expect("n");
                let batch = ops(&*db)
                    .atomic()
                    .update(from, found[0].version.get(), &doc! { "n": amount(0) - 1 })
                    .update(to, found[1].version.get(), &doc! { "n": amount(1) + 1 });
                let complete = batch.write().await.is_complete();
                moved.fetch_add(u64::from(complete), Ordering::Relaxed);
            }
        });
    }
    let reads = AtomicU64::new(0);
    let sum = |amounts: &[i64]| {
        reads.fetch_add(amounts.len() as u64, Ordering::Relaxed);
        assert_eq!(amounts.len(), PAIRS * 2);
        for pair in amounts.chunks(2) {
            assert_eq!(pair[0] + pair[1], SUM, "part of a batch was seen");
        }
    };
    let amount = |document: &crate::Document| fields(document).get_i64("n").expect("n");
    while reads.load(Ordering::Relaxed) < 10_000 || moved.load(Ordering::Relaxed) < 100 {
        let found = db.get_many(&handles(&names)).await.expect("get_many");
        sum(&found.iter().flatten().map(amount).collect::<Vec<_>>());
        let query = Query::new(Collection::Object, Filter::all());
        let mut cursor = db.find(query).await.expect("find");
        tokio::task::yield_now().await;
        let mut found = Vec::new();
        while let Some(document) = cursor.try_next().await.expect("a document") {
            found.push((
                names.iter().position(|name| document.id.to_string() == *name),
                amount(&document),
            ));
        }
        found.sort_unstable();
        sum(&found.into_iter().map(|(_, amount)| amount).collect::<Vec<_>>());
    }
    done.store(true, Ordering::Relaxed);
    while let Some(writer) = writers.join_next().await {
        writer.expect("a writer that does not panic");
    }
}

pub async fn neighbours_never_show_part_of_a_batch(db: Arc<dyn Database>) {
    const EDGES: usize = 10;
    let mut batch = ops(&*db).nodes(&["n.City.hub"]);
    for number in 0..EDGES {
        let node = format!("n.City.{number}");
        batch = batch.nodes(&[&node]).edge(&format!("e.Road.{number:05}"), "n.City.hub", &node);
    }
    batch.done().await;
    let done = Arc::new(AtomicBool::new(false));
    let swaps = Arc::new(AtomicUsize::new(0));
    let writer = tokio::spawn({
        let (db, done, swaps) = (Arc::clone(&db), Arc::clone(&done), Arc::clone(&swaps));
        async move {
            while !done.load(Ordering::Relaxed) {
                let old = swaps.load(Ordering::Relaxed);
                let new = old + EDGES;
                let node = format!("n.City.{new}");
                let edge = format!("e.Road.{new:05}");
                let batch = ops(&*db).nodes(&[&node]).edge(&edge, "n.City.hub", &node);
                batch.detach(&format!("n.City.{old}")).done().await;
                swaps.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let whole = db.capabilities().atomic_batches;
    let mut looks = 0;
    while looks < 400 || swaps.load(Ordering::Relaxed) < 50 {
        looks += 1;
        let found = follow(&*db, &["n.City.hub"], &Expansion::new(Direction::Out)).await;
        let count = db.count(Collection::Edge, &Filter::all()).await.expect("count");
        if whole {
            assert_eq!(found.len(), EDGES, "part of a batch was seen");
            assert_eq!(count as usize, EDGES, "part of a batch was counted");
        } else {
            assert!(found.len() <= EDGES + 1, "more than one batch was half seen");
        }
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::Relaxed);
    writer.await.expect("a writer that does not panic");
}

pub async fn a_reader_sees_what_was_acknowledged_before_it_asked(db: Arc<dyn Database>) {
    at_once(8, |task| {
        let db = Arc::clone(&db);
        async move {
            let [node, edge] = ["n", "e"].map(|letter| format!("{letter}.Own.{task}"));
            ops(&*db).nodes(&[&node]).edge(&edge, &node, &node).done().await;
            for version in 1..20_u64 {
                ops(&*db).update(&node, version, &doc! { "n": version as i32 }).done().await;
                let seen = read(&*db, &node).await;
                assert_eq!(seen, (version + 1, doc! { "n": version as i32 }));
                let query = Query::new(
                    Collection::Node,
                    super::support::filter(&doc! { "_id": &node, "_version": version as i64 + 1 }),
                );
                assert_eq!(super::support::find(&*db, query).await, [node.as_str()]);
            }
            ops(&*db).detach(&node).done().await;
            assert!(get(&*db, &node).await.is_none() && get(&*db, &edge).await.is_none());
        }
    })
    .await;
}
