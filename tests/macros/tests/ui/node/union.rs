use jvspatial::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Node)]
union City {
    name: u32,
    number: f32,
}

impl Serialize for City {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for City {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> std::result::Result<Self, D::Error> {
        std::result::Result::Ok(Self { name: 0 })
    }
}

fn main() {}
