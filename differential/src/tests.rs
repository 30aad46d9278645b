//! A run against an oracle that is ours, sound or broken on purpose.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bson::{Bson, Document, doc};
use clap::{CommandFactory, Parser};
use jvspatial_db::Filter;

use crate::compare::Table;
use crate::kinds::{self, Answer, Kind};
use crate::oracle::{Oracle, Reply, Response};
use crate::ours::Ours;
use crate::world::World;
use crate::{Options, run, shrink};

/// Finds as ours does, save for what `hides` hides.
pub(crate) struct Fake {
    documents: Mutex<Vec<Document>>,
    hides: fn(&Document) -> bool,
}

impl Fake {
    fn new(hides: fn(&Document) -> bool) -> Self {
        Self { documents: Mutex::default(), hides }
    }

    pub(crate) fn sound() -> Self {
        Self::new(|_| false)
    }

    /// Finds no document with a list in `a`.
    fn broken() -> Self {
        Self::new(|document| {
            document.get_document("context").is_ok_and(|fields| fields.get_array("a").is_ok())
        })
    }

    fn find(&self, filter: &Document) -> jvspatial_db::Result<Vec<Document>> {
        let filter = Filter::parse(filter)?;
        let documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        let found = documents.iter().filter(|document| filter.matches(document));
        Ok(found.filter(|document| !(self.hides)(document)).cloned().collect())
    }
}

#[async_trait]
impl Oracle for Fake {
    fn collection(&self) -> &str {
        "fake"
    }

    async fn load(&self, documents: &[Document]) -> Reply<()> {
        *self.documents.lock().unwrap_or_else(PoisonError::into_inner) = documents.to_vec();
        Ok(())
    }

    async fn run(&self, command: Document) -> Reply<Response> {
        let filter = command.get_document("filter").or_else(|_| command.get_document("query"));
        Ok(match self.find(filter.unwrap_or(&Document::new())) {
            Err(error) => Response::Refused(error.to_string()),
            Ok(found) if command.contains_key("count") => {
                Response::Given(doc! {"n": Bson::Int32(i32::try_from(found.len())?)})
            }
            Ok(found) => {
                let cursor = doc! {"id": Bson::Int64(0), "firstBatch": found};
                Response::Given(doc! {"cursor": cursor})
            }
        })
    }
}

fn options(words: &[&str]) -> Options {
    Options::parse_from([&["differential"], words].concat())
}

fn kind(name: &str) -> Box<dyn Kind> {
    kinds::all().into_iter().map(|(kind, _)| kind).find(|kind| kind.name() == name).unwrap()
}

#[test]
fn the_command_line_is_consistent() {
    Options::command().debug_assert();
}

#[tokio::test]
async fn a_sound_oracle_agrees_and_a_broken_one_does_not() {
    // Kinds that speak more of MongoDB's language than the fake one are left out.
    let asked =
        |cases| options(&["--cases", cases, "--seed", "1", "--kind", "find", "--kind", "get"]);
    assert!(run::run(&asked("100"), &Fake::sound(), &Fake::sound()).await.unwrap());
    assert!(!run::run(&asked("100"), &Fake::broken(), &Fake::broken()).await.unwrap());
}

#[tokio::test]
async fn a_difference_is_shrunk_to_what_shows_it() {
    let broken = Fake::broken();
    let table = Table { ours: Ours::open(&broken).await.unwrap(), oracle: &broken };
    let world = World::of(&[doc! {"a": 1}, doc! {"b": {"c": "x"}, "a": [1, {"b": 2}]}, doc! {}]);
    let question = doc! {"filter": {"$or": [{"context.a": {"$gt": 0}}, {"context.b.c": "y"}]}};
    let smallest = shrink::smallest(&table, &*kind("find"), world, question).await.unwrap();
    let smallest = smallest.expect("the answers differ");
    assert_eq!(smallest.world.steps, [doc! {"insert": {"a": []}}]);
    assert_eq!(smallest.question, doc! {"filter": {}});
    assert!(matches!(smallest.answers.theirs, Answer::Given(_)));
}

#[tokio::test]
async fn steps_that_a_difference_does_not_need_go_and_the_others_become_simpler() {
    let broken = Fake::broken();
    let table = Table { ours: Ours::open(&broken).await.unwrap(), oracle: &broken };
    let steps = vec![
        doc! {"index": {"key": {"context.a": 1}, "sparse": true}, "typed": true},
        doc! {"insert": {"a": 1, "b": "x"}},
        doc! {"insert": {"b": 2}},
        doc! {"update": {"$set": {"context.a": [3]}}, "filter": {"context.a": 1}},
        doc! {"delete": 1},
    ];
    let question = doc! {
        "sort": {"context.a": -1, "_id": 1}, "sizes": [2, 3], "turns": [1, 1], "hint": 0,
    };
    let world = World { steps };
    let smallest = shrink::smallest(&table, &*kind("page"), world, question).await.unwrap();
    let smallest = smallest.expect("the answers differ");
    let [insert, update] = &*smallest.world.steps else {
        panic!("a document must be inserted and then changed: {:?}", smallest.world)
    };
    assert!(insert.contains_key("insert") && update.contains_key("update"));
    assert_eq!(smallest.question, doc! {"sort": {}, "sizes": [1]});
}

#[tokio::test]
async fn what_does_not_differ_is_not_shrunk() {
    let sound = Fake::sound();
    let table = Table { ours: Ours::open(&sound).await.unwrap(), oracle: &sound };
    let question = doc! {"filter": {"context.a": 1}};
    let smallest =
        shrink::smallest(&table, &*kind("find"), World::of(&[doc! {"a": 1}]), question).await;
    assert!(smallest.unwrap().is_none());
}
