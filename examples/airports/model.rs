//! What the graph holds: airports, the routes between them, and a note of their loading.

use jvspatial::prelude::*;

/// An airport of the United States, or one that is served from there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Node)]
pub(crate) struct Airport {
    pub(crate) iata: String,
    pub(crate) name: String,
    pub(crate) city: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) country: String,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    /// Departures and arrivals of the year on all routes, summed up before loading.
    pub(crate) flights: u64,
}

/// A route, with the number of flights in one year.
#[derive(Debug, Clone, Serialize, Deserialize, Edge)]
#[edge(from = Airport, to = Airport)]
pub(crate) struct Flight {
    pub(crate) count: u32,
}

/// How far the loading has come: made before the first airport, complete after the last route.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
pub(crate) struct Load {
    /// A checksum of the files.
    pub(crate) digest: String,
    pub(crate) airports: u64,
    pub(crate) routes: u64,
    pub(crate) complete: bool,
}
