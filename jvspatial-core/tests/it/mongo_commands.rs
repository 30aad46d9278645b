//! What a walk sends to a MongoDB server, as its driver tells.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jvspatial_core::{Control, Ended, Graph, Here, HookError, Stored, Walk, Walker, out};
use jvspatial_db::{Id, MongoDb, MongoDbOptions, SentCommand};

use crate::model::{City, Road};

/// Counts up the visits of each city that roads lead to.
struct Tour {
    saves: bool,
}

impl Walker for Tour {
    type Report = ();
    const NAME: &'static str = "Tour";

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> Result<Control, HookError> {
        let mut city = here.decode::<City>()?;
        if self.saves {
            city.visits += 1;
            walk.save(&mut city);
        }
        walk.follow(out::<Road>());
        Ok(Control::Continue)
    }
}

/// The commands that were sent since they were asked for last.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<Vec<SentCommand>>>);

impl Sent {
    fn take(&self) -> Vec<SentCommand> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

async fn watched(name: &str) -> (Graph, Sent) {
    let uri = std::env::var("JVSPATIAL_TEST_MONGODB_URI")
        .expect("JVSPATIAL_TEST_MONGODB_URI names a server");
    let (server, query) = uri.split_once('?').unwrap_or((&uri, ""));
    let server = server.trim_end_matches('/');
    let url = format!("{server}/core_commands_{name}_{}?{query}", std::process::id());
    let sent = Sent::default();
    let commands = sent.clone();
    let observe = move |command: &SentCommand| commands.0.lock().unwrap().push(command.clone());
    let options = MongoDbOptions::new().command_observer(observe);
    let database = MongoDb::open(&url, options).await.unwrap();
    (Graph::with_database(Arc::new(database)), sent)
}

/// Cities in a tree of which each has `branches` below it; the first is the root.
async fn tree(graph: &Graph, count: usize, branches: usize) -> Vec<Id> {
    let cities = (0..count).map(|number| City::new(&number.to_string()));
    let created: Vec<Stored<City>> = graph.create_many(cities).await.unwrap();
    let roads = (1..count)
        .map(|number| (&created[(number - 1) / branches], &created[number], Road { km: 1 }));
    let roads: Vec<_> = roads.collect();
    for some in roads.chunks(1_000) {
        let some = some.iter().map(|(from, to, road)| (*from, *to, road.clone()));
        graph.connect_many(some).await.unwrap().into_result().unwrap();
    }
    created.iter().map(|city| city.id().clone()).collect()
}

fn count(sent: &[SentCommand], names: &[&str]) -> usize {
    sent.iter().filter(|command| names.contains(&&*command.name)).count()
}

fn names(sent: &[SentCommand]) -> BTreeMap<&str, usize> {
    let mut names = BTreeMap::new();
    for command in sent {
        let collection = command.collection.as_deref().unwrap_or_default();
        assert!(["node", "edge", ""].contains(&collection), "{command:?}");
        *names.entry(&*command.name).or_insert(0) += 1;
    }
    names
}

const QUERIES: [&str; 3] = ["find", "aggregate", "getMore"];
const WRITES: [&str; 4] = ["insert", "update", "delete", "bulkWrite"];

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_walk_of_n_chunks_sends_at_most_two_queries_for_each_and_two_more_and_one_bulk_write() {
    let (graph, sent) = watched("chunks").await;
    // With a level that fills many chunks, so that most of them are whole.
    let ids = tree(&graph, 2_551, 50).await;
    for saves in [false, true] {
        // Batches of statements, and such as go as a transaction.
        for chunk_size in [50, 600, 1_000] {
            sent.take();
            let mut walk = graph.walk(Tour { saves }).from(&ids[0]);
            // The last is the default of both.
            if chunk_size < 1_000 {
                walk = walk.chunk_size(chunk_size).batch_size(chunk_size);
            }
            let outcome = walk.run().await.unwrap();
            let sent = sent.take();
            assert_eq!((outcome.ended, outcome.stats.visited), (Ended::Finished, 2_551));
            let chunks = usize::try_from(outcome.stats.chunks).unwrap();
            assert!(chunks >= 2_551 / chunk_size, "{chunks} chunks");
            let (inside, outside): (Vec<_>, Vec<_>) =
                sent.into_iter().partition(|command| command.in_transaction);
            let case = format!("{chunks} chunks of {chunk_size}: {:?}", names(&outside));
            let case = format!("{case}, in transactions {:?}", names(&inside));
            println!("{case}");
            let queries = count(&outside, &QUERIES);
            assert!(queries <= 2 * chunks + 2, "{case}");
            assert_eq!(u64::try_from(queries).unwrap(), outcome.stats.queries, "{case}");
            // What goes as a transaction reads the versions, writes and commits.
            let commits = count(&inside, &["commitTransaction"]);
            assert_eq!(count(&inside, &["find"]), commits, "{case}");
            assert_eq!(count(&inside, &WRITES), commits, "{case}");
            assert_eq!(inside.len(), 3 * commits, "{case}");
            let writes = count(&outside, &WRITES);
            assert_eq!(outside.len(), queries + writes, "{case}");
            assert!(writes + commits <= chunks, "{case}");
            assert_eq!(writes + commits > 0, saves, "{case}");
            assert_eq!(commits > 0, saves && chunk_size > 200, "{case}");
        }
    }
    let visits = graph.nodes::<City>().filter(|city| city.visits.eq(3)).count().await.unwrap();
    assert_eq!(visits, 2_551);
    graph.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_hub_is_read_by_a_bounded_number_of_bounded_queries() {
    let (graph, sent) = watched("hub").await;
    let ids = tree(&graph, 10_001, 10_000).await;
    sent.take();
    let outcome = graph.walk(Tour { saves: false }).from(&ids[0]).run().await.unwrap();
    let sent = sent.take();
    assert_eq!(outcome.stats.visited, 10_001);
    assert!(count(&sent, &QUERIES) <= 2 * 11 + 2, "{sent:?}");
    graph.close().await.unwrap();
}
