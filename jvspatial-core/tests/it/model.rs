//! The entities of the tests, as the derives would implement them.

use jvspatial_core::__private::{Collection, EntityName, entity_name};
use jvspatial_core::{Connects, Edge, Entity, Field, Node, Object, Standalone};
use serde::{Deserialize, Serialize};

macro_rules! entity {
    ($type:ident, $name:literal, $collection:ident, $fields:ident { $($field:ident: $value:ty),* }) => {
        #[allow(dead_code, reason = "no test filters by every field")]
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $fields {
            $(pub(crate) $field: Field<$value>,)*
        }

        impl Entity for $type {
            const COLLECTION: Collection = Collection::$collection;
            const NAME: &'static str = $name;
            type Fields = $fields;

            fn fields() -> $fields {
                $fields {
                    $($field: Field::new(concat!("context.", stringify!($field))),)*
                }
            }

            fn entity_name() -> EntityName {
                entity_name!($name)
            }
        }
    };
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Climate {
    Polar,
    Mild,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct City {
    pub(crate) name: String,
    pub(crate) latitude: f64,
    #[serde(default)]
    pub(crate) visits: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nickname: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) climate: Option<Climate>,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
}

entity!(City, "City", Node, CityFields {
    name: String,
    latitude: f64,
    visits: u64,
    nickname: Option<String>,
    climate: Option<Climate>,
    tags: Vec<String>
});
impl Node for City {}
impl Standalone for City {}

impl City {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            latitude: 0.0,
            visits: 0,
            nickname: None,
            climate: None,
            tags: Vec::new(),
        }
    }

    pub(crate) fn at(name: &str, latitude: f64) -> Self {
        Self { latitude, ..Self::new(name) }
    }
}

/// The documents of [`City`] as an older program sees them: most fields are unknown to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlainCity {
    pub(crate) visits: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nickname: Option<String>,
}

entity!(PlainCity, "City", Node, PlainCityFields { visits: u64 });
impl Node for PlainCity {}
impl Standalone for PlainCity {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Country {
    pub(crate) code: String,
}

entity!(Country, "Country", Node, CountryFields { code: String });
impl Node for Country {}
impl Standalone for Country {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) text: String,
}

entity!(Note, "Note", Object, NoteFields { text: String });
impl Object for Note {}
impl Standalone for Note {}

/// Leads from city to city, one each way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Road {
    pub(crate) km: u32,
}

entity!(Road, "Road", Edge, RoadFields { km: u32 });
impl Edge for Road {
    const FROM: Option<&'static str> = Some("City");
    const TO: Option<&'static str> = Some("City");
}
impl Connects<City, City> for Road {}

/// Joins any nodes, several at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trip {
    pub(crate) year: u32,
}

entity!(Trip, "Trip", Edge, TripFields { year: u32 });
impl Edge for Trip {
    const PARALLEL: bool = true;
}
impl<A: Node, B: Node> Connects<A, B> for Trip {}

/// Has no direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Twinned {}

entity!(Twinned, "Twinned", Edge, TwinnedFields {});
impl Edge for Twinned {
    const UNDIRECTED: bool = true;
}
impl Connects<City, City> for Twinned {}
