//! Generated code does not rely on the names of the standard prelude, nor on those of the prelude here.
#![deny(warnings)]
#![allow(dead_code)]

use jvspatial::{Edge, Node, left_by, on_exit, on_leave, on_visit, visited, visited_by, walker};
use serde::{Deserialize, Serialize};

mod shadows {
    pub struct Result;
    pub struct Option;
    pub struct Some;
    pub struct Ok;
    pub struct None;
    pub trait Send {}
    pub trait Sync {}
    pub trait Future {}
    pub trait Walker {}
    pub trait Meets {}
    pub struct Control;
    pub struct Hooks;
    pub struct Target;
    pub mod std {}
    pub mod core {}
    pub fn guard() {}
    pub fn answer() {}
    pub fn answered() {}
    #[allow(unused_macros)]
    macro_rules! cfg {
        () => {};
    }
}
#[allow(unused_imports)]
use shadows::*;

#[derive(Serialize, Deserialize, Node)]
struct City {}

#[derive(Serialize, Deserialize, Edge)]
struct Road {}

struct Reach;

#[walker(meets(Road))]
impl Reach {
    #[on_visit]
    async fn city(&mut self, _: &mut jvspatial::Stored<City>) -> jvspatial::Result<()> {
        ::std::result::Result::Ok(())
    }

    #[on_visit(City, Road)]
    fn listed(&self, _: &jvspatial::Here) {}

    #[on_leave]
    fn leave(&self, _: &jvspatial::AnyEdge) {}

    #[on_exit]
    fn end(&mut self, _: jvspatial::Ended) {}
}

struct Shared;

#[walker(meets(Road))]
impl Shared {}

#[visited]
impl City {
    #[visited_by(Reach)]
    async fn changes(&mut self, _: &mut Reach) {}

    #[cfg(test)]
    #[left_by(any)]
    fn left<W: jvspatial::Walker>(_: &mut jvspatial::Walk<W>) {}
}

#[visited]
impl Road {
    #[visited_by(Shared, Reach)]
    fn looks<W>(&self, _: &W) {}

    #[visited_by(Reach)]
    fn changes(_: &mut Reach) {}
}
