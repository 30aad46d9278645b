//! The entities of the tests, as the derives would implement them.

use jvspatial_core::__private::{Collection, EntityName, entity_name};
use jvspatial_core::{
    Connects, DeclaredIndex, DeclaredKey, Edge, Entity, Field, Node, Object, Standalone, Visitable,
};
use serde::{Deserialize, Serialize};

macro_rules! entity {
    (
        $type:ident, $name:literal, $collection:ident,
        $fields:ident { $($field:ident: $value:ty),* } $(, $indexes:expr)?
    ) => {
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

            $(fn indexes() -> &'static [DeclaredIndex] {
                static INDEXES: &[DeclaredIndex] = &$indexes;
                INDEXES
            })?
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
impl Visitable for City {}
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
impl Visitable for PlainCity {}
impl Node for PlainCity {}
impl Standalone for PlainCity {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Country {
    pub(crate) code: String,
}

entity!(Country, "Country", Node, CountryFields { code: String });
impl Visitable for Country {}
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
impl Visitable for Road {}
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
impl Visitable for Trip {}
impl Edge for Trip {
    const PARALLEL: bool = true;
}
impl<A: Node, B: Node> Connects<A, B> for Trip {}

/// Has no direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Twinned {}

entity!(Twinned, "Twinned", Edge, TwinnedFields {});
impl Visitable for Twinned {}
impl Edge for Twinned {
    const UNDIRECTED: bool = true;
}
impl Connects<City, City> for Twinned {}

/// Declares one index of each kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Airport {
    pub(crate) iata: String,
    pub(crate) state: String,
    pub(crate) latitude: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) icao: Option<String>,
}

entity!(
    Airport,
    "Airport",
    Node,
    AirportFields { iata: String, state: String, latitude: f64, icao: Option<String> },
    [
        DeclaredIndex::new(&[
            DeclaredKey::ascending("context.state"),
            DeclaredKey::descending("context.latitude"),
        ]),
        DeclaredIndex::new(&[DeclaredKey::ascending("context.iata")]).unique(),
        DeclaredIndex::new(&[DeclaredKey::ascending("context.icao")]).unique().sparse(),
        DeclaredIndex::new(&[DeclaredKey::descending("context.latitude")])
            .partial(|| Airport::fields().state.eq("AK")),
    ]
);
impl Visitable for Airport {}
impl Node for Airport {}
impl Standalone for Airport {}

impl Airport {
    pub(crate) fn new(iata: &str, state: &str, latitude: f64) -> Self {
        Self { iata: iata.to_owned(), state: state.to_owned(), latitude, icao: None }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flight {
    pub(crate) count: u32,
}

entity!(
    Flight,
    "Flight",
    Edge,
    FlightFields { count: u32 },
    [DeclaredIndex::new(&[DeclaredKey::ascending("context.count")])]
);
impl Visitable for Flight {}
impl Edge for Flight {}
impl Connects<Airport, Airport> for Flight {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Setting {
    pub(crate) key: String,
    pub(crate) value: u32,
}

entity!(
    Setting,
    "Setting",
    Object,
    SettingFields { key: String, value: u32 },
    [DeclaredIndex::new(&[DeclaredKey::ascending("context.key")]).unique()]
);
impl Object for Setting {}
impl Standalone for Setting {}

/// The airports as another version of the program declares them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OtherAirport {
    pub(crate) iata: String,
}

entity!(
    OtherAirport,
    "Airport",
    Node,
    OtherAirportFields { iata: String },
    [
        DeclaredIndex::new(&[DeclaredKey::ascending("context.iata")]),
        DeclaredIndex::new(&[DeclaredKey::ascending("context.state")]),
    ]
);
impl Visitable for OtherAirport {}
impl Node for OtherAirport {}
impl Standalone for OtherAirport {}
