//! Reads and writes of the same documents at the same time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jvspatial_core::{CacheOptions, Graph};
use jvspatial_db::Id;

use super::roomy;
use crate::model::City;
use crate::spy::Spy;

const CITIES: usize = 4;
const WRITES: u64 = 10_000;
const READERS: usize = 4;

/// Keeps the last number of visits of each city.
trait Keeps: Send + Sync + 'static {
    fn graph(&self) -> &Graph;
    fn read(&self, id: &Id) -> impl Future<Output = u64> + Send;
    fn forget(&self, id: &Id);
}

/// What a graph keeps by itself.
struct Ours(Graph);

impl Keeps for Ours {
    fn graph(&self) -> &Graph {
        &self.0
    }

    async fn read(&self, id: &Id) -> u64 {
        self.0.get::<City>(id).await.unwrap().unwrap().visits
    }

    fn forget(&self, _id: &Id) {}
}

/// What is kept without regard to what happens during a load.
struct Careless(Graph, Mutex<HashMap<Id, u64>>);

impl Keeps for Careless {
    fn graph(&self) -> &Graph {
        &self.0
    }

    async fn read(&self, id: &Id) -> u64 {
        if let Some(visits) = self.1.lock().unwrap().get(id) {
            return *visits;
        }
        let visits = self.0.get::<City>(id).await.unwrap().unwrap().visits;
        // Others write between the end of a load and what becomes of it.
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.1.lock().unwrap().insert(id.clone(), visits);
        visits
    }

    fn forget(&self, id: &Id) {
        self.1.lock().unwrap().remove(id);
    }
}

/// How many reads were told less than had been written when they began, while a writer counts each city up in turn.
async fn stale_reads<K: Keeps>(keeps: K) -> u64 {
    let keeps = Arc::new(keeps);
    let mut cities = Vec::new();
    for n in 0..CITIES {
        cities.push(keeps.graph().create(City::new(&format!("city {n}"))).await.unwrap());
    }
    let ids: Arc<[Id]> = cities.iter().map(|city| city.id().clone()).collect();
    let written: Arc<[AtomicU64]> = (0..CITIES).map(|_| AtomicU64::new(0)).collect();
    let stale = Arc::new(AtomicU64::new(0));
    let is_over = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..READERS)
        .map(|reader| {
            let (keeps, ids, written) =
                (Arc::clone(&keeps), Arc::clone(&ids), Arc::clone(&written));
            let (stale, is_over) = (Arc::clone(&stale), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut turn = reader;
                while is_over.load(Ordering::SeqCst) == 0 {
                    turn += 1;
                    let city = turn % CITIES;
                    let least = written[city].load(Ordering::SeqCst);
                    let told = keeps.read(&ids[city]).await;
                    stale.fetch_add(u64::from(told < least), Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for n in 0..WRITES {
        let city = usize::try_from(n).unwrap() % CITIES;
        cities[city].visits += 1;
        keeps.graph().save(&mut cities[city]).await.unwrap();
        keeps.forget(&ids[city]);
        written[city].store(cities[city].visits, Ordering::SeqCst);
    }
    is_over.store(1, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
    stale.load(Ordering::SeqCst)
}

async fn graph(options: CacheOptions) -> Graph {
    // Lets other tasks in between any two calls.
    let spy = Arc::new(Spy::default());
    Graph::builder().database(spy).cache(options).open().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_that_began_after_a_write_tells_what_was_before_it() {
    let stale = stale_reads(Ours(graph(roomy()).await)).await;
    assert_eq!(stale, 0);
    // The control: who keeps what a load brings, whatever happened meanwhile, is found out.
    let careless = Careless(graph(CacheOptions::new()).await, Mutex::default());
    assert_ne!(stale_reads(careless).await, 0, "the control did not fail");
}
