//! Kills at random moments of a walk that updates every node: after going on each was changed exactly once.
//!
//! A quick run takes 10 rounds over 1,000 nodes. `JVSPATIAL_TEST_FAULT_ROUNDS=checkpoint/kill=100` takes so many rounds
//! over 20,000 nodes.
#![expect(
    clippy::disallowed_methods,
    reason = "a life of the walk leaves a mark beside the database"
)]

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jvspatial_core::{
    Control, Ended, Entity as _, ErrorKind, Graph, Here, HookError, Stored, Walk, Walker,
};
use jvspatial_db::{
    Action, Adjacent, Bson, Capabilities, Collection, Cursor, Database, Document, Envelope,
    Expansion, FieldPath, Filter, Handle, Id, OrdinalPin, OrdinalSet, Query, Result, WriteBatch,
    WriteReport,
};
use serde::{Deserialize, Serialize};

use super::support::roads;
use crate::life::{Life, long_rounds, orders, runtime};
use crate::model::{City, Road};

const TEST: &str =
    "walk::checkpoint_kill::every_node_is_changed_once_however_often_the_walk_is_killed";
const FIGURES: &str = "checkpoint/kill";
/// The marks that a life leaves beside the database when it goes on from a checkpoint, or begins the walk.
const RESUMED: &str = "resumed";
const ANEW: &str = "anew";
const NAME: &str = "count up";
/// The key of the city where walks begin.
const FIRST: &str = "first";

#[test]
fn every_node_is_changed_once_however_often_the_walk_is_killed() {
    if let Some((role, home)) = orders() {
        return runtime().block_on(live(&role, &home));
    }
    let long = long_rounds(FIGURES);
    let (rounds, cities) = long.map_or((10, 1_000), |rounds| (rounds, 20_000));
    let seed = RandomState::new().build_hasher().finish();
    let mut figures = Figures::default();
    let honest = World::new(cities);
    // On a busy machine it may take more rounds until enough of the kills meet a walk.
    while figures.rounds < rounds || (figures.resumed < rounds && figures.rounds < 10 * rounds) {
        honest.round("honest", seed, &mut figures);
    }
    let mut control = Figures::default();
    let sabotaged = World::new(1_000);
    while control.rounds < 100 && control.is_sound() {
        sabotaged.round("checkpoint outside of the batch", seed, &mut control);
    }
    let line = format!(
        "fault {FIGURES}: {figures}; seed {seed}; control checkpoint outside of the batch: {control}\n"
    );
    // Past the test harness, which keeps the output of a test that passes to itself.
    let _ = std::io::stderr().write_all(line.as_bytes());
    assert!(figures.is_sound(), "{figures}");
    assert!(figures.kills >= rounds && figures.resumed >= rounds, "too few to tell: {figures}");
    assert!(!control.is_sound(), "{control}");
}

/// What the rounds have seen.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    /// Walks that came to their end.
    rounds: u64,
    kills: u64,
    /// Lives that were killed after they had begun the walk, and lives that went on from a checkpoint.
    begun: u64,
    resumed: u64,
    /// Nodes that were changed, and those of them that were changed another time than once.
    changed: u64,
    wrong: u64,
}

impl Figures {
    const fn is_sound(&self) -> bool {
        self.wrong == 0
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, kills, begun, resumed, changed, wrong } = self;
        write!(
            f,
            "rounds {rounds}, kills {kills}, begun {begun}, resumed {resumed}, changed {changed}, "
        )?;
        write!(f, "wrong {wrong}")
    }
}

/// Adds one to every city, and notes there which visit it was.
#[derive(Debug, Serialize, Deserialize)]
struct CountUp {
    round: u64,
    visits: u64,
}

impl Walker for CountUp {
    type Report = ();
    const NAME: &'static str = "CountUp";

    async fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<Self>,
    ) -> std::result::Result<Control, HookError> {
        self.visits += 1;
        let mut city: Stored<City> = here.decode()?;
        city.visits += 1;
        city.tags = vec![self.visits.to_string()];
        walk.save(&mut city);
        walk.follow(roads());
        Ok(Control::Continue)
    }

    async fn exit(
        &mut self,
        _: Ended,
        walk: &mut Walk<Self>,
    ) -> std::result::Result<(), HookError> {
        // In the same step in which its checkpoint goes: who finds it knows that the walk has ended.
        walk.create(City { visits: self.visits, ..City::new(&end_of(self.round)) });
        Ok(())
    }
}

fn end_of(round: u64) -> String {
    format!("end of round {round}")
}

async fn has_ended(graph: &Graph, round: u64) -> bool {
    let end = graph.nodes::<City>().filter(|city| city.name.eq(end_of(round)));
    end.exists().await.unwrap()
}

async fn open(home: &Path) -> Graph {
    // A killed process takes nothing with it that it has handed to the system.
    Graph::open(&format!("json:{}?durability=os", home.display())).await.unwrap()
}

/// One life of the walk: it goes on from its checkpoint, or begins.
async fn live(role: &str, home: &Path) {
    let (habit, round) = role.split_once(':').unwrap();
    let round = round.parse().unwrap();
    let opened = open(home).await;
    let graph = match habit {
        "honest" => opened.clone(),
        _ => Graph::with_database(Arc::new(Splits(opened.database().clone()))),
    };
    if has_ended(&graph, round).await {
        return;
    }
    let resumed = graph.resume::<CountUp>(NAME).await;
    let begins = if resumed.is_ok() { RESUMED } else { ANEW };
    let walk = match resumed {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let first = City::id(FIRST).unwrap();
            let walk = graph.walk(CountUp { round, visits: 0 }).from(first);
            walk.chunk_size(50).batch_size(100_000).checkpoint(NAME, 1)
        }
        resumed => resumed.unwrap(),
    };
    std::fs::write(home.with_extension(begins), "").unwrap();
    let outcome = walk.run().await;
    if habit == "honest" {
        assert_eq!(outcome.unwrap().ended, Ended::Finished);
    }
    opened.close().await.unwrap();
}

/// Cities in three ranks below the first, in a database of their own.
struct World {
    directory: tempfile::TempDir,
    cities: u64,
    /// How long a walk over them takes that nobody kills.
    micros: u64,
}

impl World {
    fn new(cities: u64) -> Self {
        let mut world = Self { directory: tempfile::tempdir().unwrap(), cities, micros: 0 };
        runtime().block_on(async {
            let graph = open(&world.home()).await;
            let mut ids = vec![City::id(FIRST).unwrap()];
            graph.create_with_key(FIRST, City::new("0")).await.unwrap();
            let named = (1..cities).map(|number| City::new(&number.to_string()));
            let created = graph.create_many(named.collect::<Vec<_>>()).await.unwrap();
            ids.extend(created.iter().map(|city| city.id().clone()));
            // Each leads to thirty.
            let roads = (1..ids.len()).map(|to| (&ids[(to - 1) / 30], &ids[to], Road { km: 1 }));
            let joined = graph.connect_many_ids(roads.collect::<Vec<_>>()).await.unwrap();
            let _ = joined.into_result().unwrap();
            graph.close().await.unwrap();
        });
        let mut life = start(&world.home(), "honest", 0);
        let mark = world.home().with_extension(ANEW);
        assert!(!life.ends_before(|| mark.exists()));
        let began = Instant::now();
        assert!(life.ends_before(|| false));
        world.micros = u64::try_from(began.elapsed().as_micros()).unwrap();
        std::fs::remove_file(mark).unwrap();
        world
    }

    fn home(&self) -> std::path::PathBuf {
        self.directory.path().join("db")
    }

    /// Walks over all cities, killed again and again until a life comes to the end.
    fn round(&self, habit: &str, seed: u64, figures: &mut Figures) {
        // The walk that was timed was the first.
        let round = figures.rounds + 1;
        let mut kills = 0;
        loop {
            let mut life = start(&self.home(), habit, round);
            let mut random = RandomState::new().build_hasher();
            random.write_u64(seed ^ figures.kills);
            let random = random.finish();
            // The longer a round lasts the more time its lives get, so that it ends on a busy machine too.
            let most = self.micros * (2 + kills) / 2 + 1;
            let marks = [RESUMED, ANEW].map(|mark| self.home().with_extension(mark));
            // A few kills meet the opening.
            let is_over = !random.is_multiple_of(8)
                && life.ends_before(|| marks.iter().any(|mark| mark.exists()));
            let is_over = is_over || life.ends_within(Duration::from_micros(random / 8 % most));
            let [resumed, anew] = marks.map(|mark| std::fs::remove_file(mark).is_ok());
            figures.resumed += u64::from(resumed);
            if is_over {
                break;
            }
            kills += 1;
            figures.kills += 1;
            figures.begun += u64::from(anew);
        }
        figures.rounds += 1;
        runtime().block_on(self.judge(round, figures));
    }

    /// Compares every city with what one walk more makes of it.
    async fn judge(&self, round: u64, figures: &mut Figures) {
        let graph = open(&self.home()).await;
        let cities = graph.nodes::<City>().all().await.unwrap();
        let mut seen = vec![0_u32; usize::try_from(self.cities).unwrap() + 1];
        let mut found = 0;
        for city in cities.iter().filter(|city| city.name.parse::<u64>().is_ok()) {
            found += 1;
            let visit = city.tags.first().and_then(|tag| tag.parse::<usize>().ok()).unwrap_or(0);
            seen[visit] += 1;
            let is_once = city.visits == round + 1 && city.version().get() == round + 2;
            figures.wrong += u64::from(!is_once || visit == 0);
            figures.changed += 1;
        }
        assert_eq!(found, self.cities);
        figures.wrong += seen.iter().filter(|times| **times > 1).count() as u64;
        figures.wrong += graph.checkpoints().await.unwrap().len() as u64;
        graph.close().await.unwrap();
    }
}

fn start(home: &Path, habit: &str, round: u64) -> Life {
    Life::start(TEST, &format!("{habit}:{round}"), home, Stdio::null())
}

impl Life {
    /// Whether it comes to its end before `happened`.
    fn ends_before(&mut self, happened: impl Fn() -> bool) -> bool {
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                assert!(status.success(), "a life of the walk failed");
                return true;
            }
            if happened() {
                return false;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Kills it where it stands after `time`; whether it has come to its end before.
    fn ends_within(&mut self, time: Duration) -> bool {
        let end = Instant::now() + time;
        if self.ends_before(|| Instant::now() >= end) {
            return true;
        }
        self.0.kill().unwrap();
        // It may have ended by itself before the kill.
        self.0.wait().unwrap().success()
    }
}

/// A database that writes what hooks asked for, and then the checkpoint: the mistake that the test must notice.
#[derive(Debug)]
struct Splits(Arc<dyn Database>);

impl Splits {
    fn split(batch: &WriteBatch, with_own: bool) -> Result<WriteBatch> {
        let encoding = batch.encoding();
        let mut part = WriteBatch::new(encoding).atomic(batch.is_atomic());
        let own = |id: &Id| id.collection() == Collection::System;
        for operation in batch.operations().iter().filter(|each| own(&each.id) == with_own) {
            let id = operation.id.clone();
            let body = |range| jvspatial_db::Body::new(encoding, batch.body(range).to_vec().into());
            match &operation.action {
                Action::Insert { body: range, version, schema, link } => {
                    let fields: bson::Document = body(*range).decode()?;
                    let link = link.as_deref().cloned();
                    let envelope = Envelope { version: *version, schema: *schema, link };
                    part.insert_as(id, &fields, envelope)?;
                }
                Action::Update { expected, body: range, schema } => {
                    part.update_encoded(id, *expected, batch.body(*range), *schema)?;
                }
                Action::Delete { expected, detach } => part.delete(id, *expected, *detach)?,
                other => panic!("{other:?} is not among what a walk writes"),
            }
        }
        Ok(part)
    }
}

#[async_trait]
impl Database for Splits {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    fn handle(&self, id: &Id) -> Handle {
        self.0.handle(id)
    }

    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        self.0.get_many(handles).await
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        let asked = self.0.write(Self::split(&batch, false)?).await?;
        let mut report = self.0.write(Self::split(&batch, true)?).await?;
        // Whose place is whose makes no difference while all goes well.
        report.outcomes.extend(asked.outcomes);
        Ok(report)
    }

    async fn find(&self, query: Query) -> Result<Cursor> {
        self.0.find(query).await
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64> {
        self.0.count(collection, filter).await
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>> {
        self.0.distinct(collection, field, filter).await
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> Result<Vec<Adjacent>> {
        self.0.neighbors(from, expansion).await
    }

    async fn neighbors_except(
        &self,
        from: &[Handle],
        expansion: &Expansion,
        known: &OrdinalSet,
    ) -> Result<Vec<Adjacent>> {
        self.0.neighbors_except(from, expansion, known).await
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        self.0.pin_ordinals()
    }

    async fn close(&self) -> Result<()> {
        self.0.close().await
    }
}
