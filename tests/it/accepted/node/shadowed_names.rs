//! Generated code does not rely on the names of the standard prelude.
#![deny(warnings)]
#![allow(dead_code)]

use jvspatial::{AnyNode, Edge, Node, Object, Stored, Walk, on_exit, on_visit, walker};
use serde::{Deserialize, Serialize};

mod shadows {
    pub struct Result;
    pub struct Option;
    pub struct String;
    pub struct Vec;
    pub struct Some;
    pub struct Ok;
    pub struct Err;
    pub struct None;
    pub struct Default;
    pub trait Into {}
    pub trait Send {}
    pub trait Sync {}
    pub mod std {}
    pub mod core {}
}
#[allow(unused_imports)]
use shadows::*;

#[derive(Serialize, Deserialize, Node)]
struct City {
    #[serde(alias = "title")]
    name: u8,
    names: ::std::vec::Vec<::std::option::Option<::std::string::String>>,
}

#[derive(Serialize, Deserialize, Edge)]
#[edge(from = City)]
struct Road {
    km: f64,
}

#[derive(Serialize, Deserialize, Object)]
struct Settings {}

struct Reach;

#[walker(report = u8)]
impl Reach {
    #[on_visit]
    async fn city(
        &mut self,
        here: &mut Stored<City>,
        walk: &mut Walk<Self>,
    ) -> jvspatial::Result<()> {
        walk.report(here.name);
        ::std::result::Result::Ok(())
    }

    #[on_visit]
    fn node(&self, _: &AnyNode) {}

    #[on_exit]
    fn end(&mut self) {}
}
